//! What a bill counts, and the prices.

use std::fmt;

/// What acts use, those of the functions behind them included.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Write request units, those of refused writes included.
    pub write_units: f64,
    /// Read request units.
    pub read_units: f64,
    /// Requests to DynamoDB.
    pub dynamodb_requests: f64,
    /// Requests to SQS: what is sent, and one to receive and one to delete each batch that a function handles.
    pub sqs_requests: f64,
}

/// What DynamoDB and SQS cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    /// USD for a million write request units.
    pub writes: f64,
    /// USD for a million read request units.
    pub reads: f64,
    /// USD for a million requests to SQS.
    pub sqs_requests: f64,
}

impl Default for Prices {
    /// The on-demand prices of us-east-1.
    fn default() -> Self {
        Prices { writes: 0.625, reads: 0.125, sqs_requests: 0.40 }
    }
}

impl Usage {
    pub(super) const fn new(write_units: f64, read_units: f64, dynamodb_requests: f64, sqs_requests: f64) -> Self {
        Usage { write_units, read_units, dynamodb_requests, sqs_requests }
    }

    /// The figures in the order of a table.
    pub(super) fn figures(self) -> [f64; 4] {
        [self.write_units, self.read_units, self.dynamodb_requests, self.sqs_requests]
    }

    /// What each of `count` acts used, where this was used with them and `without` without them, to a hundredth.
    pub(super) fn of_each(self, without: Usage, count: usize) -> Self {
        let each = |with: f64, without: f64| ((with - without) / count as f64 * 100.0).round() / 100.0;
        Usage::new(
            each(self.write_units, without.write_units),
            each(self.read_units, without.read_units),
            each(self.dynamodb_requests, without.dynamodb_requests),
            each(self.sqs_requests, without.sqs_requests),
        )
    }

    /// What a million times this costs, in USD.
    pub fn usd_per_million(self, prices: &Prices) -> f64 {
        self.write_units * prices.writes + self.read_units * prices.reads + self.sqs_requests * prices.sqs_requests
    }
}

impl fmt::Display for Prices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Prices { writes, reads, sqs_requests } = self;
        write!(
            f,
            "USD a million: write units {writes}, read units {reads}, requests to SQS {sqs_requests}; without Lambda, \
             API Gateway and storage."
        )
    }
}
