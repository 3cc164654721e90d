//! Reservations of a fan.

use super::{
    Failure, Store, StoreError, keys,
    request::{self, WriteFailure, n},
};
use crate::domain::{
    id::{ReservationId, UserId},
    refusal::Refusal,
    reservation::{ATTEMPTS_KEPT, Attempt, Reservation},
};

impl Store {
    /// A fan's reservation. Somebody else's is not found: it lies in another partition.
    pub async fn reservation(&self, user: UserId, id: ReservationId) -> Result<Reservation, Failure> {
        let found: Option<Reservation> = self.get(&keys::reservation(user, id), true).await?;
        found.ok_or(Failure::Refused(Refusal::ReservationNotFound))
    }

    /// Notes a refused payment with its reservation. Of several at the same instant, one may stay unnoted.
    pub(crate) async fn note_attempt(&self, reservation: &Reservation, code: &str) -> Result<(), StoreError> {
        let mut attempts = reservation.attempts.clone();
        attempts.push(Attempt { at: self.now(), code: code.to_owned() });
        let surplus = attempts.len().saturating_sub(ATTEMPTS_KEPT);
        let update = self
            .update(&keys::reservation(reservation.user_id, reservation.reservation_id))
            .update_expression("SET attempts = :attempts")
            .condition_expression("size(attempts) = :noted")
            .expression_attribute_values(":attempts", request::value(&attempts.split_off(surplus))?)
            .expression_attribute_values(":noted", n(reservation.attempts.len() as u64));
        match self.send_update(update).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}
