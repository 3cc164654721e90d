//! Checks that the final reservations and seats explain every answer about them, and contain nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    call::{Call, Op, short},
    end::End,
    json::{millis, seats_of, text},
};

/// How old a seat map may be, in milliseconds: what the contract allows, and the time that one attempt to read it may
/// take.
const MAP_AGE_MS: u64 = 2_000;

/// A reservation that some answer granted.
struct Known<'a> {
    fan: &'a str,
    seats: Vec<u64>,
    expires_ms: u64,
    /// From when on it was surely held, and from when on the hold may have ended.
    held: (u64, u64),
    /// From when on it was surely paid, and from when on it may have been refunded.
    sold: (u64, u64),
}

/// The calls about each reservation, the calls of fans who left, and the final state.
struct Index<'a> {
    about: BTreeMap<&'a str, Vec<&'a Call>>,
    leaves: BTreeMap<&'a str, Vec<&'a Call>>,
    /// The final state of each reservation.
    there: BTreeMap<&'a str, &'a Value>,
    /// The reservations that were paid, whether refunded or not.
    payments: BTreeSet<&'a str>,
}

impl<'a> Index<'a> {
    fn new(calls: &'a [Call], end: &'a End) -> Self {
        let (mut about, mut leaves): (BTreeMap<_, Vec<_>>, BTreeMap<_, Vec<_>>) = Default::default();
        for call in calls {
            match &call.op {
                Op::Cancel(id) | Op::Pay(id) | Op::Refund(id) | Op::Reservation(id) => {
                    about.entry(id.as_str()).or_default().push(call);
                }
                Op::Leave => leaves.entry(call.fan.as_str()).or_default().push(call),
                _ => {}
            }
        }
        let reservations = end.accounts.values().flat_map(|account| &account.reservations);
        let there = reservations.map(|found| (text(found, "reservationId"), found)).collect();
        let entries = end.accounts.values().flat_map(|account| &account.ledger);
        let payments = entries.filter(|entry| text(entry, "type") == "PAYMENT");
        Self { about, leaves, there, payments: payments.map(|entry| text(entry, "reservationId")).collect() }
    }

    fn about(&self, id: &str) -> impl Iterator<Item = &'a Call> + use<'_, 'a> {
        self.about.get(id).into_iter().flatten().copied()
    }

    fn leaves_of(&self, fan: &str) -> impl Iterator<Item = &'a Call> + use<'_, 'a> {
        self.leaves.get(fan).into_iter().flatten().copied()
    }

    fn status(&self, id: &str) -> &'a str {
        self.there.get(id).map_or("nowhere", |found| text(found, "status"))
    }
}

/// Checks every answer about seats and reservations.
pub fn check(calls: &[Call], end: &End, wrong: &mut Vec<String>) {
    let index = Index::new(calls, end);
    let known = known(calls, &index);
    for (id, reservation) in &known {
        let found = index.there.get(id).copied().unwrap_or(&Value::Null);
        if text(found, "userId") != reservation.fan || seats_of(found) != reservation.seats {
            let (id, fan) = (short(id), short(reservation.fan));
            wrong.push(format!("reservation {id} was granted to fan {fan}, and in the end it is {found}"));
        }
    }
    check_exclusion(&known, wrong);
    check_number(calls, end, wrong);
    check_end(&index, end, wrong);
    let asked = first_asked(calls);
    for call in calls {
        match &call.op {
            Op::Hold(_) => check_refused(call, &asked, &index, wrong),
            Op::Cancel(id) | Op::Pay(id) | Op::Refund(id) => {
                check_lasting(call, id, &index, wrong);
                check_expired(call, &index, known.get(id.as_str()), wrong);
                check_found_out(call, id, &index, wrong);
            }
            Op::Reservation(id) => check_look(call, id, &index, wrong),
            Op::SeatMap => check_map(call, &known, wrong),
            _ => {}
        }
    }
}

fn known<'a>(calls: &'a [Call], index: &Index<'a>) -> BTreeMap<&'a str, Known<'a>> {
    let mut known: BTreeMap<&str, Known<'_>> = BTreeMap::new();
    for call in calls.iter().filter(|call| matches!(call.op, Op::Hold(_))) {
        let Some(reply) = call.granted() else { continue };
        let (id, fan) = (reply.text("reservationId"), call.fan.as_str());
        let expires_ms = millis(&reply.body, "expiresAt");
        let moved = index.about(id).filter(|other| matches!(other.op, Op::Cancel(_) | Op::Pay(_)));
        let left = index.leaves_of(fan).filter(|leave| leave.end_ms > call.start_ms);
        let ended = moved.chain(left).map(|other| other.start_ms).min().unwrap_or(u64::MAX);
        let paid = index.about(id).filter(|other| matches!(other.op, Op::Pay(_))).map(Call::done_by).min();
        let refunded = index.about(id).filter(|other| matches!(other.op, Op::Refund(_))).map(|other| other.start_ms);
        let reservation = known.entry(id).or_insert_with(|| Known {
            fan,
            seats: seats_of(&reply.body),
            expires_ms,
            held: (call.end_ms, ended.min(expires_ms)),
            sold: (paid.unwrap_or(u64::MAX), refunded.min().unwrap_or(u64::MAX)),
        });
        reservation.held.0 = reservation.held.0.min(call.end_ms);
    }
    known
}

/// No seat surely belonged to two reservations at the same time (invariant 1).
fn check_exclusion(known: &BTreeMap<&str, Known<'_>>, wrong: &mut Vec<String>) {
    let mut owned: BTreeMap<u64, Vec<(u64, u64, &str)>> = BTreeMap::new();
    for (id, reservation) in known {
        for (from, to) in [reservation.held, reservation.sold] {
            for seat in reservation.seats.iter().filter(|_| from < to) {
                owned.entry(*seat).or_default().push((from, to, id));
            }
        }
    }
    for (seat, mut spans) in owned {
        spans.sort_unstable();
        // The span with the latest end so far.
        let mut longest: Option<(u64, &str)> = None;
        for (from, to, id) in spans {
            if let Some((until, other)) = longest
                && from < until
                && other != id
            {
                let fan = |id: &str| known.get(id).map_or("", |reservation| short(reservation.fan));
                let (one, two) = (fan(other), fan(id));
                wrong.push(format!(
                    "seat {seat} belonged to two reservations at once: fan {one}, reservation {}, and fan {two}, reservation {}",
                    short(other),
                    short(id)
                ));
            }
            longest = longest.max(Some((to, id)));
        }
    }
}

/// A fan has at most as many reservations as were requested and not refused: one per key, and one per call without a
/// key.
fn check_number(calls: &[Call], end: &End, wrong: &mut Vec<String>) {
    let mut asked: BTreeMap<_, (BTreeSet<&str>, usize)> = BTreeMap::new();
    let mut without: BTreeSet<&str> = BTreeSet::new();
    for call in calls.iter().filter(|call| !call.is_refused()) {
        let Op::Hold(seats) = &call.op else { continue };
        let (keys, others) = asked.entry((call.fan.as_str(), seats.as_slice())).or_default();
        match &call.key {
            Some(key) => drop(keys.insert(key)),
            None => *others += 1,
        }
        if let (None, Some(reply)) = (&call.key, call.granted())
            && !without.insert(reply.text("reservationId"))
        {
            wrong.push(format!("a hold was granted twice: {call}"));
        }
    }
    for (fan, account) in &end.accounts {
        let mut there: BTreeMap<Vec<u64>, usize> = BTreeMap::new();
        for found in &account.reservations {
            *there.entry(seats_of(found)).or_default() += 1;
        }
        for (seats, count) in there {
            let most = asked.get(&(fan.as_str(), seats.as_slice())).map_or(0, |(keys, others)| keys.len() + others);
            if count > most {
                let fan = short(fan);
                wrong.push(format!("fan {fan} has {count} reservations of seats {seats:?}, of which {most} were requested and not refused"));
            }
        }
    }
}

/// At quiescence, each seat is free or sold to its one paid reservation, and no hold is open.
fn check_end(index: &Index<'_>, end: &End, wrong: &mut Vec<String>) {
    let mut owners: BTreeMap<u64, &str> = BTreeMap::new();
    for (id, found) in &index.there {
        let status = text(found, "status");
        if status == "PENDING" {
            wrong.push(format!("reservation {} is still held: {found}", short(id)));
        }
        let given_back = index.about(id).any(|call| matches!(call.op, Op::Cancel(_) | Op::Refund(_)))
            || index.leaves_of(text(found, "userId")).next().is_some();
        if status == "CANCELLED" && !given_back {
            wrong.push(format!("nobody cancelled reservation {}: {found}", short(id)));
        }
        for seat in seats_of(found).into_iter().filter(|_| status == "CONFIRMED") {
            if let Some(other) = owners.insert(seat, id) {
                wrong.push(format!("seat {seat} is sold twice: reservations {} and {}", short(other), short(id)));
            }
        }
    }
    for (seat, status) in &end.seats {
        let (sold, owner) = (status == "SOLD", owners.get(seat));
        if sold != owner.is_some() || (!sold && status != "AVAILABLE") {
            let owner = owner.map_or("none", |id| short(id));
            wrong.push(format!("seat {seat} is {status}, and its paid reservation is {owner}"));
        }
    }
}

/// What was acknowledged lasts, and a refund of a paid reservation is not refused.
fn check_lasting(call: &Call, id: &str, index: &Index<'_>, wrong: &mut Vec<String>) {
    let status = index.status(id);
    let mut others = index.about(id);
    let fits = match call.op {
        _ if call.done_by() == u64::MAX => true,
        Op::Pay(_) => {
            status == "CONFIRMED" || (status == "CANCELLED" && others.any(|other| matches!(other.op, Op::Refund(_))))
        }
        _ => status == "CANCELLED",
    };
    if !fits {
        wrong.push(format!("acknowledged, and in the end {status}: {call}"));
    }
    let paid = |other: &Call| matches!(other.op, Op::Pay(_)) && other.done_by() < call.start_ms;
    if matches!(call.op, Op::Refund(_)) && call.is_refused() && index.about(id).any(paid) {
        wrong.push(format!("paid, and the refund was refused: {call}"));
    }
}

/// A hold does not end before its time.
fn check_expired(call: &Call, index: &Index<'_>, known: Option<&Known<'_>>, wrong: &mut Vec<String>) {
    let Some(known) = known else { return };
    let gone = index.leaves_of(known.fan).any(|leave| leave.start_ms < call.end_ms && leave.end_ms > known.held.0);
    let cancelled = index.about(text_of(call)).any(|other| matches!(other.op, Op::Cancel(_) | Op::Refund(_)));
    if call.refusal() == "reservation_expired" && call.end_ms < known.expires_ms && !gone && !cancelled {
        wrong.push(format!("the hold ended before its time: {call}"));
    }
}

/// A fan who repeats a payment that succeeded without an answer learns that it succeeded (invariant 6).
fn check_found_out(call: &Call, id: &str, index: &Index<'_>, wrong: &mut Vec<String>) {
    let sent_away = matches!(call.refusal(), "session_over" | "reservation_expired" | "reservation_cancelled");
    if !matches!(call.op, Op::Pay(_)) || !sent_away || !index.payments.contains(id) {
        return;
    }
    // A payment without an answer may still have been under way.
    let over = |other: &Call| match other.op {
        Op::Pay(_) => other.precedes(call),
        Op::Refund(_) => call.precedes(other),
        _ => true,
    };
    if index.about(id).filter(|other| !other.is_refused()).all(over) {
        wrong.push(format!("had paid before, and the answer does not say so: {call}"));
    }
}

fn text_of(call: &Call) -> &str {
    match &call.op {
        Op::Cancel(id) | Op::Pay(id) | Op::Refund(id) | Op::Reservation(id) => id,
        _ => "",
    }
}

/// When each fan first requested each seat.
fn first_asked(calls: &[Call]) -> BTreeMap<(&str, u64), u64> {
    let mut asked = BTreeMap::new();
    for call in calls {
        let Op::Hold(seats) = &call.op else { continue };
        for seat in seats {
            asked.entry((call.fan.as_str(), *seat)).or_insert(call.start_ms);
        }
    }
    asked
}

/// A seat is refused only where another reservation that was requested by then may have it.
fn check_refused(call: &Call, asked: &BTreeMap<(&str, u64), u64>, index: &Index<'_>, wrong: &mut Vec<String>) {
    let Some(reply) = call.reply().filter(|reply| reply.code() == "seat_unavailable") else { return };
    for seat in seats_of(&reply.body) {
        let rival = index
            .there
            .values()
            .filter(|found| seats_of(found).contains(&seat))
            .any(|found| asked.get(&(text(found, "userId"), seat)).is_some_and(|asked| *asked <= call.end_ms));
        if !rival {
            wrong.push(format!("seat {seat} was refused although nobody had requested it: {call}"));
        }
    }
}

/// A read shows what was acknowledged before the call.
fn check_look(call: &Call, id: &str, index: &Index<'_>, wrong: &mut Vec<String>) {
    let Some(reply) = call.granted() else { return };
    let before = || index.about(id).filter(|other| other.done_by() < call.start_ms);
    let paid = before().any(|other| matches!(other.op, Op::Pay(_)));
    let over = before().any(|other| matches!(other.op, Op::Cancel(_) | Op::Refund(_)));
    let fits = match reply.text("status") {
        "CANCELLED" => true,
        "CONFIRMED" => !over,
        _ => !over && !paid,
    };
    if !fits {
        wrong.push(format!("does not show what was acknowledged before: {call}"));
    }
}

/// A seat map shows each seat that was surely sold, up to its age, as sold.
fn check_map(call: &Call, known: &BTreeMap<&str, Known<'_>>, wrong: &mut Vec<String>) {
    let Some(reply) = call.granted() else { return };
    let sold = |reservation: &&Known<'_>| {
        let (from, to) = reservation.sold;
        from < call.start_ms.saturating_sub(MAP_AGE_MS) && call.end_ms < to
    };
    let sold: BTreeSet<u64> = known.values().filter(sold).flat_map(|reservation| reservation.seats.clone()).collect();
    for seat in reply.body.as_array().into_iter().flatten() {
        let number = seat["seatNumber"].as_u64().unwrap_or_default();
        if seat["status"] != "SOLD" && sold.contains(&number) {
            wrong.push(format!("seat {number} is shown {} and is sold: {call}", seat["status"]));
        }
    }
}
