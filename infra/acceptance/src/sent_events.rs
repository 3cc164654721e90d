//! The events that the deployment sends, judged by their schemas in `events/sent/`.

use jsonschema::Validator;
use serde_json::Value;
use shared::domain::event::EventType;
use std::{collections::BTreeMap, fs, path::PathBuf, sync::LazyLock};

/// The message queues that carry events, by their URLs in tests.
const QUEUES: [&str; 2] = ["EventsQueue", "WebhooksQueue"];

static SCHEMAS: LazyLock<BTreeMap<EventType, Validator>> = LazyLock::new(|| {
    let validator = |schema: &Value| {
        let options = jsonschema::options().should_validate_formats(true);
        options.build(schema).unwrap_or_else(|error| panic!("{schema}: {error}"))
    };
    EventType::ALL.into_iter().map(|kind| (kind, validator(&schema(kind)))).collect()
});

/// The folder of the schemas and examples.
pub fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "events", "sent"].iter().collect()
}

fn read(name: &str) -> Value {
    let text = fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The JSON schema of the events of a type.
///
/// # Panics
/// Where there is none.
pub fn schema(kind: EventType) -> Value {
    read(&format!("{kind}.schema.json"))
}

/// The example of an event of a type.
///
/// # Panics
/// Where there is none.
pub fn example(kind: EventType) -> Value {
    read(&format!("{kind}.json"))
}

/// How an event differs from the schema of its type.
pub fn faults(event: &Value) -> Vec<String> {
    let kind = serde_json::from_value::<EventType>(event["type"].clone());
    match kind.ok().and_then(|kind| SCHEMAS.get(&kind)) {
        Some(schema) => schema.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path())).collect(),
        None => vec![format!("no schema for the type {}", event["type"])],
    }
}

/// Refuses a message of an event that its schema does not allow.
///
/// # Panics
/// Where the message is no event, or not as its schema says.
pub(crate) fn check(queue: &str, body: &str) {
    if QUEUES.contains(&queue) {
        let event = serde_json::from_str(body).expect("an event is JSON");
        assert_eq!(faults(&event), Vec::<String>::new(), "an event that was sent: {event}");
    }
}
