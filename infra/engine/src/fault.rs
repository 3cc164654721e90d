//! Faults that tests put between the SDK and the engine.

use serde_json::{Value, json};

use crate::protocol::{Answer, DYNAMODB, error};

/// A request that is about to be answered.
#[derive(Debug)]
#[non_exhaustive]
pub struct Call<'a> {
    /// The operation's name in the service's API, such as `TransactWriteItems` or `SendMessage`.
    pub operation: &'a str,
    /// Names of the tables that the request touches, each once, in the request's order; empty for SQS.
    pub tables: &'a [String],
    /// Position of the request among all requests of the engine, from 0; a retry by the SDK is a request of its own.
    pub sequence: u64,
    /// The request as JSON, as the service documents it.
    pub body: &'a Value,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it is applied and answered.
    #[default]
    None,
    /// The connection breaks before the request arrives: not applied.
    LostRequest,
    /// The connection breaks after the request was applied: the caller cannot know whether it was.
    LostAnswer,
    /// Refused for throughput; the SDK retries it as throttling. Not applied.
    Throttled,
    /// Refused because another transaction is in flight at one of the items. A transaction is cancelled with the reason
    /// `TransactionConflict` on the action at this index (the last one if there are fewer), any other request is
    /// answered `TransactionConflictException`. Not applied.
    TransactionConflict {
        /// Index of the action in the transaction.
        action: usize,
    },
    /// The service fails with status 500. Not applied.
    InternalError,
}

/// The error with which a service ([`crate::DYNAMODB`] or [`crate::SQS`]) answers the request `body` under a fault;
/// `None` for a fault that breaks the connection or does nothing.
pub fn answer(fault: Fault, service: &str, body: &Value) -> Option<Answer> {
    let dynamo = service == DYNAMODB;
    match fault {
        Fault::None | Fault::LostRequest | Fault::LostAnswer => None,
        Fault::Throttled if dynamo => Some(error(
            400,
            "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded.",
        )),
        Fault::Throttled => {
            Some(error(400, "com.amazonaws.sqs#RequestThrottled", "The request was denied due to request throttling."))
        }
        Fault::TransactionConflict { action } => Some(conflict(action, body)),
        Fault::InternalError if dynamo => {
            Some(error(500, "com.amazonaws.dynamodb.v20120810#InternalServerError", "Internal server error"))
        }
        Fault::InternalError => Some(error(500, "InternalFailure", "Internal failure")),
    }
}

fn conflict(action: usize, body: &Value) -> Answer {
    let Some(actions) = body.get("TransactItems").and_then(Value::as_array) else {
        return error(
            400,
            "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
            "Transaction is ongoing for the item",
        );
    };
    let conflicting = action.min(actions.len().saturating_sub(1));
    let reasons: Vec<Value> = (0..actions.len())
        .map(|index| {
            if index == conflicting {
                json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"})
            } else {
                json!({"Code": "None"})
            }
        })
        .collect();
    Answer {
        status: 400,
        body: json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
            "CancellationReasons": reasons,
        }),
    }
}
