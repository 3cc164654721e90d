//! The command line, in one form for every command.
//!
//! A command has an `options.rs` with `HELP` and `parse`, and a `main` that passes both to [`run`]. `HELP` says what the
//! command does, then `Usage: cargo NAME [--option VALUE] ...`, then each option with its default.

use std::{error::Error, process::ExitCode};

use lexopt::{Arg, Parser};

/// The exit code for arguments that cannot be understood.
const BAD_ARGUMENTS: u8 = 2;

/// What a command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<Options> {
    /// Print the help.
    Help,
    /// Run the command.
    Run(Options),
}

/// Parses the arguments of this process and runs `command`, which is named as one types it (`cargo local`).
///
/// `--help` prints `help`. An argument that `parse` refuses is an error of one line and exit code 2, an error of `action`
/// one of exit code 1.
pub fn run<Options>(
    command: &str,
    help: &str,
    parse: impl FnOnce(Parser) -> Result<Request<Options>, lexopt::Error>,
    action: impl FnOnce(Options) -> Result<ExitCode, Box<dyn Error>>,
) -> ExitCode {
    match parse(Parser::from_env()) {
        Ok(Request::Run(options)) => action(options).unwrap_or_else(|error| {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }),
        Ok(Request::Help) => {
            print_help(help);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}; see {command} --help");
            ExitCode::from(BAD_ARGUMENTS)
        }
    }
}

#[expect(clippy::print_stdout, reason = "prints the help that was asked for")]
fn print_help(help: &str) {
    print!("{help}");
}

/// Parses the command line of a command whose only option is `--help`.
///
/// # Errors
/// For any other argument.
pub fn parse_no_options(mut parser: Parser) -> Result<Request<()>, lexopt::Error> {
    match parser.next()? {
        None => Ok(Request::Run(())),
        Some(Arg::Long("help") | Arg::Short('h')) => Ok(Request::Help),
        Some(other) => Err(other.unexpected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_without_options_knows_only_help() {
        let parsed = |arguments: &[&str]| parse_no_options(Parser::from_args(arguments)).map_err(|e| e.to_string());
        assert_eq!(parsed(&[]), Ok(Request::Run(())));
        assert_eq!((parsed(&["--help"]), parsed(&["-h"])), (Ok(Request::Help), Ok(Request::Help)));
        assert_eq!(parsed(&["--fast"]), Err("invalid option '--fast'".to_owned()));
        assert_eq!(parsed(&["fast"]), Err("unexpected argument \"fast\"".to_owned()));
    }
}
