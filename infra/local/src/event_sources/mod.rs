//! Event sources, which invoke functions without a client: schedules, SQS event source mappings, DynamoDB streams.

mod delivery;
mod filter;
mod messages;
mod schedules;
mod streams;

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use template::Template;

use crate::{
    control::{Functions, InvokeError},
    failure::{Context, Failure},
    queues::Queues,
    state::State,
    tables::Tables,
};

/// How long an event source waits for a free environment, on top of the function's timeout.
const PATIENCE: Duration = Duration::from_secs(60);

/// The parts of the stack that event sources use.
pub struct Sources {
    /// The functions to invoke.
    pub functions: Functions,
    /// The message queues.
    pub queues: Queues,
    /// The tables.
    pub tables: Tables,
    /// The stack's directory, which keeps the stream positions.
    pub state: Arc<State>,
}

/// Starts every event source of the template; each runs until the process ends.
///
/// # Errors
/// When the template names a table or message queue that does not exist, a filter is not supported, or a stream cannot
/// be read.
pub fn start(template: &Template, sources: Arc<Sources>) -> Result<(), Failure> {
    for trigger in &template.stream_triggers {
        let table = template.table(&trigger.table).ok_or_else(|| Failure::new(&trigger.table))?;
        streams::start(trigger, table, Arc::clone(&sources)).context(format!("stream of {}", table.name))?;
    }
    for trigger in &template.queue_triggers {
        messages::start(trigger, &sources)?;
    }
    for schedule in &template.schedules {
        schedules::start(schedule, sources.functions.clone());
    }
    Ok(())
}

/// Invokes `function` as an event source does, waits, and returns the answer.
async fn invoke(functions: &Functions, function: &str, event: &Value) -> Result<Value, InvokeError> {
    let patience = functions.timeout(function).unwrap_or_default() + PATIENCE;
    let answer = match functions.invoke(function, event.to_string().into(), patience).await {
        Some(outcome) => outcome?,
        None => return Err(InvokeError::Crashed("there is no such function".to_owned())),
    };
    // An answer that is not JSON counts as `null`: it names no failed item.
    Ok(serde_json::from_slice(&answer).unwrap_or_default())
}

/// Which items of a batch failed, by the identifiers that the event gave them.
#[derive(Debug, PartialEq, Eq)]
enum Failed {
    /// No item failed.
    None,
    /// The items with these identifiers failed.
    These(Vec<String>),
    /// The whole batch counts as failed.
    All,
}

/// Reads `batchItemFailures` as Lambda does: a missing, empty or unknown identifier fails the whole batch.
fn failed_items(answer: &Value, is_known: impl Fn(&str) -> bool) -> Failed {
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
