//! The command line.

use crate::{fault::Fault, plan::Overrides};
use lexopt::prelude::*;
use std::{error::Error, time::Duration};

/// What `--help` prints.
pub const HELP: &str = "\
cargo simulate: whole sales under seeds, in a world that breaks everything it may

  --seeds N        run so many seeds (200)
  --minutes N      run for so long instead
  --from N         the first seed (1)
  --threads N      runs at once (2)
  --seed N         run one seed and tell its story; with what a failure prints:
  --without FAULT    without this fault (may be repeated)
  --fans N           with no more than these fans
  --chaos-ms N       everything heals after so many milliseconds
  --network          every request to a table or queue as well
  --mutations[=N]  take out each guard in turn until a seed of N (300) notices
  --only TEXT      of the mutations, those that contain this
  --mutate TEXT    with seeds: without the first guard that contains this (may be repeated)
  --help           print this
";

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Print the help.
    Help,
    /// Run so many seeds.
    Seeds(u64),
    /// Run seeds for so long.
    For(Duration),
    /// Tell the story of one seed.
    Replay(u64),
    /// Take out each guard, with so many seeds to notice.
    Mutations(u64),
}

/// A command.
#[derive(Debug, Clone)]
pub struct Options {
    /// What.
    pub task: Task,
    /// The first seed.
    pub from: u64,
    /// Runs at once.
    pub threads: usize,
    /// What is left out.
    pub cuts: Overrides,
    /// Whether the story tells of every request.
    pub network: bool,
    /// Which mutations.
    pub only: String,
    /// The guards to run without.
    pub mutate: Vec<String>,
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// With what is not understood.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut parser = lexopt::Parser::from_args(arguments);
        let mut options = Options {
            task: Task::Seeds(200),
            from: 1,
            threads: 2,
            cuts: Overrides::default(),
            network: false,
            only: String::new(),
            mutate: Vec::new(),
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("help") | Short('h') => options.task = Task::Help,
                Long("seeds") => options.task = Task::Seeds(parser.value()?.parse()?),
                Long("minutes") => {
                    let minutes: u64 = parser.value()?.parse()?;
                    options.task = Task::For(Duration::from_secs(minutes * 60));
                }
                Long("seed") => options.task = Task::Replay(parser.value()?.parse()?),
                Long("mutations") => {
                    let seeds = parser.optional_value().map(|value| value.parse()).transpose()?;
                    options.task = Task::Mutations(seeds.unwrap_or(300));
                }
                Long("from") => options.from = parser.value()?.parse()?,
                Long("threads") => options.threads = parser.value()?.parse::<usize>()?.max(1),
                Long("fans") => options.cuts.fans = Some(parser.value()?.parse()?),
                Long("chaos-ms") => options.cuts.chaos_ms = Some(parser.value()?.parse()?),
                Long("network") => options.network = true,
                Long("only") => options.only = parser.value()?.string()?,
                Long("mutate") => options.mutate.push(parser.value()?.string()?),
                Long("without") => {
                    let name = parser.value()?.string()?;
                    let found = Fault::ALL.iter().find(|fault| fault.text() == name);
                    options.cuts.without.insert(*found.ok_or_else(|| format!("no fault {name}"))?);
                }
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

/// The command that repeats a run.
pub fn replay(seed: u64, cuts: &Overrides) -> String {
    let mut command = format!("cargo simulate --seed {seed}");
    for fault in &cuts.without {
        command += &format!(" --without \"{}\"", fault.text());
    }
    if let Some(fans) = cuts.fans {
        command += &format!(" --fans {fans}");
    }
    if let Some(chaos_ms) = cuts.chaos_ms {
        command += &format!(" --chaos-ms {chaos_ms}");
    }
    for mutation in &cuts.mutations {
        command += &format!(" --mutate \"{mutation}\"");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_a_failure_is_understood() {
        let cuts = Overrides {
            without: [Fault::StaleRead, Fault::Killed].into(),
            fans: Some(3),
            chaos_ms: Some(20_000),
            mutations: Vec::new(),
        };
        let command = replay(7, &cuts);
        assert_eq!(
            command,
            "cargo simulate --seed 7 --without \"stale read\" --without \"function killed\" --fans 3 --chaos-ms 20000"
        );
        let arguments = ["--seed", "7", "--without", "stale read", "--without", "function killed", "--fans", "3"];
        let options = Options::parse(arguments.map(str::to_owned)).unwrap();
        assert_eq!((options.task, options.cuts.without.len(), options.cuts.fans), (Task::Replay(7), 2, Some(3)));
        assert!(Options::parse(["--without".to_owned(), "luck".to_owned()]).is_err());
    }
}
