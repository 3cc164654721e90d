//! Reads members of answers.

use serde_json::Value;

/// A text of an answer; empty if it is missing.
pub(super) fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_default()
}

/// A number of an answer; 0 if it is missing.
pub(super) fn number(body: &Value, name: &str) -> u64 {
    body[name].as_u64().unwrap_or_default()
}

/// Reads a time of an answer (milliseconds since 1970); 0 if it is missing.
pub(super) fn millis(body: &Value, name: &str) -> u64 {
    let time = chrono::DateTime::parse_from_rfc3339(text(body, name));
    time.map_or(0, |time| u64::try_from(time.timestamp_millis()).unwrap_or_default())
}

/// The seats that an answer names.
pub(super) fn seats_of(body: &Value) -> Vec<u64> {
    body["seatNumbers"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}
