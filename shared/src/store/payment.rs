//! Payments: one parallel read, then one transaction.

use super::{
    Failure, Store, StoreError,
    idempotency::{Draft, Executed, Idempotent, Operation, Plan},
    keys,
    request::{self, CancellationReason, n, s},
    transact_parts::transact_item,
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

/// A payment that an admitted fan asks for.
#[derive(Debug, Clone)]
pub struct PaymentOrder {
    /// The fan and the place.
    pub claims: QueueClaims,
    /// The reservation to pay.
    pub reservation_id: ReservationId,
    /// The amount that the fan expects to pay.
    pub amount: Amount,
}

/// A payment that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The confirmed reservation.
    pub reservation: Reservation,
    /// The balance after the payment.
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
            payment_entry: Some(plan.entry.sequence),
            ..reservation
        };
        let writes = self.store.payment_writes(&reservation, &session, &plan)?;
        let result = Paid { reservation, new_balance: plan.entry.balance_after };
        Ok(Plan::Write(Draft { result, at, writes, hold: None }))
    }
}

impl Store {
    /// Pays a reservation. `answer` builds the body that a replay returns.
    pub async fn pay(
        &self,
        order: &PaymentOrder,
        idempotent: Option<&Idempotent>,
        answer: impl Fn(&Paid) -> String,
    ) -> Result<Executed<Paid>, Failure> {
        self.commit(idempotent, answer, Payment { store: self, order }).await
    }

    /// Reads what a payment depends on and judges it. A payment with a wrong amount or too low a balance is noted in
    /// the reservation; a deployment may cancel the hold because of the balance.
    async fn plan_payment(&self, order: &PaymentOrder) -> Result<(Reservation, Session, PaymentPlan), Failure> {
        let QueueClaims { user_id: user, queue_id, .. } = &order.claims;
        let reservation_key = keys::reservation(*user, order.reservation_id);
        let (reservation, balance, session) = try_join!(
            self.get::<Reservation>(&reservation_key, true),
            self.ledger_balance(*user),
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
        match judge_payment(&reservation, balance, session.as_ref(), order.amount, now) {
            Ok(plan) => Ok((reservation, session.ok_or(Refusal::SessionOver { reason: EndReason::NoShow })?, plan)),
            Err(refusal) => {
                self.ensure_not_paid_concurrently(&reservation).await?;
                let code = match refusal {
                    Refusal::InsufficientBalance => Some("insufficient_balance"),
                    Refusal::AmountMismatch { .. } => Some("amount_mismatch"),
                    _ => None,
                };
                if let Some(code) = code {
                    // A note that fails must not hide the refusal.
                    if let Err(error) = self.note_attempt(&reservation, code).await {
                        tracing::warn!(error = crate::telemetry::chain(&error), "payment attempt not noted");
                    }
                }
                if refusal == Refusal::InsufficientBalance && self.rules.release_unpaid {
                    self.cancel_if_held(*user, order.reservation_id, CancelReason::Released).await?;
                }
                Err(refusal.into())
            }
        }
    }

    /// Refuses a reservation that was paid since it was read. The parallel reads are no snapshot: without this check, a
    /// concurrent payment of the same reservation could look like a missing balance or an ended session.
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
        // Invariant 3: a reservation is paid once, and only while it is held; the conditions of its seats check the
        // time. The same write removes the TTL, so that a paid reservation is never deleted.
        let confirmed = self
            .transact_update(&keys::reservation(reservation.user_id, reservation.reservation_id))
            .update_expression(
                "SET #status = :confirmed, paidAt = :now, sessionOver = :over, paymentEntry = :entry REMOVE #ttl",
            )
            .condition_expression("#status = :pending")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":confirmed", s("CONFIRMED"))
            .expression_attribute_values(":pending", s("PENDING"))
            .expression_attribute_values(":over", AttributeValue::Bool(plan.ends_session))
            .expression_attribute_values(":entry", n(plan.entry.sequence))
            .expression_attribute_values(":now", n(now.millis()));
        let mut writes = vec![
            transact_item(confirmed)?,
            self.session_write(reservation, session, plan)?,
            self.ledger_write(reservation.user_id, &plan.entry)?,
        ];
        for seat in &reservation.seat_numbers {
            writes.push(self.sell_seat_write(reservation, *seat, now)?);
        }
        Ok(writes)
    }

    /// The write of the session: the hold leaves its list, the seats go on counting as bought, and the session ends if
    /// that was its last open hold. Only if no hold was made or released since the read, or a session could end with a
    /// hold still open, and only if the session has not ended. The version covers list and times: neither changes
    /// without it.
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
