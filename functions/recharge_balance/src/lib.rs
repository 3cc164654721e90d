//! `POST /api/v1/payments/recharge`: adds money to a fan's balance.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::{account::Role, refusal::Refusal, text::Reference},
    http::{
        Answer, Call,
        answer::{body, json_idempotent},
        callers::{caller, named_fan},
        requests::Recharge,
        values::RequestedAmount,
        views::BalanceBody,
    },
    store::money::{RechargeOrder, Recharged},
};

/// Answers 200 with the balance before and after. Fans may recharge only where the deployment lets them.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.payload()?;
    let caller = caller(app, call).await?;
    let by_admin = caller.role == Role::Admin;
    if !by_admin && !app.config.recharge_by_fans {
        return Err(Refusal::RechargeByAdminsOnly.into());
    }
    let recharge: Recharge = payload.parse()?;
    let idempotent = call.idempotent(caller.user_id, "recharge_balance", &recharge)?;
    named_fan(call, Some(recharge.user_id))?;
    caller.must_be(recharge.user_id)?;
    if !by_admin && recharge.reference.is_some() {
        return Err(Refusal::ReferenceByAdminsOnly.into());
    }
    let (RequestedAmount(amount), reference) = (recharge.amount, recharge.reference.map(Reference::into_string));
    let order = RechargeOrder { user_id: recharge.user_id, amount, reference };
    let answer = |recharged: &Recharged| body(&BalanceBody::new(recharged));
    let done = app.store.recharge(&order, idempotent.as_ref(), answer).await?;
    Ok(json_idempotent(StatusCode::OK, done, BalanceBody::new))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
