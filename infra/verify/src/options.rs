//! The command line.

use lexopt::{Arg, Parser};
use tools::command_line::Request;

/// What `--help` prints.
pub const HELP: &str = "\
Runs every check that must pass before a change is merged, and stops at the first failure.

Usage: cargo verify [--fast] [--with-deny] [--advisories]

  --fast        leave out the deployment, the conformance and the end-to-end tests (default off)
  --with-deny   fail if cargo-deny is not installed, instead of skipping its checks (default off, with CI=true on)
  --advisories  also check the dependencies against the RustSec database, which cargo-deny fetches from GitHub
                (default off)
  --help        print this text
";

/// What to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Leave out the tests that run the whole system.
    pub fast: bool,
    /// Fail if cargo-deny is not installed, instead of skipping its checks.
    pub with_deny: bool,
    /// Also check the dependencies against the RustSec database.
    pub advisories: bool,
    /// The run is in CI, where an outdated lock file is an error.
    pub in_ci: bool,
}

/// Parses the command line.
///
/// # Errors
/// For an unknown option.
pub fn parse(mut parser: Parser, in_ci: bool) -> Result<Request<Options>, lexopt::Error> {
    let mut options = Options { with_deny: in_ci, in_ci, ..Options::default() };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("fast") => options.fast = true,
            Arg::Long("with-deny") => options.with_deny = true,
            Arg::Long("advisories") => options.advisories = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Request::Run(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str], in_ci: bool) -> Result<Request<Options>, String> {
        parse(Parser::from_args(arguments), in_ci).map_err(|error| error.to_string())
    }

    #[test]
    fn ci_requires_cargo_deny() {
        let Ok(Request::Run(options)) = parsed(&["--fast"], true) else {
            panic!("valid arguments are refused");
        };
        assert!(options.with_deny && options.fast && options.in_ci && !options.advisories);
        assert_eq!(parsed(&[], false), Ok(Request::Run(Options::default())));
    }

    #[test]
    fn an_unknown_option_is_refused_and_help_is_a_request() {
        assert_eq!(parsed(&["--slow"], false), Err("invalid option '--slow'".to_owned()));
        assert_eq!(parsed(&["--fast", "--help"], false), Ok(Request::Help));
    }
}
