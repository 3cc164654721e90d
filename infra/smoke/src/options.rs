//! The command line.

use client::BaseUrl;
use lexopt::{Arg, Parser, ValueExt};
use tools::command_line::Request;

/// What `--help` prints.
pub const HELP: &str = "\
Smoke test of a running deployment: two fans queue, hold, pay and are refunded, with a queue and a concert of the test's own.
Fans do not see the concert. The test cleans up; two accounts and the closed concert stay, since the API cannot delete
them. A run takes seconds, or a minute or two where the queue waits for a schedule.

Usage: cargo smoke URL --admin NAME [--expiry]

  URL            scheme and host of the API, such as ApiUrl in the outputs of the stack or http://127.0.0.1:9000;
                 anything but this machine needs https
  --admin NAME   an account with the role admin (cargo admin grant NAME). Its password comes from STAGEDOOR_PASSWORD, or
                 from standard input
  --expiry       also wait until a hold expires: five minutes more with default parameters
  --help         print this text

SSL_CERT_FILE names root certificates to trust in place of those of this machine.
";

/// What to test.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// The deployment.
    pub url: BaseUrl,
    /// The name of the administrator.
    pub admin: String,
    /// Whether to wait until a hold expires.
    pub expiry: bool,
}

/// Parses the command line.
///
/// # Errors
/// Without a URL or an administrator, for a URL that is none or that would send the password in the clear, and for an
/// unknown option.
pub fn parse(mut parser: Parser) -> Result<Request<Options>, lexopt::Error> {
    let (mut url, mut admin, mut expiry) = (None, None, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Value(text) if url.is_none() => url = Some(base_url(&text.string()?)?),
            Arg::Long("admin") => admin = Some(parser.value()?.string()?),
            Arg::Long("expiry") => expiry = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Help),
            other => return Err(other.unexpected()),
        }
    }
    let url = url.ok_or("say which deployment: cargo smoke URL --admin NAME")?;
    let admin = admin.filter(|name| !name.is_empty()).ok_or("say --admin NAME: an account with the role admin")?;
    Ok(Request::Run(Options { url, admin, expiry }))
}

fn base_url(text: &str) -> Result<BaseUrl, lexopt::Error> {
    let url: BaseUrl = text.parse()?;
    if !url.is_https() && !url.is_loopback() {
        return Err("use https://: over http:// others can read the password on its way".into());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request<Options>, String> {
        parse(Parser::from_args(line.split_whitespace())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_and_an_administrator_are_enough() {
        let run = |url: &str, expiry| {
            Ok(Request::Run(Options { url: url.parse().expect("a URL"), admin: "mina".to_owned(), expiry }))
        };
        assert_eq!(parsed("http://127.0.0.1:9000 --admin mina"), run("http://127.0.0.1:9000", false));
        assert_eq!(parsed("--expiry --admin=mina https://a.b/"), run("https://a.b", true));
        assert_eq!(parsed("--help"), Ok(Request::Help));
    }

    #[test]
    fn anything_else_is_an_error_in_words() {
        for (line, sentence) in [
            ("", "say which deployment: cargo smoke URL --admin NAME"),
            ("https://a.b", "say --admin NAME: an account with the role admin"),
            ("http://a.b --admin mina", "use https://: over http:// others can read the password on its way"),
            ("https://mina:secret@a.b", "a URL with a user name or password in it is not accepted"),
            ("a.b --admin mina", "\"a.b\" is no URL: it begins with neither https:// nor http://"),
            ("https://a.b https://a.b --admin mina", "unexpected argument \"https://a.b\""),
            ("https://a.b --password secret", "invalid option '--password'"),
        ] {
            assert_eq!(parsed(line), Err(sentence.to_owned()), "{line}");
        }
    }
}
