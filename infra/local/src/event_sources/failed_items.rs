//! The items of a batch that a function reports as failed.

use serde_json::Value;

/// Which items of a batch failed, by the identifiers that the event gave them.
#[derive(Debug, PartialEq, Eq)]
pub enum Failed {
    /// No item failed.
    None,
    /// The items with these identifiers failed.
    These(Vec<String>),
    /// The whole batch counts as failed.
    All,
}

/// Reads `batchItemFailures` as Lambda does: a missing, empty or unknown identifier fails the whole batch.
pub fn failed_items(answer: &Value, is_known: impl Fn(&str) -> bool) -> Failed {
    let Some(failures) = answer.get("batchItemFailures").and_then(Value::as_array).filter(|list| !list.is_empty())
    else {
        return Failed::None;
    };
    let identifiers: Option<Vec<_>> = (failures.iter())
        .map(|item| item.get("itemIdentifier")?.as_str().filter(|id| is_known(id)).map(str::to_owned))
        .collect();
    identifiers.map_or(Failed::All, Failed::These)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_or_missing_identifier_fails_the_whole_batch() {
        let failed = |answer: Value| failed_items(&answer, |id| id == "a" || id == "b");
        assert_eq!(failed(json!(null)), Failed::None);
        assert_eq!(failed(json!({ "batchItemFailures": [] })), Failed::None);
        assert_eq!(
            failed(json!({ "batchItemFailures": [{ "itemIdentifier": "b" }] })),
            Failed::These(vec!["b".to_owned()])
        );
        assert_eq!(failed(json!({ "batchItemFailures": [{ "itemIdentifier": "c" }] })), Failed::All);
        assert_eq!(failed(json!({ "batchItemFailures": [{}] })), Failed::All);
    }
}
