//! Paying: one parallel read, then one transaction.

use super::{
    Failure, Store, StoreError,
    idempotency::{Draft, Executed, Idempotent, Operation, Plan},
    keys,
    request::{self, CancellationReason, n, s, transact_item},
};
use crate::domain::{
    amount::Amount,
    claims::QueueClaims,
    id::{PaymentId, ReservationId},
    ledger::{PaymentPlan, judge_payment},
    refusal::Refusal,
    reservation::{CancelReason, Reservation, ReservationStatus},
    session::{EndReason, Session},
};
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use futures_util::try_join;

/// A payment that a let-in fan asks for.
#[derive(Debug, Clone)]
pub struct PaymentOrder {
    /// Who, with which place.
    pub claims: QueueClaims,
    /// What is paid.
    pub reservation_id: ReservationId,
    /// What the fan thinks it costs.
    pub amount: Amount,
}

/// A payment that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The reservation, confirmed.
    pub reservation: Reservation,
    /// The balance after it.
    pub new_balance: Amount,
}

struct Payment<'a> {
    store: &'a Store,
    order: &'a PaymentOrder,
}

impl Operation for Payment<'_> {
    const NAME: &'static str = "pay";
    type Outcome = Paid;

    async fn plan(&mut self, _: Vec<CancellationReason>) -> Result<Plan<Paid>, Failure> {
        let (reservation, session, plan) = self.store.plan_payment(self.order).await?;
        let at = plan.entry.at;
        let reservation = Reservation {
            status: ReservationStatus::Confirmed,
            paid_at: Some(at),
            session_over: plan.ends_session,
            ..reservation
        };
        let writes = self.store.payment_writes(&reservation, &session, &plan)?;
        let result = Paid { reservation, new_balance: plan.entry.balance_after };
        Ok(Plan::Write(Draft { result, at, writes, hold: None }))
    }
}

impl Store {
    /// Pays a reservation. `answer` makes the body that is kept for replays.
    pub async fn pay(
        &self,
        order: &PaymentOrder,
        idempotent: Option<&Idempotent>,
        answer: impl Fn(&Paid) -> String,
    ) -> Result<Executed<Paid>, Failure> {
        self.commit(idempotent, answer, Payment { store: self, order }).await
    }

    /// Reads what a payment depends on and judges it. One that is refused for its amount or for want of money is noted.
    async fn plan_payment(&self, order: &PaymentOrder) -> Result<(Reservation, Session, PaymentPlan), Failure> {
        let QueueClaims { user_id: user, queue_id, .. } = &order.claims;
        let (reservation_key, balance_key) = (keys::reservation(*user, order.reservation_id), keys::balance(*user));
        let (reservation, balance, session) = try_join!(
            self.get::<Reservation>(&reservation_key, true),
            self.get(&balance_key, true),
            self.session(queue_id, order.claims.place()),
        )?;
        let paid = reservation.as_ref().is_some_and(|r| r.paid_at.is_some());
        let session = match session {
            None if !paid => Some(self.claim_in_time(&order.claims).await?),
            session => session,
        };
        let now = self.now();
        let Some(reservation) = reservation else {
            let over = session.filter(|session| !session.alive(now));
            let over = over.map(|session| Refusal::SessionOver { reason: session.end_reason_or_expired() });
            return Err(over.unwrap_or(Refusal::ReservationNotFound).into());
        };
        match judge_payment(&reservation, balance.unwrap_or_default(), session.as_ref(), order.amount, now) {
            Ok(plan) => Ok((reservation, session.ok_or(Refusal::SessionOver { reason: EndReason::NoShow })?, plan)),
            Err(refusal) => {
                self.ensure_not_paid_concurrently(&reservation).await?;
                let code = match refusal {
                    Refusal::InsufficientBalance => Some("insufficient_balance"),
                    Refusal::AmountMismatch { .. } => Some("amount_mismatch"),
                    _ => None,
                };
                if let Some(code) = code {
                    // The refusal stands, noted or not.
                    if let Err(error) = self.note_attempt(&reservation, code).await {
                        tracing::warn!(%error, "payment attempt not noted");
                    }
                }
                if refusal == Refusal::InsufficientBalance && self.rules.release_unpaid {
                    self.cancel_if_held(*user, order.reservation_id, CancelReason::Released).await?;
                }
                Err(refusal.into())
            }
        }
    }

    /// What a payment depends on is read at once, but not at one instant: the money or the turn that another payment of
    /// the same reservation used up in between is not missing.
    async fn ensure_not_paid_concurrently(&self, read: &Reservation) -> Result<(), Failure> {
        if read.paid_at.is_none() && self.reservation(read.user_id, read.reservation_id).await?.paid_at.is_some() {
            return Err(Refusal::PaymentAlreadyProcessed(PaymentId::of(read.reservation_id)).into());
        }
        Ok(())
    }

    fn payment_writes(
        &self,
        reservation: &Reservation,
        session: &Session,
        plan: &PaymentPlan,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let now = plan.entry.at;
        // Invariant 3: a reservation is paid once, and only while it is held; the seats' conditions check its time. It
        // loses its TTL in the same write, so that a paid one is never cleaned up.
        let confirmed = self
            .transact_update(&keys::reservation(reservation.user_id, reservation.reservation_id))
            .update_expression("SET #status = :confirmed, paidAt = :now, sessionOver = :over REMOVE #ttl")
            .condition_expression("#status = :pending")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":confirmed", s("CONFIRMED"))
            .expression_attribute_values(":pending", s("PENDING"))
            .expression_attribute_values(":over", AttributeValue::Bool(plan.ends_session))
            .expression_attribute_values(":now", n(now.millis()));
        let mut writes = vec![transact_item(confirmed)?, self.session_write(reservation, session, plan)?];
        writes.extend(self.ledger_writes(reservation.user_id, &plan.entry)?);
        for seat in &reservation.seat_numbers {
            writes.push(self.sell_seat_write(reservation, *seat, now)?);
        }
        Ok(writes)
    }

    /// The hold leaves the session's list, and its seats go on counting as bought; the session ends if that was its last
    /// open hold. Only if nobody has held or released in between, else a turn could end with a hold still open, and only
    /// if nobody has ended it. Its list and times are those that were judged: they change with the version alone.
    fn session_write(
        &self,
        reservation: &Reservation,
        session: &Session,
        plan: &PaymentPlan,
    ) -> Result<TransactWriteItem, StoreError> {
        let id = reservation.reservation_id;
        let ends = if plan.ends_session { ", ended = :now, endReason = :paid" } else { "" };
        let mut update = self
            .transact_update(&keys::session(&session.queue_id, session.place))
            .update_expression(format!("SET version = version + :one{ends} REMOVE holds.#reservation"))
            .condition_expression("version = :version AND attribute_not_exists(ended)")
            .expression_attribute_names("#reservation", id.to_string())
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":version", n(session.version));
        if plan.ends_session {
            update = update
                .expression_attribute_values(":now", n(plan.entry.at.millis()))
                .expression_attribute_values(":paid", request::value(&EndReason::Paid)?);
        }
        transact_item(update)
    }
}
