//! `PUT /api/v1/admin/queues/{queueId}`: capacity and times of a line.

use lambda_http::http::StatusCode;
use serde::{Deserialize, Deserializer};
use shared::{
    app::App,
    domain::{id::QueueId, line::QueueSettings, time::Seconds},
    http::{
        Answer, Call, Problem, json,
        views::{ConfiguredQueueBody, Rfc3339},
    },
};
use std::ops::RangeInclusive;

const CAPACITY: RangeInclusive<u64> = 0..=1_000_000;
const TIMES: RangeInclusive<u32> = 1..=31_536_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Settings {
    capacity: Option<u64>,
    paused: Option<bool>,
    /// Absent: as it was; null: open at any time.
    #[serde(default, deserialize_with = "present")]
    opens_at: Option<Option<Rfc3339>>,
    claim_window_seconds: Option<u32>,
    active_seconds: Option<u32>,
    waiting_seconds: Option<u32>,
}

/// A field that is there, null or not.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Rfc3339>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Settings {
    fn check(&self) -> Result<(), Problem> {
        if self.capacity.is_some_and(|capacity| !CAPACITY.contains(&capacity)) {
            return Err(Problem::invalid("/capacity", "must be from 0 to 1000000"));
        }
        let times = [
            ("/claimWindowSeconds", self.claim_window_seconds),
            ("/activeSeconds", self.active_seconds),
            ("/waitingSeconds", self.waiting_seconds),
        ];
        match times.into_iter().find(|(_, time)| time.is_some_and(|time| !TIMES.contains(&time))) {
            Some((pointer, _)) => Err(Problem::invalid(pointer, "must be from 1 to 31536000")),
            None => Ok(()),
        }
    }

    fn apply(&self, settings: &mut QueueSettings) {
        settings.capacity = self.capacity.or(settings.capacity);
        settings.paused = self.paused.unwrap_or(settings.paused);
        settings.opens_at = self.opens_at.map_or(settings.opens_at, |opens| opens.map(|Rfc3339(at)| at));
        settings.claim_window_seconds = self.claim_window_seconds.map(Seconds).or(settings.claim_window_seconds);
        settings.active_seconds = self.active_seconds.map(Seconds).or(settings.active_seconds);
        settings.waiting_seconds = self.waiting_seconds.map(Seconds).or(settings.waiting_seconds);
    }
}

/// Answers 200 with the queue; one that does not exist is made. New slots are given to who waits right away.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.payload()?;
    app.tokens.admin(call, app.now())?;
    let queue: QueueId = call.path("queueId")?;
    let settings: Settings = payload.parse()?;
    settings.check()?;
    app.store.configure_queue(&queue, |current| settings.apply(current)).await?;
    app.store.promote(&queue).await?;
    let view = app.store.queue_view(&queue).await?;
    Ok(json(StatusCode::OK, &ConfiguredQueueBody::new(&view, app.config.queue_rules, app.now())))
}
