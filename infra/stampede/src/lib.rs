//! `cargo stampede`: a whole on-sale of a million fans on one machine, by discrete events.
//!
//! The product's own domain code decides everything that is about places and promotion: counters, cuts, records and ranks
//! (`shared::domain::line`), the width that a queue wishes, ticks (`survey`, `promotion`), claims and polls (`queue`,
//! `polling`). What surrounds it is modelled:
//!
//! - *DynamoDB* (`table.rs`): an item is in the partition that its key hashes to; a partition takes 1,000 write and 3,000
//!   read units a second, with no more than one second saved up. A table starts with four partitions or what was warmed, and doubles
//!   after ten minutes in which it was throttled. It does not split a hot partition, and lends none of another's share.
//! - *Lambda* (`lambda.rs`): an environment serves one request at a time. A function gets 1,000 more of them in ten
//!   seconds, all of them together no more than the account's limit; a new one starts cold.
//! - *API Gateway* (`lambda.rs`): a bucket of a burst that fills at the rate.
//! - *SQS*: a message of the sequencer arrives each second, a few milliseconds late.
//! - *CPU*: what a login and a join take is part of the time that an environment is busy.
//!
//! Fans join in a curve, poll when they are asked to, try again after 429 and 503 with growing pauses, lose patience, and buy.
//! Not modelled: failures other than throttling, the draw, walk-ins, streams and timers (only their share of the bill).

mod bill;
mod fan;
mod lambda;
mod line;
mod options;
mod promoter;
mod report;
mod sale;
mod svg;
mod table;

pub use options::{HELP, Options, parse};
pub use report::{Figures, figures, print};
pub use sale::{Sale, run};
pub use svg::draw;

/// Microseconds since the run began.
pub type Micros = u64;

/// A second.
pub const SECOND: Micros = 1_000_000;
/// A millisecond.
pub const MILLI: Micros = 1_000;
