//! `GET /api/v1/tokens/{userId}`: the status of a fan's place. Nearly all polls of waiting fans are answered from
//! memory.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::claims::QueueClaims,
    domain::{refusal::Refusal, session::EndReason},
    http::{Answer, Call, token_answer},
    store::{Failure, tickets::SessionStatus},
};

/// Answers 200 with the token; 404 if the fan has no place, 410 if the place or session is over.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = app.tokens.caller(call, app.now())?;
    let queue = token_answer::queue_of(call, &caller)?;
    let user = caller.acting_for_path(call)?;
    if let Some(claims) = &caller.queue_claims {
        let standing = standing(app, call, claims).await?;
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
        // An admin gets the fan's token, which must carry the version of the fan's account.
        proof.account_version = app.store.account(user).await?.ver;
    }
    let claims = QueueClaims::of(&ticket, proof);
    let standing = if user == caller.user_id {
        standing(app, call, &claims).await?
    } else {
        app.store.peek_session_status(&claims).await?
    };
    token_answer::answer(app, StatusCode::OK, &claims, standing).await
}

/// The status of the caller's own place, which a GET claims. HEAD changes nothing.
async fn standing(app: &App, call: &Call, claims: &QueueClaims) -> Result<SessionStatus, Failure> {
    if call.is_head() { app.store.peek_session_status(claims).await } else { app.store.session_status(claims).await }
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
