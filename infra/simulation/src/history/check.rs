//! The history checker: whether a sequential model of seats, accounts and the queue explains every answer.
//!
//! The tables give the order of all writes. Each answer must fit into that order at some moment between the request and
//! the answer. A granted request took effect once; a request without an answer took effect once or not at all.

use super::{History, money, queue, seats};
use crate::invariants::Oracle;

/// How old a shown state may be, in milliseconds: one second in a function's cache, two more by a stale read.
const STALE_MS: u64 = 3_000;
/// The same in runs where functions thaw with old clocks.
const STALE_WHEN_OLD_MS: u64 = 65_000;

/// Returns a line for each answer that the order of the writes does not explain.
pub fn unexplained_answers(history: &History, end: &Oracle, old_clocks: bool) -> Vec<String> {
    let stale_ms = if old_clocks { STALE_WHEN_OLD_MS } else { STALE_MS };
    let mut wrong = Vec::new();
    seats::check(history, end, stale_ms, &mut wrong);
    money::check(history, end, &mut wrong);
    queue::check(history, stale_ms, &mut wrong);
    wrong
}
