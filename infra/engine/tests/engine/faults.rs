use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use engine::Fault;

use crate::{TABLE, item, key, put_if_absent, world};

/// A fault for the first `times` requests, nothing afterwards.
fn first(times: u64, fault: Fault) -> impl FnMut(&engine::Call<'_>) -> Fault + Send {
    let mut left = times;
    move |_| {
        if left == 0 {
            return Fault::None;
        }
        left -= 1;
        fault
    }
}

#[tokio::test]
async fn the_sdk_retries_lost_throttled_and_failed_requests() {
    for fault in [Fault::LostRequest, Fault::Throttled, Fault::InternalError] {
        let world = world();
        world.engine.set_faults(first(2, fault));
        world.put(item("1", "ann")).await;
        assert_eq!(world.engine.meter().requests, 3, "{fault:?}");
        assert_eq!(world.engine.stream_records(TABLE).len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_fault_on_every_attempt_reaches_the_caller_and_nothing_is_applied() {
    for (fault, code) in [
        (Fault::LostRequest, None),
        (Fault::Throttled, Some("ProvisionedThroughputExceededException")),
        (Fault::InternalError, Some("InternalServerError")),
    ] {
        let world = world();
        world.engine.set_faults(move |_| fault);
        let put = world.dynamodb.put_item().table_name(TABLE);
        let failed = put.set_item(Some(item("1", "ann"))).send().await.expect_err("fails");
        assert_eq!(failed.code(), code, "{fault:?}");
        assert_eq!(world.engine.meter().requests, 3, "{fault:?}");
        world.engine.clear_faults();
        assert!(world.engine.items(TABLE).is_empty(), "{fault:?}");
        assert!(world.get("1").await.is_none(), "{fault:?}");
    }
}

#[tokio::test]
async fn an_engine_cannot_use_up_the_retries_of_another() {
    let exhausted = world();
    exhausted.engine.set_faults(|_| Fault::LostRequest);
    for _ in 0..100 {
        let get = exhausted.dynamodb.get_item().table_name(TABLE);
        get.set_key(Some(key("1"))).send().await.expect_err("always lost");
    }
    assert!(exhausted.engine.meter().requests < 300, "the SDK gave up retrying");
    let fresh = world();
    fresh.engine.set_faults(first(2, Fault::LostRequest));
    fresh.put(item("1", "ann")).await;
    assert_eq!(fresh.engine.meter().requests, 3);
}

#[tokio::test]
async fn a_retry_after_a_lost_answer_meets_its_own_write() {
    let world = world();
    world.engine.set_faults(first(1, Fault::LostAnswer));
    let put = world.dynamodb.put_item().table_name(TABLE);
    let put = put.set_item(Some(item("1", "ann"))).condition_expression("attribute_not_exists(pk)");
    let refused = put.send().await.expect_err("the retry fails its own condition").into_service_error();
    assert!(refused.is_conditional_check_failed_exception(), "{refused:?}");
    assert_eq!(world.engine.items(TABLE).len(), 1);
}

#[tokio::test]
async fn a_transaction_whose_answer_was_lost_is_replayed_by_its_token() {
    let world = world();
    world.engine.set_faults(first(2, Fault::LostAnswer));
    let transaction = world.dynamodb.transact_write_items();
    transaction.transact_items(put_if_absent(item("1", "ann"))).send().await.expect("replayed");
    assert_eq!(world.engine.meter().requests, 3);
    assert_eq!(world.engine.stream_records(TABLE).len(), 1);
}

#[tokio::test]
async fn a_conflict_cancels_the_transaction_at_its_action() {
    let world = world();
    world.engine.set_faults(|call| match call.operation {
        "TransactWriteItems" => Fault::TransactionConflict { action: 1 },
        _ => Fault::None,
    });
    let transaction = world.dynamodb.transact_write_items();
    let transaction = transaction.transact_items(put_if_absent(item("1", "ann")));
    let transaction = transaction.transact_items(put_if_absent(item("2", "ann")));
    let cancelled = transaction.send().await.expect_err("cancelled").into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = cancelled else {
        panic!("{cancelled:?}");
    };
    let reasons = cancelled.cancellation_reasons().iter();
    let codes: Vec<_> = reasons.filter_map(|reason| reason.code()).collect();
    assert_eq!(codes, ["None", "TransactionConflict"]);
    assert_eq!(world.engine.meter().requests, 1, "the SDK does not retry a cancelled transaction");
    assert!(world.engine.items(TABLE).is_empty());
}

#[tokio::test]
async fn a_conflict_refuses_a_plain_write() {
    let world = world();
    world.engine.set_faults(|_| Fault::TransactionConflict { action: 0 });
    let put = world.dynamodb.put_item().table_name(TABLE);
    let refused = put.set_item(Some(item("1", "ann"))).send().await.expect_err("refused");
    assert!(refused.into_service_error().is_transaction_conflict_exception());
}

#[tokio::test]
async fn a_fault_is_decided_by_operation_tables_sequence_and_body() {
    let world = world();
    let (seen, calls) = std::sync::mpsc::channel();
    world.engine.set_faults(move |call| {
        let owner = call.body["TransactItems"][0]["Put"]["Item"]["owner"]["S"].clone();
        let call = (call.sequence, call.operation.to_owned(), call.tables.to_vec(), owner);
        seen.send(call).expect("the test listens");
        Fault::None
    });
    world.get("1").await;
    let transaction = world.dynamodb.transact_write_items();
    let transaction = transaction.transact_items(put_if_absent(item("1", "ann")));
    transaction.transact_items(put_if_absent(item("2", "ann"))).send().await.expect("applied");
    world.engine.clear_faults();
    let calls: Vec<_> = calls.iter().collect();
    let tables = vec![TABLE.to_owned()];
    assert_eq!(calls[0], (0, "GetItem".to_owned(), tables.clone(), serde_json::Value::Null));
    assert_eq!(calls[1], (1, "TransactWriteItems".to_owned(), tables, "ann".into()));
}

#[tokio::test]
async fn faults_reach_sqs_too() {
    let world = world();
    world.engine.set_faults(first(2, Fault::Throttled));
    let send = || world.sqs.send_message().queue_url("http://127.0.0.1/q").message_body("tick").send();
    send().await.expect("sent at the third attempt");
    world.engine.set_faults(first(1, Fault::LostAnswer));
    send().await.expect("sent again");
    assert_eq!(world.engine.messages("http://127.0.0.1/q").len(), 3, "the retry sent a duplicate");
}
