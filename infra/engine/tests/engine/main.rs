//! The engine through the real SDK clients.

mod access;
mod dynamodb;
mod faults;
mod metering;
mod sqs;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use engine::{Engine, ManualClock};
use template::{KeyAttribute, KeyRole, ScalarType, Table};

/// 2026-11-20 at noon, in milliseconds.
const NOON: u64 = 1_795_176_000_000;
const TABLE: &str = "Seats";

type Item = HashMap<String, AttributeValue>;

struct World {
    clock: ManualClock,
    engine: Engine,
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
}

/// A world with one table, keyed `pk` and `sk`, with a stream and a TTL.
fn world() -> World {
    let clock = ManualClock::new(NOON);
    let engine = Engine::new(clock.clone());
    let key = |name: &str, role| KeyAttribute { name: name.to_owned(), r#type: ScalarType::S, role };
    engine.create_tables(&[Table {
        logical_id: "SeatsTable".to_owned(),
        name: TABLE.to_owned(),
        keys: vec![key("pk", KeyRole::Hash), key("sk", KeyRole::Range)],
        ttl_attribute: Some("ttl".to_owned()),
        stream_view: Some("NEW_AND_OLD_IMAGES".to_owned()),
    }]);
    let config = engine.sdk_config();
    World { dynamodb: aws_sdk_dynamodb::Client::new(&config), sqs: aws_sdk_sqs::Client::new(&config), clock, engine }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn key(sk: &str) -> Item {
    HashMap::from([("pk".to_owned(), text("A")), ("sk".to_owned(), text(sk))])
}

fn item(sk: &str, owner: &str) -> Item {
    let mut item = key(sk);
    item.insert("owner".to_owned(), text(owner));
    item
}

/// A put of a transaction that fails, and returns the item, where the item exists.
fn put_if_absent(item: Item) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(TABLE)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .expect("complete");
    TransactWriteItem::builder().put(put).build()
}

impl World {
    async fn put(&self, item: Item) {
        let put = self.dynamodb.put_item().table_name(TABLE);
        put.set_item(Some(item)).send().await.expect("stored");
    }

    async fn get(&self, sk: &str) -> Option<Item> {
        let get = self.dynamodb.get_item().table_name(TABLE);
        get.set_key(Some(key(sk))).send().await.expect("read").item
    }
}
