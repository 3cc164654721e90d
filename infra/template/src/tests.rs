//! Tests of the real template, and of a small one for features that the real one does not use.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

mod production;

fn real() -> Template {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Template::load(&path_in(&root)).expect("the template is readable")
}

fn resources(reference: Reference<'_>) -> Option<String> {
    match reference {
        Reference::Resource(id) => Some(format!("ref-{id}")),
        Reference::Attribute(id, attribute) => Some(format!("{id}-{attribute}")),
    }
}

#[test]
fn every_table_has_keys_all_but_joins_have_a_ttl_and_all_but_joins_and_limits_have_a_stream() {
    let template = real();
    let names: Vec<_> = template.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["Concerts", "Fans", "Joins", "Limits", "Queues"]);
    for table in &template.tables {
        let roles: Vec<_> = table.keys.iter().map(|key| (key.name.as_str(), key.role)).collect();
        assert_eq!(roles, [("pk", KeyRole::Hash), ("sk", KeyRole::Range)]);
        assert_eq!(table.ttl_attribute.as_deref(), (table.name != "Joins").then_some("ttl"));
        let stream = (!["Joins", "Limits"].contains(&table.name.as_str())).then_some("NEW_AND_OLD_IMAGES");
        assert_eq!(table.stream_view.as_deref(), stream);
    }
    let request = template.tables[0].create_request();
    assert_eq!(request["KeySchema"][1]["KeyType"], "RANGE");
    assert_eq!(request["StreamSpecification"]["StreamViewType"], "NEW_AND_OLD_IMAGES");
}

#[test]
fn each_function_has_a_policy_of_its_own_without_wildcards_and_may_touch_no_more_than_it_must() {
    let template = real();
    let mut reasons = Vec::new();
    for function in &template.functions {
        let mut seen = BTreeSet::new();
        for grant in &function.grants {
            let (name, table) = (&function.name, grant.resource.ends_with("Table"));
            let wide = grant.action.contains('*') || grant.resource.contains('*');
            if wide
                || (table && grant.action.starts_with("dynamodb:") && grant.leading_key.is_none() && !streams(grant))
            {
                reasons.push(format!("{name} {grant}: not narrow"));
            }
            if !seen.insert(grant) {
                reasons.push(format!("{name} {grant}: granted twice"));
            }
        }
    }
    // A scan has no leading key.
    let scans = ["FansTable", "ConcertsTable"].map(|table| format!("reconcile dynamodb:Scan {table}: not narrow"));
    assert_eq!(reasons, scans, "only reconcile may scan");
    let limits = |function: &Function| function.grants.iter().any(|grant| grant.resource == "LimitsTable");
    let counting: Vec<_> = template.functions.iter().filter(|f| limits(f)).map(|f| f.name.as_str()).collect();
    assert_eq!(counting, ["create_user", "issue_token", "login_user"]);
}

/// Whether a grant is for reading the stream of a table, which has no leading keys.
fn streams(grant: &Grant) -> bool {
    ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"].iter().any(|name| grant.action.ends_with(name))
}

#[test]
fn lambda_may_poll_the_triggers_of_a_function_and_nothing_else() {
    let template = real();
    for function in &template.functions {
        let mut needed = BTreeSet::new();
        let grant = |action: &str, resource: &str| Grant {
            action: action.to_owned(),
            resource: resource.to_owned(),
            leading_key: None,
        };
        for trigger in template.queue_triggers.iter().filter(|trigger| trigger.function == function.name) {
            let actions = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
            needed.extend(actions.map(|action| grant(action, &trigger.queue)));
        }
        for trigger in template.stream_triggers.iter().filter(|trigger| trigger.function == function.name) {
            let names = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"];
            needed.extend(names.map(|name| grant(&format!("dynamodb:{name}"), &trigger.table)));
            assert!(
                function.grants.contains(&grant("sqs:SendMessage", trigger.on_failure.as_deref().unwrap_or_default()))
            );
        }
        if let Some(destination) = function.on_failure.as_deref().filter(|_| !needed.is_empty()) {
            assert!(function.grants.contains(&grant("sqs:SendMessage", destination)), "{}", function.name);
        }
        if !needed.is_empty() {
            // Only a function with a role of its own needs this: SAM gives the others AWSLambdaBasicExecutionRole.
            needed.extend(["logs:CreateLogStream", "logs:PutLogEvents"].map(|action| grant(action, "FunctionLogs")));
        }
        let lambda = |grant: &&Grant| {
            streams(grant) || grant.action.starts_with("logs:") || {
                grant.action.starts_with("sqs:") && grant.action != "sqs:SendMessage"
            }
        };
        let granted: BTreeSet<_> = function.grants.iter().filter(lambda).cloned().collect();
        assert_eq!(granted, needed, "{}: granted (left), needed by its triggers (right)", function.name);
    }
}

#[test]
fn the_redrive_target_of_timers_is_a_queue_without_redrive() {
    let template = real();
    let timers = template.queue("TimersQueue").expect("listed");
    let redrive = timers.redrive.as_ref().expect("has a redrive policy");
    assert_eq!((timers.visibility_timeout_seconds, redrive.max_receive_count), (60, 5));
    assert_eq!(template.queue(&redrive.target).map(|queue| &queue.redrive), Some(&None));
}

#[test]
fn a_schedule_that_fails_leaves_a_dead_letter() {
    let template = real();
    let scheduled: BTreeSet<_> = template.schedules.iter().map(|schedule| &schedule.function).collect();
    for function in &template.functions {
        let expected = scheduled.contains(&function.name).then_some("DeadLetterQueue");
        assert_eq!(function.on_failure.as_deref(), expected, "{}: where an invocation goes that failed", function.name);
    }
}

#[test]
fn every_function_has_a_name_and_something_that_invokes_it() {
    let template = real();
    let invoked: BTreeSet<_> = (template.routes.iter().map(|route| &route.function))
        .chain(template.schedules.iter().map(|schedule| &schedule.function))
        .chain(template.queue_triggers.iter().map(|trigger| &trigger.function))
        .chain(template.stream_triggers.iter().map(|trigger| &trigger.function))
        .collect();
    let names: BTreeSet<_> = template.functions.iter().map(|function| &function.name).collect();
    assert_eq!(names, invoked);
    assert_eq!(template.function("sweep_holds").map(|function| function.timeout_seconds), Some(50));
    assert_eq!(template.function("create_user").map(|function| function.timeout_seconds), Some(8));
    // Those that hash passwords have a whole processor.
    let large = template.functions.iter().filter(|function| function.memory_mb == 1_769).map(|it| it.name.as_str());
    assert_eq!(large.collect::<Vec<_>>(), ["create_user", "login_user"]);
    assert!(template.functions.iter().all(|function| [512, 1_769].contains(&function.memory_mb)));
}

#[test]
fn routes_are_read_and_exactly_one_is_the_default() {
    let template = real();
    let keys: Vec<_> = template.routes.iter().map(|route| route.key.to_string()).collect();
    assert!(keys.contains(&"GET /api/v1/reservations/{concertId}/seats".to_owned()), "{keys:?}");
    assert_eq!(keys.iter().filter(|key| *key == "$default").count(), 1);
}

#[test]
fn each_path_with_get_has_head_at_the_same_function_and_nothing_else_has() {
    let template = real();
    let of = |wanted: &str| -> BTreeSet<(String, String)> {
        let routes = template.routes.iter().filter_map(|route| match &route.key {
            RouteKey::Path { method, path } if method == wanted => Some((path.clone(), route.function.clone())),
            _ => None,
        });
        routes.collect()
    };
    assert!(!of("GET").is_empty());
    assert_eq!(of("GET"), of("HEAD"), "each GET (left) has a HEAD (right): the event RouteHead");
    assert!(of("OPTIONS").is_empty() && of("ANY").is_empty(), "OPTIONS goes to the default, which knows all routes");
}

#[test]
fn a_path_that_is_also_that_of_a_parameter_has_all_its_methods() {
    let template = real();
    let mut methods: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for route in &template.routes {
        if let RouteKey::Path { method, path } = &route.key {
            methods.entry(path).or_default().insert(method);
        }
    }
    let takes = |pattern: &str, path: &str| {
        let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
        pattern.len() == path.len()
            && pattern.iter().zip(&path).all(|(part, given)| part == given || part.starts_with('{'))
    };
    for (path, own) in &methods {
        for (pattern, others) in methods.iter().filter(|(pattern, _)| *pattern != path && takes(pattern, path)) {
            // Else API Gateway would take the path for one with a parameter, and the answer would not be 405.
            assert!(own.is_superset(others), "{path} lacks methods of {pattern}: route them to reject_route");
        }
    }
}

#[test]
fn triggers_have_their_batching_and_filters() {
    let template = real();
    assert!(template.schedules.iter().all(|schedule| !schedule.enabled || schedule.every.as_secs() == 60));
    let off: Vec<_> = template.schedules.iter().filter(|schedule| !schedule.enabled).map(|it| &it.function).collect();
    assert_eq!(off, ["reconcile"]);
    assert!(template.queue_triggers.iter().all(|trigger| trigger.partial_responses && trigger.batch_size == 10));
    let seats = template.stream_triggers.iter().find(|trigger| trigger.name == "Seats").expect("listed");
    assert_eq!((seats.table.as_str(), seats.batching_window_seconds), ("ConcertsTable", 0));
    assert_eq!(seats.filters[0]["dynamodb"]["Keys"]["sk"]["S"][0]["prefix"], "SEAT#");
    assert_eq!(seats.on_failure.as_deref(), Some("DeadLetterQueue"));
}

#[test]
fn an_environment_is_made_of_overrides_defaults_resources_and_secrets() {
    let template = real();
    let function = template.function("create_reservation").expect("listed");
    let overrides = BTreeMap::from([("HoldSeconds".to_owned(), "4".to_owned())]);
    let environment = template.environment(function, &overrides, &resources).expect("all is known");
    assert_eq!(environment["HOLD_SECONDS"], "4");
    assert_eq!(environment["QUEUE_CAPACITY"], "10");
    assert_eq!(environment["FANS_TABLE"], "ref-FansTable");
    assert_eq!(environment["TIMERS_QUEUE_URL"], "ref-TimersQueue");
    assert_eq!(environment["SIGNING_SECRET"], "ref-SigningSecret");
}

#[test]
fn an_error_names_the_unknown_resource() {
    let template = real();
    let function = template.function("create_reservation").expect("listed");
    let error = template.environment(function, &BTreeMap::new(), &|_| None).expect_err("nothing is known");
    assert_eq!(error.to_string(), "cannot resolve ConcertsTable");
}

const SMALL: &str = r#"
Parameters:
  Patience: { Type: Number, Default: 7 }
  Nightly: { Type: String, Default: "off" }
Conditions:
  IsNightly: !Not [!Equals [!Ref Nightly, "off"]]
  IsPatient: !Equals [!Ref Patience, 7]
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      Handler: echo
      Timeout: !Ref Patience
      Environment:
        Variables:
          QUEUE_ARN: !GetAtt Inbox.Arn
          LONG: { "Ref": Inbox }
          MIXED: !Sub "${Inbox.Arn}/${Patience}/${!Kept}/${AWS::Region}"
      Events:
        Any: { Type: HttpApi, Properties: { Path: /echo } }
        Hourly: { Type: Schedule, Properties: { Schedule: rate(2 hours) } }
        Nightly:
          Type: Schedule
          Properties:
            Schedule: !If [IsNightly, !Sub "rate(${Nightly})", !If [IsPatient, rate(7 days), rate(1 day)]]
            State: !If [IsNightly, ENABLED, DISABLED]
        Mail: { Type: SQS, Properties: { Queue: !GetAtt Inbox.Arn } }
  Inbox:
    Type: AWS::SQS::Queue
"#;

#[test]
fn sam_defaults_fill_in_missing_properties() {
    let template = Template::parse(SMALL).expect("a template");
    let echo = template.function("echo").expect("named after its handler");
    assert_eq!((echo.timeout_seconds, echo.memory_mb), (7, 128));
    assert_eq!(template.routes[0].key.to_string(), "ANY /echo");
    assert_eq!((template.schedules[0].every.as_secs(), template.schedules[0].enabled), (7_200, true));
    assert_eq!(template.queue_triggers[0].batch_size, 10);
    assert!(!template.queue_triggers[0].partial_responses);
    let inbox = template.queue("Inbox").expect("listed");
    assert_eq!((inbox.visibility_timeout_seconds, inbox.delay_seconds), (30, 0));
}

#[test]
fn conditions_are_judged_by_the_defaults_of_the_parameters() {
    let template = Template::parse(SMALL).expect("a template");
    let nightly = &template.schedules[1];
    assert_eq!((nightly.every.as_secs(), nightly.enabled), (7 * 86_400, false));
    let impatient = Template::parse(&SMALL.replace("[!Ref Patience, 7]", "[!Ref Patience, 8]")).expect("a template");
    assert_eq!(impatient.schedules[1].every.as_secs(), 86_400);
    let unknown = SMALL.replace("!Equals [!Ref Patience, 7]", "!Or [a, b]");
    assert!(Template::parse(&unknown).is_err(), "a condition of another kind");
}

#[test]
fn cloudformation_functions_resolve() {
    let template = Template::parse(SMALL).expect("a template");
    let environment = template.environment(&template.functions[0], &BTreeMap::new(), &resources).expect("all is known");
    assert_eq!(environment["QUEUE_ARN"], "Inbox-Arn");
    assert_eq!(environment["LONG"], "ref-Inbox");
    assert_eq!(environment["MIXED"], "Inbox-Arn/7/${Kept}/ref-AWS::Region");
}

#[test]
fn an_invalid_template_is_an_error() {
    assert!(matches!(Template::parse("a: [1"), Err(TemplateError::Syntax(_))));
    assert!(matches!(Template::parse("Description: none"), Err(TemplateError::Syntax(_))));
    let cron = SMALL.replace("rate(2 hours)", "cron(0 1 * * ? *)");
    let error = Template::parse(&cron).expect_err("only rates are known");
    assert_eq!(error.to_string(), "echo, event Hourly: cron(0 1 * * ? *) is not a rate(...)");
}
