//! The command line.

use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};
use tools::{command_line::Request, workspace};

/// The directory of the data unless `--data` names another, in the workspace.
const DEFAULT_DIRECTORY: &str = ".stagedoor";

/// What `--help` prints.
pub const HELP: &str = "\
Runs the whole system on this machine until Ctrl-C.

Usage: cargo local [--port PORT] [--data DIR | --ephemeral] [--release] [--dynamodb-port PORT]
                   [--dynamodb-proxy PORT] [--gateway-errors PERCENT]
       cargo local logs REQUEST_ID [--port PORT] [--data DIR | --ephemeral]

  --port PORT            the API's port on 127.0.0.1 (default 9000)
  --data DIR             the directory of tables, secrets and logs (default .stagedoor/)
  --ephemeral            keep everything but logs in memory, until the end
  --release              build everything optimised, for measuring: the release profile without its link-time
                         optimisation
  --dynamodb-port PORT   DynamoDB's port on 127.0.0.1 (default a free port)
  --dynamodb-proxy PORT  the port at which functions look for DynamoDB: that of a proxy (default DynamoDB's port)
  --gateway-errors PERCENT
                         how many of a hundred requests get an error as API Gateway itself gives it: 429 or 503
                         without a problem document, CORS or Retry-After; of the 503, half ran (default 0)
  --help                 print this text

Prints `admin: NAME / PASSWORD` and, once every function answers, `ready http://127.0.0.1:PORT` on stdout;
everything else goes to stderr. To change a variable of the functions (HOLD_SECONDS, QUEUE_CAPACITY ...), set it in the
environment of this command.

logs prints what all functions logged of one request: its id is the header x-request-id of the answer.
";

/// How to run the stack.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// The gateway's port.
    pub port: u16,
    /// Where the data is kept.
    pub data: Data,
    /// Whether the functions and this program are optimised.
    pub release: bool,
    /// DynamoDB's port; 0 stands for a free one.
    pub dynamodb_port: u16,
    /// The port at which functions look for DynamoDB, if it is another: that of a proxy.
    pub dynamodb_proxy: Option<u16>,
    /// Of a hundred requests, how many get an error of the gateway's own.
    pub gateway_errors: u8,
    /// Instead of running the stack, print what was logged of the request with this id.
    pub logs_of: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 9000,
            data: Data::Default,
            release: false,
            dynamodb_port: 0,
            dynamodb_proxy: None,
            gateway_errors: 0,
            logs_of: None,
        }
    }
}

/// Where a stack keeps its data.
#[derive(Debug, PartialEq, Eq)]
pub enum Data {
    /// In the default directory of the workspace.
    Default,
    /// In this directory.
    Directory(PathBuf),
    /// In memory.
    Ephemeral,
}

impl Data {
    /// The directory of a stack whose gateway has this port. Of a stack in memory only logs stay there.
    pub fn directory(&self, port: u16) -> PathBuf {
        match self {
            Data::Default => workspace::root().join(DEFAULT_DIRECTORY),
            Data::Directory(directory) => directory.clone(),
            // The port tells the directories of several stacks apart.
            Data::Ephemeral => workspace::target_directory().join("stagedoor").join(port.to_string()),
        }
    }
}

/// Parses the command line.
///
/// # Errors
/// For an unknown option, a value that does not fit, or options that contradict each other.
pub fn parse(mut parser: Parser) -> Result<Request<Options>, lexopt::Error> {
    let (mut options, mut words) = (Options::default(), Vec::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Value(word) => words.push(word.string()?),
            Arg::Long("port") => options.port = parser.value()?.parse()?,
            Arg::Long("data") => {
                let directory = PathBuf::from(parser.value()?);
                set_data(&mut options, Data::Directory(directory))?;
            }
            Arg::Long("ephemeral") => set_data(&mut options, Data::Ephemeral)?,
            Arg::Long("release") => options.release = true,
            Arg::Long("dynamodb-port") => options.dynamodb_port = parser.value()?.parse()?,
            Arg::Long("dynamodb-proxy") => options.dynamodb_proxy = Some(parser.value()?.parse()?),
            Arg::Long("gateway-errors") => {
                options.gateway_errors = parser.value()?.parse()?;
                if options.gateway_errors > 100 {
                    return Err("--gateway-errors is a number from 0 to 100".into());
                }
            }
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Help),
            other => return Err(other.unexpected()),
        }
    }
    match &words[..] {
        [] => {}
        [logs, request] if logs == "logs" && !request.is_empty() => options.logs_of = Some(request.clone()),
        _ => return Err("besides options, it takes only `logs REQUEST_ID`".into()),
    }
    Ok(Request::Run(options))
}

fn set_data(options: &mut Options, data: Data) -> Result<(), lexopt::Error> {
    if options.data != Data::Default {
        return Err("give one of --data and --ephemeral, once".into());
    }
    options.data = data;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Request<Options>, String> {
        parse(Parser::from_args(arguments)).map_err(|error| error.to_string())
    }

    #[test]
    fn options_have_defaults_and_take_values() {
        assert_eq!(parsed(&[]), Ok(Request::Run(Options::default())));
        assert_eq!(
            parsed(&["--port", "9100", "--ephemeral", "--release"]),
            Ok(Request::Run(Options { port: 9100, data: Data::Ephemeral, release: true, ..Options::default() }))
        );
        assert_eq!(
            parsed(&["--data=here"]),
            Ok(Request::Run(Options { data: Data::Directory("here".into()), ..Options::default() }))
        );
        assert_eq!(
            parsed(&["--dynamodb-port", "8000", "--dynamodb-proxy", "8001"]),
            Ok(Request::Run(Options { dynamodb_port: 8000, dynamodb_proxy: Some(8001), ..Options::default() }))
        );
        assert_eq!(
            parsed(&["--gateway-errors", "20"]),
            Ok(Request::Run(Options { gateway_errors: 20, ..Options::default() }))
        );
        assert_eq!(
            parsed(&["logs", "id-1", "--data", "here"]),
            Ok(Request::Run(Options {
                logs_of: Some("id-1".to_owned()),
                data: Data::Directory("here".into()),
                ..Options::default()
            }))
        );
        assert_eq!(parsed(&["--help"]), Ok(Request::Help));
    }

    #[test]
    fn invalid_arguments_are_errors() {
        assert!(parsed(&["--gateway-errors", "101"]).is_err());
        for wrong in [&["logs"][..], &["logs", ""], &["logs", "a", "b"], &["log", "a"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
        for wrong in [&["--prot", "1"][..], &["--port", "x"], &["--port"], &["extra"], &["--ephemeral", "--data", "x"]]
        {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
