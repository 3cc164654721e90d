//! An item that is compared with others, and which ones.

use super::{
    super::{
        keys::{self, Key},
        request::{self, Item},
    },
    parts::Loaded,
};
use crate::{
    domain::{
        id::UserId,
        ledger::LedgerEntry,
        reconcile::{Difference, OfReservation, of_entry, of_reservation, of_seat},
        reservation::{Reservation, ReservationStatus},
        seat::SeatItem,
        time::Timestamp,
    },
    store::item_kind::ItemKind,
};
use serde::de::DeserializeOwned;

/// Seats of a reservation that are compared. A hold has at most eight; a damaged item may have any number.
const MAX_SEATS: usize = 90;

/// An item that cannot be read, or is not what its key says.
#[derive(Debug)]
pub(super) struct Unreadable;

/// An item of a kind that is compared.
#[derive(Debug)]
pub(super) enum Subject {
    Seat(SeatItem),
    Reservation(Reservation),
    Entry(UserId, LedgerEntry),
    /// A count or a sum, which is compared with what it counts.
    Count,
}

impl Subject {
    /// Reads an item.
    pub(super) fn read(key: &Key, item: &Item) -> Result<Self, Unreadable> {
        fn parse<T: DeserializeOwned>(item: &Item) -> Result<T, Unreadable> {
            request::parse(item.clone()).map_err(|_| Unreadable)
        }
        let subject = match ItemKind::of(&key.pk, &key.sk) {
            ItemKind::Seat => Subject::Seat(parse(item)?),
            ItemKind::Reservation => Subject::Reservation(parse(item)?),
            ItemKind::LedgerEntry => Subject::Entry(keys::fan_of(&key.pk).ok_or(Unreadable)?, parse(item)?),
            ItemKind::SeatCount | ItemKind::SeatSum => return Ok(Subject::Count),
            _ => return Err(Unreadable),
        };
        if subject.key().as_ref() == Some(key) { Ok(subject) } else { Err(Unreadable) }
    }

    /// The key at which the item belongs.
    fn key(&self) -> Option<Key> {
        match self {
            Subject::Seat(seat) => Some(keys::seat(seat.concert_id, seat.seat_number)),
            Subject::Reservation(it) => Some(keys::reservation(it.user_id, it.reservation_id)),
            Subject::Entry(user, entry) => Some(keys::ledger(*user, entry.sequence)),
            Subject::Count => None,
        }
    }

    /// The items that this one is compared with, each once.
    pub(super) fn others(&self) -> Vec<Key> {
        match self {
            Subject::Seat(seat) => vec![keys::reservation(seat.user_id, seat.reservation_id)],
            Subject::Reservation(it) => {
                // Only a paid reservation must have its seats: a hold that is over may still be stored.
                let paid = it.status == ReservationStatus::Confirmed;
                let seats = it.seat_numbers.iter().take(if paid { MAX_SEATS } else { 0 });
                let entries = [it.payment_entry, it.refund_entry].into_iter().flatten();
                let mut others: Vec<Key> = seats.map(|seat| keys::seat(it.concert_id, *seat)).collect();
                others.extend(entries.map(|number| keys::ledger(it.user_id, number)));
                others.sort_by(|one, other| (&one.pk, &one.sk).cmp(&(&other.pk, &other.sk)));
                others.dedup();
                others
            }
            Subject::Entry(user, entry) => {
                let before = entry.sequence.checked_sub(1).map(|before| keys::ledger(*user, before));
                let reservation = entry.reservation_id.map(|id| keys::reservation(*user, id));
                before.into_iter().chain(reservation).collect()
            }
            Subject::Count => Vec::new(),
        }
    }

    /// What does not fit. `loaded` has the [others](Self::others), as far as they exist. One that cannot be read counts
    /// as missing.
    pub(super) fn differences(&self, loaded: &Loaded, now: Timestamp) -> Vec<Difference> {
        match self {
            Subject::Seat(seat) => {
                let reservation = read(loaded, &keys::reservation(seat.user_id, seat.reservation_id));
                of_seat(seat, reservation.as_ref(), now).into_iter().collect()
            }
            Subject::Reservation(it) => {
                let seats =
                    it.seat_numbers.iter().filter_map(|number| read(loaded, &keys::seat(it.concert_id, *number)));
                let entry = |number: Option<u64>| read(loaded, &keys::ledger(it.user_id, number?));
                let (payment, refund) = (entry(it.payment_entry), entry(it.refund_entry));
                of_reservation(it, &OfReservation { seats: seats.collect(), payment, refund }, now)
            }
            Subject::Entry(user, entry) => {
                let before = entry.sequence.checked_sub(1).and_then(|it| read(loaded, &keys::ledger(*user, it)));
                let reservation = entry.reservation_id.and_then(|id| read(loaded, &keys::reservation(*user, id)));
                of_entry(entry, before.as_ref(), reservation.as_ref())
            }
            Subject::Count => Vec::new(),
        }
    }
}

fn read<T: DeserializeOwned>(loaded: &Loaded, key: &Key) -> Option<T> {
    request::parse(loaded.get(key)?.clone()).ok()
}
