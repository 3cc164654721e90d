//! The command line.

use lexopt::{Arg, Parser, ValueExt};
use tools::command_line::Request;

use crate::caller::Caller;

/// What `--help` prints.
pub const HELP: &str = "\
Runs schemathesis against the whole system as four kinds of caller: a fan with an access token, an admitted fan with a
queue token, an admin, and a client without a token. Each run starts a system of its own. Prints the numbers of requests
and failures, and fails if there is any failure.

Usage: cargo conformance [--examples N | --seconds N] [--seed N] [--only CALLER]

  --examples N   generated requests for each operation of each caller (default 10)
  --seconds N    generate requests for N seconds for each caller instead
  --seed N       the seed of the generated requests (default 20261120)
  --only CALLER  one of fan, inside, admin, nobody (default all, two at a time)
  --help         print this text
";

/// How to run the tool.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// How many requests are generated for each caller.
    pub effort: Effort,
    /// The seed of the generated requests.
    pub seed: u64,
    /// The only caller; all callers if `None`.
    pub only: Option<Caller>,
}

/// How many requests are generated, on top of the tool's fixed cases.
#[derive(Debug, PartialEq, Eq)]
pub enum Effort {
    /// This many for each operation: the same number on every machine.
    Examples(u32),
    /// As many as fit into this many seconds.
    Seconds(u32),
}

/// Parses the command line.
///
/// # Errors
/// For an unknown option or caller, and for a value that does not fit.
pub fn parse(mut parser: Parser) -> Result<Request<Options>, lexopt::Error> {
    let mut options = Options { effort: Effort::Examples(10), seed: 20_261_120, only: None };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("examples") => options.effort = Effort::Examples(parser.value()?.parse()?),
            Arg::Long("seconds") => options.effort = Effort::Seconds(parser.value()?.parse()?),
            Arg::Long("seed") => options.seed = parser.value()?.parse()?,
            Arg::Long("only") => {
                let name = parser.value()?.string()?;
                let found = Caller::ALL.into_iter().find(|caller| caller.name() == name);
                options.only = Some(found.ok_or_else(|| format!("unknown caller '{name}'"))?);
            }
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Request::Run(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Request<Options>, String> {
        parse(Parser::from_args(arguments)).map_err(|error| error.to_string())
    }

    #[test]
    fn options_set_effort_seed_and_caller() {
        let options = Options { effort: Effort::Seconds(600), seed: 7, only: Some(Caller::Admin) };
        assert_eq!(parsed(&["--seconds", "600", "--seed=7", "--only", "admin"]), Ok(Request::Run(options)));
        assert_eq!(parsed(&["--help"]), Ok(Request::Help));
        assert!(parsed(&["--seconds", "long"]).is_err() && parsed(&["--all"]).is_err());
        assert_eq!(parsed(&["--only", "me"]), Err("unknown caller 'me'".to_owned()));
    }
}
