//! The results of a run.

use std::{fmt, time::Duration};

use serde_json::Value;

/// The figures of one run.
#[derive(Debug, PartialEq)]
pub struct Report {
    /// The number of operations in the document.
    pub operations: u64,
    /// The number of operations that were called.
    pub tested: u64,
    /// The number of generated requests.
    pub requests: u64,
    /// The number of different failures.
    pub failures: u64,
    /// The number of failures that `hooks.py` ignored, for the reasons given there.
    pub passed_over: u64,
    /// The number of errors of the tool itself.
    pub errors: u64,
    /// The phases that did not run, each with the reason.
    pub skipped: Vec<String>,
    /// Whether the run was complete.
    pub complete: bool,
    /// The duration of the run.
    pub took: Duration,
}

impl Report {
    /// Reads the tool's JSON report; `None` if a figure is missing.
    pub fn read(json: &str, took: Duration) -> Option<Self> {
        let report: Value = serde_json::from_str(json).ok()?;
        let cases = &report["test_cases"];
        let phases = report["phases"].as_object()?.iter();
        let skipped = phases.filter(|(_, phase)| phase["status"] == "skip");
        Some(Self {
            operations: report["operations"]["total"].as_u64()?,
            tested: report["operations"]["tested"].as_u64()?,
            requests: cases["generated"].as_u64()?,
            failures: cases["unique_failures"].as_u64()?,
            passed_over: report["filtered"].as_u64()?,
            errors: cases["errored"].as_u64()? + report["operations"]["errored"].as_u64()?,
            skipped: skipped.map(|(name, phase)| format!("{name}: {}", phase["skip_reason"])).collect(),
            complete: report["complete"].as_bool()?,
            took,
        })
    }

    /// Whether every operation was called, every phase ran, and nothing failed.
    pub fn is_good(&self) -> bool {
        self.complete
            && self.tested == self.operations
            && self.requests > 0
            && self.failures + self.errors == 0
            && self.skipped.is_empty()
    }
}

impl fmt::Display for Report {
    /// Writes the columns of the table after the caller.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = format!("{} of {}", self.tested, self.operations);
        let (requests, failures, seconds) = (self.requests, self.failures + self.errors, self.took.as_secs_f64());
        write!(f, "{operations:>10} {requests:>9} {failures:>9} {:>12} {seconds:>7.1} s", self.passed_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Report {
        let json = r#"{"complete": true, "operations": {"total": 25, "tested": 25, "errored": 0}, "filtered": 3,
            "test_cases": {"generated": 1900, "unique_failures": 0, "errored": 0},
            "phases": {"Coverage": {"status": "success", "skip_reason": null}}}"#;
        Report::read(json, Duration::from_secs(25)).expect("all figures are there")
    }

    #[test]
    fn a_report_is_good_only_if_complete_and_without_failures() {
        assert!(good().is_good());
        let bad: [fn(&mut Report); 6] = [
            |report| report.complete = false,
            |report| report.tested = 24,
            |report| report.requests = 0,
            |report| report.failures = 1,
            |report| report.errors = 1,
            |report| report.skipped = vec!["Stateful".to_owned()],
        ];
        for spoil in bad {
            let mut report = good();
            spoil(&mut report);
            assert!(!report.is_good(), "{report:?}");
        }
    }

    #[test]
    fn a_missing_figure_is_an_error_and_not_zero() {
        assert_eq!(Report::read("", Duration::ZERO), None);
        assert_eq!(Report::read(r#"{"complete": true, "phases": {}}"#, Duration::ZERO), None);
    }
}
