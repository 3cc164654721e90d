//! What invokes functions without a client: schedules, SQS event source mappings, DynamoDB streams.

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

/// What an event source waits beyond a function's timeout for a free environment.
const PATIENCE: Duration = Duration::from_secs(60);

/// The parts of the stack that feeds work with.
pub struct Sources {
    /// The functions to invoke.
    pub functions: Functions,
    /// The queues.
    pub queues: Queues,
    /// The tables.
    pub tables: Tables,
    /// Where positions are kept.
    pub state: Arc<State>,
}

/// Starts every feed of the template; they run until the process ends.
///
/// # Errors
/// When the template asks for what feeds cannot do, or a stream cannot be read.
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

/// Invokes `function` as an event source does: waits, and only looks at the answer.
async fn invoke(functions: &Functions, function: &str, event: &Value) -> Result<Value, InvokeError> {
    let patience = functions.timeout(function).unwrap_or_default() + PATIENCE;
    let answer = match functions.invoke(function, event.to_string().into(), patience).await {
        Some(outcome) => outcome?,
        None => return Err(InvokeError::Crashed("there is no such function".to_owned())),
    };
    // An answer that is not JSON says nothing, as no answer does.
    Ok(serde_json::from_slice(&answer).unwrap_or_default())
}

/// Which items of a batch failed, by the identifiers that Lambda was given for them.
#[derive(Debug, PartialEq, Eq)]
enum Failed {
    /// None did.
    None,
    /// These did.
    These(Vec<String>),
    /// The whole batch has to be taken for failed.
    All,
}

/// Reads `batchItemFailures` as Lambda does: an identifier that is missing, empty or not of this batch fails it whole.
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
    fn batch_item_failures() {
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
