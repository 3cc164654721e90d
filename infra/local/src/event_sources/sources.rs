//! The parts of the stack that event sources use, and how they invoke a function.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    control::{Functions, InvokeError},
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

/// Invokes `function` as an event source does, waits, and returns the answer.
pub async fn invoke(functions: &Functions, function: &str, event: &Value) -> Result<Value, InvokeError> {
    let patience = functions.timeout(function).unwrap_or_default() + PATIENCE;
    let answer = match functions.invoke(function, event.to_string().into(), patience).await {
        Some(outcome) => outcome?,
        None => return Err(InvokeError::Crashed("there is no such function".to_owned())),
    };
    // An answer that is not JSON counts as `null`: it names no failed item.
    Ok(serde_json::from_slice(&answer).unwrap_or_default())
}
