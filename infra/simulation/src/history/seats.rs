//! Seats and reservations as fans saw them.

use super::{Call, History, Op};
use crate::{
    change::{number, text},
    clock::AHEAD_MS,
    invariants::Oracle,
};
use serde_json::Value;
use shared::domain::time::Timestamp;
use std::collections::BTreeMap;

/// How long after its answer a second delivery of a request may still take effect, in milliseconds.
const LATE_MS: u64 = 15_000;

/// What the answers say about one reservation.
#[derive(Debug)]
struct Known<'a> {
    user: &'a str,
    seats: Vec<u64>,
    /// From when it was known to be held until its hold may have ended, in milliseconds since the epoch.
    held: (u64, u64),
    /// From when it was known to be paid until it may have been refunded.
    sold: (u64, u64),
}

/// Checks every answer about seats.
pub fn check(history: &History, end: &Oracle, stale_ms: u64, wrong: &mut Vec<String>) {
    let known = known(history);
    for (id, reservation) in &known {
        check_existence(id, reservation, end, wrong);
    }
    check_exclusion(&known, wrong);
    check_keys(history, wrong);
    let asked = first_asked(history);
    for call in &history.calls {
        check_over(call, &known, wrong);
        match &call.op {
            Op::Hold(seats, _) => {
                check_refused_hold(call, &asked, end, wrong);
                check_own_hold(call, seats, history, wrong);
            }
            Op::Pay(id, _) => {
                check_lasting(call, id, history, end, wrong);
                check_paid(call, id, history, end, stale_ms, wrong);
                check_already_paid(call, id, history, wrong);
            }
            Op::Cancel(id) | Op::Refund(id, _) => check_lasting(call, id, history, end, wrong),
            Op::Reservation(id) => check_look(call, id, history, wrong),
            Op::SeatMap => check_map(call, &known, stale_ms, wrong),
            _ => {}
        }
    }
}

fn millis(body: &Value, name: &str) -> u64 {
    let time = body[name].as_str().and_then(Timestamp::parse_rfc3339);
    time.map_or(0, |time| u64::try_from(time.millis()).unwrap_or(0))
}

fn seats_of(body: &Value) -> Vec<u64> {
    body["seatNumbers"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}

/// When the first of the wanted requests was sent; `u64::MAX` if there is none.
fn first(history: &History, wanted: impl Fn(&Call) -> bool) -> u64 {
    history.calls.iter().filter(|call| wanted(call)).map(|call| call.start_ms).min().unwrap_or(u64::MAX)
}

fn known(history: &History) -> BTreeMap<String, Known<'_>> {
    let mut known: BTreeMap<String, Known<'_>> = BTreeMap::new();
    for call in &history.calls {
        let Some(reply) = call.outcome.reply() else { continue };
        if !matches!(call.op, Op::Hold(..)) || reply.status != 201 {
            continue;
        }
        let (id, user) = (reply.text("reservationId").to_owned(), call.user_id.as_str());
        let ends = |other: &Call| match &other.op {
            Op::Cancel(of) | Op::Pay(of, _) => *of == id,
            // A leave without an answer, or its second delivery, may reach the function after the hold was made.
            Op::Leave => {
                let late_ms = if other.outcome.definite() { other.end_ms.saturating_add(LATE_MS) } else { u64::MAX };
                other.user_id == user && late_ms > call.start_ms
            }
            _ => false,
        };
        let held_until = first(history, ends).min(millis(&reply.body, "expiresAt").saturating_sub(AHEAD_MS));
        let paid =
            history.calls.iter().filter(|other| matches!(&other.op, Op::Pay(of, _) if *of == id) && succeeded(other));
        let paid_from = paid.map(|paid| paid.end_ms).min().unwrap_or(u64::MAX);
        let refunded = first(history, |other| matches!(&other.op, Op::Refund(of, _) if *of == id));
        let entry = known.entry(id).or_insert_with(|| Known {
            user,
            seats: seats_of(&reply.body),
            held: (call.end_ms, held_until),
            sold: (paid_from, refunded),
        });
        entry.held.0 = entry.held.0.min(call.end_ms);
    }
    known
}

fn succeeded(call: &Call) -> bool {
    call.outcome.reply().is_some_and(|reply| reply.status < 300 || reply.text("code") == "payment_already_processed")
}

/// A hold that was answered with 201 has a reservation at the end, with its fan and seats.
fn check_existence(id: &str, known: &Known<'_>, end: &Oracle, wrong: &mut Vec<String>) {
    let found = end.seats.reservations.get(id).unwrap_or(&Value::Null);
    if text(found, "userId") != known.user || seats_of(found) != known.seats {
        wrong.push(format!("history: reservation {id} was granted to {} and is {found}", known.user));
    }
}

/// No seat belongs to two reservations at the same time (invariant 1).
fn check_exclusion(known: &BTreeMap<String, Known<'_>>, wrong: &mut Vec<String>) {
    let mut owned: BTreeMap<u64, Vec<(u64, u64, &str)>> = BTreeMap::new();
    for (id, reservation) in known {
        for (from, to) in [reservation.held, reservation.sold] {
            if from < to {
                for seat in &reservation.seats {
                    owned.entry(*seat).or_default().push((from, to, id));
                }
            }
        }
    }
    for (seat, mut spans) in owned {
        spans.sort_unstable();
        for pair in spans.windows(2) {
            let [(_, until, one), (from, _, other)] = pair else { continue };
            if from < until && one != other {
                wrong.push(format!("history: seat {seat} belonged to {one} and {other} at the same time"));
            }
        }
    }
}

/// An idempotency key makes one reservation.
fn check_keys(history: &History, wrong: &mut Vec<String>) {
    let mut first: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for call in &history.calls {
        if let (Op::Hold(_, Some(key)), Some(reply)) = (&call.op, call.outcome.reply())
            && reply.status == 201
        {
            let id = reply.text("reservationId");
            let before = *first.entry((&call.user_id, key)).or_insert(id);
            if before != id {
                wrong.push(format!("history: key {key} made the reservations {before} and {id}"));
            }
        }
    }
}

/// When each fan first asked for each seat.
fn first_asked(history: &History) -> BTreeMap<(&str, u64), u64> {
    let mut asked = BTreeMap::new();
    for call in &history.calls {
        if let Op::Hold(seats, _) = &call.op {
            for seat in seats {
                asked.entry((call.user_id.as_str(), *seat)).or_insert(call.start_ms);
            }
        }
    }
    asked
}

/// A seat is refused as unavailable only if a reservation has it that was requested before the refusal.
fn check_refused_hold(call: &Call, asked: &BTreeMap<(&str, u64), u64>, end: &Oracle, wrong: &mut Vec<String>) {
    let Some(reply) = call.outcome.reply() else { return };
    if reply.text("code") != "seat_unavailable" {
        return;
    }
    for seat in seats_of(&reply.body) {
        let rival = end.seats.reservations.values().filter(|found| seats_of(found).contains(&seat)).any(|found| {
            let asked = asked.get(&(text(found, "userId"), seat));
            asked.is_some_and(|asked| *asked <= call.end_ms)
        });
        if !rival {
            wrong.push(format!("history: seat {seat} was refused to {} though nobody asked for it", call.user_id));
        }
    }
}

/// A request is never refused for the hold that it made itself.
fn check_own_hold(call: &Call, seats: &[u64], history: &History, wrong: &mut Vec<String>) {
    let Some(reply) = call.outcome.reply().filter(|reply| !reply.text("reservationId").is_empty()) else { return };
    if reply.text("code") != "seat_unavailable" {
        return;
    }
    let asks = |other: &&Call| match &other.op {
        Op::Hold(others, _) => other.user_id == call.user_id && others.iter().any(|seat| seats.contains(seat)),
        _ => false,
    };
    let asked = history.calls.iter().filter(asks).filter(|other| other.start_ms <= call.end_ms);
    if asked.map(|other| other.deliveries).sum::<usize>() == 1 {
        wrong.push(format!("history: {} {} for the first time and has them already", call.user_id, call.op));
    }
}

/// A granted payment, cancellation or refund is still in effect at the end.
fn check_lasting(call: &Call, id: &str, history: &History, end: &Oracle, wrong: &mut Vec<String>) {
    if !succeeded(call) {
        return;
    }
    let status = text(end.seats.reservations.get(id).unwrap_or(&Value::Null), "status");
    let refunds = history.calls.iter().any(|other| matches!(&other.op, Op::Refund(of, _) if of == id));
    let fits = match call.op {
        Op::Pay(..) => status == "CONFIRMED" || (status == "CANCELLED" && refunds),
        _ => status == "CANCELLED",
    };
    if !fits {
        wrong.push(format!("history: {} {} was granted, and reservation {id} is {status}", call.user_id, call.op));
    }
}

/// A payment after a successful one is answered `payment_already_processed` (invariant 6), whatever happened to session
/// and money since. `session_over` before the hold's end is wrong as well if the reservation is paid in the end: a
/// session that is over cannot have paid later, so the payment came first.
fn check_paid(call: &Call, id: &str, history: &History, end: &Oracle, stale_ms: u64, wrong: &mut Vec<String>) {
    let Some(reply) = call.outcome.reply().filter(|_| call.outcome.definite() && !succeeded(call)) else { return };
    let paid = |other: &Call| matches!(&other.op, Op::Pay(of, _) if of == id) && succeeded(other);
    let before = history.calls.iter().any(|other| other.end_ms < call.start_ms && paid(other));
    let reservation = end.seats.reservations.get(id).unwrap_or(&Value::Null);
    let in_time = call.end_ms + stale_ms < number(reservation, "expiresAt");
    let over = reply.text("code") == "session_over" && in_time && !reservation["paidAt"].is_null();
    if (before && reply.text("code") != "payment_already_processed") || over {
        wrong.push(format!("history: {} {} again and is answered {}", call.user_id, call.op, reply.outcome()));
    }
}

/// `payment_already_processed` needs another payment that came first: a retry with the same key gets its first answer.
fn check_already_paid(call: &Call, id: &str, history: &History, wrong: &mut Vec<String>) {
    if call.outcome.reply().is_none_or(|reply| reply.text("code") != "payment_already_processed") {
        return;
    }
    let pays = |other: &&Call| matches!(&other.op, Op::Pay(of, _) if of == id);
    let same_key = |other: &Call| matches!(&other.op, Op::Pay(_, Some(_))) && other.op == call.op;
    let others = history.calls.iter().filter(pays).filter(|other| !same_key(other));
    // Without a key each delivery is a payment of its own, and one delivery of this request is among `others`.
    let least = if same_key(call) { 1 } else { 2 };
    if others.map(|other| other.deliveries).sum::<usize>() < least {
        wrong.push(format!("history: {} {}, nobody else did, and it was paid already", call.user_id, call.op));
    }
}

/// `session_over` is not answered while a hold of the session is open, within the clock skew of functions.
fn check_over(call: &Call, known: &BTreeMap<String, Known<'_>>, wrong: &mut Vec<String>) {
    let Some(reply) = call.outcome.reply() else { return };
    if reply.text("code") != "session_over" {
        return;
    }
    // Only polls and seat maps: other requests may carry the token of an earlier session.
    let open = |held: &&Known<'_>| {
        held.user == call.user_id && held.held.0 < call.start_ms && call.end_ms + AHEAD_MS < held.held.1
    };
    let found = known.values().find(open).filter(|_| matches!(call.op, Op::Poll | Op::SeatMap));
    if let Some(open) = found {
        let (user, seats) = (&call.user_id, &open.seats);
        wrong.push(format!("history: {user} {} with {seats:?} held and is answered {}", call.op, reply.outcome()));
    }
}

/// A read of a reservation shows what was granted before the read began.
fn check_look(call: &Call, id: &str, history: &History, wrong: &mut Vec<String>) {
    let Some(reply) = call.outcome.reply().filter(|reply| reply.status == 200) else { return };
    let about = |other: &&Call| matches!(&other.op, Op::Pay(of, _) | Op::Cancel(of) | Op::Refund(of, _) if of == id);
    let (mut paid, mut over) = (false, false);
    for before in history.calls.iter().filter(about).filter(|other| succeeded(other) && other.end_ms < call.start_ms) {
        match before.op {
            Op::Pay(..) => paid = true,
            _ => over = true,
        }
    }
    let status = reply.text("status");
    let fits = match (paid, over) {
        (_, true) => status == "CANCELLED",
        (true, false) => status == "CONFIRMED" || status == "CANCELLED",
        (false, false) => true,
    };
    if !fits {
        wrong.push(format!(
            "history: reservation {id} is shown {status} to {} after it was paid or ended",
            call.user_id
        ));
    }
}

/// A seat map shows a sold seat as sold, once the map cannot be stale any more.
fn check_map(call: &Call, known: &BTreeMap<String, Known<'_>>, stale_ms: u64, wrong: &mut Vec<String>) {
    let Some(reply) = call.outcome.reply().filter(|reply| reply.status == 200) else { return };
    let sold = |reservation: &&Known<'_>| {
        let (from, to) = reservation.sold;
        from < call.start_ms.saturating_sub(stale_ms) && call.end_ms < to
    };
    let sold: Vec<u64> = known.values().filter(sold).flat_map(|reservation| reservation.seats.clone()).collect();
    for seat in reply.body.as_array().into_iter().flatten() {
        if seat["status"] != "SOLD" && sold.contains(&number(seat, "seatNumber")) {
            wrong.push(format!("history: {} is shown {seat}, which is sold", call.user_id));
        }
    }
}
