//! The command line.

use lexopt::{Arg, Parser};
use tools::command_line::Request;

/// What `--help` prints.
pub const HELP: &str = "\
Builds what the template deploys: one program with all functions, in target/lambda/bootstrap. Prints its size, and that of
the archive that Lambda gets, next to its goal. Some minutes the first time; cargo resumes what was interrupted.

Usage: cargo pack [--x86_64] [--record]

  --x86_64  build for x86_64 instead of arm64; deploy with Architecture=x86_64 then
  --record  keep the sizes in infra/pack/sizes.txt, which a change of them is reviewed by
  --help    print this text
";

/// The processor to build for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Architecture {
    /// Graviton: cheaper on Lambda.
    #[default]
    Arm64,
    /// Intel and AMD.
    X86_64,
}

impl Architecture {
    /// Rust's name of the target.
    pub fn target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }
}

/// What to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// The processor.
    pub architecture: Architecture,
    /// Whether to keep the sizes in the repository.
    pub record: bool,
}

/// Parses the command line.
///
/// # Errors
/// For anything but the options above.
pub fn parse(mut parser: Parser) -> Result<Request<Options>, lexopt::Error> {
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("x86_64") => options.architecture = Architecture::X86_64,
            Arg::Long("record") => options.record = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Request::Run(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arm64_is_built_unless_asked_otherwise() {
        let parsed = |arguments: &[&str]| parse(Parser::from_args(arguments)).map_err(|error| error.to_string());
        let run = |architecture, record| Ok(Request::Run(Options { architecture, record }));
        assert_eq!(parsed(&[]), run(Architecture::Arm64, false));
        assert_eq!(parsed(&["--x86_64", "--record"]), run(Architecture::X86_64, true));
        assert_eq!(parsed(&["-h"]), Ok(Request::Help));
        assert_eq!(parsed(&["--riscv"]), Err("invalid option '--riscv'".to_owned()));
        assert_eq!(parsed(&["arm64"]), Err("unexpected argument \"arm64\"".to_owned()));
    }
}
