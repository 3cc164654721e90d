//! Whole sales in one process under a seed, with fault injection: `cargo simulate`.
//!
//! The handlers and the functions behind schedules, message queues and streams run as they are deployed. Their AWS
//! clients are real; the HTTP client below them is a simulated network in front of the embedded database and simulated
//! message queues. Time, randomness and ids come from the seed, so the same seed gives the same run. See
//! infra/adr/0010-simulation.md.

mod admin;
mod change;
mod clock;
#[cfg(test)]
mod damage;
mod dice;
mod door;
mod fans;
mod fault;
pub mod findings;
mod functions;
mod history;
mod instances;
mod invariants;
mod lock;
pub mod log;
mod messages;
pub mod mutants;
mod mutation;
mod network;
mod network_state;
pub mod options;
pub mod parallel;
pub mod plan;
mod quiescence;
pub mod report;
pub mod run;
pub mod shrink;
mod signups;
mod sqs;
mod triggers;
mod viewers;
mod world;
