//! The tools of the end-to-end tests: `cargo local` as a process, an HTTP client, fans, fault injection, a history
//! checker, and a meter of CPU time.
//!
//! Nothing here links a function: tests observe the stack over HTTP only, as a client of the deployed system does.

mod client;
mod concert;
pub mod cpu;
mod fan;
pub mod history;
mod processes;
mod proxy;
mod site;
mod stack;

pub use client::{Client, Reply, Request};
pub use concert::Concert;
pub use fan::{Fan, Ledger};
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
