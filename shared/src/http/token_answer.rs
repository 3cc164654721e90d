//! The `Token` that the token routes answer: the status of a fan's place.

use super::{
    Answer, Call, Problem,
    answer::{json, with_header},
    tokens::{Caller, bearer},
    values::Rfc3339,
    views::{TokenBody, TokenStatus, WaitRange},
};
use crate::{
    app::App,
    domain::{
        claims::{QueueClaims, Standing},
        id::QueueId,
        pace::Outlook,
        polling,
        queue::QueueState,
        refusal::Refusal,
        time::{Seconds, Timestamp},
    },
    store::{notices::Notice, queue_state::MAX_STATE_AGE_MILLIS, tickets::SessionStatus},
};
use lambda_http::http::StatusCode;

/// How much longer than its place may need a token is signed for, so that polls renew it at most once a minute.
const TOKEN_GRACE: Seconds = Seconds(60);

/// The queue that a token route is about: that of the queue token, else `?queueId=`, else `main`.
///
/// # Errors
/// `wrong_queue` where `?queueId=` is not the queue of the queue token.
pub fn queue_of(call: &Call, caller: &Caller) -> Result<QueueId, Problem> {
    let asked = call.query::<QueueId>("queueId")?;
    match caller.standing.as_ref().map(Standing::claims) {
        Some(claims) if asked.as_ref().is_some_and(|queue| *queue != claims.queue_id) => {
            Err(Refusal::WrongQueue.into())
        }
        Some(claims) => Ok(claims.queue_id.clone()),
        None => Ok(asked.unwrap_or_else(QueueId::main)),
    }
}

/// Answers with a newly signed token.
pub async fn answer(app: &App, status: StatusCode, standing: &Standing, session: SessionStatus) -> Answer {
    // Before the queue is read: it may be deleted by now, and its 404 would hide why the session is over.
    let session = session.or_over()?;
    let seen = Seen::of(app, standing.claims()).await?;
    signed(app, status, standing, session, &seen)
}

/// Answers a poll with the token that came with it, which is valid until `expires_at`. Signs a new one at the first
/// poll of an admitted fan, and where a pause or a moved opening would let the token expire before its place ends.
pub async fn answer_poll(
    app: &App,
    call: &Call,
    standing: &Standing,
    expires_at: Timestamp,
    session: SessionStatus,
) -> Answer {
    let session = session.or_over()?;
    let claims = standing.claims();
    let seen = Seen::of(app, claims).await?;
    let renew = match session {
        SessionStatus::Active { .. } => claims.active_until.is_none(),
        SessionStatus::Waiting { .. } | SessionStatus::Unknown { .. } => {
            expires_at < app.store.token_end(&seen.state, claims.wait)
        }
        SessionStatus::Admitted { .. } | SessionStatus::Over(_) => false,
    };
    if renew {
        return signed(app, StatusCode::OK, standing, session, &seen);
    }
    token_answer(app, StatusCode::OK, standing, session, &seen, bearer(call)?.to_owned())
}

/// The fan's queue: its state and notice, at most a second old, and whether it is sold out, at most five seconds old.
struct Seen {
    state: QueueState,
    notice: Notice,
    sold_out: bool,
}

impl Seen {
    async fn of(app: &App, claims: &QueueClaims) -> Result<Self, Problem> {
        let queue = &claims.queue_id;
        let (state, notice, sold_out) = futures_util::join!(
            app.store.queue_state(queue, MAX_STATE_AGE_MILLIS),
            app.store.notice(queue),
            app.store.is_sold_out(queue)
        );
        Ok(Seen { state: state?, notice, sold_out })
    }
}

fn signed(app: &App, status: StatusCode, standing: &Standing, session: SessionStatus, seen: &Seen) -> Answer {
    let end = app.store.token_end(&seen.state, standing.claims().wait) + TOKEN_GRACE;
    let active_until = match session {
        SessionStatus::Active { active_until, .. } => Some(active_until),
        SessionStatus::Waiting { .. }
        | SessionStatus::Unknown { .. }
        | SessionStatus::Admitted { .. }
        | SessionStatus::Over(_) => None,
    };
    let token = app.tokens.sign_queue(standing, end, active_until)?;
    token_answer(app, status, standing, session, seen, token)
}

fn token_answer(
    app: &App,
    status: StatusCode,
    standing: &Standing,
    session: SessionStatus,
    Seen { state, notice, sold_out }: &Seen,
    token: String,
) -> Answer {
    let at_once = Outlook { seconds: 0, low: 0, high: 0 };
    let claims = standing.claims();
    let (token_status, position, until, outlook, poll) = match session {
        SessionStatus::Over(reason) => return Err(Refusal::TokenOver { reason }.into()),
        SessionStatus::Active { until, .. } | SessionStatus::Admitted { claim_before: until } => {
            (TokenStatus::Active, 0, until, Some(at_once), polling::ACTIVE_SECONDS)
        }
        SessionStatus::Waiting { position, until, outlook, poll_after_seconds } => {
            (TokenStatus::Waiting, position, until, outlook, poll_after_seconds)
        }
        SessionStatus::Unknown { position, until } => {
            (TokenStatus::Waiting, position, until, None, polling::UNKNOWN_SECONDS)
        }
    };
    let view = TokenBody {
        token,
        status: token_status,
        queue_position: position,
        place: match standing {
            Standing::Place(claims) => Some(claims.place().get()),
            Standing::Ticket(_) => None,
        },
        position_final: matches!(standing, Standing::Place(_)),
        ticket: match standing {
            Standing::Place(_) => None,
            Standing::Ticket(claims) => Some(claims.ticket),
        },
        remaining_time: until.seconds_left(app.now()),
        queue_id: claims.queue_id.clone(),
        issued_at: Rfc3339(claims.wait.issued_at),
        expires_at: Rfc3339(until),
        estimated_wait_seconds: outlook.map(|outlook| outlook.seconds),
        wait_range_seconds: outlook.map(|Outlook { low, high, .. }| WaitRange { low, high }),
        poll_after_seconds: poll,
        opens_at: state.settings.opens_at.map(Rfc3339),
        claim_before: match session {
            SessionStatus::Admitted { claim_before } => Some(Rfc3339(claim_before)),
            SessionStatus::Active { .. }
            | SessionStatus::Waiting { .. }
            | SessionStatus::Unknown { .. }
            | SessionStatus::Over(_) => None,
        },
        paused: state.settings.paused,
        message: notice.message.clone(),
        sold_out: *sold_out,
    };
    let response = json(status, &view);
    Ok(if position > 0 { with_header(response, "retry-after", poll.to_string()) } else { response })
}
