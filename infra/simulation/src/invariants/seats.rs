//! Seats and reservations: invariants 1 and 3.

use crate::{
    change::{Change, number, text},
    clock::AHEAD_MS,
};
use serde_json::Value;
use shared::domain::reservation::MAX_ATTEMPTS_KEPT;
use std::collections::{BTreeMap, BTreeSet};

/// A seat: concert and number.
pub type SeatId = (String, u64);

/// The mirror of all seats that are held or sold, and of all reservations.
#[derive(Debug, Default)]
pub struct Seats {
    /// Seats by concert and number.
    pub seats: BTreeMap<SeatId, Value>,
    /// Reservations by id.
    pub reservations: BTreeMap<String, Value>,
    /// The sum of the prices of all sold seats.
    pub sold: i64,
    /// The sum of the amounts of all confirmed reservations.
    pub confirmed: i64,
    touched: BTreeSet<String>,
    freed: Vec<(SeatId, Value)>,
}

/// An amount of an item with this status; 0 for an item with another.
fn sum(item: &Value, status: &str, amount: &str) -> i64 {
    if text(item, "status") == status { i64::try_from(number(item, amount)).unwrap_or(i64::MAX) } else { 0 }
}

fn is_sold(seat: &Value) -> bool {
    text(seat, "status") == "SOLD"
}

impl Seats {
    /// Checks and mirrors a change of a seat.
    pub fn seat(&mut self, change: &Change, now_ms: u64, wrong: &mut Vec<String>) {
        let (old, new) = (&change.old, &change.new);
        let either = if new.is_null() { old } else { new };
        let id = (text(either, "concertId").to_owned(), number(either, "seatNumber"));
        let same = text(old, "reservationId") == text(new, "reservationId");
        let name = format!("seat {} of {}", id.1, id.0);
        if !old.is_null() && !new.is_null() && !same {
            if is_sold(old) {
                wrong.push(format!("invariant 1: {name} was sold and goes to another: {old} => {new}"));
            } else if now_ms + AHEAD_MS < number(old, "heldUntil") {
                wrong.push(format!("invariant 1: {name} is held and goes to another: {old} => {new}"));
            }
        }
        match (text(old, "status"), text(new, "status")) {
            ("SOLD", "HELD") => wrong.push(format!("invariant 1: {name} was sold and is held: {new}")),
            ("", "SOLD") => wrong.push(format!("invariant 1: {name} is sold without a hold: {new}")),
            (_, "SOLD") if !new["ttl"].is_null() => wrong.push(format!("a sold seat would be cleaned up: {name}")),
            ("SOLD" | "HELD", "") => self.freed.push((id.clone(), old.clone())),
            _ => {}
        }
        self.sold += sum(new, "SOLD", "price") - sum(old, "SOLD", "price");
        for seat in [old, new] {
            self.touched.insert(text(seat, "reservationId").to_owned());
        }
        if new.is_null() {
            self.seats.remove(&id);
        } else {
            self.seats.insert(id, new.clone());
        }
    }

    /// Checks and mirrors a change of a reservation.
    pub fn reservation(&mut self, change: &Change, now_ms: u64, wrong: &mut Vec<String>) {
        let (old, new) = (&change.old, &change.new);
        let id = text(if new.is_null() { old } else { new }, "reservationId").to_owned();
        if new.is_null() {
            // Only TTL deletes a reservation, and only one that was never paid.
            if old["ttl"].is_null() || now_ms < number(old, "ttl") * 1_000 {
                wrong.push(format!("invariant 3: reservation {id} is gone: {old}"));
            }
            self.reservations.remove(&id);
            return;
        }
        match (text(old, "status"), text(new, "status")) {
            ("", "PENDING") | ("PENDING", "CONFIRMED" | "CANCELLED") | ("CONFIRMED", "CANCELLED") => {}
            ("PENDING", "EXPIRED") if number(new, "expiresAt") <= now_ms + AHEAD_MS => {}
            (was, is) if was == is => {}
            (was, is) => wrong.push(format!("invariant 3: reservation {id} went from {was} to {is}: {old} => {new}")),
        }
        // Judged by the writer's clock, which the reservation stores.
        let moved = ["paidAt", "cancelledAt"].map(|name| number(new, name)).into_iter().max().unwrap_or_default();
        let held = text(old, "status") == "PENDING" && matches!(text(new, "status"), "CONFIRMED" | "CANCELLED");
        if held && moved >= number(new, "expiresAt") {
            wrong.push(format!("a hold that is over is paid or cancelled: {old} => {new}"));
        }
        if !old.is_null() {
            for fixed in ["amount", "seatNumbers", "userId", "concertId", "expiresAt", "reservedAt"] {
                if old[fixed] != new[fixed] {
                    wrong.push(format!("a fixed attribute of a reservation changed: {fixed} of {id}: {old} => {new}"));
                }
            }
        }
        if !new.is_null() && (text(new, "status") == "CANCELLED") == new["cancelReason"].is_null() {
            wrong.push(format!("a reservation has a cancel reason if and only if it is cancelled: {new}"));
        }
        if !new.is_null() && new["paidAt"].is_null() == new["ttl"].is_null() {
            wrong.push(format!("a reservation has a TTL until it is paid, and none from then on: {new}"));
        }
        let (before, after) = (old["attempts"].as_array(), new["attempts"].as_array());
        if let (Some(before), Some(after)) = (before, after)
            && before.len() < MAX_ATTEMPTS_KEPT
            && !after.starts_with(before)
        {
            wrong.push(format!("a failed payment is forgotten: reservation {id}: {old} => {new}"));
        }
        self.confirmed += sum(new, "CONFIRMED", "amount") - sum(old, "CONFIRMED", "amount");
        self.touched.insert(id.clone());
        self.reservations.insert(id, new.clone());
    }

    /// Checks, after all changes of one write, that seats and reservations fit together.
    pub fn settle(&mut self, now_ms: u64, wrong: &mut Vec<String>) {
        for (seat, old) in std::mem::take(&mut self.freed) {
            self.check_freed(&seat, &old, now_ms, wrong);
        }
        for id in std::mem::take(&mut self.touched) {
            if let Some(reservation) = self.reservations.get(&id) {
                self.check_owned(&id, reservation, now_ms, wrong);
            } else if !id.is_empty() {
                wrong.push(format!("invariant 3: a seat of reservation {id}, which does not exist"));
            }
        }
        if self.sold != self.confirmed {
            wrong.push(format!(
                "invariant 3: seats sold for {}, reservations confirmed for {}",
                self.sold, self.confirmed
            ));
            self.confirmed = self.sold;
        }
    }

    /// The reservation of a deleted seat must be over.
    fn check_freed(&self, (concert, number_): &SeatId, old: &Value, now_ms: u64, wrong: &mut Vec<String>) {
        let reservation = self.reservations.get(text(old, "reservationId")).unwrap_or(&Value::Null);
        let over = match text(reservation, "status") {
            "PENDING" => number(reservation, "expiresAt") <= now_ms + AHEAD_MS,
            status => status != "CONFIRMED",
        };
        if !over {
            wrong.push(format!("invariant 1: seat {number_} of {concert} was taken from {reservation}"));
        }
    }

    /// A reservation that is paid, or pending and not over, must have its seats.
    fn check_owned(&self, id: &str, reservation: &Value, now_ms: u64, wrong: &mut Vec<String>) {
        let wanted = match text(reservation, "status") {
            "CONFIRMED" => "SOLD",
            "PENDING" if now_ms + AHEAD_MS < number(reservation, "expiresAt") => "HELD",
            _ => return,
        };
        for seat in reservation["seatNumbers"].as_array().into_iter().flatten() {
            let key = (text(reservation, "concertId").to_owned(), seat.as_u64().unwrap_or_default());
            let found = self.seats.get(&key).unwrap_or(&Value::Null);
            if text(found, "reservationId") != id || text(found, "status") != wanted {
                wrong.push(format!("invariant 1: seat {} of {reservation} is {found}, not {wanted}", key.1));
            }
        }
    }
}
