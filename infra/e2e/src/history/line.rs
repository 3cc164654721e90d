//! Checks the queue as fans observed it: order of places, capacity, and time of sessions.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{
    call::{Call, Op, short},
    end::End,
    json::millis,
};

/// How old the queue's state may be from which a waiting fan's poll is answered, in milliseconds: a second in the
/// cache, and the time that one attempt to read it may take.
const STATE_AGE_MS: u64 = 2_000;

/// What one answer says about a place.
struct Observation<'a> {
    call: &'a Call,
    place: u64,
    active: bool,
    /// When the wait or the session ends, by the answer.
    until_ms: u64,
}

/// A place, from the first answer about it to its end, as the fan observed it.
#[derive(Default)]
struct PlaceHistory<'a> {
    observations: Vec<Observation<'a>>,
    /// When the first call was sent that may end the session: a payment or leaving.
    ended_ms: Option<u64>,
}

/// Reads the place in a queue token.
pub fn place(token: &str) -> Option<u64> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Value>(&claims).ok()?["place"].as_u64()
}

/// Checks the order of admission, the capacity, and how long places and sessions last.
pub fn check(calls: &[Call], end: &End, wrong: &mut Vec<String>) {
    let observations: Vec<Observation<'_>> = calls.iter().filter_map(observation).collect();
    check_order(&observations, wrong);
    let mut places: BTreeMap<u64, PlaceHistory<'_>> = BTreeMap::new();
    for observation in observations {
        places.entry(observation.place).or_default().observations.push(observation);
    }
    for call in calls.iter().filter(|call| matches!(call.op, Op::Pay(_) | Op::Leave)) {
        if let Some(history) = call.place.and_then(|place| places.get_mut(&place)) {
            let ended = history.ended_ms.unwrap_or(u64::MAX);
            history.ended_ms = Some(ended.min(call.start_ms));
        }
    }
    check_capacity(&places, end.capacity, wrong);
    places.values().for_each(|history| history.check_own(wrong));
    check_latest(&places, wrong);
    for call in calls.iter().filter(|call| call.refusal() == "session_over") {
        if let Some(history) = call.place.and_then(|place| places.get(&place)) {
            history.check_over(call, end.claim_window_ms, wrong);
        }
    }
}

/// Returns what a call says about its place; `None` if it is not a successful join or poll.
fn observation(call: &Call) -> Option<Observation<'_>> {
    let reply = call.granted().filter(|_| matches!(call.op, Op::Join | Op::Poll))?;
    let (active, until_ms) = (reply.text("status") == "ACTIVE", millis(&reply.body, "expiresAt"));
    Some(Observation { call, place: place(reply.text("token"))?, active, until_ms })
}

/// No fan waits while a later place is admitted.
fn check_order(observations: &[Observation<'_>], wrong: &mut Vec<String>) {
    let mut active: Vec<(u64, u64)> =
        observations.iter().filter(|one| one.active).map(|one| (one.call.end_ms, one.place)).collect();
    active.sort_unstable();
    // The highest place that was surely admitted by then.
    let mut last = 0;
    for (_, place) in &mut active {
        last = last.max(*place);
        *place = last;
    }
    for waits in observations.iter().filter(|one| !one.active) {
        let before = active.partition_point(|(end, _)| end + STATE_AGE_MS < waits.call.start_ms);
        let last = before.checked_sub(1).map_or(0, |index| active[index].1);
        if waits.place < last {
            wrong.push(format!("place {} waits although place {last} is admitted: {}", waits.place, waits.call));
        }
    }
}

/// At no time are more sessions surely live than the capacity allows.
fn check_capacity(places: &BTreeMap<u64, PlaceHistory<'_>>, capacity: usize, wrong: &mut Vec<String>) {
    let mut changes: Vec<(u64, bool, u64)> = Vec::new();
    for (place, history) in places {
        let Some(first) = history.observations.iter().filter(|one| one.active).min_by_key(|one| one.call.end_ms) else {
            continue;
        };
        let (from, to) = (first.call.end_ms, first.until_ms.min(history.ended_ms.unwrap_or(u64::MAX)));
        if from < to {
            changes.extend([(from, true, *place), (to, false, *place)]);
        }
    }
    // At equal times an end (false) sorts before a start (true): a slot that becomes free may be used at once.
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

/// After a fan joined at a new place, no answer is about an old one.
fn check_latest(places: &BTreeMap<u64, PlaceHistory<'_>>, wrong: &mut Vec<String>) {
    let mut by_fan: BTreeMap<&str, Vec<&Observation<'_>>> = BTreeMap::new();
    for observation in places.values().flat_map(|history| &history.observations) {
        by_fan.entry(&observation.call.fan).or_default().push(observation);
    }
    for observations in by_fan.values() {
        let joined: Vec<_> = observations.iter().filter(|one| one.call.op == Op::Join).collect();
        for old in observations.iter().filter(|one| one.active || one.call.op == Op::Join) {
            let newer = |join: &&&&Observation<'_>| join.place > old.place && join.call.precedes(old.call);
            if let Some(newer) = joined.iter().find(newer) {
                wrong.push(format!(
                    "had joined at place {} before, and the answer is about place {}: {}",
                    newer.place, old.place, old.call
                ));
            }
        }
    }
}

impl PlaceHistory<'_> {
    /// A place belongs to one fan, and an admitted fan does not wait again.
    fn check_own(&self, wrong: &mut Vec<String>) {
        let Some(first) = self.observations.first() else { return };
        for Observation { call, place, active, .. } in &self.observations {
            if call.fan != first.call.fan {
                let other = short(&first.call.fan);
                wrong.push(format!("place {place} belongs to fan {other}: {call}"));
            }
            let was_admitted =
                |other: &Observation<'_>| other.active && other.call.end_ms + STATE_AGE_MS < call.start_ms;
            if !active && self.observations.iter().any(was_admitted) {
                wrong.push(format!("was admitted at place {place} and waits again: {call}"));
            }
        }
    }

    /// A place or session does not end before its time, unless the fan paid or left.
    fn check_over(&self, call: &Call, claim_window_ms: u64, wrong: &mut Vec<String>) {
        if self.ended_ms.is_some_and(|ended| ended <= call.end_ms) {
            return;
        }
        let kept = self.observations.iter().filter(|one| one.call.precedes(call)).any(|one| {
            let until = if one.active {
                one.until_ms
            } else {
                // Not admitted by then; an admitted fan has the whole window to claim.
                one.call.start_ms.saturating_sub(STATE_AGE_MS) + claim_window_ms
            };
            call.end_ms < until
        });
        if kept {
            wrong.push(format!("the place ended before its time: {call}"));
        }
    }
}
