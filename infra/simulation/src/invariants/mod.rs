//! The oracle: checks the invariants after each write, on a mirror of the tables that is built from their changes.

mod money;
mod queue;
mod seats;
mod sessions;

use crate::change::{Change, number, text};
use money::Money;
use queue::Queues;
use seats::Seats;
use sessions::Sessions;
use shared::{config::Config, store::item_kind::ItemKind};
use std::collections::BTreeSet;

/// The mirror of the tables, with the checks.
#[derive(Debug)]
pub struct Oracle {
    /// Seats and reservations.
    pub seats: Seats,
    /// Ledgers.
    pub money: Money,
    /// Queues, tickets, sessions.
    pub queues: Queues,
    /// The check of how many holds a session makes.
    pub sessions: Sessions,
    /// The ids of the domain events that consumers must see.
    pub expected_events: BTreeSet<String>,
    /// How many checks were made.
    pub checks: u64,
}

impl Oracle {
    /// A mirror of empty tables.
    pub fn new(config: &Config) -> Self {
        Oracle {
            seats: Seats::default(),
            money: Money::default(),
            queues: Queues::new(config),
            sessions: Sessions::new(config),
            expected_events: BTreeSet::new(),
            checks: 0,
        }
    }

    /// Mirrors the changes of one write, applied at the true time `now_ms`, and returns the violations.
    pub fn observe(&mut self, changes: &[Change], now_ms: u64) -> Vec<String> {
        let mut wrong = Vec::new();
        for change in changes {
            match change.kind() {
                ItemKind::Seat => self.seats.seat(change, now_ms, &mut wrong),
                ItemKind::Reservation => self.seats.reservation(change, now_ms, &mut wrong),
                ItemKind::LedgerEntry => self.money.entry(change, &mut wrong),
                ItemKind::UserName => check_name(change, &mut wrong),
                ItemKind::QueueState => self.queues.state(change, now_ms, &mut wrong),
                ItemKind::Session => {
                    self.queues.session(change, now_ms, &self.seats.reservations, &mut wrong);
                    self.sessions.session(change, &mut wrong);
                }
                ItemKind::Ticket => self.queues.ticket(change, now_ms, &mut wrong),
                ItemKind::SeatCount => check_count(change, &mut wrong),
                ItemKind::SeatSum => check_sum(change, &mut wrong),
                ItemKind::Layout => check_layout(change, &mut wrong),
                ItemKind::Concert => check_concert(change, &mut wrong),
                ItemKind::JoinCounter => self.queues.counter(change, &mut wrong),
                _ => continue,
            }
            self.expect_event(change);
            self.checks += 1;
        }
        self.seats.settle(now_ms, &mut wrong);
        self.money.settle(&self.seats, &mut wrong);
        self.queues.settle(&mut wrong);
        self.checks += 3;
        wrong
    }

    /// Expects an event for each new status of a reservation, each ledger entry, and each start and end of a session
    /// (invariant 7).
    fn expect_event(&mut self, change: &Change) {
        let (old, new) = (&change.old, &change.new);
        if new.is_null() {
            return;
        }
        let id = match change.kind() {
            ItemKind::Reservation if text(old, "status") != text(new, "status") => {
                format!("reservation/{}/{}", text(new, "reservationId"), text(new, "status").to_lowercase())
            }
            ItemKind::LedgerEntry if old.is_null() => {
                let user = change.key.pk.trim_start_matches("FAN#");
                format!("ledger/{user}/{}", number(new, "sequence"))
            }
            ItemKind::Session if old.is_null() || old["ended"].is_null() != new["ended"].is_null() => {
                let kind = if new["ended"].is_null() { "started" } else { "ended" };
                format!("session/{}/{}/{kind}", text(new, "queueId"), number(new, "place"))
            }
            _ => return,
        };
        self.expected_events.insert(id);
    }
}

/// A user name never goes from one account to another.
fn check_name(change: &Change, wrong: &mut Vec<String>) {
    if !change.old.is_null() && change.old["userId"] != change.new["userId"] {
        wrong.push(format!("a user name goes to another: {change}"));
    }
}

/// Each seat count follows the version before it, so that no count replaces one that was read later.
fn check_count(change: &Change, wrong: &mut Vec<String>) {
    if number(&change.new, "version") != number(&change.old, "version") + 1 {
        wrong.push(format!("a count of seats was overtaken: {change}"));
    }
}

/// A sum never replaces one that knows more.
fn check_sum(change: &Change, wrong: &mut Vec<String>) {
    if number(&change.new, "version") <= number(&change.old, "version") {
        wrong.push(format!("a sum of counts was overtaken: {change}"));
    }
}

/// A layout never changes, since functions keep it in memory.
fn check_layout(change: &Change, wrong: &mut Vec<String>) {
    if change.raw_old != change.raw_new && !change.raw_old.is_null() {
        wrong.push(format!("a layout was changed: {change}"));
    }
}

/// The admins of a run change one setting at a time, so a write that changes several undoes another admin's change.
/// Each write follows the version before it.
fn check_concert(change: &Change, wrong: &mut Vec<String>) {
    let (old, new) = (&change.old, &change.new);
    let changed = ["enabled", "saleOpensAt", "saleClosesAt"].iter().filter(|name| old[**name] != new[**name]).count();
    let version = number(old, "version") + 1;
    if !old.is_null() && (changed > 1 || old["layout"] != new["layout"]) || number(new, "version") != version {
        wrong.push(format!("the change of another admin was undone: {change}"));
    }
}
