//! `GET /api/v1/payments/balance/{userId}`.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::id::UserId,
    http::{Answer, Call, json, views::BalanceBody},
    store::money::Recharged,
};

/// Answers 200 with the balance, twice.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = app.tokens.caller(call, app.now())?;
    let user: UserId = call.path("userId")?;
    caller.must_be(user)?;
    let balance = app.store.balance(user).await?.balance;
    Ok(json(StatusCode::OK, &BalanceBody::new(&Recharged { before: balance, after: balance })))
}
