//! A fan's money: the gapless list of entries, whose newest one holds the balance, and what may be paid.

use super::{
    amount::Amount,
    id::{EntryId, PaymentId, ReservationId},
    refusal::Refusal,
    reservation::{Reservation, ReservationStatus},
    session::{EndReason, Session},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What an entry of the ledger does to the balance.
///
/// | type | effect |
/// |---|---|
/// | `CHARGE` | A recharge: the amount is added. |
/// | `PAYMENT` | A reservation was paid: the amount is taken. |
/// | `REFUND` | A payment was refunded: the amount is added. |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum EntryType {
    /// A recharge.
    Charge,
    /// A reservation was paid.
    Payment,
    /// A payment was refunded.
    Refund,
}

/// One entry of a fan's ledger. Amounts are positive; the type gives the sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// The number of the entry: 1, 2, 3 ... for each fan, without gaps.
    pub sequence: u64,
    /// What the entry does to the balance.
    #[serde(rename = "type")]
    pub entry_type: EntryType,
    /// The amount, always positive.
    pub amount: Amount,
    /// The balance after the entry.
    pub balance_after: Amount,
    /// When the entry was written.
    pub at: Timestamp,
    /// The reservation that was paid or refunded; `None` for a charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<ReservationId>,
    /// What a recharge by an admin goes back to, in the words of the operator's books; `None` for all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The id of a recharge without an idempotency key, by which the recharge recognises its own entry; `None` for all
    /// others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_id: Option<EntryId>,
}

/// What the next entry of a ledger depends on: its newest entry. The default is an empty ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// The sum of the ledger.
    pub balance: Amount,
    /// The number of the newest entry.
    pub sequence: u64,
}

impl From<&LedgerEntry> for Balance {
    fn from(newest: &LedgerEntry) -> Self {
        Balance { balance: newest.balance_after, sequence: newest.sequence }
    }
}

impl Balance {
    /// The next entry, which moves `amount`.
    ///
    /// # Errors
    /// `InsufficientBalance` for a payment above the balance; `BalanceTooLarge` for a charge past
    /// [`Amount::MAX_BALANCE`].
    pub fn next_entry(
        self,
        entry_type: EntryType,
        amount: Amount,
        at: Timestamp,
        reservation_id: Option<ReservationId>,
    ) -> Result<LedgerEntry, Refusal> {
        let balance_after = match entry_type {
            EntryType::Payment => self.balance.minus(amount).ok_or(Refusal::InsufficientBalance)?,
            EntryType::Charge => self.balance.plus(amount).ok_or(Refusal::BalanceTooLarge)?,
            // The ceiling is for charges only: a refund must not fail because the balance is high.
            EntryType::Refund => self.balance.plus_refund(amount),
        };
        let sequence = self.sequence + 1;
        let (reference, entry_id) = (None, None);
        Ok(LedgerEntry { sequence, entry_type, amount, balance_after, at, reservation_id, reference, entry_id })
    }
}

/// A payment that the read items allow. The conditions of the transaction check each part again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentPlan {
    /// The ledger entry.
    pub entry: LedgerEntry,
    /// Whether the payment ends the session, since no other hold is open.
    pub ends_session: bool,
}

/// Judges a payment of `amount` for `reservation` by what was read. `PaymentAlreadyProcessed` comes before the checks
/// of the session, so that the retry of a payment whose answer was lost learns that it succeeded, also after a refund.
pub fn judge_payment(
    reservation: &Reservation,
    balance: Balance,
    session: Option<&Session>,
    amount: Amount,
    now: Timestamp,
) -> Result<PaymentPlan, Refusal> {
    let id = reservation.reservation_id;
    if reservation.paid_at.is_some() {
        return Err(Refusal::PaymentAlreadyProcessed(PaymentId::of(id)));
    }
    let over = session.map_or(EndReason::NoShow, Session::end_reason_or_expired);
    let session = session.filter(|s| s.alive(now)).ok_or(Refusal::SessionOver { reason: over })?;
    match reservation.status_at(now) {
        ReservationStatus::Pending => {}
        ReservationStatus::Cancelled => return Err(Refusal::ReservationCancelled),
        ReservationStatus::Confirmed | ReservationStatus::Expired => return Err(Refusal::ReservationExpired),
    }
    if session.queue_id != reservation.queue_id {
        return Err(Refusal::WrongQueue);
    }
    // A hold of an earlier session: leaving ended that session, but crashed before it cancelled the hold.
    if session.place != reservation.place {
        return Err(Refusal::SessionOver { reason: EndReason::Left });
    }
    // By a clock ahead of this one the hold expired and left the session, so its seats may be taken already.
    if !session.holds.contains_key(&id) {
        return Err(Refusal::ReservationExpired);
    }
    if amount != reservation.amount {
        return Err(Refusal::AmountMismatch { amount: reservation.amount });
    }
    let entry = balance.next_entry(EntryType::Payment, amount, now, Some(id))?;
    Ok(PaymentPlan { entry, ends_session: !session.has_other_open_hold(id, now) })
}

/// Judges the refund of a paid reservation that is not refunded yet.
///
/// # Errors
/// `TooLateToCancel` from `until` on, where there is such a time.
pub fn judge_refund(
    reservation: &Reservation,
    until: Option<Timestamp>,
    balance: Balance,
    now: Timestamp,
) -> Result<LedgerEntry, Refusal> {
    debug_assert_eq!(reservation.status, ReservationStatus::Confirmed);
    if until.is_some_and(|until| until <= now) {
        return Err(Refusal::TooLateToCancel);
    }
    balance.next_entry(EntryType::Refund, reservation.amount, now, Some(reservation.reservation_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_balance_is_the_sum_of_a_gapless_ledger(moves in prop::collection::vec((0u8..3, 1u64..5_000), 0..60)) {
            let (mut balance, mut ledger) = (Balance::default(), Vec::new());
            for (kind, units) in moves {
                let kind = [EntryType::Charge, EntryType::Payment, EntryType::Refund][usize::from(kind)];
                if let Ok(entry) = balance.next_entry(kind, Amount::new(units), Timestamp::DISTANT_PAST, None) {
                    balance = Balance::from(&entry);
                    ledger.push(entry);
                }
            }
            let signed = |e: &LedgerEntry| {
                let units = i64::try_from(e.amount.units()).unwrap();
                if e.entry_type == EntryType::Payment { -units } else { units }
            };
            prop_assert_eq!(ledger.iter().map(signed).sum::<i64>(), i64::try_from(balance.balance.units()).unwrap());
            prop_assert!(ledger.iter().zip(1..).all(|(e, n)| e.sequence == n));
        }
    }

    #[test]
    fn charges_and_payments_keep_a_balance_within_its_bounds_but_a_refund_may_exceed_them() {
        let full = Balance { balance: Amount::MAX_BALANCE, sequence: 1 };
        let entry = |kind, units| full.next_entry(kind, Amount::new(units), Timestamp::DISTANT_PAST, None);
        assert_eq!(entry(EntryType::Charge, 1), Err(Refusal::BalanceTooLarge));
        assert_eq!(entry(EntryType::Payment, Amount::MAX_BALANCE.units() + 1), Err(Refusal::InsufficientBalance));
        assert!(entry(EntryType::Payment, 1).is_ok());
        let refunded = entry(EntryType::Refund, 7).unwrap().balance_after;
        assert_eq!(refunded.units(), Amount::MAX_BALANCE.units() + 7);
    }
}
