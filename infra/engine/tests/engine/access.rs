//! A function is refused what its policy does not grant, whatever the shape of the request.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    types::{ConditionCheck, Delete, TransactWriteItem},
};
use engine::{Access, Engine, ManualClock, run_as};
use template::Template;

use super::{NOON, item, key, text};

const TEMPLATE: &str = r#"
Resources:
  SeatsTable:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }, { AttributeName: sk, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }, { AttributeName: sk, KeyType: RANGE }]
  Mail: { Type: AWS::SQS::Queue }
  Reader:
    Type: AWS::Serverless::Function
    Properties:
      Handler: reader
      Policies:
        - Statement:
            - Effect: Allow
              Action: [dynamodb:GetItem, dynamodb:Query, dynamodb:DeleteItem]
              Resource: !GetAtt SeatsTable.Arn
              Condition: { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["A", "B#*"] } }
"#;

/// A transaction of a delete, and of a check if there is one.
fn parts(check: bool) -> Vec<TransactWriteItem> {
    let delete = Delete::builder().table_name("Seats").set_key(Some(key("1"))).build().expect("complete");
    let looked = ConditionCheck::builder().table_name("Seats").set_key(Some(key("2")));
    let looked = looked.condition_expression("attribute_not_exists(pk)").build().expect("complete");
    let check = check.then(|| TransactWriteItem::builder().condition_check(looked).build());
    [TransactWriteItem::builder().delete(delete).build()].into_iter().chain(check).collect()
}

#[tokio::test]
async fn a_function_may_do_what_its_policy_grants_and_nothing_else() {
    let template = Template::parse(TEMPLATE).expect("a template");
    let engine = Engine::new(ManualClock::new(NOON));
    engine.create_tables(&template.tables);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    engine.enforce(Access::of(&template), move |function, outcome| {
        let line = outcome.map_or_else(|refusal| format!("refused: {refusal}"), |grant| format!("{function} {grant}"));
        log.lock().expect("nobody panics with it").push(line);
    });
    let (tables, queues) = (Client::new(&engine.sdk_config()), aws_sdk_sqs::Client::new(&engine.sdk_config()));
    let query = |condition: &str, pk: &str| {
        let query = tables.query().table_name("Seats").key_condition_expression(condition);
        query.expression_attribute_values(":pk", text(pk)).send()
    };
    let refused = |code: Option<&str>| assert_eq!(code, Some("AccessDeniedException"));

    run_as("reader", async {
        tables.get_item().table_name("Seats").set_key(Some(key("1"))).send().await.expect("granted");
        query("pk = :pk", "B#7").await.expect("granted");
        tables.transact_write_items().set_transact_items(Some(parts(false))).send().await.expect("granted");
        refused(query("pk = :pk", "C").await.expect_err("another partition").code());
        // The partition is not seen behind a placeholder for its name: refused, not passed.
        let hidden = tables.query().table_name("Seats").key_condition_expression("#pk = :pk");
        let hidden = hidden.expression_attribute_names("#pk", "pk").expression_attribute_values(":pk", text("A"));
        refused(hidden.send().await.expect_err("an unknown partition").code());
        refused(tables.scan().table_name("Seats").send().await.expect_err("no grant").code());
        let put = tables.put_item().table_name("Seats").set_item(Some(item("1", "ann"))).send();
        refused(put.await.expect_err("no grant").code());
        let checked = tables.transact_write_items().set_transact_items(Some(parts(true))).send();
        refused(checked.await.expect_err("one part without a grant").code());
        let sent = queues.send_message().queue_url("Mail").message_body("hello").send();
        refused(sent.await.expect_err("no grant").code());
    })
    .await;
    tables.put_item().table_name("Seats").set_item(Some(item("1", "ann"))).send().await.expect("no function");
    let heard = heard.lock().expect("nobody panics with it");
    assert_eq!(heard[0], "reader dynamodb:GetItem SeatsTable A");
    assert_eq!(heard.iter().filter(|line| line.starts_with("refused: reader may not ")).count(), 6, "{heard:?}");
}
