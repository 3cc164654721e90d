//! Lets fans in. The one-minute schedule fans out to a message for each queue and tick; each message is one promotion.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Error;
use serde::Deserialize;
use shared::{
    app::App,
    domain::id::QueueId,
    queues::{Delayed, Tick},
    store::StoreError,
};
use std::collections::BTreeMap;

/// What the function is called with: its schedule, or messages of the ticks queue.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// Messages.
    Ticks(SqsEvent),
    /// The schedule's event. Anything else is an error, not a schedule.
    Schedule {
        /// `aws.events`.
        source: String,
    },
}

/// Promotes, or sends out the ticks of the coming minute. Ticks that failed are reported, and come again.
pub async fn handle(app: &App, trigger: Trigger) -> Result<SqsBatchResponse, Error> {
    match trigger {
        Trigger::Ticks(event) => Ok(promote(app, event).await),
        Trigger::Schedule { .. } => {
            fan_out(app).await?;
            Ok(SqsBatchResponse::default())
        }
    }
}

async fn fan_out(app: &App) -> Result<(), StoreError> {
    let queues = app.store.all_queues().await?;
    let ticks: Vec<_> = queues.iter().flat_map(|queue| Delayed::minute(queue, app.config.tick_seconds)).collect();
    app.queues.send_ticks(&ticks).await
}

/// Promotes each queue of the batch once, however many ticks there are for it.
async fn promote(app: &App, event: SqsEvent) -> SqsBatchResponse {
    let mut messages: BTreeMap<QueueId, Vec<String>> = BTreeMap::new();
    let mut response = SqsBatchResponse::default();
    for record in event.records {
        let id = record.message_id.unwrap_or_default();
        match serde_json::from_str::<Tick>(record.body.as_deref().unwrap_or_default()) {
            Ok(tick) => messages.entry(tick.queue_id).or_default().push(id),
            Err(error) => {
                tracing::error!(message_id = id, %error, "tick not understood");
                response.add_failure(id);
            }
        }
    }
    for (queue, ids) in messages {
        match app.store.promote(&queue).await {
            Ok(0) => {}
            Ok(let_in) => tracing::info!(%queue, let_in, "promoted"),
            Err(error) => {
                tracing::error!(%queue, %error, "promotion failed");
                ids.into_iter().for_each(|id| response.add_failure(id));
            }
        }
    }
    response
}
