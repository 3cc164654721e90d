//! Whether the line was kept as fans saw it.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{Call, End, Op, millis, short};

/// How old the state may be that a waiting fan is answered from, in milliseconds: a second in a function's memory, and
/// the time that one attempt to read it may take.
const STATE_AGE_MS: u64 = 2_000;

/// What one answer told of a turn.
struct Told<'a> {
    call: &'a Call,
    place: u64,
    active: bool,
    /// When the wait or the session is to end.
    until_ms: u64,
}

/// A turn as its fan saw it.
#[derive(Default)]
struct Turn<'a> {
    told: Vec<Told<'a>>,
    /// When something was first asked for that may end it.
    ended_ms: Option<u64>,
}

/// The place in a queue token.
pub fn place(token: &str) -> Option<u64> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Value>(&claims).ok()?["place"].as_u64()
}

/// Checks order, number and length of the turns.
pub fn check(calls: &[Call], end: &End, wrong: &mut Vec<String>) {
    let told: Vec<Told<'_>> = calls.iter().filter_map(told).collect();
    check_order(&told, wrong);
    let mut turns: BTreeMap<u64, Turn<'_>> = BTreeMap::new();
    for told in told {
        turns.entry(told.place).or_default().told.push(told);
    }
    for call in calls.iter().filter(|call| matches!(call.op, Op::Pay(_) | Op::Leave)) {
        if let Some(turn) = call.place.and_then(|place| turns.get_mut(&place)) {
            let ended = turn.ended_ms.unwrap_or(u64::MAX);
            turn.ended_ms = Some(ended.min(call.start_ms));
        }
    }
    check_capacity(&turns, end.capacity, wrong);
    turns.values().for_each(|turn| turn.check_own(wrong));
    check_latest(&turns, wrong);
    for call in calls.iter().filter(|call| call.refusal() == "session_over") {
        if let Some(turn) = call.place.and_then(|place| turns.get(&place)) {
            turn.check_over(call, end.claim_window_ms, wrong);
        }
    }
}

fn told(call: &Call) -> Option<Told<'_>> {
    let reply = call.granted().filter(|_| matches!(call.op, Op::Join | Op::Poll))?;
    let (active, until_ms) = (reply.text("status") == "ACTIVE", millis(&reply.body, "expiresAt"));
    Some(Told { call, place: place(reply.text("token"))?, active, until_ms })
}

/// Nobody waits behind somebody who came later and is in.
fn check_order(told: &[Told<'_>], wrong: &mut Vec<String>) {
    let mut active: Vec<(u64, u64)> =
        told.iter().filter(|one| one.active).map(|one| (one.call.end_ms, one.place)).collect();
    active.sort_unstable();
    // The last place that was known to be in by then.
    let mut last = 0;
    for (_, place) in &mut active {
        last = last.max(*place);
        *place = last;
    }
    for waits in told.iter().filter(|one| !one.active) {
        let before = active.partition_point(|(end, _)| end + STATE_AGE_MS < waits.call.start_ms);
        let last = before.checked_sub(1).map_or(0, |index| active[index].1);
        if waits.place < last {
            wrong.push(format!("place {} waits while place {last} is in: {}", waits.place, waits.call));
        }
    }
}

/// No more turns at once than there is room for, as far as fans know.
fn check_capacity(turns: &BTreeMap<u64, Turn<'_>>, capacity: usize, wrong: &mut Vec<String>) {
    let mut changes: Vec<(u64, bool, u64)> = Vec::new();
    for (place, turn) in turns {
        let Some(first) = turn.told.iter().filter(|told| told.active).min_by_key(|told| told.call.end_ms) else {
            continue;
        };
        let (from, to) = (first.call.end_ms, first.until_ms.min(turn.ended_ms.unwrap_or(u64::MAX)));
        if from < to {
            changes.extend([(from, true, *place), (to, false, *place)]);
        }
    }
    // At the same time, those who go make room for those who come.
    changes.sort_unstable();
    let mut inside = Vec::new();
    for (at, comes, place) in changes {
        if comes {
            inside.push(place);
            if inside.len() > capacity {
                wrong.push(format!("at {at} places {inside:?} are inside, more than {capacity}"));
            }
        } else {
            inside.retain(|other| *other != place);
        }
    }
}

/// Whoever joined again has no other turn any more.
fn check_latest(turns: &BTreeMap<u64, Turn<'_>>, wrong: &mut Vec<String>) {
    let mut places: BTreeMap<&str, Vec<&Told<'_>>> = BTreeMap::new();
    for told in turns.values().flat_map(|turn| &turn.told) {
        places.entry(&told.call.fan).or_default().push(told);
    }
    for told in places.values() {
        let joined: Vec<_> = told.iter().filter(|told| told.call.op == Op::Join).collect();
        for old in told.iter().filter(|told| told.active || told.call.op == Op::Join) {
            let newer = |join: &&&&Told<'_>| join.place > old.place && join.call.precedes(old.call);
            if let Some(newer) = joined.iter().find(newer) {
                wrong.push(format!(
                    "had joined at place {} before, and is told of {}: {}",
                    newer.place, old.place, old.call
                ));
            }
        }
    }
}

impl Turn<'_> {
    /// One place is one fan's, and whoever is in does not wait again.
    fn check_own(&self, wrong: &mut Vec<String>) {
        let Some(first) = self.told.first() else { return };
        for told in &self.told {
            if told.call.fan != first.call.fan {
                let other = short(&first.call.fan);
                wrong.push(format!("place {} is fan {other}'s already: {}", told.place, told.call));
            }
            let was_in = |other: &&Told<'_>| other.active && other.call.end_ms + STATE_AGE_MS < told.call.start_ms;
            if !told.active && self.told.iter().any(|other| was_in(&other)) {
                wrong.push(format!("was in at place {} and waits again: {}", told.place, told.call));
            }
        }
    }

    /// A turn is not over before its time.
    fn check_over(&self, call: &Call, claim_window_ms: u64, wrong: &mut Vec<String>) {
        if self.ended_ms.is_some_and(|ended| ended <= call.end_ms) {
            return;
        }
        let kept = self.told.iter().filter(|told| told.call.precedes(call)).any(|told| {
            let until = if told.active {
                told.until_ms
            } else {
                // Not let in by then; whoever is has the window to show up.
                told.call.start_ms.saturating_sub(STATE_AGE_MS) + claim_window_ms
            };
            call.end_ms < until
        });
        if kept {
            wrong.push(format!("the turn was to last longer: {call}"));
        }
    }
}
