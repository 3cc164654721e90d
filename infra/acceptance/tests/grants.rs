//! Each function may do what it does, and nothing else: what the acceptance tests used, compared with the policies of
//! the template. Cargo runs this program after that of the acceptance tests, which leaves the record.

use acceptance::grants;
use std::{collections::BTreeSet, error::Error, fs};
use template::{Function, Grant, Template};

/// What connects a function to DynamoDB before its first request. No request does it, so no test uses it.
const WARM_UP: (&str, &str) = ("dynamodb:GetItem", "HEALTH");

#[test]
fn every_grant_is_used_and_every_use_is_granted() -> Result<(), Box<dyn Error>> {
    let path = grants::record_path().ok_or("this program has no path")?;
    let record = fs::read_to_string(&path).map_err(|_| "run all tests of the package acceptance first")?;
    let record: BTreeSet<&str> = record.lines().collect();
    let refused: Vec<&str> = record.iter().copied().filter(|line| line.starts_with(grants::NOT_GRANTED)).collect();
    let template = Template::load(&template::locate()?)?;
    let granted = template.functions.iter().flat_map(|function| function.grants.iter().map(move |g| (function, g)));
    let unused: Vec<String> = granted
        .filter(|(function, grant)| by_the_function(grant) && !warms_up(function, grant))
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

fn warms_up(function: &Function, grant: &Grant) -> bool {
    let (action, key) = WARM_UP;
    function.name != "check_health" && grant.action == action && grant.leading_key.as_deref() == Some(key)
}
