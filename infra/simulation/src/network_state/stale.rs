//! Earlier versions of items, for eventually consistent reads.

use crate::change::Change;
use engine::Answer;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How long a version can still be read after it was replaced, in milliseconds. No read is as stale as that.
const KEPT_MS: u64 = 5_000;

/// The versions of an item: since when, in milliseconds since the epoch, and the item, null if it did not exist.
type History = Vec<(u64, Value)>;

/// The versions of items, by table and partition key, then by sort key.
#[derive(Debug, Default)]
pub struct Versions(BTreeMap<(String, String), BTreeMap<String, History>>);

impl Versions {
    /// Records the versions that changes made.
    pub fn note(&mut self, changes: &[Change]) {
        for change in changes {
            let partition = self.0.entry((change.key.table.clone(), change.key.pk.clone())).or_default();
            let history = partition.entry(change.key.sk.clone()).or_default();
            if history.is_empty() {
                history.push((0, change.raw_old.clone()));
            }
            history.push((change.at_ms, change.raw_new.clone()));
            let old = history.iter().rposition(|(at, _)| at + KEPT_MS < change.at_ms).unwrap_or(0);
            history.drain(..old);
        }
    }

    /// Answers a read as of an earlier time; `None` if what it reads never changed, or its shape is not supported.
    pub fn read(&self, operation: &str, body: &Value, as_of_ms: u64) -> Option<Answer> {
        let table = body["TableName"].as_str()?.to_owned();
        let found = match operation {
            "GetItem" => {
                let (pk, sk) = (body["Key"]["pk"]["S"].as_str()?, body["Key"]["sk"]["S"].as_str()?);
                let history = self.0.get(&(table, pk.to_owned())).and_then(|partition| partition.get(sk))?;
                match at(history, as_of_ms) {
                    Value::Null => json!({}),
                    item => json!({ "Item": item }),
                }
            }
            "Query" => {
                if ["FilterExpression", "ExclusiveStartKey"].iter().any(|name| !body[*name].is_null()) {
                    return None;
                }
                let pk = body["ExpressionAttributeValues"][":pk"]["S"].as_str()?;
                let partition = self.0.get(&(table, pk.to_owned()))?;
                let mut items = Vec::new();
                for (sk, history) in partition {
                    if in_range(body, sk)? && !at(history, as_of_ms).is_null() {
                        items.push(at(history, as_of_ms).clone());
                    }
                }
                if body["ScanIndexForward"] == json!(false) {
                    items.reverse();
                }
                if body["Limit"].as_u64().is_some_and(|limit| limit <= items.len() as u64) {
                    return None;
                }
                json!({ "Count": items.len(), "ScannedCount": items.len(), "Items": items })
            }
            _ => return None,
        };
        Some(Answer { status: 200, body: found })
    }
}

fn at(history: &History, as_of_ms: u64) -> &Value {
    let version = history.iter().rfind(|(since, _)| *since <= as_of_ms).or(history.first());
    version.map_or(&Value::Null, |(_, item)| item)
}

/// Whether the key condition selects a sort key; `None` if the condition is not supported.
fn in_range(body: &Value, sk: &str) -> Option<bool> {
    let condition = body["KeyConditionExpression"].as_str()?;
    let value = |name: &str| body["ExpressionAttributeValues"][name]["S"].as_str();
    let range = condition.strip_prefix("pk = :pk")?;
    if range.is_empty() {
        return Some(true);
    }
    let range = range.strip_prefix(" AND ")?;
    if let Some(prefix) = range.strip_prefix("begins_with(sk, ") {
        return Some(sk.starts_with(value(prefix.strip_suffix(')')?)?));
    }
    if let Some(lowest) = range.strip_prefix("sk >= ") {
        return Some(sk >= value(lowest)?);
    }
    let (lowest, highest) = range.strip_prefix("sk BETWEEN ")?.split_once(" AND ")?;
    Some(value(lowest)? <= sk && sk <= value(highest)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::ItemKey;

    fn change(sk: &str, old: Value, new: Value, at_ms: u64) -> Change {
        let key = ItemKey { table: "T".to_owned(), pk: "p".to_owned(), sk: sk.to_owned() };
        Change { key, old: Value::Null, new: Value::Null, raw_old: old, raw_new: new, at_ms }
    }

    #[test]
    fn a_read_shows_the_versions_of_its_time() {
        let mut versions = Versions::default();
        versions.note(&[change("a", Value::Null, json!(1), 100), change("b", json!(7), Value::Null, 200)]);
        versions.note(&[change("a", json!(1), json!(2), 300)]);
        let query = json!({
            "TableName": "T", "KeyConditionExpression": "pk = :pk AND sk >= :floor",
            "ExpressionAttributeValues": { ":pk": { "S": "p" }, ":floor": { "S": "a" } },
        });
        let items = |as_of| versions.read("Query", &query, as_of).unwrap().body["Items"].clone();
        assert_eq!(items(50), json!([7]));
        assert_eq!(items(150), json!([1, 7]));
        assert_eq!(items(250), json!([1]));
        assert_eq!(items(300), json!([2]));
        let newest = |limit| {
            let mut query = query.clone();
            query["ScanIndexForward"] = json!(false);
            query["Limit"] = json!(limit);
            versions.read("Query", &query, 150).map(|answer| answer.body["Items"].clone())
        };
        assert_eq!(newest(3), Some(json!([7, 1])));
        assert_eq!(newest(2), None, "a page that may not be the last is not supported");
        let get = json!({ "TableName": "T", "Key": { "pk": { "S": "p" }, "sk": { "S": "b" } } });
        assert_eq!(versions.read("GetItem", &get, 199).unwrap().body, json!({ "Item": 7 }));
        assert_eq!(versions.read("GetItem", &get, 200).unwrap().body, json!({}));
    }
}
