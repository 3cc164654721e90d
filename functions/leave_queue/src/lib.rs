//! `DELETE /api/v1/tokens/{userId}`: leaves the line; open holds are cancelled.

use shared::{
    app::App,
    domain::{id::UserId, refusal::Refusal},
    http::{Answer, Call, no_content, turn},
    store::tickets::Claimant,
};

/// Answers 204, also when the fan had left before; no place is 404.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = app.tokens.caller(call, app.now())?;
    let user: UserId = call.path("userId")?;
    let queue = turn::queue_of(call, &caller)?;
    caller.must_be(user)?;
    let claimant = match caller.claimant {
        Some(claimant) => claimant,
        None => Claimant::of(&app.store.ticket(&queue, user).await?.ok_or(Refusal::TokenNotFound)?),
    };
    app.store.leave(&claimant).await?;
    Ok(no_content())
}
