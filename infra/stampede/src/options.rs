//! The command line.

use lexopt::{Arg, Parser, ValueExt};
use std::path::PathBuf;
use tools::command_line::Request;

/// What `--help` prints.
pub const HELP: &str = "\
Runs a whole on-sale on this machine, by discrete events: fans who join, wait, poll and buy, over models of DynamoDB, Lambda
and API Gateway. Prints what the fans met, what was used, and the bill.

Usage: cargo stampede [OPTION]...

  --fans N            how many fans come (default 1000000)
  --seconds N         within how many seconds they come, most of them early (default 60)
  --even              they come evenly instead
  --seats N           seats for sale (default 50000)
  --capacity N        fans inside at once (default 5000)
  --admit-per-minute N  the queue's rate (default: as many as fit)
  --opens-after N     the queue opens this many seconds after the first fan (default 0)
  --single-counter    one join counter, as before wide lines
  --no-forecast       the operator did not say how many joins to expect
  --warm N            write units a second that each table is warmed for (default 4 x fans / seconds)
  --gateway N         requests a second of the gateway (default 10000)
  --burst N           its burst (default 5000)
  --environments N    the account's limit of Lambda (default 10000)
  --provisioned N     environments that each function has from the start (default 0)
  --logged-in PERCENT fans who have a token already (default 90)
  --give-up PERCENT   fans who lose patience within half an hour (default 10)
  --seed N            another run (default 1)
  --svg FILE          draws the sale
  --help              print this text
";

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// How many fans come.
    pub fans: u32,
    /// Within how many seconds.
    pub seconds: u32,
    /// Whether they come evenly.
    pub even: bool,
    /// Seats for sale.
    pub seats: u32,
    /// Fans inside at once.
    pub capacity: u64,
    /// How many fans are admitted in a minute at most.
    pub admit_per_minute: Option<u32>,
    /// The queue opens this many seconds after the first fan may come.
    pub opens_after: u32,
    /// One join counter only.
    pub single_counter: bool,
    /// Whether the operator said how many joins to expect.
    pub forecast: bool,
    /// Write units a second that each table is warmed for.
    pub warm: Option<u32>,
    /// Requests a second of the gateway.
    pub gateway: f64,
    /// Its burst.
    pub burst: f64,
    /// The account's limit of environments.
    pub environments: usize,
    /// Environments that each function has from the start.
    pub provisioned: usize,
    /// The share of fans who have a token already.
    pub logged_in: f64,
    /// The share of fans who lose patience.
    pub give_up: f64,
    /// Chooses the run.
    pub seed: u64,
    /// Where the picture goes.
    pub svg: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            fans: 1_000_000,
            seconds: 60,
            even: false,
            seats: 50_000,
            capacity: 5_000,
            admit_per_minute: None,
            opens_after: 0,
            single_counter: false,
            forecast: true,
            warm: None,
            gateway: 10_000.0,
            burst: 5_000.0,
            environments: 10_000,
            provisioned: 0,
            logged_in: 0.9,
            give_up: 0.1,
            seed: 1,
            svg: None,
        }
    }
}

impl Options {
    /// Joins a second, on average.
    pub fn joins_per_second(&self) -> u32 {
        self.fans / self.seconds.max(1)
    }

    /// The write units a second that each table starts with.
    pub fn warmed(&self) -> u32 {
        self.warm.unwrap_or(4 * self.joins_per_second())
    }
}

/// Reads the command line.
///
/// # Errors
/// What is wrong with it.
pub fn parse(mut parser: Parser) -> Result<Request<Options>, lexopt::Error> {
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("fans") => options.fans = parser.value()?.parse_with(at_least_one)?,
            Arg::Long("seconds") => options.seconds = parser.value()?.parse_with(at_least_one)?,
            Arg::Long("even") => options.even = true,
            Arg::Long("seats") => options.seats = parser.value()?.parse()?,
            Arg::Long("capacity") => options.capacity = parser.value()?.parse()?,
            Arg::Long("admit-per-minute") => options.admit_per_minute = Some(parser.value()?.parse_with(at_least_one)?),
            Arg::Long("opens-after") => options.opens_after = parser.value()?.parse()?,
            Arg::Long("single-counter") => options.single_counter = true,
            Arg::Long("no-forecast") => options.forecast = false,
            Arg::Long("warm") => options.warm = Some(parser.value()?.parse_with(at_least_one)?),
            Arg::Long("gateway") => options.gateway = parser.value()?.parse_with(at_least_one)?.into(),
            Arg::Long("burst") => options.burst = parser.value()?.parse_with(at_least_one)?.into(),
            Arg::Long("environments") => options.environments = parser.value()?.parse_with(at_least_one)? as usize,
            Arg::Long("provisioned") => options.provisioned = parser.value()?.parse_with(at_least_one)? as usize,
            Arg::Long("logged-in") => options.logged_in = parser.value()?.parse_with(percent)?,
            Arg::Long("give-up") => options.give_up = parser.value()?.parse_with(percent)?,
            Arg::Long("seed") => options.seed = parser.value()?.parse()?,
            Arg::Long("svg") => options.svg = Some(parser.value()?.into()),
            Arg::Long("help") => return Ok(Request::Help),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(Request::Run(options))
}

fn at_least_one(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|number| (1..=10_000_000).contains(number)).ok_or("must be 1 to 10,000,000".to_owned())
}

fn percent(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|number| (0.0..=100.0).contains(number))
        .map(|number| number / 100.0)
        .ok_or("must be 0 to 100".to_owned())
}
