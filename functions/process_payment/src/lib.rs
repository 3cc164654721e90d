//! `POST /api/v1/payments/process`: pays a reservation from the fan's balance.

use lambda_http::http::StatusCode;
use serde::Serialize;
use shared::{
    app::App,
    bootstrap,
    domain::id::ReservationId,
    http::{
        Answer, Call,
        answer::{body, json_idempotent},
        callers::named_fan,
        requests::ProcessPayment,
        values::RequestedAmount,
        views::PaymentBody,
    },
    store::payment::PaymentOrder,
};

/// What an `Idempotency-Key` is bound to.
#[derive(Serialize)]
struct Fingerprint {
    reservation: ReservationId,
    amount: RequestedAmount,
}

/// Answers 200 with the payment. A reservation is paid at most once.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.payload()?;
    let claims = app.tokens.queue_claims(call, app.now())?;
    let payment: ProcessPayment = payload.parse()?;
    let fingerprint = Fingerprint { reservation: payment.reservation_id, amount: payment.amount };
    let idempotent = call.idempotent(claims.user_id, "process_payment", &fingerprint)?;
    claims.must_be(named_fan(call, payment.user_id)?)?;
    let RequestedAmount(amount) = payment.amount;
    let order = PaymentOrder { claims, reservation_id: payment.reservation_id, amount };
    let done = app.store.pay(&order, idempotent.as_ref(), |paid| body(&PaymentBody::new(paid))).await?;
    Ok(json_idempotent(StatusCode::OK, done, PaymentBody::new))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
