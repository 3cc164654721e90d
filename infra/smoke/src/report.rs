//! What the command prints: a line for each step.

use std::{
    fmt::Display,
    io::{self, Write},
    time::Instant,
};

use crate::answer::Complaint;

/// A step that failed. It is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

/// The steps so far.
pub struct Report {
    started: Instant,
    passed: usize,
    failed: usize,
}

impl Report {
    /// Starts the report.
    pub fn new() -> Self {
        Self { started: Instant::now(), passed: 0, failed: 0 }
    }

    /// Takes a step and prints what was seen. A complaint is left to the caller.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn attempt<T>(
        &mut self,
        name: &str,
        step: impl Future<Output = Result<(T, String), Complaint>>,
    ) -> Result<T, Complaint> {
        let started = Instant::now();
        let (value, seen) = step.await?;
        self.passed += 1;
        say(format!("ok     {:>6} ms  {name}: {seen}", started.elapsed().as_millis()));
        Ok(value)
    }

    /// Takes a step and prints what was seen, or what is wrong.
    ///
    /// # Errors
    /// When the step failed.
    pub async fn step<T>(
        &mut self,
        name: &str,
        step: impl Future<Output = Result<(T, String), Complaint>>,
    ) -> Result<T, Failed> {
        let started = Instant::now();
        let outcome = self.attempt(name, step).await;
        outcome.map_err(|Complaint { what, request }| {
            self.failed += 1;
            say(format!("FAILED {:>6} ms  {name}: {what}", started.elapsed().as_millis()));
            if let Some(request) = request {
                say(format!("                  {request}"));
            }
            Failed
        })
    }

    /// Prints the last line. True if every step passed, and the journey came to its end.
    pub fn end(&self, complete: bool) -> bool {
        let Self { passed, failed, .. } = self;
        let good = complete && *failed == 0;
        let verdict = match (good, failed) {
            (true, _) => "PASSED",
            (false, 0) => "INTERRUPTED",
            (false, _) => "FAILED",
        };
        let seconds = self.started.elapsed().as_secs_f64();
        say(format!("{verdict}: {passed} steps passed, {failed} failed, {seconds:.1} s"));
        good
    }
}

/// Prints a line. A reader who is gone, such as `head`, must not keep the clean-up from running.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}
