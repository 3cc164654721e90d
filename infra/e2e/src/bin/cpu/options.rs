//! The command line.

use e2e::cpu::{Build, Plan};
use lexopt::{Arg, Parser, ValueExt};
use tools::command_line::Request;

/// What `--help` prints.
pub const HELP: &str = "\
Measures the CPU time of requests on a running `cargo local`, as the kernel counts it for each process. Prints for each
step of a purchase what its function takes, what other functions, and what the gateway, the tables and the message queues
of this machine. Beside them stands an empty handler: what every request takes in the runtime.

Usage: cargo cpu [--dev] [--requests COUNT]

  --dev             measure the dev build instead of optimised functions
  --requests COUNT  how many requests each step is measured with (default 200)
  --help            print this text

The first run builds the functions, which takes minutes. Nothing else should run on the machine.
";

/// Parses the command line.
///
/// # Errors
/// For an unknown option, and for a count that is not from 1 to 10,000.
pub fn parse(mut parser: Parser) -> Result<Request<Plan>, lexopt::Error> {
    let mut plan = Plan { build: Build::Release, requests: 200 };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("dev") => plan.build = Build::Dev,
            Arg::Long("requests") => {
                plan.requests = parser.value()?.parse()?;
                if !(1..=10_000).contains(&plan.requests) {
                    return Err("--requests takes 1 to 10000".into());
                }
            }
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Request::Run(plan))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Request<Plan>, String> {
        parse(Parser::from_args(arguments)).map_err(|error| error.to_string())
    }

    #[test]
    fn options_choose_the_build_and_the_number_of_requests() {
        assert_eq!(parsed(&[]), Ok(Request::Run(Plan { build: Build::Release, requests: 200 })));
        let few = Plan { build: Build::Dev, requests: 7 };
        assert_eq!(parsed(&["--dev", "--requests=7"]), Ok(Request::Run(few)));
        assert_eq!(parsed(&["-h"]), Ok(Request::Help));
    }

    #[test]
    fn invalid_arguments_are_errors() {
        for wrong in [&["--requests", "0"][..], &["--requests", "10001"], &["--requests"], &["--release"], &["x"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
