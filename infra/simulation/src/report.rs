//! The summary of many runs.

use crate::{fault::Fault, mutation::Guards, run::Report};
use std::{collections::BTreeMap, fmt, time::Duration};

/// The figures of many runs, added up.
#[derive(Debug, Default)]
pub struct Summary {
    /// How many runs.
    pub runs: u64,
    /// The seeds of the runs with a violation.
    pub failed: Vec<u64>,
    /// How often each fault was injected or counted, and in how many runs.
    pub faults: BTreeMap<Fault, (u64, u64)>,
    /// The mutations that the requests of the runs allow.
    pub guards: Guards,
    requests: u64,
    calls: u64,
    purchases: u64,
    refunds: u64,
    checks: u64,
    simulated_ms: u64,
}

impl Summary {
    /// Adds a run.
    pub fn add(&mut self, report: &Report) {
        self.runs += 1;
        if !report.violations.is_empty() {
            self.failed.push(report.seed);
        }
        for (fault, count) in report.faults.iter().filter(|(_, count)| **count > 0) {
            let (sum, runs) = self.faults.entry(*fault).or_default();
            *sum += count;
            *runs += 1;
        }
        for (guard, count) in &report.guards {
            *self.guards.entry(guard.clone()).or_default() += count;
        }
        self.requests += report.requests;
        self.calls += report.calls;
        self.purchases += report.purchases;
        self.refunds += report.refunds;
        self.checks += report.checks;
        self.simulated_ms += report.simulated_ms;
    }

    fn injected(&self) -> u64 {
        self.faults.values().map(|(count, _)| count).sum()
    }

    /// One line of progress, `since` the start.
    pub fn progress(&self, since: Duration) -> String {
        format!(
            "{:>6} runs, {:.1}/s, {} faults, {} purchases, {} checks, {} failed",
            self.runs,
            self.runs as f64 / since.as_secs_f64().max(0.001),
            self.injected(),
            self.purchases,
            self.checks,
            self.failed.len()
        )
    }
}

impl Summary {
    /// The sums of all runs, each with its name.
    fn figures(&self) -> [(&'static str, u64); 7] {
        [
            ("simulated hours", self.simulated_ms / 3_600_000),
            ("requests of fans and admins", self.calls),
            ("requests to tables and queues", self.requests),
            ("purchases", self.purchases),
            ("refunds", self.refunds),
            ("checks of invariants", self.checks),
            ("runs with a violation", self.failed.len() as u64),
        ]
    }

    /// The sums of all runs and the counts of the faults as two tables in Markdown, with the time that the runs took.
    pub fn markdown(&self, time: Duration) -> String {
        let mut text = format!("{} runs in {} s.\n\n| | |\n|---|---|\n", self.runs, time.as_secs());
        for (what, count) in self.figures() {
            text += &format!("| {what} | {count} |\n");
        }
        text += "\n| fault | times | runs |\n|---|---|---|\n";
        for fault in Fault::ALL {
            let (count, runs) = self.faults.get(fault).copied().unwrap_or_default();
            text += &format!("| {} | {count} | {runs} |\n", fault.text());
        }
        text + &format!("| all faults | {} | {} |\n", self.injected(), self.runs)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<44} {:>12} {:>8}", "fault", "times", "runs")?;
        for fault in Fault::ALL {
            let (count, runs) = self.faults.get(fault).copied().unwrap_or_default();
            writeln!(f, "{:<44} {count:>12} {runs:>8}", fault.text())?;
        }
        writeln!(f, "{:<44} {:>12} {:>8}", "all faults", self.injected(), self.runs)?;
        for (what, count) in self.figures() {
            writeln!(f, "{what:<44} {count:>12}")?;
        }
        Ok(())
    }
}
