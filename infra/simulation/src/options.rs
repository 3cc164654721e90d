//! The command line.

use crate::{fault::Fault, plan::Overrides};
use lexopt::prelude::*;
use std::time::Duration;
use tools::command_line::Request;

/// What `--help` prints.
pub const HELP: &str = "\
Simulates whole sales from seeds, with fault injection, and checks every invariant after every write.

Usage: cargo simulate [--seeds N | --minutes N | --seed N | --mutations[=N]] [OPTION]...

  --seeds N        run N seeds (default 200)
  --minutes N      run seeds for N minutes instead
  --from N         the first seed (default 1)
  --threads N      runs at once (default 2)
  --seed N         run one seed and print its story; with the options that a failure prints:
  --without FAULT    without this fault (may be repeated)
  --fans N           with at most N fans
  --chaos-ms N       inject faults for at most N milliseconds
  --network          also print every request to a table or message queue
  --mutations[=N]  run each mutant by itself until one of N seeds (default 300) kills it
  --only TEXT      with --mutations: only mutants whose name contains TEXT
  --mutate TEXT    with seeds: use the first mutant whose name contains TEXT (may be repeated)
  --write          with --seeds, --minutes or --mutations: replace that table in infra/simulation/FINDINGS.md
  --help           print this text
";

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Run this many seeds.
    Seeds(u64),
    /// Run seeds for this long.
    For(Duration),
    /// Run one seed and print its story.
    Replay(u64),
    /// Run each mutant with at most this many seeds.
    Mutations(u64),
}

/// The parsed command line.
#[derive(Debug, Clone)]
pub struct Options {
    /// What to do.
    pub task: Task,
    /// The first seed.
    pub from: u64,
    /// Runs at once.
    pub threads: usize,
    /// Changes to the plan that each seed draws.
    pub cuts: Overrides,
    /// Whether the story shows every request to a table or message queue.
    pub network: bool,
    /// Text in the names of the mutants to test; empty for all.
    pub only: String,
    /// Whether to write the table of the command into FINDINGS.md.
    pub write: bool,
    /// Texts that each name a mutant to run: the first whose name contains it.
    pub mutate: Vec<String>,
}

impl Options {
    /// Parses the command line.
    ///
    /// # Errors
    /// For an unknown option or fault, and for a missing or malformed value.
    pub fn parse(mut parser: lexopt::Parser) -> Result<Request<Self>, lexopt::Error> {
        let mut options = Options {
            task: Task::Seeds(200),
            from: 1,
            threads: 2,
            cuts: Overrides::default(),
            network: false,
            only: String::new(),
            write: false,
            mutate: Vec::new(),
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("help") | Short('h') => return Ok(Request::Help),
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
                Long("write") => options.write = true,
                Long("mutate") => options.mutate.push(parser.value()?.string()?),
                Long("without") => {
                    let name = parser.value()?.string()?;
                    let found = Fault::ALL.iter().find(|fault| fault.text() == name);
                    options.cuts.without.insert(*found.ok_or_else(|| format!("unknown fault {name}"))?);
                }
                other => return Err(other.unexpected()),
            }
        }
        if options.write && matches!(options.task, Task::Replay(_)) {
            return Err("--write needs --seeds, --minutes or --mutations: one seed has no table".into());
        }
        Ok(Request::Run(options))
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

    fn parsed(arguments: &[&str]) -> Result<Options, lexopt::Error> {
        match Options::parse(lexopt::Parser::from_args(arguments))? {
            Request::Run(options) => Ok(options),
            Request::Help => Err("no command, but --help".into()),
        }
    }

    #[test]
    fn a_replay_command_parses_back_into_its_options() {
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
        let options = parsed(&arguments).unwrap();
        assert_eq!((options.task, options.cuts.without.len(), options.cuts.fans), (Task::Replay(7), 2, Some(3)));
    }

    #[test]
    fn what_no_command_understands_is_refused() {
        for (arguments, error) in [
            (&["--without", "luck"][..], "unknown fault luck"),
            (&["--sedes", "5"], "invalid option '--sedes'"),
            (&["--seed", "5", "--write"], "--write needs --seeds, --minutes or --mutations: one seed has no table"),
        ] {
            let refused = parsed(arguments).unwrap_err();
            assert_eq!(refused.to_string(), error);
        }
        assert!(parsed(&["--mutations=5", "--write"]).unwrap().write);
    }
}
