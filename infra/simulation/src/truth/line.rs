//! The line: invariants 4 and 5, and never two live places for a fan.

use super::{AHEAD_MS, number, text};
use crate::wire::Change;
use serde_json::Value;
use shared::config::Config;
use std::collections::{BTreeMap, BTreeSet};

/// A place: queue and number.
pub type PlaceId = (String, u64);

/// Sessions and tickets are kept a day at least: what TTL has deleted is older.
const KEPT_MS: u64 = 20 * 3_600_000;

/// Queues, tickets, sessions.
#[derive(Debug)]
pub struct Lines {
    capacity: u64,
    seats_per_session: u64,
    /// States by queue.
    pub states: BTreeMap<String, Value>,
    /// Sessions and tombstones by place.
    pub sessions: BTreeMap<PlaceId, Value>,
    /// Tickets by queue and fan.
    pub tickets: BTreeMap<(String, String), Value>,
    /// Who drew a place.
    pub owners: BTreeMap<PlaceId, String>,
    /// Places whose tombstone TTL has taken.
    gone: BTreeSet<PlaceId>,
    /// How many places count against the capacity.
    inside: BTreeMap<String, u64>,
    touched: BTreeSet<String>,
}

impl Lines {
    /// No queues.
    pub fn new(config: &Config) -> Self {
        Lines {
            capacity: config.queue_rules.capacity,
            seats_per_session: u64::from(config.seats_per_session),
            states: BTreeMap::new(),
            sessions: BTreeMap::new(),
            tickets: BTreeMap::new(),
            owners: BTreeMap::new(),
            gone: BTreeSet::new(),
            inside: BTreeMap::new(),
            touched: BTreeSet::new(),
        }
    }

    /// The state of a queue changed.
    pub fn state(&mut self, change: &Change, now_ms: u64, wrong: &mut Vec<String>) {
        let (old, new) = (&change.old, &change.new);
        let settings = &old["settings"];
        let early = number(settings, "opensAt") > now_ms + AHEAD_MS;
        if number(new, "served") > number(old, "served") && (settings["paused"] == true || early) {
            wrong.push(format!("let in while nobody is: {old} => {new}"));
        }
        for grows in ["served", "floor", "version"] {
            if number(new, grows) < number(old, grows) {
                wrong.push(format!("invariant 5: {grows} of a queue went back: {old} => {new}"));
            }
        }
        let queue = text(new, "queueId").to_owned();
        self.states.insert(queue.clone(), new.clone());
        self.touched.insert(queue);
    }

    /// Places were drawn.
    pub fn counter(&mut self, change: &Change, wrong: &mut Vec<String>) {
        if number(&change.new, "last") <= number(&change.old, "last") {
            wrong.push(format!("invariant 5: a place is drawn twice: {change}"));
        }
    }

    /// A session or tombstone changed.
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
            wrong.push(format!("invariant 4: a place that was shut a day ago is claimed: {new}"));
        }
        let state = self.states.get(&id.0).unwrap_or(&Value::Null);
        if claimed && id.1 > number(state, "served") {
            wrong.push(format!("invariant 5: {new} was let in past {state}"));
        }
        if claimed && id.1 < number(state, "floor") {
            wrong.push(format!("invariant 4: {new} comes in below the floor of {state}"));
        }
        if claimed && self.owners.get(&id).is_none_or(|owner| owner != text(new, "userId")) {
            wrong.push(format!("a place is claimed by somebody else: {new}"));
        }
        let holds = new["holds"].as_object().into_iter().flat_map(|holds| holds.values());
        let listed: u64 = holds.map(|hold| number(hold, "seats")).sum();
        if listed != number(new, "heldSeats") || listed > self.seats_per_session {
            wrong.push(format!("seats of a session: {listed} listed, limit {}: {new}", self.seats_per_session));
        }
        if !old.is_null() {
            check_holds(change, now_ms, reservations, wrong);
        }
        self.sessions.insert(id, new.clone());
    }

    /// A fan's ticket changed. The place before is shut by then.
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

    /// After all changes of one write: nobody is inside past the capacity (invariant 4). Whoever was let in counts until
    /// the place is shut, whatever the time: its slot is not free before.
    pub fn settle(&mut self, wrong: &mut Vec<String>) {
        for queue in std::mem::take(&mut self.touched) {
            let Some(state) = self.states.get(&queue) else { continue };
            let is = self.inside(&queue);
            let was = self.inside.insert(queue.clone(), is).unwrap_or(0);
            let capacity = state["settings"]["capacity"].as_u64().unwrap_or(self.capacity);
            if is > capacity.max(was) {
                wrong.push(format!("invariant 4: {is} inside, {was} before, capacity {capacity}: {state}"));
            }
        }
    }

    /// How many places count against a queue's capacity.
    pub fn inside(&self, queue: &str) -> u64 {
        let Some(state) = self.states.get(queue) else { return 0 };
        let open = |place: &u64| {
            let id = (queue.to_owned(), *place);
            let session = self.sessions.get(&id);
            !self.gone.contains(&id) && session.is_none_or(|session| session["ended"].is_null())
        };
        (number(state, "floor")..=number(state, "served")).filter(open).count() as u64
    }
}

/// Only a living turn holds and pays, no hold ends after the cap, and a payment ends the turn only with its last hold.
/// Whether a turn lives is judged by the clock of whoever wrote: that clock is what a reservation keeps.
fn check_holds(change: &Change, now_ms: u64, reservations: &BTreeMap<String, Value>, wrong: &mut Vec<String>) {
    let (old, new) = (&change.old, &change.new);
    let holds = |session: &Value| session["holds"].as_object().cloned().unwrap_or_default();
    let (before, after) = (holds(old), holds(new));
    let of = |id: &String| reservations.get(id).unwrap_or(&Value::Null);
    let ended = !old["ended"].is_null();
    let end = number(old, "activeUntil").max(number(old, "holdUntil"));
    for id in after.keys().filter(|id| !before.contains_key(*id)) {
        if ended || number(of(id), "reservedAt") >= end {
            wrong.push(format!("invariant 4: a turn that is over holds seats: {old} => {new}, {}", of(id)));
        }
        if number(new, "holdUntil") > number(new, "holdCap") {
            wrong.push(format!("invariant 4: a hold ends after the cap: {old} => {new}"));
        }
    }
    if before.keys().any(|id| ended && !after.contains_key(id) && text(of(id), "status") == "CONFIRMED") {
        wrong.push(format!("a turn that has ended pays: {old} => {new}"));
    }
    let open = |hold: &Value| number(hold, "until") > now_ms + AHEAD_MS;
    if !ended && text(new, "endReason") == "PAID" && after.values().any(open) {
        wrong.push(format!("a payment ends a turn that has another hold: {old} => {new}"));
    }
}
