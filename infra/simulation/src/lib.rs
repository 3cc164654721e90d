//! Whole sales in one process under a seed, with fault injection: `cargo simulate`.
//!
//! The handlers and the functions behind schedules, message queues and streams run as they are deployed. Their AWS
//! clients are real; the HTTP client below them is a simulated network in front of the embedded database and simulated
//! message queues. Time, randomness and ids come from the seed, so the same seed gives the same run. See
//! infra/adr/0010-simulation.md.

pub mod admin;
pub mod clock;
pub mod dice;
pub mod door;
pub mod fans;
pub mod fault;
pub mod functions;
pub mod history;
pub mod invariants;
pub mod log;
pub mod messages;
pub mod mutants;
pub mod mutation;
pub mod network;
pub mod options;
pub mod parallel;
pub mod plan;
pub mod quiescence;
pub mod report;
pub mod run;
pub mod shrink;
pub mod signups;
pub mod triggers;
pub mod world;
