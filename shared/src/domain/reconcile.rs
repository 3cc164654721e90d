//! Differences between items that one transaction wrote together, or that follow from each other: what `reconcile` looks
//! for. Each check compares items that were read, and names what does not fit (invariants 1, 2 and 3).

use super::{
    amount::Amount,
    concert::SeatStatus,
    ledger::{Balance, EntryType, LedgerEntry},
    reservation::{CancelReason, Reservation, ReservationStatus},
    seat::SeatItem,
    time::{Seconds, Timestamp},
};
use serde::{Deserialize, Serialize};

/// A hold that ends within this time is not judged: the clocks of the functions that expire it may be ahead of this one.
const HOLD_MARGIN: Seconds = Seconds(60);
/// How long after the end of its hold a reservation that is still stored as `PENDING` was left behind. Its timer comes at
/// the end of the hold, the sweep two minutes later.
const LEFT_BEHIND_AFTER: Seconds = Seconds(3_600);

/// What does not fit, by the item at which it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// A seat is sold, and its reservation is not paid, has another fan or concert, does not list the seat, or is missing.
    SoldWithoutPayment,
    /// A seat is held, and its reservation is not pending, has another fan or concert, does not list the seat, or is missing.
    HeldWithoutReservation,
    /// A reservation is paid, and one of its seats is not sold by it.
    SeatNotSold,
    /// The prices of the seats of a paid reservation do not add up to its amount.
    AmountMismatch,
    /// A reservation was paid, and the ledger has no `PAYMENT` of its amount at the number that it names.
    PaymentMissing,
    /// A reservation was refunded, and the ledger has no `REFUND` of its amount at the number that it names.
    RefundMissing,
    /// A `PAYMENT` or `REFUND` whose reservation was not paid or refunded by this entry.
    EntryUnfounded,
    /// A ledger entry without the one before it.
    LedgerGap,
    /// The balance of a ledger entry is not that of the one before it with the amount.
    WrongBalance,
    /// The count of a chunk or its bitmap is not that of its seats, or the sum of a concert not that of its counts.
    StaleCount,
    /// A reservation is stored as pending long after the end of its hold.
    LeftBehind,
    /// An item that cannot be read, or stands at a key of another. A balance below zero is among them.
    Unreadable,
}

impl Difference {
    /// All kinds.
    pub const ALL: [Difference; 12] = [
        Difference::SoldWithoutPayment,
        Difference::HeldWithoutReservation,
        Difference::SeatNotSold,
        Difference::AmountMismatch,
        Difference::PaymentMissing,
        Difference::RefundMissing,
        Difference::EntryUnfounded,
        Difference::LedgerGap,
        Difference::WrongBalance,
        Difference::StaleCount,
        Difference::LeftBehind,
        Difference::Unreadable,
    ];

    /// The name in logs and in the runbook.
    pub const fn name(self) -> &'static str {
        match self {
            Difference::SoldWithoutPayment => "sold_without_payment",
            Difference::HeldWithoutReservation => "held_without_reservation",
            Difference::SeatNotSold => "seat_not_sold",
            Difference::AmountMismatch => "amount_mismatch",
            Difference::PaymentMissing => "payment_missing",
            Difference::RefundMissing => "refund_missing",
            Difference::EntryUnfounded => "entry_unfounded",
            Difference::LedgerGap => "ledger_gap",
            Difference::WrongBalance => "wrong_balance",
            Difference::StaleCount => "stale_count",
            Difference::LeftBehind => "left_behind",
            Difference::Unreadable => "unreadable",
        }
    }

    /// How long after the first look the second one comes. Seats and money change in one transaction; counts follow them,
    /// by the stream or, where that fails, by a sweep some minutes later.
    pub const fn second_look_after(self) -> Seconds {
        match self {
            Difference::StaleCount => Seconds(600),
            _ => Seconds(60),
        }
    }
}

/// Compares a seat with the reservation that it names, `None` where that does not exist.
pub fn of_seat(seat: &SeatItem, reservation: Option<&Reservation>, now: Timestamp) -> Option<Difference> {
    let (wanted, difference) = match seat.status_at(now + HOLD_MARGIN) {
        SeatStatus::Available => return None,
        SeatStatus::Sold => (ReservationStatus::Confirmed, Difference::SoldWithoutPayment),
        SeatStatus::Held => (ReservationStatus::Pending, Difference::HeldWithoutReservation),
    };
    let fits = reservation.is_some_and(|reservation| {
        reservation.status == wanted
            && reservation.user_id == seat.user_id
            && reservation.concert_id == seat.concert_id
            && reservation.seat_numbers.contains(&seat.seat_number)
    });
    (!fits).then_some(difference)
}

/// What a reservation is compared with.
#[derive(Debug, Default)]
pub struct OfReservation {
    /// Its seats, as far as they are stored.
    pub seats: Vec<SeatItem>,
    /// The ledger entry that it names as its payment.
    pub payment: Option<LedgerEntry>,
    /// The ledger entry that it names as its refund.
    pub refund: Option<LedgerEntry>,
}

/// Compares a reservation with its seats and its ledger entries.
pub fn of_reservation(reservation: &Reservation, others: &OfReservation, now: Timestamp) -> Vec<Difference> {
    let id = reservation.reservation_id;
    let mut found = Vec::new();
    if reservation.status == ReservationStatus::Confirmed {
        let sold = |seat: &&SeatItem| seat.status == SeatStatus::Sold && seat.reservation_id == id;
        let (seats, price): (Vec<_>, Vec<Amount>) =
            others.seats.iter().filter(sold).map(|seat| (seat.seat_number, seat.price)).unzip();
        if !reservation.seat_numbers.iter().all(|number| seats.contains(number)) {
            found.push(Difference::SeatNotSold);
        } else if price.into_iter().sum::<Amount>() != reservation.amount {
            found.push(Difference::AmountMismatch);
        }
    }
    let moves = |entry: &Option<LedgerEntry>, kind: EntryType| {
        entry.as_ref().is_some_and(|entry| {
            entry.entry_type == kind && entry.reservation_id == Some(id) && entry.amount == reservation.amount
        })
    };
    if was_paid(reservation) && !moves(&others.payment, EntryType::Payment) {
        found.push(Difference::PaymentMissing);
    }
    if was_refunded(reservation) && !moves(&others.refund, EntryType::Refund) {
        found.push(Difference::RefundMissing);
    }
    if reservation.status == ReservationStatus::Pending && reservation.expires_at + LEFT_BEHIND_AFTER < now {
        found.push(Difference::LeftBehind);
    }
    found
}

fn was_paid(reservation: &Reservation) -> bool {
    reservation.status == ReservationStatus::Confirmed || reservation.paid_at.is_some()
}

fn was_refunded(reservation: &Reservation) -> bool {
    reservation.cancel_reason == Some(CancelReason::Refunded)
}

/// Compares a ledger entry with the one before it and with the reservation that it names, `None` where they do not exist.
pub fn of_entry(
    entry: &LedgerEntry,
    before: Option<&LedgerEntry>,
    reservation: Option<&Reservation>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    if entry.sequence != before.map_or(0, |before| before.sequence) + 1 {
        found.push(Difference::LedgerGap);
    } else {
        let balance = before.map(Balance::from).unwrap_or_default();
        let next = balance.next_entry(entry.entry_type, entry.amount, entry.at, entry.reservation_id);
        if !next.is_ok_and(|next| next.balance_after == entry.balance_after) {
            found.push(Difference::WrongBalance);
        }
    }
    let number = Some(entry.sequence);
    let founded = |by: fn(&Reservation) -> bool, named: fn(&Reservation) -> Option<u64>| {
        reservation.is_some_and(|it| by(it) && named(it) == number && it.amount == entry.amount)
    };
    let founded = match entry.entry_type {
        EntryType::Charge => true,
        EntryType::Payment => founded(was_paid, |reservation| reservation.payment_entry),
        EntryType::Refund => founded(was_refunded, |reservation| reservation.refund_entry),
    };
    if !founded {
        found.push(Difference::EntryUnfounded);
    }
    found
}

#[cfg(test)]
mod tests;
