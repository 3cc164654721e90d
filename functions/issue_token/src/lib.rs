//! `POST /api/v1/tokens`: joins a queue, or returns the place that the fan has.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::id::QueueId,
    http::{Answer, Call, answer::with_header, callers::named_fan, requests::Join, token_answer},
};

/// Answers 201 with a new place, or 200 with the place that the fan has.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.optional_payload()?;
    let caller = app.tokens.access_caller(call, app.now())?;
    let join: Join = payload.parse()?;
    let user = named_fan(call, join.user_id)?.unwrap_or(caller.user_id);
    caller.must_be(user)?;
    let mut proof = caller.proof;
    if user != caller.user_id {
        // An admin may mistype the id of a fan, so read that account. The caller's own is proved by the token.
        proof.account_version = app.store.account(user).await?.ver;
    }
    let limits = app.config.limits.of_join(call.address(&app.config), user);
    let joined = app.store.join(&join.queue_id.unwrap_or_else(QueueId::main), user, proof, &limits).await?;
    let status = if joined.new { StatusCode::CREATED } else { StatusCode::OK };
    let answer = token_answer::answer(app, status, &joined.standing, joined.session).await?;
    if !joined.new {
        return Ok(answer);
    }
    let location = format!("/api/v1/tokens/{user}?queueId={}", joined.standing.claims().queue_id);
    Ok(with_header(answer, "location", location))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
