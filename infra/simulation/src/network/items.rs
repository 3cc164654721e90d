//! The items that a request names, and how a write changed them.

use crate::mutation::Write;
use serde_json::Value;
use shared::store::keys::kind;
use std::{collections::BTreeSet, fmt};

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
        let (keys, raw_old, raw_new) = (image("Keys"), image("OldImage"), image("NewImage"));
        Change {
            key: ItemKey { table: table.to_owned(), pk: text(&keys, "pk"), sk: text(&keys, "sk") },
            old: engine::plain_item(&raw_old),
            new: engine::plain_item(&raw_new),
            raw_old,
            raw_new,
            at_ms,
        }
    }

    /// The kind of the item.
    pub fn kind(&self) -> &'static str {
        kind(&self.key.pk, &self.key.sk)
    }
}

fn text(item: &Value, name: &str) -> String {
    item[name]["S"].as_str().unwrap_or_default().to_owned()
}

/// Whether an operation writes.
pub fn writes(operation: &str) -> bool {
    matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems")
}

/// The items that a write names, in its order.
pub fn keys(operation: &str, body: &Value) -> Vec<ItemKey> {
    let key = |action: &Value| {
        let keys = if action["Key"].is_object() { &action["Key"] } else { &action["Item"] };
        ItemKey {
            table: action["TableName"].as_str().unwrap_or_default().to_owned(),
            pk: text(keys, "pk"),
            sk: text(keys, "sk"),
        }
    };
    if operation != "TransactWriteItems" {
        return vec![key(body)];
    }
    let actions = body["TransactItems"].as_array().into_iter().flatten();
    actions.filter_map(|action| action.as_object()?.values().next().map(key)).collect()
}

/// The index of the first item that a transaction in flight owns.
pub fn conflict(keys: &[ItemKey], owned: &BTreeSet<ItemKey>) -> Option<usize> {
    keys.iter().position(|key| owned.contains(key))
}

/// The writes of a request: one, or each action of a transaction.
pub fn each_write<'a>(operation: &str, body: &'a mut Value) -> Vec<Write<'a>> {
    let keys = keys(operation, body);
    if operation != "TransactWriteItems" {
        let write = match operation {
            "PutItem" => "put",
            "UpdateItem" => "update",
            _ => "delete",
        };
        let item = kind(&keys[0].pk, &keys[0].sk);
        return body.as_object_mut().map(|parameters| Write { write, item, parameters }).into_iter().collect();
    }
    let actions = body["TransactItems"].as_array_mut().into_iter().flatten();
    let each = actions.zip(&keys).filter_map(|(action, key)| {
        let (name, parameters) = action.as_object_mut()?.iter_mut().next()?;
        let write = match name.as_str() {
            "Put" => "put in a transaction",
            "Update" => "update in a transaction",
            "Delete" => "delete in a transaction",
            _ => "check in a transaction",
        };
        Some(Write { write, item: kind(&key.pk, &key.sk), parameters: parameters.as_object_mut()? })
    });
    each.collect()
}

/// The kind of item that a `GetItem` or `Query` reads.
pub fn kind_read(body: &Value) -> &'static str {
    if body["Key"].is_object() {
        return kind(&text(&body["Key"], "pk"), &text(&body["Key"], "sk"));
    }
    let values = &body["ExpressionAttributeValues"];
    let sort = [":prefix", ":first", ":from"].iter().find_map(|name| values[*name]["S"].as_str());
    kind(values[":pk"]["S"].as_str().unwrap_or_default(), sort.unwrap_or("META"))
}
