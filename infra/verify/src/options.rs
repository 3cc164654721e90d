//! The command line.

/// The text of `--help`.
pub const HELP: &str = "\
Runs every check that must pass before a change is merged, and stops at the first failure.

Usage: cargo verify [--fast] [--with-deny] [--advisories]

  --fast        leave out the conformance and end-to-end tests
  --with-deny   fail if cargo-deny is not installed (implied by CI=true), instead of skipping its checks
  --advisories  also check the dependencies against the RustSec database, which cargo-deny fetches from GitHub
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

/// A command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Print the help.
    Help,
    /// Run the steps.
    Run(Options),
}

impl Request {
    /// Reads the arguments after the program's name. An error names the unknown argument.
    pub fn parse(arguments: impl IntoIterator<Item = String>, in_ci: bool) -> Result<Self, String> {
        let mut options = Options { with_deny: in_ci, in_ci, ..Options::default() };
        for argument in arguments {
            match argument.as_str() {
                "--fast" => options.fast = true,
                "--with-deny" => options.with_deny = true,
                "--advisories" => options.advisories = true,
                "--help" | "-h" => return Ok(Self::Help),
                _ => return Err(format!("unknown argument {argument}")),
            }
        }
        Ok(Self::Run(options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str], in_ci: bool) -> Result<Request, String> {
        Request::parse(arguments.iter().map(ToString::to_string), in_ci)
    }

    #[test]
    fn ci_requires_cargo_deny() {
        let Ok(Request::Run(options)) = parse(&["--fast"], true) else {
            panic!("valid arguments are refused");
        };
        assert!(options.with_deny && options.fast && options.in_ci && !options.advisories);
        assert_eq!(parse(&[], false), Ok(Request::Run(Options::default())));
    }

    #[test]
    fn an_unknown_argument_is_refused_and_help_is_a_request() {
        assert_eq!(parse(&["--slow"], false), Err("unknown argument --slow".to_owned()));
        assert_eq!(parse(&["--fast", "--help"], false), Ok(Request::Help));
    }
}
