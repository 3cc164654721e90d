//! Queues: invariants 4 and 5, and that a fan never has two live places.

use crate::{
    change::{Change, number, text},
    clock::AHEAD_MS,
};
use serde_json::{Map, Value};
use shared::config::Config;
use std::collections::{BTreeMap, BTreeSet};

/// A place: queue id and number.
pub type PlaceId = (String, u64);

/// How old a ticket is, in milliseconds, if its session may be missing because TTL deleted it: sessions live 90 days.
const KEPT_MS: u64 = 89 * 24 * 3_600_000;
/// The deadline in a bucket of places that waited too long.
const DISTANT_PAST: u64 = 0;

/// The mirror of queues, tickets and sessions.
#[derive(Debug)]
pub struct Queues {
    capacity: u64,
    seats_per_session: u64,
    /// States by queue.
    pub states: BTreeMap<String, Value>,
    /// Sessions and tombstones by place.
    pub sessions: BTreeMap<PlaceId, Value>,
    /// Tickets by queue and fan.
    pub tickets: BTreeMap<(String, String), Value>,
    /// The fan who drew each place.
    pub owners: BTreeMap<PlaceId, String>,
    /// Places whose session or tombstone TTL has deleted.
    gone: BTreeSet<PlaceId>,
    /// The last place that was drawn, by queue, and whether the queue sleeps.
    drawn: BTreeMap<String, (u64, bool)>,
    /// How many places counted against the capacity of each queue after the last write.
    inside: BTreeMap<String, u64>,
    touched: BTreeSet<String>,
}

impl Queues {
    /// A mirror without queues.
    pub fn new(config: &Config) -> Self {
        Queues {
            capacity: config.queue_rules.capacity,
            seats_per_session: u64::from(config.seats_per_session),
            states: BTreeMap::new(),
            sessions: BTreeMap::new(),
            tickets: BTreeMap::new(),
            owners: BTreeMap::new(),
            gone: BTreeSet::new(),
            drawn: BTreeMap::new(),
            inside: BTreeMap::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Checks and mirrors a change of a queue's state.
    pub fn state(&mut self, change: &Change, now_ms: u64, wrong: &mut Vec<String>) {
        let (old, new) = (&change.old, &change.new);
        let settings = &old["settings"];
        let early = number(settings, "opensAt") > now_ms + AHEAD_MS;
        if number(new, "admitted") > number(old, "admitted") && (settings["paused"] == true || early) {
            wrong.push(format!("admitted while the queue is paused or not open: {old} => {new}"));
        }
        for grows in ["served", "floor", "tick", "settingsVersion", "admitted", "clockThen"] {
            if number(new, grows) < number(old, grows) {
                wrong.push(format!("invariant 5: {grows} of a queue went back: {old} => {new}"));
            }
        }
        let free = new["free"].as_i64().unwrap_or_default();
        let (occupied, capacity) = (number(new, "occupied"), number(new, "capacity"));
        if i128::from(free) + i128::from(occupied) != i128::from(capacity) {
            wrong.push(format!("slots: {free} free and {occupied} taken of {capacity}: {old} => {new}"));
        }
        let moved = number(new, "served") - number(old, "served").min(number(new, "served"));
        if number(new, "admitted") - number(old, "admitted").min(number(new, "admitted")) > moved {
            wrong.push(format!("invariant 5: more were admitted than places passed: {old} => {new}"));
        }
        let queue = text(new, "queueId").to_owned();
        for place in number(old, "served") + 1..=number(new, "served") {
            if is_dead(new, place) {
                self.check_died(&queue, place, old, now_ms, wrong);
            }
        }
        self.states.insert(queue.clone(), new.clone());
        self.touched.insert(queue);
    }

    /// A place that is passed without a tombstone must have waited as long as its ticket allows.
    fn check_died(&self, queue: &str, place: u64, state: &Value, now_ms: u64, wrong: &mut Vec<String>) {
        let id = (queue.to_owned(), place);
        let Some(owner) = self.owners.get(&id).filter(|_| !self.sessions.contains_key(&id)) else { return };
        let Some(ticket) = self.tickets.get(&(queue.to_owned(), owner.clone())) else { return };
        let waited = clock(state, now_ms + AHEAD_MS).saturating_sub(number(ticket, "waitClock"));
        if number(ticket, "place") == place && waited < number(ticket, "waitingSeconds") * 1_000 {
            wrong.push(format!("place {place} is passed after {waited} ms of waiting: {ticket}, {state}"));
        }
    }

    /// Checks and mirrors a change of a join counter.
    pub fn counter(&mut self, change: &Change, wrong: &mut Vec<String>) {
        let (old, new) = (&change.old, &change.new);
        if number(new, "last") < number(old, "last") {
            wrong.push(format!("invariant 5: a place is drawn twice: {change}"));
        }
        let sleeps = new["woken"].as_u64() != Some(number(new, "naps"));
        let queue = change.key.pk.trim_start_matches("JOIN#").trim_end_matches("#0").to_owned();
        self.drawn.insert(queue, (number(new, "last"), sleeps));
    }

    /// What keeps queues from quiescence after all fans went home: places that were not passed, and awake queues.
    pub fn awake(&self) -> Vec<String> {
        let mut awake = Vec::new();
        for (queue, (last, sleeps)) in &self.drawn {
            let state = self.states.get(queue).unwrap_or(&Value::Null);
            if number(state, "served") < *last {
                awake.push(format!("places up to {last} are not passed: {state}"));
            }
            if !sleeps {
                awake.push(format!("a queue is awake: {state}"));
            }
        }
        awake
    }

    /// Checks and mirrors a change of a session or tombstone.
    pub fn session(
        &mut self,
        change: &Change,
        now_ms: u64,
        reservations: &BTreeMap<String, Value>,
        wrong: &mut Vec<String>,
    ) {
        let (old, new) = (&change.old, &change.new);
        let either = if new.is_null() { old } else { new };
        let id = (text(either, "queueId").to_owned(), number(either, "place"));
        self.touched.insert(id.0.clone());
        if new.is_null() {
            if now_ms < number(old, "ttl") * 1_000 {
                wrong.push(format!("invariant 4: a session is gone: {old}"));
            }
            self.sessions.remove(&id);
            self.gone.insert(id);
            return;
        }
        if !old["ended"].is_null() && old["ended"] != new["ended"] {
            wrong.push(format!("invariant 4: an ended session lives again: {old} => {new}"));
        }
        let end = number(new, "activeUntil").max(number(new, "holdUntil"));
        let expired = old["ended"].is_null() && text(new, "endReason") == "EXPIRED";
        if expired && now_ms + AHEAD_MS < end {
            wrong.push(format!("a living session is ended as if it had expired: {old} => {new}"));
        }
        let claimed = old.is_null() && new["ended"].is_null();
        if claimed && self.gone.contains(&id) {
            wrong.push(format!("invariant 4: a place whose session TTL deleted is claimed: {new}"));
        }
        let state = self.states.get(&id.0).unwrap_or(&Value::Null);
        if claimed && id.1 > number(state, "served") {
            wrong.push(format!("invariant 5: {new} was admitted past {state}"));
        }
        if old.is_null() && text(new, "endReason") == "WAITED_TOO_LONG" {
            self.check_died(&id.0, id.1, state, now_ms, wrong);
        }
        if claimed && is_dead(state, id.1) {
            wrong.push(format!("a place that waited too long is claimed: {new}, {state}"));
        }
        if claimed && id.1 < number(state, "floor") {
            wrong.push(format!("invariant 4: {new} is claimed below the floor of {state}"));
        }
        if claimed && self.owners.get(&id).is_none_or(|owner| owner != text(new, "userId")) {
            wrong.push(format!("a place is claimed by another fan: {new}"));
        }
        self.check_seats(change, reservations, wrong);
        if !old.is_null() {
            check_holds(change, now_ms, reservations, wrong);
        }
        self.sessions.insert(id, new.clone());
    }

    /// `seatsTaken` of a session is the seats of its listed holds and of those that it bought, within the limit.
    fn check_seats(&self, change: &Change, reservations: &BTreeMap<String, Value>, wrong: &mut Vec<String>) {
        let (old, new) = (&change.old, &change.new);
        let holds = |session: &Value| session["holds"].as_object().cloned().unwrap_or_default();
        let (before, after) = (holds(old), holds(new));
        let listed = |holds: &Map<String, Value>| holds.values().map(|hold| number(hold, "seats")).sum::<u64>();
        let is_paid = |id: &String| text(reservations.get(id).unwrap_or(&Value::Null), "status") == "CONFIRMED";
        let gone = before.iter().filter(|(id, _)| !after.contains_key(*id));
        let paid: u64 = gone.filter(|(id, _)| is_paid(id)).map(|(_, hold)| number(hold, "seats")).sum();
        let bought = number(old, "seatsTaken").saturating_sub(listed(&before)) + paid;
        let (taken, limit) = (number(new, "seatsTaken"), self.seats_per_session);
        if taken != listed(&after) + bought || taken > limit {
            wrong.push(format!("seats of a session: {} listed, {bought} bought, limit {limit}: {new}", listed(&after)));
        }
    }

    /// Checks and mirrors a change of a fan's ticket. A new place is drawn only after the one before has ended.
    pub fn ticket(&mut self, change: &Change, now_ms: u64, wrong: &mut Vec<String>) {
        let (old, new) = (&change.old, &change.new);
        if new.is_null() {
            return;
        }
        let (queue, user) = (text(new, "queueId").to_owned(), text(new, "userId").to_owned());
        let before = (queue.clone(), number(old, "place"));
        if !old.is_null() && number(old, "place") != number(new, "place") {
            let session = self.sessions.get(&before).unwrap_or(&Value::Null);
            let over = if session.is_null() {
                number(old, "issuedAt") + KEPT_MS < now_ms
            } else {
                let end = number(session, "activeUntil").max(number(session, "holdUntil"));
                !session["ended"].is_null() || end <= now_ms + AHEAD_MS
            };
            if !over {
                wrong.push(format!("invariant 5: a second live place for a fan: {old} => {new}, {session}"));
            }
            if number(new, "place") < number(old, "place") {
                wrong.push(format!("invariant 5: a fan moved up: {old} => {new}"));
            }
        }
        self.owners.insert((queue.clone(), number(new, "place")), user.clone());
        self.tickets.insert((queue, user), new.clone());
    }

    /// Checks, after all changes of one write, that no more fans are inside than the capacity allows (invariant 4). An
    /// admitted place counts until it has ended, even past its time: its slot is not free before.
    pub fn settle(&mut self, wrong: &mut Vec<String>) {
        for queue in std::mem::take(&mut self.touched) {
            let Some(state) = self.states.get(&queue) else { continue };
            let is = self.inside(&queue);
            let was = self.inside.insert(queue.clone(), is).unwrap_or(0);
            let capacity = state["settings"]["capacity"].as_u64().unwrap_or(self.capacity);
            if is > capacity.max(was) {
                wrong.push(format!("invariant 4: {is} inside, {was} before, capacity {capacity}: {state}"));
            }
            if is > number(state, "occupied") {
                wrong.push(format!("invariant 4: {is} inside, fewer slots are occupied: {state}"));
            }
        }
    }

    /// How many places count against a queue's capacity.
    pub fn inside(&self, queue: &str) -> u64 {
        let Some(state) = self.states.get(queue) else { return 0 };
        let open = |place: &u64| {
            let id = (queue.to_owned(), *place);
            let session = self.sessions.get(&id);
            let over = self.gone.contains(&id) || is_dead(state, *place);
            !over && session.is_none_or(|session| session["ended"].is_null())
        };
        (number(state, "floor")..=number(state, "served")).filter(open).count() as u64
    }
}

/// Whether a place was passed because it waited too long.
fn is_dead(state: &Value, place: u64) -> bool {
    let mut buckets = state["buckets"].as_array().into_iter().flatten();
    let bucket = buckets.find(|bucket| place <= bucket[0].as_u64().unwrap_or_default());
    bucket.is_some_and(|bucket| bucket[1].as_u64() == Some(DISTANT_PAST))
}

/// The queue's clock, in milliseconds.
fn clock(state: &Value, now_ms: u64) -> u64 {
    let since = number(state, "clockSince").max(number(&state["settings"], "opensAt"));
    let ran = if state["settings"]["paused"] == true { 0 } else { now_ms.saturating_sub(since) };
    number(state, "clockThen") + ran
}

/// Only a live session holds and pays, no hold ends after the cap, and a payment ends the session only with its last
/// hold. Whether the session was live is judged by the writer's clock, which the reservation stores.
fn check_holds(change: &Change, now_ms: u64, reservations: &BTreeMap<String, Value>, wrong: &mut Vec<String>) {
    let (old, new) = (&change.old, &change.new);
    let holds = |session: &Value| session["holds"].as_object().cloned().unwrap_or_default();
    let (before, after) = (holds(old), holds(new));
    let of = |id: &String| reservations.get(id).unwrap_or(&Value::Null);
    let ended = !old["ended"].is_null();
    let end = number(old, "activeUntil").max(number(old, "holdUntil"));
    for id in after.keys().filter(|id| !before.contains_key(*id)) {
        if ended || number(of(id), "reservedAt") >= end {
            wrong.push(format!("invariant 4: a session that is over holds seats: {old} => {new}, {}", of(id)));
        }
        if number(new, "holdUntil") > number(new, "holdCap") {
            wrong.push(format!("invariant 4: a hold ends after the cap: {old} => {new}"));
        }
        if number(new, "holdUntil") < number(old, "holdUntil") {
            wrong.push(format!("a hold ends its session sooner: {old} => {new}"));
        }
    }
    if before.keys().any(|id| ended && !after.contains_key(id) && text(of(id), "status") == "CONFIRMED") {
        wrong.push(format!("a session that has ended pays: {old} => {new}"));
    }
    let open = |hold: &Value| number(hold, "until") > now_ms + AHEAD_MS;
    if !ended && text(new, "endReason") == "PAID" && after.values().any(open) {
        wrong.push(format!("a payment ends a session that has another hold: {old} => {new}"));
    }
}
