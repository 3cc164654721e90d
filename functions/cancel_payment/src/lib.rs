//! `POST /api/v1/payments/{paymentId}/cancel`: gives a payment back; its seats are free at once.

use lambda_http::http::StatusCode;
use serde::Serialize;
use shared::{
    app::App,
    domain::{id::PaymentId, refusal::Refusal, text::Reason},
    http::{
        Answer, Call,
        answer::{body, json_once},
        callers::caller,
        requests::CancelPayment,
        views::PaymentBody,
    },
};

/// What makes two requests the same under an `Idempotency-Key`.
#[derive(Serialize)]
struct Same<'a> {
    payment: PaymentId,
    reason: &'a Option<Reason>,
}

/// Answers 200 with the payment, cancelled; also when it was before. Once the concert has started it is 409.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.optional_payload()?;
    let caller = caller(app, call).await?;
    let payment: PaymentId = call.path("paymentId")?;
    let CancelPayment { reason } = payload.parse()?;
    let idempotent = call.idempotent("cancel_payment", &Same { payment, reason: &reason })?;
    let user = caller.acting_for(call)?;
    let reservation = payment.reservation().ok_or(Refusal::PaymentNotFound)?;
    let answer = |refunded: &_| body(&PaymentBody::from(refunded));
    let done = app.store.refund(user, reservation, idempotent.as_ref(), answer).await?;
    Ok(json_once(StatusCode::OK, done, |refunded| PaymentBody::from(refunded)))
}
