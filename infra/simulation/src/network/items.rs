//! The items that a request names.

use crate::{change::ItemKey, mutation::Write};
use serde_json::Value;
use shared::store::item_kind::ItemKind;
use std::collections::BTreeSet;

/// Whether an operation writes.
pub fn writes(operation: &str) -> bool {
    matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems")
}

/// The items that a write names, in its order.
pub fn keys(operation: &str, body: &Value) -> Vec<ItemKey> {
    let key = |action: &Value| {
        let item = if action["Key"].is_object() { &action["Key"] } else { &action["Item"] };
        ItemKey::of(action["TableName"].as_str().unwrap_or_default(), item)
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
        let item = keys[0].kind();
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
        Some(Write { write, item: key.kind(), parameters: parameters.as_object_mut()? })
    });
    each.collect()
}

/// The kind of item that a `GetItem` or `Query` reads.
pub fn kind_read(body: &Value) -> ItemKind {
    if body["Key"].is_object() {
        return ItemKey::of("", &body["Key"]).kind();
    }
    let values = &body["ExpressionAttributeValues"];
    let sort = [":prefix", ":first", ":from"].iter().find_map(|name| values[*name]["S"].as_str());
    ItemKind::of(values[":pk"]["S"].as_str().unwrap_or_default(), sort.unwrap_or("META"))
}
