//! The command line.

use std::ffi::OsString;

use lexopt::{Arg, Parser, ValueExt};

/// What `--help` prints.
pub const USAGE: &str = "\
Runs schemathesis against the whole system, as a fan with an access token, as a fan who was let in, as an admin and as
nobody; each has a system of its own. Prints what was sent and found, and fails if anything was found.

Usage: cargo conformance [--examples N | --seconds N] [--seed N] [--only CALLER]

  --examples N   generated requests for each operation of each caller (default 10)
  --seconds N    generate for so long instead
  --seed N       what the requests are generated from (default 20261120)
  --only CALLER  one of fan, inside, admin, nobody
  --help         this text
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the tool.
    Run(Options),
    /// Explain the options.
    Help,
}

/// How to run the tool.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// How much is generated for each caller.
    pub effort: Effort,
    /// What the requests are generated from.
    pub seed: u64,
    /// The only caller, by name.
    pub only: Option<String>,
}

/// How much is generated. The tool's fixed cases come on top.
#[derive(Debug, PartialEq, Eq)]
pub enum Effort {
    /// So many requests for each operation: the same on a slow machine as on a fast one.
    Examples(u32),
    /// As many as fit into so many seconds.
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
    fn a_longer_run_with_another_seed() {
        let options = Options { effort: Effort::Seconds(600), seed: 7, only: Some("admin".to_owned()) };
        assert_eq!(parsed(&["--seconds", "600", "--seed=7", "--only", "admin"]), Ok(Command::Run(options)));
        assert_eq!(parsed(&["--help"]), Ok(Command::Help));
        assert!(parsed(&["--seconds", "long"]).is_err() && parsed(&["--all"]).is_err());
    }
}
