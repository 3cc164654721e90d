//! `PUT /api/v1/admin/queues/{queueId}`: capacity and times of a queue.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::{
        id::QueueId,
        line::{QueueSettings, bounds},
        time::{Seconds, Timestamp},
    },
    http::{Answer, Call, Problem, json, requests::QueueChange, values::Rfc3339, views::AdminQueueBody},
    store::notices::Notice,
};
/// `opensAt` is at most so far ahead.
const OPENS_WITHIN: Seconds = Seconds(30 * 24 * 3_600);

/// Refuses what no queue can be set to, with a pointer to it.
fn check(change: &QueueChange, now: Timestamp) -> Result<(), Problem> {
    let capacity = change.capacity.flatten();
    if capacity.is_some_and(|capacity| !bounds::CAPACITY.contains(&capacity)) {
        return Err(Problem::invalid("/capacity", "must be from 0 to 1000000"));
    }
    let times = [
        ("/claimWindowSeconds", change.claim_window_seconds, bounds::CLAIM_WINDOW_SECONDS),
        ("/activeSeconds", change.active_seconds, bounds::ACTIVE_SECONDS),
        ("/waitingSeconds", change.waiting_seconds, bounds::WAITING_SECONDS),
    ];
    for (pointer, seconds, range) in times {
        if seconds.flatten().is_some_and(|seconds| !range.contains(&seconds)) {
            return Err(Problem::invalid(pointer, format!("must be from {} to {}", range.start(), range.end())));
        }
    }
    match change.opens_at.flatten() {
        Some(Rfc3339(opens_at)) if now + OPENS_WITHIN < opens_at => {
            Err(Problem::invalid("/opensAt", "must be within the next 30 days"))
        }
        _ => Ok(()),
    }
}

/// Writes what the change names into the settings; null sets back to the deployment's parameter.
fn apply(change: &QueueChange, settings: &mut QueueSettings) {
    let seconds = |changed: Option<Option<u32>>, was| changed.map_or(was, |seconds| seconds.map(Seconds));
    settings.capacity = change.capacity.unwrap_or(settings.capacity);
    settings.paused = change.paused.map_or(settings.paused, |paused| paused.unwrap_or(false));
    settings.opens_at = change.opens_at.map_or(settings.opens_at, |opens| opens.map(|Rfc3339(at)| at));
    settings.claim_window_seconds = seconds(change.claim_window_seconds, settings.claim_window_seconds);
    settings.active_seconds = seconds(change.active_seconds, settings.active_seconds);
    settings.waiting_seconds = seconds(change.waiting_seconds, settings.waiting_seconds);
}

/// Answers 200 with the queue as it is stored; one that does not exist is made. What follows from the change happens
/// in the next tick, within two seconds.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.payload()?;
    app.tokens.admin(call, app.now())?;
    let queue: QueueId = call.path("queueId")?;
    let change: QueueChange = payload.parse()?;
    check(&change, app.now())?;
    app.store.configure_queue(&queue, |settings| apply(&change, settings)).await?;
    if let Some(message) = change.message {
        app.store.put_notice(&queue, Notice { message }).await?;
    }
    let view = app.store.queue_view(&queue).await?;
    Ok(json(StatusCode::OK, &AdminQueueBody::new(&view, app.config.queue_rules, app.now())))
}
