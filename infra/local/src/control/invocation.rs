//! One run of a function.

use axum::body::Bytes;

/// An invocation as an environment gets it.
#[derive(Debug)]
pub struct Invocation {
    /// The request id.
    pub id: String,
    /// The event.
    pub payload: Bytes,
    /// The deadline (milliseconds since 1970).
    pub deadline_ms: u128,
    /// The ARN of the function.
    pub function_arn: String,
}

/// Why an invocation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The handler failed and sent this error object of Lambda.
    #[error("{}", String::from_utf8_lossy(.0))]
    Function(Bytes),
    /// The process ended before it answered, for this reason.
    #[error("the process ended: {0}")]
    Crashed(String),
    /// No answer within the timeout.
    #[error("no answer in time")]
    TimedOut,
}
