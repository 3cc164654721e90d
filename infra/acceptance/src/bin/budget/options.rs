//! The command line.

use acceptance::budget::Prices;
use lexopt::{Arg, Parser, ValueExt};
use tools::command_line::Request;

/// What `--help` prints.
pub const HELP: &str = "\
Measures what each step of a purchase costs in write units, read units and round trips, and what an act costs with all
that comes behind it: units, requests, and USD for a million of it. Prints each beside its budget, and fails if one is
exceeded. The bill leaves out Lambda, API Gateway, storage, the idle polls of message queues, and what consumers of the
events do.

Usage: cargo budget [--write-price USD] [--read-price USD] [--sqs-price USD]

  --write-price USD  the price of a million write request units of DynamoDB (default 0.625)
  --read-price USD   the price of a million read request units of DynamoDB (default 0.125)
  --sqs-price USD    the price of a million requests to SQS (default 0.40)
  --help             print this text

The defaults are the on-demand prices of us-east-1.
";

/// Parses the command line.
///
/// # Errors
/// For an unknown option, and for a price that is not a number from 0 on.
pub fn parse(mut parser: Parser) -> Result<Request<Prices>, lexopt::Error> {
    let mut prices = Prices::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("write-price") => prices.writes = price(&mut parser)?,
            Arg::Long("read-price") => prices.reads = price(&mut parser)?,
            Arg::Long("sqs-price") => prices.sqs_requests = price(&mut parser)?,
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Request::Run(prices))
}

fn price(parser: &mut Parser) -> Result<f64, lexopt::Error> {
    let price: f64 = parser.value()?.parse()?;
    if price.is_finite() && price >= 0.0 { Ok(price) } else { Err(format!("{price} is not a price").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Request<Prices>, String> {
        parse(Parser::from_args(arguments)).map_err(|error| error.to_string())
    }

    #[test]
    fn options_set_prices() {
        assert_eq!(parsed(&[]), Ok(Request::Run(Prices { writes: 0.625, reads: 0.125, sqs_requests: 0.4 })));
        let prices = Prices { writes: 1.25, reads: 0.25, sqs_requests: 0.0 };
        let arguments = ["--write-price", "1.25", "--read-price=0.25", "--sqs-price", "0"];
        assert_eq!(parsed(&arguments), Ok(Request::Run(prices)));
        assert_eq!(parsed(&["--help"]), Ok(Request::Help));
    }

    #[test]
    fn invalid_arguments_are_errors() {
        assert_eq!(parsed(&["--sqs-price=-1"]), Err("-1 is not a price".to_owned()));
        for wrong in [&["--read-price", "free"][..], &["--read-price"], &["--read-price", "inf"], &["--price", "1"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
