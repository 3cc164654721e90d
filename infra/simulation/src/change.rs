//! A change of an item by one write, and the readers of its attributes.

use serde_json::Value;
use shared::store::item_kind::ItemKind;
use std::fmt;

/// The table and key of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemKey {
    /// Its table.
    pub table: String,
    /// Its partition key.
    pub pk: String,
    /// Its sort key.
    pub sk: String,
}

impl ItemKey {
    /// The key of an item in a table; `item` is in DynamoDB's JSON and has at least the attributes of the key.
    pub fn of(table: &str, item: &Value) -> Self {
        let part = |name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
        ItemKey { table: table.to_owned(), pk: part("pk"), sk: part("sk") }
    }

    /// The kind of the item.
    pub fn kind(&self) -> ItemKind {
        ItemKind::of(&self.pk, &self.sk)
    }
}

/// The change of an item by one write.
#[derive(Debug, Clone)]
pub struct Change {
    /// The item.
    pub key: ItemKey,
    /// The item before, in DynamoDB's JSON; null if it did not exist.
    pub raw_old: Value,
    /// The item after, in DynamoDB's JSON; null if it was deleted.
    pub raw_new: Value,
    /// The item before, as plain JSON.
    pub old: Value,
    /// The item after, as plain JSON.
    pub new: Value,
    /// When the write was applied, in milliseconds since the epoch.
    pub at_ms: u64,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}: {} => {}", self.kind(), self.key.pk, self.key.sk, self.old, self.new)
    }
}

impl Change {
    /// Reads a change from a record of a table's stream.
    pub fn new(table: &str, record: &Value, at_ms: u64) -> Self {
        let image = |name: &str| record["dynamodb"].get(name).cloned().unwrap_or_default();
        let (raw_old, raw_new) = (image("OldImage"), image("NewImage"));
        Change {
            key: ItemKey::of(table, &image("Keys")),
            old: engine::plain_item(&raw_old),
            new: engine::plain_item(&raw_new),
            raw_old,
            raw_new,
            at_ms,
        }
    }

    /// The kind of the item.
    pub fn kind(&self) -> ItemKind {
        self.key.kind()
    }
}

/// A string attribute of an item in plain JSON; empty if it is missing.
pub fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name].as_str().unwrap_or_default()
}

/// A number attribute of an item in plain JSON; 0 if it is missing.
pub fn number(item: &Value, name: &str) -> u64 {
    item[name].as_u64().unwrap_or_default()
}
