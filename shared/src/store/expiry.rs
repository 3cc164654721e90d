//! Cleaning up after holds whose time is up. Nothing waits for it: every condition checks the time itself.

use super::{
    Store, StoreError, keys,
    request::{self, WriteFailure, n, s},
};
use crate::domain::{
    id::{ConcertId, ReservationId, UserId},
    layout::SeatNumber,
    reservation::{Reservation, ReservationStatus},
    time::Timestamp,
};
use futures_util::future::try_join_all;

/// What a timer found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// The hold was over and is cleaned up.
    Expired,
    /// The hold lasts until then: the timer fires again.
    NotDue(Timestamp),
    /// Paid, cancelled, or never written.
    Settled,
}

impl Store {
    /// Expires a hold whose time is up: marks the reservation first, then removes each seat that still belongs to it,
    /// then takes the hold out of its session. Safe to repeat and to be cut off anywhere.
    pub async fn expire(&self, user: UserId, id: ReservationId) -> Result<Expiry, StoreError> {
        let now = self.now();
        // Invariant 3: never a paid one; and never before its time, whoever sent the timer.
        let mark = self
            .update(&keys::reservation(user, id))
            .update_expression("SET #status = :expired")
            .condition_expression("#status = :pending AND expiresAt <= :now")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":expired", s("EXPIRED"))
            .expression_attribute_values(":pending", s("PENDING"))
            .expression_attribute_values(":now", n(now.millis()))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
        let reservation: Reservation = match self.send_update(mark).await {
            Ok(output) => request::parse(output.attributes.unwrap_or_default())?,
            Err(WriteFailure::Condition(Some(item))) => request::parse(item)?,
            Err(WriteFailure::Condition(None)) => return Ok(Expiry::Settled),
            Err(WriteFailure::Store(error)) => return Err(error),
        };
        match reservation.status {
            ReservationStatus::Expired => {}
            ReservationStatus::Pending => return Ok(Expiry::NotDue(reservation.expires_at)),
            ReservationStatus::Confirmed | ReservationStatus::Cancelled => return Ok(Expiry::Settled),
        }
        let seats = reservation.seat_numbers.iter();
        try_join_all(seats.map(|seat| self.free_seat(reservation.concert_id, *seat, id))).await?;
        self.drop_hold(&reservation).await?;
        Ok(Expiry::Expired)
    }

    /// Removes a seat that is still held by this reservation (invariant 1: never the next holder's).
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
