use aws_lambda_events::event::dynamodb::EventRecord;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, KeysAndAttributes, PutRequest, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update, WriteRequest,
};
use serde_json::json;

use crate::{Item, NOON, TABLE, item, key, number, put_if_absent, text, world};

#[tokio::test]
async fn a_refused_condition_returns_the_item() {
    let world = world();
    world.put(item("1", "ann")).await;
    let refused = world
        .dynamodb
        .put_item()
        .table_name(TABLE)
        .set_item(Some(item("1", "bob")))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .expect_err("the seat is taken")
        .into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(refused) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refused.item.expect("asked for")["owner"], text("ann"));
}

#[tokio::test]
async fn a_cancelled_transaction_has_a_reason_for_each_action_and_changes_nothing() {
    let world = world();
    world.put(item("1", "ann")).await;
    world.put(item("3", "cid")).await;
    let cancelled = world
        .dynamodb
        .transact_write_items()
        .transact_items(put_if_absent(item("1", "bob")))
        .transact_items(put_if_absent(item("2", "bob")))
        .transact_items(put_if_absent(item("3", "bob")))
        .send()
        .await
        .expect_err("two seats are taken")
        .into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = cancelled else {
        panic!("{cancelled:?}");
    };
    let reasons = cancelled.cancellation_reasons();
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason.code()).collect();
    assert_eq!(codes, ["ConditionalCheckFailed", "None", "ConditionalCheckFailed"]);
    let owner = |index: usize| reasons[index].item().and_then(|item| item.get("owner"));
    assert_eq!(owner(0), Some(&text("ann")));
    assert_eq!(owner(1), None);
    assert_eq!(owner(2), Some(&text("cid")));
    assert_eq!(world.get("2").await, None);
}

#[tokio::test]
async fn every_kind_of_action_returns_the_item_that_refused_it() {
    let world = world();
    for seat in ["1", "2", "3"] {
        world.put(item(seat, "ann")).await;
    }
    let condition = "#owner = :bob";
    let update = Update::builder()
        .table_name(TABLE)
        .set_key(Some(key("1")))
        .update_expression("SET #owner = :bob")
        .condition_expression(condition)
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":bob", text("bob"))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let delete = Delete::builder()
        .table_name(TABLE)
        .set_key(Some(key("2")))
        .condition_expression(condition)
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":bob", text("bob"))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let check = ConditionCheck::builder()
        .table_name(TABLE)
        .set_key(Some(key("3")))
        .condition_expression(condition)
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":bob", text("bob"))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let action = TransactWriteItem::builder;
    let cancelled = world
        .dynamodb
        .transact_write_items()
        .transact_items(action().update(update.build().expect("complete")).build())
        .transact_items(action().delete(delete.build().expect("complete")).build())
        .transact_items(action().condition_check(check.build().expect("complete")).build())
        .send()
        .await
        .expect_err("none belongs to bob")
        .into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = cancelled else {
        panic!("{cancelled:?}");
    };
    let reasons = cancelled.cancellation_reasons();
    assert_eq!(reasons.len(), 3);
    for reason in reasons {
        assert_eq!(reason.code(), Some("ConditionalCheckFailed"));
        assert_eq!(reason.item().and_then(|item| item.get("owner")), Some(&text("ann")));
    }
}

#[tokio::test]
async fn a_client_token_applies_once_and_refuses_another_transaction() {
    let world = world();
    let send = |owner: &str| {
        let send = world.dynamodb.transact_write_items();
        let send = send.client_request_token("pay-1");
        send.transact_items(put_if_absent(item("1", owner))).send()
    };
    send("ann").await.expect("applied");
    send("ann").await.expect("replayed, though its own condition no longer holds");
    let refused = send("bob").await.expect_err("another transaction").into_service_error();
    assert!(refused.is_idempotent_parameter_mismatch_exception(), "{refused:?}");
    assert_eq!(world.engine.stream_records(TABLE).len(), 1);
}

#[tokio::test]
async fn a_transaction_with_one_item_twice_is_refused() {
    let world = world();
    let refused = world
        .dynamodb
        .transact_write_items()
        .transact_items(put_if_absent(item("1", "ann")))
        .transact_items(put_if_absent(item("1", "bob")))
        .send()
        .await
        .expect_err("one item twice")
        .into_service_error();
    assert_eq!(refused.meta().code(), Some("ValidationException"), "{refused:?}");
}

#[tokio::test]
async fn updates_queries_batches_and_deletes_work() {
    let world = world();
    let puts = (1..=3).map(|seat| {
        let put = PutRequest::builder().set_item(Some(item(&seat.to_string(), "ann")));
        WriteRequest::builder().put_request(put.build().expect("complete")).build()
    });
    let write = world.dynamodb.batch_write_item();
    write.request_items(TABLE, puts.collect()).send().await.expect("written");
    let updated = world
        .dynamodb
        .update_item()
        .table_name(TABLE)
        .set_key(Some(key("1")))
        .update_expression("ADD price :price SET #owner = :owner")
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":price", number(7))
        .expression_attribute_values(":owner", text("bob"))
        .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
        .send()
        .await
        .expect("updated");
    assert_eq!(updated.attributes.expect("asked for")["price"], number(7));
    let delete = world.dynamodb.delete_item().table_name(TABLE);
    delete.set_key(Some(key("3"))).send().await.expect("deleted");
    let found = world
        .dynamodb
        .query()
        .table_name(TABLE)
        .key_condition_expression("pk = :pk AND sk >= :from")
        .expression_attribute_values(":pk", text("A"))
        .expression_attribute_values(":from", text("1"))
        .send()
        .await
        .expect("found");
    assert_eq!(found.count, 2);
    let keys = KeysAndAttributes::builder().keys(key("1")).keys(key("3"));
    let get = world.dynamodb.batch_get_item();
    let got = get.request_items(TABLE, keys.build().expect("complete")).send().await.expect("read");
    assert_eq!(got.responses.expect("one table")[TABLE].len(), 1);
}

#[tokio::test]
async fn an_unknown_table_is_reported_as_such() {
    let world = world();
    let get = world.dynamodb.get_item().table_name("Nowhere");
    let missing = get.set_key(Some(key("1"))).send().await.expect_err("no such table");
    assert!(missing.into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn the_ttl_follows_the_clock_and_shows_in_the_stream() {
    let world = world();
    let mut held = item("1", "ann");
    held.insert("ttl".to_owned(), number((NOON / 1000) as i64 + 60));
    world.put(held).await;
    assert_eq!(world.engine.sweep_ttl(), 0);
    world.clock.advance_ms(62_000);
    assert!(world.get("1").await.is_some(), "expired items stay until they are swept");
    assert_eq!(world.engine.sweep_ttl(), 1);
    assert!(world.get("1").await.is_none());
    let records = world.engine.stream_records(TABLE);
    let names: Vec<_> = records.iter().map(|record| &record["eventName"]).collect();
    assert_eq!(names, ["INSERT", "REMOVE"]);
    let removal = &records[1];
    assert_eq!(removal["userIdentity"]["principalId"], "dynamodb.amazonaws.com");
    assert_eq!(removal["dynamodb"]["OldImage"]["owner"], json!({"S": "ann"}));
    assert_eq!(removal["dynamodb"]["ApproximateCreationDateTime"], json!((NOON / 1000 + 62) as f64));
}

#[tokio::test]
async fn stream_records_come_once_and_in_order() {
    let world = world();
    assert!(world.engine.stream_records(TABLE).is_empty());
    world.put(item("1", "ann")).await;
    world.put(item("1", "bob")).await;
    let first = world.engine.stream_records(TABLE);
    assert_eq!(first.len(), 2);
    assert_eq!(first[0]["eventSource"], "aws:dynamodb");
    assert!(first[0]["eventSourceARN"].as_str().is_some_and(|arn| arn.contains("/Seats/stream/")));
    assert_eq!(first[1]["eventName"], "MODIFY");
    assert_eq!(first[1]["dynamodb"]["OldImage"]["owner"], json!({"S": "ann"}));
    assert_eq!(first[1]["dynamodb"]["NewImage"]["owner"], json!({"S": "bob"}));
    world.put(item("2", "cid")).await;
    let record = world.engine.stream_records(TABLE).remove(0);
    let record: EventRecord = serde_json::from_value(record).expect("as Lambda delivers it");
    assert_eq!(record.event_name, "INSERT");
    let created = record.change.approximate_creation_date_time;
    assert_eq!(created.timestamp_millis(), NOON as i64);
    assert!(world.engine.stream_records(TABLE).is_empty());
}

#[tokio::test]
async fn items_are_plain_json_over_all_pages() {
    let world = world();
    let padding = "x".repeat(300_000);
    for seat in 1..=5 {
        world.put(item(&seat.to_string(), &padding)).await;
    }
    assert_eq!(world.engine.items(TABLE).len(), 5, "more than one page of a megabyte");
    let mut rich: Item = key("0");
    rich.insert("price".to_owned(), number(-7));
    rich.insert("ratio".to_owned(), AttributeValue::N("0.5".to_owned()));
    rich.insert("paid".to_owned(), AttributeValue::Bool(true));
    rich.insert("note".to_owned(), AttributeValue::Null(true));
    rich.insert("tags".to_owned(), AttributeValue::Ss(vec!["a".to_owned()]));
    let nested = AttributeValue::L(vec![AttributeValue::M([("n".to_owned(), number(1))].into())]);
    rich.insert("list".to_owned(), nested);
    world.put(rich).await;
    let plain = world.engine.items(TABLE).into_iter().find(|item| item["sk"] == "0");
    let expected = json!({
        "pk": "A", "sk": "0", "price": -7, "ratio": "0.5", "paid": true, "note": null, "tags": ["a"], "list": [{"n": 1}],
    });
    assert_eq!(plain, Some(expected));
}
