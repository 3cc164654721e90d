//! `GET /api/v1/tokens/{userId}`: where the fan stands. A waiting fan's poll reads nothing from the tables.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::claims::QueueClaims,
    domain::{refusal::Refusal, session::EndReason},
    http::{Answer, Call, token_answer},
};

/// Answers 200 with the token; no place is 404, a session that is over 410.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = app.tokens.caller(call, app.now())?;
    let queue = token_answer::queue_of(call, &caller)?;
    let user = caller.acting_for_path(call)?;
    if let Some(claims) = &caller.queue_claims {
        let standing = app.store.session_status(claims).await?;
        return token_answer::answer_poll(app, call, claims, caller.expires_at, standing).await;
    }
    let ticket = app.store.ticket(&queue, user).await?.ok_or(Refusal::TokenNotFound)?;
    if ticket.left {
        let session = app.store.session(&queue, ticket.place).await?;
        let reason = session.map_or(EndReason::Left, |session| session.end_reason_or_expired());
        return Err(Refusal::TokenOver { reason }.into());
    }
    let mut proof = caller.proof;
    if user != caller.user_id {
        // The token that an admin is given is the fan's.
        proof.account_version = app.store.account(user).await?.ver;
    }
    let claims = QueueClaims::of(&ticket, proof);
    let standing =
        if user == caller.user_id { app.store.session_status(&claims).await? } else { app.store.look(&claims).await? };
    token_answer::answer(app, StatusCode::OK, &claims, standing).await
}
