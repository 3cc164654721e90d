//! The whole system in one process under a seed, in a world that breaks everything it may: `cargo simulate`.
//!
//! The handlers and the scheduled, queue and stream functions run as they are deployed, with real AWS clients whose HTTP
//! client is a simulated network in front of the embedded database and of simulated queues. Time, randomness and ids
//! come from the seed, so that a seed names a run exactly. See infra/adr/0010-simulation.md.

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
