//! `PUT /api/v1/admin/queues/{queueId}`: changes the settings of a queue.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::{
        id::QueueId,
        line::Expected,
        queue::QueueSettings,
        rate::AdmitPerMinute,
        time::{Seconds, Timestamp},
    },
    http::{
        Answer, Call, Problem, json,
        requests::QueueChange,
        values::{Rfc3339, Whole},
        views::AdminQueueBody,
    },
};

/// How far ahead `opensAt` may be.
const OPENS_WITHIN: Seconds = Seconds(30 * 24 * 3_600);

/// Refuses an opening that is too far ahead, with a pointer to it.
fn check(change: &QueueChange, now: Timestamp) -> Result<(), Problem> {
    match change.opens_at.flatten() {
        Some(Rfc3339(opens_at)) if now + OPENS_WITHIN < opens_at => {
            Err(Problem::invalid("/opensAt", "must be at most 30 days ahead"))
        }
        _ => Ok(()),
    }
}

/// The new setting of a length of time: the old one if none was sent, the deployment's (`None`) for null, or what was
/// sent.
fn seconds<const MIN: u32, const MAX: u32>(
    sent: Option<Option<Whole<MIN, MAX>>>,
    was: Option<Seconds>,
) -> Option<Seconds> {
    sent.map_or(was, |sent| sent.map(|Whole(seconds)| Seconds(seconds)))
}

/// Applies the fields that the change names at `now`; null sets a field back to its default.
fn apply(change: &QueueChange, settings: &mut QueueSettings, now: Timestamp) {
    settings.capacity = change.capacity.map_or(settings.capacity, |capacity| capacity.map(|Whole(fans)| fans.into()));
    settings.paused = change.paused.map_or(settings.paused, |paused| paused.unwrap_or(false));
    settings.opens_at = change.opens_at.map_or(settings.opens_at, |opens| opens.map(|Rfc3339(at)| at));
    settings.claim_window_seconds = seconds(change.claim_window_seconds, settings.claim_window_seconds);
    settings.active_seconds = seconds(change.active_seconds, settings.active_seconds);
    settings.waiting_seconds = seconds(change.waiting_seconds, settings.waiting_seconds);
    let expected = |sent: Option<Whole<_, _>>| sent.map(|Whole(per_second)| Expected { per_second, since: now });
    settings.expected_joins = change.expected_joins_per_second.map_or(settings.expected_joins, expected);
    let rate = |sent: Option<Whole<_, _>>| sent.map(|Whole(fans)| AdmitPerMinute(fans));
    settings.admit_per_minute = change.admit_per_minute.map_or(settings.admit_per_minute, rate);
}

/// Answers 200 with the stored queue; creates the queue if it does not exist. The next tick, within two seconds, admits
/// fans by the new settings.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.optional_payload()?;
    app.tokens.operator(call, app.now())?;
    let queue: QueueId = call.path("queueId")?;
    let change: QueueChange = payload.parse()?;
    check(&change, app.now())?;
    app.store.configure_queue(&queue, |settings| apply(&change, settings, app.now())).await?;
    if let Some(message) = change.message {
        app.store.put_message(&queue, message).await?;
    }
    let view = app.store.queue_snapshot(&queue).await?;
    Ok(json(StatusCode::OK, &AdminQueueBody::new(&view, app.config.queue_rules, app.now())))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
