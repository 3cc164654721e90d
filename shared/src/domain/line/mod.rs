//! The line of a queue at any size: join counters in shards, intervals that are cut and sealed, places that are ranked, and
//! the draw. Plain transition functions: the store writes what they say, and models run them as they are.
//!
//! A queue has `width` join counters. A join draws the next number of one of them; its [`LineTicket`] is (interval, shard,
//! number). The sequencer *cuts* the shards of an interval one after another, shard 0 first, and *seals* the interval with
//! an [`Interval`] record once each shard was cut. A place is computed from ticket and record: base + rank. While the queue
//! is *calm*, its interval has one shard whose offset is known, so a join knows its place at once.

mod counter;
mod draw;
mod interval;
mod lot;
mod sequencer;
mod width;

pub use counter::{Before, Counter, Lead};
pub use draw::{DRAW_RULE, Secret, Seed};
pub use interval::{Counts, Interval, InvalidCounts, LineTicket};
pub use lot::{Burial, Lot, Void};
pub use sequencer::{Line, Sealing, ShardStep, Step, next_step, shard_step};
pub use width::{DRAW_WIDTH, Expected, MAX_WIDTH, Traffic, draw_width, expected_at, width_for, wished_width};
