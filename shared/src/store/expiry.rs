//! Cleans up after holds whose time is up. Nothing depends on it: every condition checks the time itself.

use super::{
    Store, StoreError, keys,
    request::{WriteFailure, parse, s},
};
use crate::{
    domain::{
        id::{ConcertId, ReservationId, UserId},
        layout::SeatNumber,
        reservation::{Reservation, ReservationStatus},
        time::Timestamp,
    },
    telemetry::{meter::measure, metric::Metric},
};
use futures_util::future::try_join_all;

/// What an attempt to expire a hold found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// The hold was over and is cleaned up.
    Expired,
    /// The hold lasts until this time: the timer must be sent again.
    NotDue(Timestamp),
    /// The reservation is paid or cancelled, or does not exist.
    Settled,
}

impl Store {
    /// Expires a hold whose time is up: marks the reservation first, then removes each seat that still belongs to it.
    /// Safe to repeat and to interrupt anywhere. Most timers find a reservation that is settled; those cost one read
    /// and no write. The session is not written, since its holds are judged by time.
    pub async fn expire(&self, user: UserId, id: ReservationId) -> Result<Expiry, StoreError> {
        let found: Option<Reservation> = self.get(&keys::reservation(user, id), true).await?;
        let Some(reservation) = found else { return Ok(Expiry::Settled) };
        let seats = match reservation.status {
            ReservationStatus::Confirmed | ReservationStatus::Cancelled => return Ok(Expiry::Settled),
            // The timer of a long hold fires early.
            ReservationStatus::Pending if self.now() < reservation.expires_at => {
                return Ok(Expiry::NotDue(reservation.expires_at));
            }
            ReservationStatus::Pending if self.mark_expired(&reservation).await? => reservation.seat_numbers,
            ReservationStatus::Pending => return Ok(Expiry::Settled),
            // Removes what is left where an earlier expiry was cut off: usually nothing.
            ReservationStatus::Expired => {
                let seats = self.seats_now(reservation.concert_id, &reservation.seat_numbers).await?;
                seats.into_iter().filter(|seat| seat.reservation_id == id).map(|seat| seat.seat_number).collect()
            }
        };
        try_join_all(seats.iter().map(|seat| self.free_seat(reservation.concert_id, *seat, id))).await?;
        Ok(Expiry::Expired)
    }

    /// Marks a hold that is over as expired; returns `false` if it was paid or cancelled meanwhile (invariant 3: a paid
    /// reservation never expires). The end of the hold needs no condition: it never changes.
    async fn mark_expired(&self, reservation: &Reservation) -> Result<bool, StoreError> {
        let mark = self
            .update(&keys::reservation(reservation.user_id, reservation.reservation_id))
            .update_expression("SET #status = :expired")
            .condition_expression("#status = :pending")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":expired", s("EXPIRED"))
            .expression_attribute_values(":pending", s("PENDING"));
        match self.send_update(mark).await {
            Ok(_) => {
                measure(Metric::HoldsExpired, 1.0);
                measure(Metric::TimerLag, self.now().millis_since(reservation.expires_at));
                Ok(true)
            }
            // A timer that runs at the same time, or an earlier copy of this write, may have marked it.
            Err(WriteFailure::Condition(Some(item))) => {
                Ok(parse::<Reservation>(item)?.status == ReservationStatus::Expired)
            }
            Err(WriteFailure::Condition(None)) => Ok(false),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Removes a seat that still belongs to this reservation (invariant 1: never one that the next fan has taken over).
    async fn free_seat(&self, concert: ConcertId, seat: SeatNumber, id: ReservationId) -> Result<(), StoreError> {
        let delete = self
            .delete(&keys::seat(concert, seat))
            .condition_expression("reservationId = :reservation")
            .expression_attribute_values(":reservation", s(id));
        match self.send_delete(delete).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}
