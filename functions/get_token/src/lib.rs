//! `GET /api/v1/tokens/{userId}`: the status of a fan's place. Nearly all polls of waiting fans are answered from
//! memory.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::{
        claims::{Standing, TicketClaims},
        refusal::Refusal,
        session::EndReason,
        ticket::{Spot, Ticket},
        time::{Seconds, Timestamp},
    },
    http::{Answer, Call, token_answer},
    store::{Failure, tickets::SessionStatus},
};

/// A place that is not known this long after its join is asked for.
const KNOWN_WITHIN: Seconds = Seconds(3);

/// Answers 200 with the token; 404 if the fan has no place, 410 if the place or session is over.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = app.tokens.caller(call, app.now())?;
    let queue = token_answer::queue_of(call, &caller)?;
    let user = caller.acting_for_path(call)?;
    match caller.standing {
        Some(Standing::Ticket(claims)) => return handed_over(app, call, &claims, caller.expires_at).await,
        Some(standing) => {
            let status = status(app, call, &standing).await?;
            return token_answer::answer_poll(app, call, &standing, caller.expires_at, status).await;
        }
        None => {}
    }
    let ticket = app.store.ticket(&queue, user).await?.ok_or(Refusal::TokenNotFound)?;
    if ticket.left {
        return Err(Refusal::TokenOver { reason: left(app, &ticket).await? }.into());
    }
    let mut proof = caller.proof;
    if user != caller.user_id {
        // An admin gets the fan's token, which must carry the version of the fan's account.
        proof.account_version = app.store.account(user).await?.ver;
    }
    let standing = app.store.with_place(Standing::of(&ticket, proof)).await?;
    let status = match &standing {
        Standing::Place(claims) if user != caller.user_id => app.store.peek_session_status(claims).await?,
        Standing::Place(_) | Standing::Ticket(_) => status(app, call, &standing).await?,
    };
    token_answer::answer(app, StatusCode::OK, &standing, status).await
}

/// Answers a poll whose token has only a number: with a token that carries the place, once that is known.
async fn handed_over(app: &App, call: &Call, claims: &TicketClaims, expires_at: Timestamp) -> Answer {
    let standing = app.store.hand_over(claims).await?;
    let status = status(app, call, &standing).await?;
    if let Standing::Place(_) = standing {
        return token_answer::answer(app, StatusCode::OK, &standing, status).await;
    }
    let rest = claims.without_place();
    if rest.wait.issued_at + KNOWN_WITHIN <= app.now() {
        app.store.ask_for_place(&rest.queue_id).await?;
    }
    token_answer::answer_poll(app, call, &standing, expires_at, status).await
}

/// Why the fan with this ticket left.
async fn left(app: &App, ticket: &Ticket) -> Result<EndReason, Failure> {
    let session = match ticket.spot {
        Spot::Place(place) => app.store.session(&ticket.queue_id, place).await?,
        Spot::Ticket(number) => match app.store.place_of(&ticket.queue_id, &number).await? {
            Some(place) => app.store.session(&ticket.queue_id, place).await?,
            None => None,
        },
    };
    Ok(session.map_or(EndReason::Left, |session| session.end_reason_or_expired()))
}

/// The status of the caller's own place, which a GET claims. HEAD changes nothing.
async fn status(app: &App, call: &Call, standing: &Standing) -> Result<SessionStatus, Failure> {
    match standing {
        Standing::Place(claims) if call.is_head() => app.store.peek_session_status(claims).await,
        Standing::Place(claims) => app.store.session_status(claims).await,
        Standing::Ticket(claims) => app.store.status_of_ticket(claims).await,
    }
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
