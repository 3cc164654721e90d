//! `DELETE /api/v1/tokens/{userId}`: leaves a queue; open holds are cancelled.

use shared::{
    app::App,
    bootstrap,
    domain::{refusal::Refusal, session::EndReason},
    http::{Answer, Call, no_content, token_answer},
};

/// Answers 204, also if the fan had left before; 404 if the fan has no place.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = app.tokens.caller(call, app.now())?;
    let queue = token_answer::queue_of(call, &caller)?;
    let user = caller.acting_for_path(call)?;
    let (id, spot) = match caller.standing {
        Some(standing) => (standing.claims().ticket_id, standing.spot()),
        None => {
            let ticket = app.store.ticket(&queue, user).await?.ok_or(Refusal::TokenNotFound)?;
            (ticket.ticket_id, ticket.spot)
        }
    };
    app.store.leave(&queue, user, id, spot, EndReason::Left).await?;
    Ok(no_content())
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
