//! The queue as fans saw it.

use super::{Call, History, Op};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use std::collections::BTreeMap;

/// The place and status in one answer.
struct PlaceShown<'a> {
    call: &'a Call,
    place: u64,
    active: bool,
}

/// Checks that no fan was overtaken, moved ahead, waited again after admission, or lost a place.
pub fn check(history: &History, stale_ms: u64, wrong: &mut Vec<String>) {
    let answers: Vec<PlaceShown<'_>> = history.calls.iter().filter_map(place_shown).collect();
    check_own(&answers, stale_ms, wrong);
    check_order(&answers, stale_ms, wrong);
    check_lost(history, &answers, wrong);
}

/// The place and status that a join or poll returned; `None` for a refusal and for any other request.
fn place_shown(call: &Call) -> Option<PlaceShown<'_>> {
    let reply = call.outcome.reply().filter(|reply| reply.status < 300)?;
    if !matches!(call.op, Op::Join | Op::Poll) {
        return None;
    }
    let active = reply.text("status") == "ACTIVE";
    Some(PlaceShown { call, place: place(reply.text("token"))?, active })
}

/// The place in a queue token, without a check of the signature.
fn place(token: &str) -> Option<u64> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Value>(&claims).ok()?["place"].as_u64()
}

/// A join never returns a lower place than the fan had before, and an admitted fan never waits again at the same place.
fn check_own(answers: &[PlaceShown<'_>], stale_ms: u64, wrong: &mut Vec<String>) {
    let mut fans: BTreeMap<&str, Vec<&PlaceShown<'_>>> = BTreeMap::new();
    for one in answers {
        fans.entry(&one.call.user_id).or_default().push(one);
    }
    for (user, answers) in fans {
        for later in &answers {
            let before = answers.iter().filter(|earlier| earlier.call.end_ms < later.call.start_ms);
            for earlier in before {
                let joined = later.call.op == Op::Join;
                if joined && later.place < earlier.place {
                    wrong.push(format!("history: {user} had place {} and joins at {}", earlier.place, later.place));
                }
                let long_ago = earlier.call.end_ms + stale_ms < later.call.start_ms;
                if long_ago && earlier.active && !later.active && earlier.place == later.place {
                    wrong.push(format!("history: {user} was admitted at place {} and waits again", later.place));
                }
            }
        }
    }
}

/// A fan who has joined is never answered `token_not_found` afterwards.
fn check_lost(history: &History, answers: &[PlaceShown<'_>], wrong: &mut Vec<String>) {
    let lost = |call: &&Call| call.outcome.reply().is_some_and(|reply| reply.text("code") == "token_not_found");
    for call in history.calls.iter().filter(|call| matches!(call.op, Op::Poll)).filter(lost) {
        let joined = |one: &&PlaceShown<'_>| one.call.user_id == call.user_id && one.call.end_ms < call.start_ms;
        if let Some(joined) = answers.iter().find(joined) {
            wrong.push(format!("history: {} has place {} and is answered token_not_found", call.user_id, joined.place));
        }
    }
}

/// No fan waits while a fan with a higher place is admitted (invariant 5).
///
/// Goes through the answers in time. An admitted place counts from `stale_ms` after its answer on, since a later request
/// may still see the state before it.
fn check_order(answers: &[PlaceShown<'_>], stale_ms: u64, wrong: &mut Vec<String>) {
    let at_ms = |one: &PlaceShown<'_>| if one.active { one.call.end_ms + stale_ms } else { one.call.start_ms };
    let mut by_time: Vec<&PlaceShown<'_>> = answers.iter().collect();
    // At equal times waiting (false) sorts before admitted: only an earlier answer proves anything.
    by_time.sort_by_key(|one| (at_ms(one), one.active));
    let mut admitted = 0;
    for PlaceShown { call, place, active } in by_time {
        if *active {
            admitted = admitted.max(*place);
        } else if *place < admitted {
            wrong.push(format!(
                "invariant 5: {} waits at place {place} while place {admitted} is admitted",
                call.user_id
            ));
        }
    }
}
