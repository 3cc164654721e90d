//! Whether a simple sequential model of seats, accounts and the line explains what fans saw.
//!
//! The tables say in which order everything was done; a fan's answer must fit into that order somewhere between the
//! request and the answer. What was answered happened, once; what was not may have happened, once.

use super::{History, money, queue, seats};
use crate::invariants::Oracle;

/// How old what a fan is shown may be, in milliseconds: a second in a function's memory, two in a replica.
const STALE_MS: u64 = 3_000;
/// The same where functions thaw with old clocks.
const STALE_WHEN_OLD_MS: u64 = 65_000;

/// Everything that no order of events explains.
pub fn check(history: &History, end: &Oracle, old_clocks: bool) -> Vec<String> {
    let stale_ms = if old_clocks { STALE_WHEN_OLD_MS } else { STALE_MS };
    let mut wrong = Vec::new();
    seats::check(history, end, stale_ms, &mut wrong);
    money::check(history, end, &mut wrong);
    queue::check(history, stale_ms, &mut wrong);
    wrong
}
