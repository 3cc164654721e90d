//! `PUT /api/v1/admin/queues/{queueId}`: capacity and times of a line.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::{id::QueueId, line::QueueSettings, time::Seconds},
    http::{Answer, Call, Problem, json, requests::QueueChange, values::Rfc3339, views::ConfiguredQueueBody},
};
use std::ops::RangeInclusive;

const CAPACITY: RangeInclusive<u64> = 0..=1_000_000;
const TIMES: RangeInclusive<u32> = 1..=31_536_000;

fn check(change: &QueueChange) -> Result<(), Problem> {
    if change.capacity.is_some_and(|capacity| !CAPACITY.contains(&capacity)) {
        return Err(Problem::invalid("/capacity", "must be from 0 to 1000000"));
    }
    let times = [
        ("/claimWindowSeconds", change.claim_window_seconds),
        ("/activeSeconds", change.active_seconds),
        ("/waitingSeconds", change.waiting_seconds),
    ];
    match times.into_iter().find(|(_, time)| time.is_some_and(|time| !TIMES.contains(&time))) {
        Some((pointer, _)) => Err(Problem::invalid(pointer, "must be from 1 to 31536000")),
        None => Ok(()),
    }
}

/// Writes what the change names into the settings.
fn apply(change: &QueueChange, settings: &mut QueueSettings) {
    settings.capacity = change.capacity.or(settings.capacity);
    settings.paused = change.paused.unwrap_or(settings.paused);
    settings.opens_at = change.opens_at.map_or(settings.opens_at, |opens| opens.map(|Rfc3339(at)| at));
    settings.claim_window_seconds = change.claim_window_seconds.map(Seconds).or(settings.claim_window_seconds);
    settings.active_seconds = change.active_seconds.map(Seconds).or(settings.active_seconds);
    settings.waiting_seconds = change.waiting_seconds.map(Seconds).or(settings.waiting_seconds);
}

/// Answers 200 with the queue; one that does not exist is made. New slots are given to who waits right away.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.payload()?;
    app.tokens.admin(call, app.now())?;
    let queue: QueueId = call.path("queueId")?;
    let change: QueueChange = payload.parse()?;
    check(&change)?;
    app.store.configure_queue(&queue, |settings| apply(&change, settings)).await?;
    app.store.promote(&queue).await?;
    let view = app.store.queue_view(&queue).await?;
    Ok(json(StatusCode::OK, &ConfiguredQueueBody::new(&view, app.config.queue_rules, app.now())))
}
