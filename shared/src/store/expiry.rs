//! Cleans up after holds whose time is up. Nothing depends on it: every condition checks the time itself.

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
    /// Expires a hold whose time is up: marks the reservation first, then removes each seat that still belongs to it,
    /// then drops the hold from its session. Safe to repeat and to interrupt anywhere.
    pub async fn expire(&self, user: UserId, id: ReservationId) -> Result<Expiry, StoreError> {
        let now = self.now();
        // Invariant 3: a paid reservation never expires. The end is checked too, since the timer of a long hold fires
        // early.
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
