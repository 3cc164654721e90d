//! Giving money back: the reverse of a payment, in one transaction.

use super::{
    Failure, MAX_ATTEMPTS, Store, StoreError,
    idempotency::{Done, Idempotent, record_in_the_way},
    keys,
    request::{self, TransactFailure, n, part, s},
};
use crate::domain::{
    amount::Amount,
    id::{ReservationId, UserId},
    ledger::{Balance, LedgerEntry, judge_refund},
    refusal::Refusal,
    reservation::{CancelReason, Reservation, ReservationStatus},
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use futures_util::try_join;

/// A payment that is to be given back.
#[derive(Debug, Clone, Copy)]
pub struct RefundOrder {
    /// Whose payment.
    pub user_id: UserId,
    /// Of which reservation.
    pub reservation_id: ReservationId,
    /// An admin gives money back at any time, a fan until the concert starts.
    pub by_admin: bool,
}

/// A payment that was given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refunded {
    /// The reservation, cancelled.
    pub reservation: Reservation,
    /// The balance after it.
    pub new_balance: Amount,
}

/// What a refund comes to by what was read.
enum Planned {
    /// To be written.
    Refund(Box<Reservation>, LedgerEntry),
    /// Written before.
    Refunded(Refunded),
}

impl Store {
    /// Refunds the payment of a reservation: its seats are free at once, the balance is credited. Refunding again tells
    /// of the first refund. `answer` makes the body that is kept for replays.
    pub async fn refund(
        &self,
        order: RefundOrder,
        idempotent: Option<&Idempotent>,
        answer: impl Fn(&Refunded) -> String,
    ) -> Result<Done<Refunded>, Failure> {
        for attempt in 0..MAX_ATTEMPTS {
            let (reservation, entry) = match self.plan_refund(order).await {
                Ok(Planned::Refund(reservation, entry)) => (reservation, entry),
                Ok(Planned::Refunded(refunded)) => {
                    // The first answer, where it was kept under this key; else what it came to.
                    let kept = self.kept_answer(idempotent).await?;
                    return Ok(kept.map_or(Done::Fresh(refunded), Done::Replayed));
                }
                Err(refusal @ Failure::Refused(_)) => return self.replay_or_refuse(idempotent, refusal).await,
                Err(failure) => return Err(failure),
            };
            let reservation = Reservation {
                status: ReservationStatus::Cancelled,
                cancelled_at: Some(entry.at),
                cancel_reason: Some(CancelReason::Refunded),
                ..*reservation
            };
            let refunded = Refunded { reservation, new_balance: entry.balance_after };
            let mut parts = Vec::with_capacity(refunded.reservation.seat_numbers.len() + 4);
            if let Some(idempotent) = idempotent {
                parts.push(self.idempotency_part(idempotent, answer(&refunded), entry.at)?);
            }
            parts.extend(self.refund_parts(&refunded.reservation, &entry)?);
            match self.transact(parts).await {
                Ok(()) => return Ok(Done::Fresh(refunded)),
                Err(TransactFailure::Store(error)) => return Err(error.into()),
                Err(TransactFailure::Contended) => break,
                Err(TransactFailure::Cancelled(mut reasons)) => {
                    if let (Some(idempotent), Some(record)) = (idempotent, record_in_the_way(&mut reasons, idempotent))
                    {
                        return Ok(Done::Replayed(Self::judge_record(idempotent, record)?));
                    }
                }
            }
            self.context.back_off(attempt).await;
        }
        self.gave_up(idempotent, "refund").await
    }

    async fn plan_refund(&self, order: RefundOrder) -> Result<Planned, Failure> {
        let user = order.user_id;
        let (reservation_key, balance_key) = (keys::reservation(user, order.reservation_id), keys::balance(user));
        let (reservation, balance) =
            try_join!(self.get::<Reservation>(&reservation_key, true), self.get::<Balance>(&balance_key, true),)?;
        let paid = reservation.filter(|reservation| reservation.paid_at.is_some());
        let reservation = paid.ok_or(Failure::Refused(Refusal::PaymentNotFound))?;
        let balance = balance.unwrap_or_default();
        if reservation.status == ReservationStatus::Cancelled {
            return Ok(Planned::Refunded(Refunded { reservation, new_balance: balance.balance }));
        }
        let until = if order.by_admin { None } else { Some(self.concert(reservation.concert_id).await?.starts_at) };
        let entry = judge_refund(&reservation, until, balance, self.now())?;
        Ok(Planned::Refund(Box::new(reservation), entry))
    }

    /// The reservation, the ledger, and each seat.
    fn refund_parts(
        &self,
        reservation: &Reservation,
        entry: &LedgerEntry,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        // Invariant 3: a payment is given back once, however many ask at the same time.
        let cancelled = self
            .update_part(&keys::reservation(reservation.user_id, reservation.reservation_id))
            .update_expression("SET #status = :cancelled, cancelledAt = :now, cancelReason = :reason")
            .condition_expression("#status = :confirmed")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":cancelled", s("CANCELLED"))
            .expression_attribute_values(":confirmed", s("CONFIRMED"))
            .expression_attribute_values(":reason", request::value(&CancelReason::Refunded)?)
            .expression_attribute_values(":now", n(entry.at.millis()));
        let mut parts = vec![part(cancelled)?];
        parts.extend(self.ledger_parts(reservation.user_id, entry)?);
        for seat in &reservation.seat_numbers {
            parts.push(self.free_seat_part(reservation, *seat)?);
        }
        Ok(parts)
    }
}
