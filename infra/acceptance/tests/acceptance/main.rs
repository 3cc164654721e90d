//! The contract and the invariants, tested on the real handlers in one process.

mod accounts;
mod background;
mod http;
mod money;
mod queue;
mod seats;
mod support;
mod webhooks;
mod whole;

/// The result of a test; `?` passes on failures of the harness.
type Outcome = Result<(), Box<dyn std::error::Error>>;
