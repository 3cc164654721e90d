//! Ledgers: invariants 2 and 3.

use super::seats::Seats;
use crate::change::{Change, number, text};
use serde_json::Value;
use std::collections::BTreeMap;

/// The ledger of each fan.
#[derive(Debug, Default)]
pub struct Money {
    /// Entries in order, by user.
    pub ledgers: BTreeMap<String, Vec<Value>>,
    /// The sum of all payments less all refunds.
    pub paid: i64,
    payments: BTreeMap<String, (u32, u32)>,
}

impl Money {
    /// Checks and mirrors a change of a ledger entry.
    pub fn entry(&mut self, change: &Change, wrong: &mut Vec<String>) {
        let user = change.key.pk.trim_start_matches("FAN#").to_owned();
        let (old, new) = (&change.old, &change.new);
        if !old.is_null() {
            wrong.push(format!("invariant 2: the past of a ledger changed: {old} => {new}"));
            return;
        }
        let ledger = self.ledgers.entry(user).or_default();
        let before = ledger.last().map_or(0, |last| number(last, "balanceAfter"));
        let amount = number(new, "amount");
        let after = match text(new, "type") {
            "PAYMENT" => before.checked_sub(amount),
            _ => Some(before + amount),
        };
        if number(new, "sequence") != ledger.len() as u64 + 1 {
            wrong.push(format!("invariant 2: {new} is entry {} of its ledger", ledger.len() + 1));
        }
        if after != Some(number(new, "balanceAfter")) {
            wrong.push(format!("invariant 2: {new} after a balance of {before}"));
        }
        let signed = i64::try_from(amount).unwrap_or(i64::MAX);
        let reservation = self.payments.entry(text(new, "reservationId").to_owned()).or_default();
        match text(new, "type") {
            "PAYMENT" => {
                self.paid += signed;
                reservation.0 += 1;
            }
            "REFUND" => {
                self.paid -= signed;
                reservation.1 += 1;
            }
            _ => {}
        }
        if reservation.0 > 1 || reservation.1 > reservation.0 {
            wrong.push(format!("invariant 3: paid {} times, refunded {} times: {new}", reservation.0, reservation.1));
        }
        ledger.push(new.clone());
    }

    /// Checks, after all changes of one write, that payments fit the confirmed reservations.
    pub fn settle(&mut self, seats: &Seats, wrong: &mut Vec<String>) {
        if self.paid != seats.confirmed {
            wrong.push(format!(
                "invariant 3: payments less refunds {}, reservations confirmed for {}",
                self.paid, seats.confirmed
            ));
            self.paid = seats.confirmed;
        }
    }
}
