//! Cancels holds. This never fails because a session is gone.

use super::{
    Failure, MAX_ATTEMPTS, Store, StoreError, contention, keys,
    request::{self, CancellationReason, TransactFailure, n, s},
    transact_parts::transact_item,
};
use crate::domain::{
    id::{PaymentId, ReservationId, UserId},
    refusal::Refusal,
    reservation::{CancelReason, Reservation, ReservationStatus},
    time::Timestamp,
};
use aws_sdk_dynamodb::types::TransactWriteItem;

/// The update that drops a hold from its session's list. With [`HOLD_IS_LISTED`], a repeat changes nothing.
const DROP_HOLD: &str = "SET seatsTaken = seatsTaken - :seats, version = version + :one REMOVE holds.#reservation";
/// The condition of [`DROP_HOLD`].
const HOLD_IS_LISTED: &str = "attribute_exists(holds.#reservation)";

impl Store {
    /// Cancels a hold: its seats are free at once. A reservation that was cancelled before keeps its reason.
    ///
    /// # Errors
    /// [`Refusal::ReservationNotFound`], [`Refusal::PaidNotCancellable`], [`Refusal::ReservationExpired`].
    pub async fn cancel(&self, user: UserId, id: ReservationId, reason: CancelReason) -> Result<(), Failure> {
        let mut with_session = true;
        for attempt in 0..MAX_ATTEMPTS {
            let reservation = self.reservation(user, id).await?;
            let now = self.now();
            match reservation.status_at(now) {
                ReservationStatus::Pending => {}
                ReservationStatus::Cancelled => return Ok(()),
                ReservationStatus::Confirmed => return Err(Refusal::PaidNotCancellable(PaymentId::of(id)).into()),
                ReservationStatus::Expired => return Err(Refusal::ReservationExpired.into()),
            }
            match self.transact(self.cancel_writes(&reservation, with_session, reason, now)?).await {
                Ok(()) => return Ok(()),
                Err(TransactFailure::Store(error)) => return Err(error.into()),
                Err(TransactFailure::Contended { .. }) => break,
                Err(TransactFailure::Cancelled(reasons)) => {
                    with_session &= !matches!(reasons.last(), Some(CancellationReason::Condition(_)));
                }
            }
            self.context.back_off(attempt).await;
        }
        Err(contention("cancel").into())
    }

    /// Cancels a hold that may be over already; ignores refusals.
    pub(crate) async fn cancel_if_held(
        &self,
        user: UserId,
        id: ReservationId,
        reason: CancelReason,
    ) -> Result<(), StoreError> {
        match self.cancel(user, id, reason).await {
            Ok(()) | Err(Failure::Refused(_)) => Ok(()),
            Err(Failure::Store(error)) => Err(error),
        }
    }

    fn cancel_writes(
        &self,
        reservation: &Reservation,
        with_session: bool,
        reason: CancelReason,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        // Invariant 3: only a pending reservation is cancelled, so a payment that came first wins. The end of the hold
        // needs no condition: it never changes, and was compared with the same `now`.
        let cancelled = self
            .transact_update(&keys::reservation(reservation.user_id, reservation.reservation_id))
            .update_expression("SET #status = :cancelled, cancelledAt = :now, cancelReason = :reason")
            .condition_expression("#status = :pending")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":cancelled", s("CANCELLED"))
            .expression_attribute_values(":pending", s("PENDING"))
            .expression_attribute_values(":reason", request::value(&reason)?)
            .expression_attribute_values(":now", n(now.millis()));
        let mut writes = vec![transact_item(cancelled)?];
        for seat in &reservation.seat_numbers {
            writes.push(self.free_seat_write(reservation, *seat)?);
        }
        if with_session {
            let dropped = self
                .transact_update(&keys::session(&reservation.queue_id, reservation.place))
                .update_expression(DROP_HOLD)
                .condition_expression(HOLD_IS_LISTED)
                .expression_attribute_names("#reservation", reservation.reservation_id.to_string())
                .expression_attribute_values(":seats", n(reservation.seat_numbers.len() as u64))
                .expression_attribute_values(":one", n(1));
            writes.push(transact_item(dropped)?);
        }
        Ok(writes)
    }
}
