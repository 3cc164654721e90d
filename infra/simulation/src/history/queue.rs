//! The line as fans saw it.

use super::{Call, History, Op};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use std::collections::BTreeMap;

/// What one answer told of a turn.
struct Told<'a> {
    call: &'a Call,
    place: u64,
    active: bool,
}

/// Checks that nobody was overtaken, and that nobody's place moved.
pub fn check(history: &History, stale_ms: u64, wrong: &mut Vec<String>) {
    let told: Vec<Told<'_>> = history.calls.iter().filter_map(told).collect();
    check_own(&told, stale_ms, wrong);
    check_order(&told, stale_ms, wrong);
    check_lost(history, &told, wrong);
}

fn told(call: &Call) -> Option<Told<'_>> {
    let reply = call.outcome.reply().filter(|reply| reply.status < 300)?;
    if !matches!(call.op, Op::Join | Op::Poll) {
        return None;
    }
    let active = reply.text("status") == "ACTIVE";
    Some(Told { call, place: place(reply.text("token"))?, active })
}

/// The place in a token.
fn place(token: &str) -> Option<u64> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Value>(&claims).ok()?["place"].as_u64()
}

/// A fan's place never moves up, and whoever is in does not wait again at the same place.
fn check_own(told: &[Told<'_>], stale_ms: u64, wrong: &mut Vec<String>) {
    let mut fans: BTreeMap<&str, Vec<&Told<'_>>> = BTreeMap::new();
    for one in told {
        fans.entry(&one.call.user_id).or_default().push(one);
    }
    for (user, told) in fans {
        for later in &told {
            let before = told.iter().filter(|earlier| earlier.call.end_ms < later.call.start_ms);
            for earlier in before {
                let joined = later.call.op == Op::Join;
                if joined && later.place < earlier.place {
                    wrong.push(format!("history: {user} had place {} and joins at {}", earlier.place, later.place));
                }
                let long_ago = earlier.call.end_ms + stale_ms < later.call.start_ms;
                if long_ago && earlier.active && !later.active && earlier.place == later.place {
                    wrong.push(format!("history: {user} was in at place {} and waits again", later.place));
                }
            }
        }
    }
}

/// Whoever has joined is in the line, or was.
fn check_lost(history: &History, told: &[Told<'_>], wrong: &mut Vec<String>) {
    let lost = |call: &&Call| call.outcome.reply().is_some_and(|reply| reply.text("code") == "token_not_found");
    for call in history.calls.iter().filter(|call| matches!(call.op, Op::Poll)).filter(lost) {
        let joined = |one: &&Told<'_>| one.call.user_id == call.user_id && one.call.end_ms < call.start_ms;
        if let Some(joined) = told.iter().find(joined) {
            wrong.push(format!("history: {} has place {} and is told of none", call.user_id, joined.place));
        }
    }
}

/// Nobody waits behind somebody who came later and is in (invariant 5).
fn check_order(told: &[Told<'_>], stale_ms: u64, wrong: &mut Vec<String>) {
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
        let before = active.partition_point(|(end, _)| end + stale_ms < waits.call.start_ms);
        let last = before.checked_sub(1).map_or(0, |index| active[index].1);
        if waits.place < last {
            let (user, place) = (&waits.call.user_id, waits.place);
            wrong.push(format!("invariant 5: {user} waits at place {place} while place {last} is in"));
        }
    }
}
