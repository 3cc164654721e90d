//! `POST /api/v1/payments/recharge`: adds money to a fan's balance.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    http::{
        Answer, Call,
        answer::{body, json_idempotent},
        callers::{caller, named_fan},
        requests::Recharge,
        values::RequestedAmount,
        views::BalanceBody,
    },
};

/// Answers 200 with the balance before and after.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.payload()?;
    let caller = caller(app, call).await?;
    let recharge: Recharge = payload.parse()?;
    let idempotent = call.idempotent(caller.user_id, "recharge_balance", &recharge)?;
    named_fan(call, Some(recharge.user_id))?;
    caller.must_be(recharge.user_id)?;
    let RequestedAmount(amount) = recharge.amount;
    let done = app
        .store
        .recharge(recharge.user_id, amount, idempotent.as_ref(), |recharged| body(&BalanceBody::new(recharged)))
        .await?;
    Ok(json_idempotent(StatusCode::OK, done, BalanceBody::new))
}
