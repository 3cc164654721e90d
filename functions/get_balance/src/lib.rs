//! `GET /api/v1/payments/balance/{userId}`: a fan's balance.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    http::{Answer, Call, callers::caller, json, views::BalanceBody},
    store::money::Recharged,
};

/// Answers 200 with the balance, as both the current and the new one: no money moves.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = caller(app, call).await?;
    let user = caller.acting_for_path(call)?;
    let balance = app.store.balance(user).await?.balance;
    Ok(json(StatusCode::OK, &BalanceBody::new(&Recharged { before: balance, after: balance })))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
