//! The command line.

use std::path::PathBuf;

use client::BaseUrl;
use lexopt::{Arg, Parser, ValueExt};
use tools::command_line::Request;

/// What `--help` prints.
pub const HELP: &str = "\
Sends a crowd of simulated fans to a deployment: they join a queue, poll as the contract asks, give up or are admitted, hold
seats, pay or change their mind. Then it checks from outside that seats, money and order are right, and writes a report.
It creates a queue, a concert and accounts of its own; the concert is taken off sale at the end.

Usage: cargo crowd URL --admin NAME [OPTION]...

  URL                scheme and host of the API, such as http://127.0.0.1:9000
  --admin NAME       an account with the role admin; its password comes from STAGEDOOR_PASSWORD, or from standard input
  --fans N           how many fans come (default 200)
  --rate R           how many come in a second, at random moments, whatever the answers (default 20)
  --at-once N        instead: N fans at any time, each of whom begins when another one is done
  --seats N          seats of the concert, 1 to 10,000 (default 100)
  --capacity N       how many fans are inside at once (default 50)
  --give-up PERCENT  of the fans who wait, how many lose patience (default 10)
  --report FILE      where the report goes, a page of HTML (default target/crowd.html)
  --yes-this-is-mine the deployment is yours: needed for any other host than this machine
  --help             print this text

Latency counts from the moment when a fan meant to send a request, so a slow answer also shows in those that had to wait for
it. Sign-up and login are not measured.

All these fans have your address. Raise JoinsPerAddress above 60 times the rate, or fans who come later are sent home (429);
SignUpsPerAddress and LoginsPerAddress only slow the preparation down (infra/docs/operating.md).
";

/// When fans come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrival {
    /// This many in a second, at random moments, whether or not the deployment keeps up.
    Open(f64),
    /// This many at any time.
    Closed(usize),
}

/// The crowd.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The deployment.
    pub url: BaseUrl,
    /// The name of the administrator.
    pub admin: String,
    /// How many fans come.
    pub fans: usize,
    /// When they come.
    pub arrival: Arrival,
    /// Seats of the concert.
    pub seats: u32,
    /// Fans inside at once.
    pub capacity: u64,
    /// The share of waiting fans who give up, from 0 to 1.
    pub give_up: f64,
    /// Where the report goes.
    pub report: PathBuf,
}

/// Parses the command line.
///
/// # Errors
/// Without a URL or an administrator, for a deployment that may be somebody else's, for numbers out of range and unknown
/// options.
pub fn parse(mut parser: Parser) -> Result<Request<Options>, lexopt::Error> {
    let (mut url, mut admin, mut mine): (Option<BaseUrl>, _, _) = (None, None, false);
    let (mut fans, mut rate, mut at_once, mut seats, mut capacity, mut give_up) = (200, None, None, 100, 50, 10);
    let mut report = tools::workspace::target_directory().join("crowd.html");
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Value(text) if url.is_none() => url = Some(text.string()?.parse()?),
            Arg::Long("admin") => admin = Some(parser.value()?.string()?),
            Arg::Long("fans") => fans = parser.value()?.parse()?,
            Arg::Long("rate") => rate = Some(parser.value()?.parse()?),
            Arg::Long("at-once") => at_once = Some(parser.value()?.parse()?),
            Arg::Long("seats") => seats = parser.value()?.parse()?,
            Arg::Long("capacity") => capacity = parser.value()?.parse()?,
            Arg::Long("give-up") => give_up = parser.value()?.parse()?,
            Arg::Long("report") => report = parser.value()?.into(),
            Arg::Long("yes-this-is-mine") => mine = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Help),
            other => return Err(other.unexpected()),
        }
    }
    let url = url.ok_or("say which deployment: cargo crowd URL --admin NAME")?;
    let admin = admin.ok_or("say --admin NAME: an account with the role admin")?;
    if !url.is_loopback() && !mine {
        return Err(format!("{} is not this machine: add --yes-this-is-mine if it is yours", url.host()).into());
    }
    if !url.is_loopback() && !url.is_https() {
        return Err("use https://: over http:// others can read the password on its way".into());
    }
    let arrival = match (rate, at_once) {
        (Some(_), Some(_)) => return Err("give one of --rate and --at-once".into()),
        (_, Some(fans)) => Arrival::Closed(within("--at-once", fans, 1, 100_000)?),
        (rate, None) => Arrival::Open(within("--rate", rate.unwrap_or(20.0), 0.01, 100_000.0)?),
    };
    Ok(Request::Run(Options {
        url,
        admin,
        fans: within("--fans", fans, 1, 1_000_000)?,
        arrival,
        seats: within("--seats", seats, 1, 10_000)?,
        capacity: within("--capacity", capacity, 1, 1_000_000)?,
        give_up: f64::from(within("--give-up", give_up, 0, 100)?) / 100.0,
        report,
    }))
}

fn within<T: PartialOrd + Copy + std::fmt::Display>(
    option: &str,
    value: T,
    least: T,
    most: T,
) -> Result<T, lexopt::Error> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{option} is a number from {least} to {most}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request<Options>, String> {
        parse(Parser::from_args(line.split_whitespace())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_and_an_administrator_are_enough() {
        let Ok(Request::Run(options)) = parsed("http://127.0.0.1:9000 --admin mina") else { panic!("not parsed") };
        assert_eq!((options.fans, options.arrival, options.seats), (200, Arrival::Open(20.0), 100));
        let Ok(Request::Run(options)) = parsed("https://a.b --admin mina --yes-this-is-mine --at-once 9 --give-up 25")
        else {
            panic!("not parsed")
        };
        assert_eq!((options.arrival, options.give_up), (Arrival::Closed(9), 0.25));
    }

    #[test]
    fn anything_else_is_an_error_in_words() {
        for (line, sentence) in [
            ("", "say which deployment: cargo crowd URL --admin NAME"),
            ("http://127.0.0.1:9000", "say --admin NAME: an account with the role admin"),
            ("https://a.b --admin m", "a.b is not this machine: add --yes-this-is-mine if it is yours"),
            (
                "http://a.b --admin m --yes-this-is-mine",
                "use https://: over http:// others can read the password on its way",
            ),
            ("http://localhost --admin m --rate 1 --at-once 1", "give one of --rate and --at-once"),
            ("http://localhost --admin m --seats 0", "--seats is a number from 1 to 10000"),
            ("http://localhost --admin m --give-up 101", "--give-up is a number from 0 to 100"),
            ("http://localhost --admin m --rate NaN", "--rate is a number from 0.01 to 100000"),
        ] {
            assert_eq!(parsed(line), Err(sentence.to_owned()), "{line}");
        }
    }
}
