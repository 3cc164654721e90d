//! Each function may do what it does, and nothing else: what the acceptance tests used, compared with the policies of
//! the template. Cargo runs this program after that of the acceptance tests, which leaves the record.

use acceptance::grants;
use std::{collections::BTreeSet, error::Error, fs};
use template::{Function, Grant, Template};
use tools::workspace;

#[test]
fn every_grant_is_used_and_every_use_is_granted() -> Result<(), Box<dyn Error>> {
    let path = grants::record_path().ok_or("this program has no path")?;
    let record = fs::read_to_string(&path).map_err(|_| "run all tests of the package acceptance first")?;
    let record: BTreeSet<&str> = record.lines().collect();
    let refused: Vec<&str> = record.iter().copied().filter(|line| line.starts_with(grants::NOT_GRANTED)).collect();
    let template = Template::load(&template::locate()?)?;
    let granted = template.functions.iter().flat_map(|function| function.grants.iter().map(move |g| (function, g)));
    let unused: Vec<String> = granted
        .filter(|(function, grant)| by_the_function(grant) && !is_for_destination(function, grant))
        .filter(|(function, grant)| !at_the_start(function).contains(grant))
        .map(|(function, grant)| grants::line(&function.name, grant))
        .filter(|line| !record.contains(line.as_str()))
        .collect();
    assert!(
        refused.is_empty() && unused.is_empty(),
        "used, but not granted in template.yaml: {refused:#?}; granted, but used by no acceptance test: {unused:#?}"
    );
    Ok(())
}

/// Whether the function itself does this. What Lambda does in its name, to poll triggers and to log, is tested with the
/// template.
fn by_the_function(grant: &Grant) -> bool {
    let by_lambda = ["logs:", "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"];
    let by_lambda = [&by_lambda[..], &["dynamodb:ListStreams", "sqs:DeleteMessage", "sqs:Get", "sqs:Receive"]].concat();
    !by_lambda.iter().any(|prefix| grant.action.starts_with(prefix))
}

/// Whether Lambda does this in the function's name when a schedule failed. No function with a schedule sends anything to
/// its destination itself.
fn is_for_destination(function: &Function, grant: &Grant) -> bool {
    grant.action == "sqs:SendMessage" && function.on_failure.as_ref() == Some(&grant.resource)
}

/// What a function does before its first request, by what its `run` asks of `shared::bootstrap`. No acceptance test calls
/// `run`.
fn at_the_start(function: &Function) -> Vec<Grant> {
    let grant = |action: &str, resource: &str, key: Option<&str>| Grant {
        action: action.to_owned(),
        resource: resource.to_owned(),
        leading_key: key.map(str::to_owned),
    };
    let connection = grant("dynamodb:GetItem", "QueuesTable", Some("HEALTH"));
    let secret = grant("secretsmanager:GetSecretValue", "SigningSecret", None);
    let code = workspace::root().join("functions").join(&function.name).join("src/lib.rs");
    let code = fs::read_to_string(&code).unwrap_or_else(|error| panic!("{}: {error}", code.display()));
    let calls = |text: &str| code.contains(text);
    if calls("bootstrap::serve(") || calls("consume_with(bootstrap::Needs::Everything,") {
        vec![connection, secret]
    } else if calls("bootstrap::consume(") || calls("serve_with(bootstrap::Needs::Tables,") {
        vec![connection]
    } else if calls("serve_with(bootstrap::Needs::Secret,") {
        vec![secret]
    } else {
        assert!(calls("serve_with(bootstrap::Needs::Nothing,"), "{}: not a function", function.name);
        Vec::new()
    }
}

#[test]
fn each_function_may_do_what_it_does_at_its_start() -> Result<(), Box<dyn Error>> {
    let template = Template::load(&template::locate()?)?;
    for function in &template.functions {
        let needed = at_the_start(function);
        assert!(needed.iter().all(|grant| function.grants.contains(grant)), "{}: {needed:?}", function.name);
    }
    Ok(())
}
