//! The command line.

use std::ffi::OsString;

use lexopt::{Arg, Parser, ValueExt};

/// What `--help` prints.
pub const USAGE: &str = "\
Runs schemathesis against the whole system as four kinds of caller: a fan with an access token, an admitted fan with a
queue token, an admin, and a client without a token. Each run starts a system of its own. Prints the numbers of requests
and failures, and fails if there is any failure.

Usage: cargo conformance [--examples N | --seconds N] [--seed N] [--only CALLER]

  --examples N   generated requests for each operation of each caller (default 10)
  --seconds N    generate requests for N seconds for each caller instead
  --seed N       the seed of the generated requests (default 20261120)
  --only CALLER  one of fan, inside, admin, nobody
  --help         print this text
";

/// A command line.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the tool.
    Run(Options),
    /// Print the help.
    Help,
}

/// How to run the tool.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// How many requests are generated for each caller.
    pub effort: Effort,
    /// The seed of the generated requests.
    pub seed: u64,
    /// The name of the only caller; all callers if `None`.
    pub only: Option<String>,
}

/// How many requests are generated, on top of the tool's fixed cases.
#[derive(Debug, PartialEq, Eq)]
pub enum Effort {
    /// This many for each operation: the same number on every machine.
    Examples(u32),
    /// As many as fit into this many seconds.
    Seconds(u32),
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// For an unknown option or a value that does not fit.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut options = Options { effort: Effort::Examples(10), seed: 20_261_120, only: None };
    let mut parser = Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("examples") => options.effort = Effort::Examples(parser.value()?.parse()?),
            Arg::Long("seconds") => options.effort = Effort::Seconds(parser.value()?.parse()?),
            Arg::Long("seed") => options.seed = parser.value()?.parse()?,
            Arg::Long("only") => options.only = Some(parser.value()?.parse()?),
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Run(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Command, String> {
        parse(arguments.iter().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn options_set_effort_seed_and_caller() {
        let options = Options { effort: Effort::Seconds(600), seed: 7, only: Some("admin".to_owned()) };
        assert_eq!(parsed(&["--seconds", "600", "--seed=7", "--only", "admin"]), Ok(Command::Run(options)));
        assert_eq!(parsed(&["--help"]), Ok(Command::Help));
        assert!(parsed(&["--seconds", "long"]).is_err() && parsed(&["--all"]).is_err());
    }
}
