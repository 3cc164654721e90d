//! `Token`: where a fan stands, as the token routes answer it.

use super::{
    Answer, Call, Problem,
    answer::{json, with_header},
    tokens::{Caller, bearer},
    values::Rfc3339,
    views::{TokenStatus, TokenView, WaitRange},
};
use crate::{
    app::App,
    domain::{
        id::QueueId,
        line::QueueState,
        pace::Outlook,
        polling,
        refusal::Refusal,
        time::{Seconds, Timestamp},
    },
    store::{
        notices::Notice,
        queue_state::STATE_AGE_MILLIS,
        tickets::{Claimant, Turn},
    },
};
use lambda_http::http::StatusCode;

/// A token is signed for so much longer than its place may need, so that it is renewed once a minute at most.
const TOKEN_GRACE: Seconds = Seconds(60);

/// The queue that a token route is about: the queue token's own, `?queueId=`, or `main`. A queue token is of its own
/// queue only.
pub fn queue_of(call: &Call, caller: &Caller) -> Result<QueueId, Problem> {
    let asked = call.query::<QueueId>("queueId")?;
    match &caller.claimant {
        Some(claimant) if asked.as_ref().is_some_and(|queue| *queue != claimant.queue_id) => {
            Err(Refusal::WrongQueue.into())
        }
        Some(claimant) => Ok(claimant.queue_id.clone()),
        None => Ok(asked.unwrap_or_else(QueueId::main)),
    }
}

/// Answers with a newly signed token.
pub async fn answer(app: &App, status: StatusCode, claimant: &Claimant, turn: Turn) -> Answer {
    // Before the queue is looked at, which may be deleted by now.
    let turn = turn.or_over()?;
    let seen = Seen::of(app, claimant).await?;
    signed(app, status, claimant, turn, &seen)
}

/// Answers a poll with the token that came with it, good until `expires_at`; with a new one the first time that the fan
/// is admitted, and where a pause or a moved opening would let the token end before its place.
pub async fn answer_poll(app: &App, call: &Call, claimant: &Claimant, expires_at: Timestamp, turn: Turn) -> Answer {
    let turn = turn.or_over()?;
    let seen = Seen::of(app, claimant).await?;
    let renew = match turn {
        Turn::Active { .. } => claimant.active_until.is_none(),
        Turn::Waiting { .. } => expires_at < app.store.token_end(&seen.state, claimant.wait),
        Turn::Admitted { .. } | Turn::Over(_) => false,
    };
    if renew {
        return signed(app, StatusCode::OK, claimant, turn, &seen);
    }
    token_answer(app, StatusCode::OK, claimant, turn, &seen, bearer(call)?.to_owned())
}

/// What the fan's queue looks like, a second old at most.
struct Seen {
    state: QueueState,
    notice: Notice,
}

impl Seen {
    async fn of(app: &App, claimant: &Claimant) -> Result<Self, Problem> {
        let queue = &claimant.queue_id;
        let (state, notice) =
            futures_util::join!(app.store.queue_state(queue, STATE_AGE_MILLIS), app.store.notice(queue));
        Ok(Seen { state: state?, notice })
    }
}

fn signed(app: &App, status: StatusCode, claimant: &Claimant, turn: Turn, seen: &Seen) -> Answer {
    let end = app.store.token_end(&seen.state, claimant.wait) + TOKEN_GRACE;
    let active_until = match turn {
        Turn::Active { active_until, .. } => Some(active_until),
        Turn::Waiting { .. } | Turn::Admitted { .. } | Turn::Over(_) => None,
    };
    let token = app.tokens.sign_queue(claimant, end, active_until)?;
    token_answer(app, status, claimant, turn, seen, token)
}

fn token_answer(
    app: &App,
    status: StatusCode,
    claimant: &Claimant,
    turn: Turn,
    Seen { state, notice }: &Seen,
    token: String,
) -> Answer {
    let at_once = Outlook { seconds: 0, low: 0, high: 0 };
    let (standing, position, until, outlook, poll) = match turn {
        Turn::Over(reason) => return Err(Refusal::TokenOver { reason }.into()),
        Turn::Active { until, .. } | Turn::Admitted { claim_before: until } => {
            (TokenStatus::Active, 0, until, Some(at_once), polling::ACTIVE_SECONDS)
        }
        Turn::Waiting { position, until, outlook, poll_after_seconds } => {
            (TokenStatus::Waiting, position, until, outlook, poll_after_seconds)
        }
    };
    let view = TokenView {
        token,
        status: standing,
        queue_position: position,
        place: Some(claimant.place().get()),
        position_final: true,
        remaining_time: until.seconds_left(app.now()),
        queue_id: claimant.queue_id.clone(),
        issued_at: Rfc3339(claimant.wait.issued_at),
        expires_at: Rfc3339(until),
        estimated_wait_seconds: outlook.map(|outlook| outlook.seconds),
        wait_range_seconds: outlook.map(|Outlook { low, high, .. }| WaitRange { low, high }),
        poll_after_seconds: poll,
        opens_at: state.settings.opens_at.map(Rfc3339),
        claim_before: match turn {
            Turn::Admitted { claim_before } => Some(Rfc3339(claim_before)),
            Turn::Active { .. } | Turn::Waiting { .. } | Turn::Over(_) => None,
        },
        paused: state.settings.paused,
        message: notice.message.clone(),
        sold_out: false,
    };
    let response = json(status, &view);
    Ok(if position > 0 { with_header(response, "retry-after", poll.to_string()) } else { response })
}
