use aws_sdk_dynamodb::types::{Get, TransactGetItem};
use engine::Meter;
use futures_util::join;

use crate::{TABLE, item, key, put_if_absent, text, world};

#[tokio::test]
async fn single_writes_and_reads_cost_what_dynamodb_bills() {
    let world = world();
    world.put(item("1", &"x".repeat(1500))).await;
    assert_eq!(world.engine.meter().write_units, 2.0, "1.5 KB is billed as two units");
    world.get("1").await;
    let meter = world.engine.meter();
    assert_eq!(meter.read_units, 0.5, "an eventually consistent read of up to 4 KB");
    assert_eq!((meter.requests, meter.round_trips), (2, 2));
    let get = world.dynamodb.get_item().table_name(TABLE).consistent_read(true);
    get.set_key(Some(key("1"))).send().await.expect("read");
    assert_eq!(world.engine.meter().read_units, 1.5);
    world.engine.reset_meter();
    assert_eq!(world.engine.meter(), Meter::default());
}

#[tokio::test]
async fn a_query_is_billed_by_size_and_a_transactional_read_double() {
    let world = world();
    for seat in 0..50 {
        world.put(item(&format!("{seat:02}"), "ann")).await;
    }
    world.engine.reset_meter();
    let query = world.dynamodb.query().table_name(TABLE).consistent_read(true);
    let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", text("A"));
    assert_eq!(query.send().await.expect("found").count, 50);
    assert_eq!(world.engine.meter().read_units, 1.0, "fifty small items are less than 4 KB together");
    let get = Get::builder().table_name(TABLE).set_key(Some(key("01"))).build().expect("complete");
    let read = world.dynamodb.transact_get_items();
    read.transact_items(TransactGetItem::builder().get(get).build()).send().await.expect("read");
    assert_eq!(world.engine.meter().read_units, 3.0);
}

#[tokio::test]
async fn a_transaction_costs_double_and_its_replay_reads() {
    let world = world();
    let send = || {
        let send = world.dynamodb.transact_write_items().client_request_token("once");
        let send = send.transact_items(put_if_absent(item("1", "ann")));
        send.transact_items(put_if_absent(item("2", "ann"))).send()
    };
    send().await.expect("applied");
    let first = world.engine.meter();
    assert_eq!((first.write_units, first.read_units), (4.0, 0.0));
    send().await.expect("replayed");
    let second = world.engine.meter();
    assert_eq!((second.write_units, second.read_units), (4.0, 4.0));
}

#[tokio::test]
async fn refused_writes_are_metered_separately() {
    let world = world();
    world.put(item("1", "ann")).await;
    world.engine.reset_meter();
    let put = world.dynamodb.put_item().table_name(TABLE);
    let put = put.set_item(Some(item("1", "bob"))).condition_expression("attribute_not_exists(pk)");
    put.send().await.expect_err("taken");
    let transaction = world.dynamodb.transact_write_items();
    let transaction = transaction.transact_items(put_if_absent(item("1", "bob")));
    transaction.transact_items(put_if_absent(item("2", "bob"))).send().await.expect_err("taken");
    let meter = world.engine.meter();
    assert_eq!((meter.write_units, meter.refused_write_units), (0.0, 5.0));
}

#[tokio::test]
async fn requests_that_overlap_are_one_round_trip() {
    let world = world();
    // Cold clients: the first requests also resolve credentials and endpoints.
    join!(world.get("1"), world.get("2"), world.get("3"));
    let meter = world.engine.meter();
    assert_eq!((meter.requests, meter.round_trips), (3, 1));
    world.get("4").await;
    join!(world.get("5"), world.get("6"));
    let meter = world.engine.meter();
    assert_eq!((meter.requests, meter.round_trips), (6, 3));
}

#[tokio::test]
async fn a_cancelled_request_is_no_longer_under_way() {
    let world = world();
    {
        let mut get = std::pin::pin!(world.get("1"));
        assert!(futures_util::poll!(&mut get).is_pending());
    }
    world.get("2").await;
    world.get("3").await;
    assert_eq!(world.engine.meter().round_trips, 3);
}
