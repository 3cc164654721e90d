//! `PUT /api/v1/admin/queues/{queueId}`: capacity and times of a queue.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::{
        id::QueueId,
        line::QueueSettings,
        time::{Seconds, Timestamp},
    },
    http::{
        Answer, Call, Problem, json,
        requests::QueueChange,
        values::{Rfc3339, Whole},
        views::AdminQueueBody,
    },
};

/// `opensAt` is at most so far ahead.
const OPENS_WITHIN: Seconds = Seconds(30 * 24 * 3_600);

/// Refuses what no queue can be set to, with a pointer to it.
fn check(change: &QueueChange, now: Timestamp) -> Result<(), Problem> {
    match change.opens_at.flatten() {
        Some(Rfc3339(opens_at)) if now + OPENS_WITHIN < opens_at => {
            Err(Problem::invalid("/opensAt", "must be at most 30 days ahead"))
        }
        _ => Ok(()),
    }
}

/// A length of time as it is to be set: what was, the deployment's (`None`), or the one that was sent.
fn seconds<const LEAST: u32, const MOST: u32>(
    sent: Option<Option<Whole<LEAST, MOST>>>,
    was: Option<Seconds>,
) -> Option<Seconds> {
    sent.map_or(was, |sent| sent.map(|Whole(seconds)| Seconds(seconds)))
}

/// Writes what the change names into the settings; null sets back to the deployment's parameter.
fn apply(change: &QueueChange, settings: &mut QueueSettings) {
    settings.capacity = change.capacity.map_or(settings.capacity, |capacity| capacity.map(|Whole(fans)| fans.into()));
    settings.paused = change.paused.map_or(settings.paused, |paused| paused.unwrap_or(false));
    settings.opens_at = change.opens_at.map_or(settings.opens_at, |opens| opens.map(|Rfc3339(at)| at));
    settings.claim_window_seconds = seconds(change.claim_window_seconds, settings.claim_window_seconds);
    settings.active_seconds = seconds(change.active_seconds, settings.active_seconds);
    settings.waiting_seconds = seconds(change.waiting_seconds, settings.waiting_seconds);
}

/// Answers 200 with the queue as it is stored; one that does not exist is made. What follows from the change happens
/// in the next tick, within two seconds.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.optional_payload()?;
    app.tokens.admin(call, app.now())?;
    let queue: QueueId = call.path("queueId")?;
    let change: QueueChange = payload.parse()?;
    check(&change, app.now())?;
    app.store.configure_queue(&queue, |settings| apply(&change, settings)).await?;
    if let Some(message) = change.message {
        app.store.put_message(&queue, message).await?;
    }
    let view = app.store.queue_snapshot(&queue).await?;
    Ok(json(StatusCode::OK, &AdminQueueBody::new(&view, app.config.queue_rules, app.now())))
}
