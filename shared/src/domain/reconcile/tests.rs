use super::*;
use crate::domain::{
    id::{ConcertId, QueueId, ReservationId, UserId},
    layout::SeatNumber,
    ticket::Place,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
const PRICE: u64 = 10;

/// What one fan did at one concert, as it is stored.
#[derive(Debug, Clone, Default)]
struct Stored {
    ledger: BTreeMap<u64, LedgerEntry>,
    reservations: BTreeMap<ReservationId, Reservation>,
    seats: BTreeMap<SeatNumber, SeatItem>,
}

fn pending(id: ReservationId, seats: Vec<SeatNumber>) -> Reservation {
    Reservation {
        reservation_id: id,
        user_id: UserId(Uuid::from_u128(7)),
        concert_id: ConcertId(Uuid::from_u128(8)),
        amount: Amount::new(PRICE * seats.len() as u64),
        seat_numbers: seats,
        status: ReservationStatus::Pending,
        reserved_at: NOW,
        expires_at: NOW + Seconds(300),
        cancelled_at: None,
        cancel_reason: None,
        paid_at: None,
        session_over: false,
        payment_entry: None,
        refund_entry: None,
        queue_id: QueueId::main(),
        place: Place::new(1),
        attempts: Vec::new(),
    }
}

impl Stored {
    fn append(&mut self, kind: EntryType, amount: Amount, reservation: Option<ReservationId>) -> Option<u64> {
        let newest = self.ledger.values().next_back().map(Balance::from).unwrap_or_default();
        let entry = newest.next_entry(kind, amount, NOW, reservation).ok()?;
        let number = entry.sequence;
        self.ledger.insert(number, entry);
        Some(number)
    }

    /// Holds seats that nobody has, under an id that nobody has.
    fn hold(&mut self, count: u32) -> ReservationId {
        let id = ReservationId(Uuid::from_u128(100 + self.reservations.len() as u128));
        let first = self.seats.keys().next_back().map_or(1, |last| last.get() + 1);
        let seats: Vec<SeatNumber> = (first..first + count).filter_map(SeatNumber::new).collect();
        let reservation = pending(id, seats);
        for seat in &reservation.seat_numbers {
            let item = SeatItem {
                concert_id: reservation.concert_id,
                seat_number: *seat,
                status: SeatStatus::Held,
                user_id: reservation.user_id,
                reservation_id: id,
                held_until: Some(reservation.expires_at),
                price: Amount::new(PRICE),
            };
            self.seats.insert(*seat, item);
        }
        self.reservations.insert(id, reservation);
        id
    }

    fn pay(&mut self, id: ReservationId) {
        let Some(number) = self.append(EntryType::Payment, self.reservations[&id].amount, Some(id)) else { return };
        for seat in self.seats.values_mut().filter(|seat| seat.reservation_id == id) {
            (seat.status, seat.held_until) = (SeatStatus::Sold, None);
        }
        if let Some(reservation) = self.reservations.get_mut(&id) {
            reservation.status = ReservationStatus::Confirmed;
            (reservation.paid_at, reservation.payment_entry) = (Some(NOW), Some(number));
        }
    }

    fn refund(&mut self, id: ReservationId) {
        if self.reservations[&id].status != ReservationStatus::Confirmed {
            return;
        }
        let number = self.append(EntryType::Refund, self.reservations[&id].amount, Some(id));
        self.seats.retain(|_, seat| seat.reservation_id != id);
        if let Some(reservation) = self.reservations.get_mut(&id) {
            reservation.status = ReservationStatus::Cancelled;
            (reservation.cancel_reason, reservation.refund_entry) = (Some(CancelReason::Refunded), number);
        }
    }

    /// Every check of every item.
    fn differences(&self) -> BTreeSet<Difference> {
        let named = |number: Option<u64>| self.ledger.get(&number?).cloned();
        let mut found = BTreeSet::new();
        found.extend(
            self.seats.values().filter_map(|seat| of_seat(seat, self.reservations.get(&seat.reservation_id), NOW)),
        );
        for reservation in self.reservations.values() {
            let others = OfReservation {
                seats: reservation.seat_numbers.iter().filter_map(|number| self.seats.get(number).cloned()).collect(),
                payment: named(reservation.payment_entry),
                refund: named(reservation.refund_entry),
            };
            found.extend(of_reservation(reservation, &others, NOW));
        }
        for entry in self.ledger.values() {
            let before = self.ledger.get(&(entry.sequence - 1));
            let reservation = entry.reservation_id.and_then(|id| self.reservations.get(&id));
            found.extend(of_entry(entry, before, reservation));
        }
        found
    }
}

/// A fan who charges, holds, pays and refunds: each number is one act.
fn sale(acts: &[(u8, u32)]) -> Stored {
    let mut stored = Stored::default();
    for (act, size) in acts {
        match act {
            0 => {
                stored.append(EntryType::Charge, Amount::new(u64::from(*size) * 30), None);
            }
            1 => {
                let id = stored.hold(*size);
                stored.pay(id);
            }
            2 => {
                stored.hold(*size);
            }
            _ => {
                let index = *size as usize % stored.reservations.len().max(1);
                if let Some(id) = stored.reservations.keys().nth(index).copied() {
                    stored.refund(id);
                }
            }
        }
    }
    stored
}

/// A sale with one of everything: a hold, a payment, a refund.
fn small() -> Stored {
    sale(&[(0, 4), (1, 2), (1, 1), (3, 1), (2, 1), (0, 1)])
}

proptest! {
    #[test]
    fn whatever_a_fan_does_leaves_no_difference(acts in prop::collection::vec((0u8..4, 1u32..5), 0..40)) {
        prop_assert_eq!(sale(&acts).differences(), BTreeSet::new());
    }

    #[test]
    fn an_entry_that_is_gone_or_changed_is_found(acts in prop::collection::vec((0u8..4, 1u32..5), 2..40), at in 0usize..40, units in 1u64..9) {
        let stored = sale(&acts);
        let Some(number) = stored.ledger.keys().nth(at % stored.ledger.len().max(1)).copied() else { return Ok(()) };
        let mut changed = stored.clone();
        changed.ledger.get_mut(&number).unwrap().balance_after = Amount::new(stored.ledger[&number].balance_after.units() + units);
        prop_assert!(changed.differences().contains(&Difference::WrongBalance));
        let mut without = stored.clone();
        let gone = without.ledger.remove(&number).unwrap();
        let found = without.differences();
        prop_assert_eq!(found.contains(&Difference::LedgerGap), stored.ledger.contains_key(&(number + 1)));
        prop_assert_eq!(found.contains(&Difference::PaymentMissing), gone.entry_type == EntryType::Payment);
        prop_assert_eq!(found.contains(&Difference::RefundMissing), gone.entry_type == EntryType::Refund);
    }

    #[test]
    fn a_seat_of_a_paid_reservation_that_is_gone_or_anothers_is_found(acts in prop::collection::vec((0u8..4, 1u32..5), 2..40), at in 0usize..40) {
        let stored = sale(&acts);
        let sold: Vec<SeatNumber> = stored.seats.values().filter(|s| s.status == SeatStatus::Sold).map(|s| s.seat_number).collect();
        let Some(number) = sold.get(at % sold.len().max(1)).copied() else { return Ok(()) };
        let mut without = stored.clone();
        without.seats.remove(&number);
        prop_assert_eq!(without.differences(), BTreeSet::from([Difference::SeatNotSold]));
        let mut anothers = stored.clone();
        anothers.seats.get_mut(&number).unwrap().reservation_id = ReservationId(Uuid::from_u128(1));
        prop_assert_eq!(anothers.differences(), BTreeSet::from([Difference::SoldWithoutPayment, Difference::SeatNotSold]));
    }
}

/// The differences after `damage`, of which the small sale has none.
fn after(damage: impl FnOnce(&mut Stored)) -> Vec<Difference> {
    let mut stored = small();
    assert_eq!(stored.differences(), BTreeSet::new());
    damage(&mut stored);
    stored.differences().into_iter().collect()
}

fn with(stored: &mut Stored, status: ReservationStatus) -> &mut Reservation {
    stored.reservations.values_mut().find(|reservation| reservation.status == status).unwrap()
}

#[test]
fn a_reservation_that_does_not_fit_is_found_from_both_sides() {
    use Difference::{AmountMismatch, EntryUnfounded, HeldWithoutReservation, PaymentMissing, SeatNotSold};
    use ReservationStatus::{Cancelled, Confirmed, Pending};
    let unpaid = after(|it| with(it, Confirmed).status = Cancelled);
    assert_eq!(unpaid, [Difference::SoldWithoutPayment]);
    let never_paid = after(|it| {
        let reservation = with(it, Confirmed);
        (reservation.status, reservation.paid_at) = (Pending, None);
    });
    assert_eq!(never_paid, [Difference::SoldWithoutPayment, EntryUnfounded]);
    assert_eq!(after(|it| with(it, Confirmed).payment_entry = Some(1)), [PaymentMissing, EntryUnfounded]);
    assert_eq!(
        after(|it| with(it, Confirmed).amount = Amount::new(1)),
        [AmountMismatch, PaymentMissing, EntryUnfounded]
    );
    assert_eq!(after(|it| with(it, Cancelled).refund_entry = None), [Difference::RefundMissing, EntryUnfounded]);
    assert_eq!(after(|it| with(it, Pending).status = Cancelled), [HeldWithoutReservation]);
    assert_eq!(after(|it| with(it, Pending).status = Confirmed), [HeldWithoutReservation, SeatNotSold, PaymentMissing]);
    assert_eq!(after(|it| with(it, Pending).seat_numbers.clear()), [HeldWithoutReservation]);
    let of_another = after(|it| with(it, Pending).user_id = UserId(Uuid::from_u128(1)));
    assert_eq!(of_another, [HeldWithoutReservation]);
}

#[test]
fn a_hold_is_judged_until_a_minute_before_its_end_and_left_behind_an_hour_after_it() {
    let stored = small();
    let seat = stored.seats.values().find(|seat| seat.status == SeatStatus::Held).unwrap();
    let end = seat.held_until.unwrap();
    assert_eq!(of_seat(seat, None, end - Seconds(61)), Some(Difference::HeldWithoutReservation));
    assert_eq!(of_seat(seat, None, end - Seconds(60)), None);
    let reservation = stored.reservations.values().find(|it| it.status == ReservationStatus::Pending).unwrap();
    let at = |now| of_reservation(reservation, &OfReservation::default(), now);
    assert_eq!(at(end + Seconds(3_600)), []);
    assert_eq!(at(end + Seconds(3_601)), [Difference::LeftBehind]);
}

#[cfg(feature = "aws")]
#[test]
fn the_stored_name_of_a_kind_is_the_one_that_is_logged() {
    for difference in Difference::ALL {
        assert_eq!(serde_json::to_value(difference).unwrap(), difference.name());
    }
}
