//! `POST /api/v1/payments/{paymentId}/cancel`: refunds a payment; its seats are free at once.

use lambda_http::http::StatusCode;
use serde::Serialize;
use shared::{
    app::App,
    bootstrap,
    domain::{
        account::Role,
        id::{PaymentId, UserId},
        refusal::Refusal,
        text::Reason,
    },
    http::{
        Answer, Call,
        answer::{body, json_idempotent},
        callers::caller,
        requests::CancelPayment,
        views::PaymentBody,
    },
    store::refund::RefundOrder,
};

/// What an `Idempotency-Key` is bound to.
#[derive(Serialize)]
struct Fingerprint<'a> {
    payment: PaymentId,
    user: UserId,
    reason: &'a Option<Reason>,
}

/// Answers 200 with the cancelled payment, also if it was cancelled before. After the concert's start, 409 for a fan.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.optional_payload()?;
    let caller = caller(app, call).await?;
    let payment: PaymentId = call.path("paymentId")?;
    let CancelPayment { reason } = payload.parse()?;
    let user = caller.acting_for(call)?;
    let fingerprint = Fingerprint { payment, user, reason: &reason };
    let idempotent = call.idempotent(caller.user_id, "cancel_payment", &fingerprint)?;
    let reservation_id = payment.reservation().ok_or(Refusal::PaymentNotFound)?;
    let order = RefundOrder { user_id: user, reservation_id, by_admin: caller.role == Role::Admin };
    let answer = |refunded: &_| body(&PaymentBody::from(refunded));
    let done = app.store.refund(order, idempotent.as_ref(), answer).await?;
    Ok(json_idempotent(StatusCode::OK, done, |refunded| PaymentBody::from(refunded)))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
