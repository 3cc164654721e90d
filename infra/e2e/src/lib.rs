//! What the end-to-end tests drive a stack with: `cargo local` as a process, an HTTP client, and fans.
//!
//! Nothing here knows the functions: all that is seen goes over HTTP, as it does for a client of the deployed system.

mod client;
mod fan;
pub mod history;
mod processes;
mod proxy;
mod site;
mod stack;

pub use client::{Client, Reply, Request};
pub use fan::{Fan, Ledger};
pub use processes::Process;
pub use proxy::{Cut, Proxy};
pub use site::{Concert, PASSWORD, Site, unique};
pub use stack::{Data, Stack, free_port, workspace};

use std::io::Write;

/// Prints a report_measurement past the test harness, which keeps what a test that passes prints.
pub fn report_measurement(text: impl std::fmt::Display) {
    // A closed stderr is no reason to fail.
    let _ = writeln!(std::io::stderr(), "    {text}");
}
