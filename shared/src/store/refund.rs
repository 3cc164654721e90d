//! Refunds: the reverse of a payment, in one transaction.

use super::{
    Failure, Store, StoreError,
    idempotency::{Draft, Executed, Idempotent, Operation, Plan},
    keys,
    request::{self, CancellationReason, n, s},
    transact_parts::transact_item,
};
use crate::domain::{
    amount::Amount,
    id::{ReservationId, UserId},
    ledger::{LedgerEntry, judge_refund},
    refusal::Refusal,
    reservation::{CancelReason, Reservation, ReservationStatus},
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use futures_util::try_join;

/// A refund that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct RefundOrder {
    /// The fan who paid.
    pub user_id: UserId,
    /// The paid reservation.
    pub reservation_id: ReservationId,
    /// Whether an admin asks. An admin may refund at any time, a fan only until the concert starts.
    pub by_admin: bool,
}

/// A payment that was refunded, now or before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refunded {
    /// The cancelled reservation.
    pub reservation: Reservation,
    /// The balance after the refund; the present balance, if the payment was refunded before.
    pub new_balance: Amount,
}

struct Refund<'a> {
    store: &'a Store,
    order: RefundOrder,
}

impl Operation for Refund<'_> {
    const NAME: &'static str = "refund";
    type Outcome = Refunded;

    async fn plan(&mut self, _: Vec<CancellationReason>) -> Result<Plan<Refunded>, Failure> {
        self.store.plan_refund(self.order).await
    }
}

impl Store {
    /// Refunds the payment of a reservation: its seats are free at once, and the balance is credited. Writes nothing if
    /// the payment was refunded before. `answer` builds the body that a replay returns.
    ///
    /// # Errors
    /// [`Refusal::PaymentNotFound`]; [`Refusal::TooLateToCancel`] for a fan once the concert has started.
    pub async fn refund(
        &self,
        order: RefundOrder,
        idempotent: Option<&Idempotent>,
        answer: impl Fn(&Refunded) -> String,
    ) -> Result<Executed<Refunded>, Failure> {
        self.commit(idempotent, answer, Refund { store: self, order }).await
    }

    async fn plan_refund(&self, order: RefundOrder) -> Result<Plan<Refunded>, Failure> {
        let user = order.user_id;
        let reservation_key = keys::reservation(user, order.reservation_id);
        let (reservation, balance) =
            try_join!(self.get::<Reservation>(&reservation_key, true), self.ledger_balance(user))?;
        let paid = reservation.filter(|reservation| reservation.paid_at.is_some());
        let reservation = paid.ok_or(Failure::Refused(Refusal::PaymentNotFound))?;
        if reservation.status == ReservationStatus::Cancelled {
            return Ok(Plan::Nothing(Refunded { reservation, new_balance: balance.balance }));
        }

        let until = if order.by_admin { None } else { Some(self.concert(reservation.concert_id).await?.starts_at) };
        let entry = judge_refund(&reservation, until, balance, self.now())?;
        let reservation = Reservation {
            status: ReservationStatus::Cancelled,
            cancelled_at: Some(entry.at),
            cancel_reason: Some(CancelReason::Refunded),
            refund_entry: Some(entry.sequence),
            ..reservation
        };
        let writes = self.refund_writes(&reservation, &entry)?;
        let result = Refunded { reservation, new_balance: entry.balance_after };
        Ok(Plan::Write(Draft { result, at: entry.at, writes, hold: None }))
    }

    /// The writes of the reservation, of the ledger and of each seat.
    fn refund_writes(
        &self,
        reservation: &Reservation,
        entry: &LedgerEntry,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        // Invariant 3: a payment is refunded once, however many requests ask at the same time.
        let cancelled = self
            .transact_update(&keys::reservation(reservation.user_id, reservation.reservation_id))
            .update_expression(
                "SET #status = :cancelled, cancelledAt = :now, cancelReason = :reason, refundEntry = :entry",
            )
            .condition_expression("#status = :confirmed")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":cancelled", s("CANCELLED"))
            .expression_attribute_values(":confirmed", s("CONFIRMED"))
            .expression_attribute_values(":reason", request::value(&CancelReason::Refunded)?)
            .expression_attribute_values(":entry", n(entry.sequence))
            .expression_attribute_values(":now", n(entry.at.millis()));
        let mut writes = vec![transact_item(cancelled)?, self.ledger_write(reservation.user_id, entry)?];
        for seat in &reservation.seat_numbers {
            writes.push(self.free_seat_write(reservation, *seat)?);
        }
        Ok(writes)
    }
}
