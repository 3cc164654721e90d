//! The tools of the end-to-end tests: `cargo local` as a process, fault injection, a history checker, and a meter of
//! CPU time. The HTTP client and the fans are those of `client`.
//!
//! Nothing here links a function: tests observe the stack over HTTP only, as a client of the deployed system does.

pub mod cpu;
pub mod history;
mod processes;
mod proxy;
mod site;
mod stack;

pub use client::{Client, Concert, Fan, Ledger, Reply, Request};
pub use processes::Process;
pub use proxy::{Cut, Proxy};
pub use site::{PASSWORD, Site, unique};
pub use stack::{Data, Stack, free_port};

use std::io::Write;

/// Prints a measurement to stderr directly, since the test harness hides the output of tests that pass.
pub fn report_measurement(text: impl std::fmt::Display) {
    // A closed stderr must not fail the test.
    let _ = writeln!(std::io::stderr(), "    {text}");
}
