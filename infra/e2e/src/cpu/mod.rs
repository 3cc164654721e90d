//! CPU time of requests, process by process.

mod documents;
mod meter;
mod steps;

use std::fmt::Write;

pub use steps::measure;

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The build of the functions.
    pub build: Build,
    /// How many requests each step is measured with.
    pub requests: usize,
}

/// A build of the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// That of `cargo local`.
    Dev,
    /// That of `cargo local --release`.
    Release,
}

/// The CPU time that one act takes on average (ms).
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The step, such as `hold`.
    pub step: &'static str,
    /// The function that answers the request.
    pub function: f64,
    /// All other functions: what the request sets off behind it.
    pub other_functions: f64,
    /// The gateway, the tables and the message queues of `cargo local`.
    pub machine: f64,
}

/// The rows as a table.
pub fn table(rows: &[Row]) -> String {
    let mut text =
        format!("{:<42}{:>12}{:>12}{:>12}{:>12}\n", "CPU of one (ms)", "function", "functions", "rest of", "all");
    let _ = writeln!(text, "{:<42}{:>12}{:>12}{:>12}{:>12}", "", "itself", "behind it", "local", "");
    for Row { step, function, other_functions, machine } in rows {
        let all = function + other_functions + machine;
        let _ = writeln!(text, "{step:<42}{function:>12.2}{other_functions:>12.2}{machine:>12.2}{all:>12.2}");
    }
    text
}
