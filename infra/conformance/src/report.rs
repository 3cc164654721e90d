//! What the tool found.

use std::{fmt, time::Duration};

use serde_json::Value;

/// The figures of one run.
#[derive(Debug, PartialEq)]
pub struct Report {
    /// Operations of the document.
    pub operations: u64,
    /// Those of them that were called.
    pub tested: u64,
    /// Generated requests.
    pub requests: u64,
    /// Checks that failed, each counted once.
    pub failures: u64,
    /// Failures that `hooks.py` let pass, for a reason that it gives.
    pub passed_over: u64,
    /// What went wrong in the tool itself.
    pub errors: u64,
    /// The phases that did not run, with the reason.
    pub skipped: Vec<String>,
    /// Whether it came to its end.
    pub complete: bool,
    /// From its start to its end.
    pub took: Duration,
}

impl Report {
    /// Reads the tool's own report; nothing where a figure is missing.
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

    /// Whether everything was called and nothing was found.
    pub fn is_good(&self) -> bool {
        self.complete
            && self.tested == self.operations
            && self.requests > 0
            && self.failures + self.errors == 0
            && self.skipped.is_empty()
    }
}

impl fmt::Display for Report {
    /// The columns of the table behind the caller.
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
    fn what_is_good() {
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
    fn what_is_missing_is_not_zero() {
        assert_eq!(Report::read("", Duration::ZERO), None);
        assert_eq!(Report::read(r#"{"complete": true, "phases": {}}"#, Duration::ZERO), None);
    }
}
