//! Reads the CPU time of the processes of a stack.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{self, Instant};

use super::Row;
use crate::stack::Stack;

/// How long the stack is observed at rest, to tell its own CPU time from that of requests.
const REST: Duration = Duration::from_secs(6);

/// Measures a stack.
pub struct Meter<'a> {
    stack: &'a Stack,
    /// The names of the functions. All other processes belong to the machine.
    functions: Vec<String>,
    /// CPU time at rest a second (s), of all functions and of the rest.
    idle: (f64, f64),
}

/// CPU time so far (s), by program.
type Reading = BTreeMap<String, f64>;

impl<'a> Meter<'a> {
    /// Makes a meter, after a look at the stack at rest.
    pub async fn new(stack: &'a Stack, functions: Vec<String>) -> Self {
        let mut meter = Meter { stack, functions, idle: (0.0, 0.0) };
        let before = meter.read();
        time::sleep(REST).await;
        let used = since(&before, &meter.read());
        let (functions, machine) = meter.split(&used);
        meter.idle = (functions / REST.as_secs_f64(), machine / REST.as_secs_f64());
        meter
    }

    /// What the environment of a function has taken so far: right after the start of the stack, its initialisation.
    pub fn start(&self, function: &str) -> Row {
        let cpu = self.read().get(function).copied().unwrap_or_default();
        Row { step: "start of an environment", function: cpu * 1_000.0, other_functions: 0.0, machine: 0.0 }
    }

    /// Measures `acts` and waits `settle` for what they set off. `function` answers them.
    pub async fn measure(
        &self,
        step: &'static str,
        function: &str,
        count: usize,
        settle: Duration,
        acts: impl Future<Output = ()>,
    ) -> Row {
        let (started, before) = (Instant::now(), self.read());
        acts.await;
        time::sleep(settle).await;
        let used = since(&before, &self.read());
        let seconds = started.elapsed().as_secs_f64();
        let (functions, machine) = self.split(&used);
        let own = used.get(function).copied().unwrap_or_default();
        let of_one = |cpu: f64| (cpu.max(0.0) * 1_000.0) / count as f64;
        Row {
            step,
            function: of_one(own),
            other_functions: of_one(functions - own - self.idle.0 * seconds),
            machine: of_one(machine - self.idle.1 * seconds),
        }
    }

    fn read(&self) -> Reading {
        let mut reading = Reading::new();
        for process in self.stack.descendants().into_iter().chain([self.stack.process()]) {
            let cpu = process.cpu_time();
            *reading.entry(process.name).or_default() += cpu.as_secs_f64();
        }
        reading
    }

    /// CPU time of the functions, and of all else.
    fn split(&self, used: &Reading) -> (f64, f64) {
        let (functions, machine): (Vec<_>, Vec<_>) = used.iter().partition(|(name, _)| self.functions.contains(name));
        let sum = |part: Vec<(&String, &f64)>| part.into_iter().map(|(_, cpu)| cpu).sum();
        (sum(functions), sum(machine))
    }
}

fn since(before: &Reading, after: &Reading) -> Reading {
    let spent = |(name, cpu): (&String, &f64)| (name.clone(), cpu - before.get(name).copied().unwrap_or_default());
    after.iter().map(spent).collect()
}
