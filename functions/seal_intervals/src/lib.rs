//! The sequencer: cuts and seals the intervals of wide queues, so that their fans know their places. Each message is about
//! one queue. Its message queue is its own: a slow promotion delays no place.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use futures_util::future::join_all;
use lambda_runtime::Error;
use shared::{
    app::App,
    bootstrap,
    domain::id::QueueId,
    queues::{Delayed, Sequence},
    store::{Failure, alarms::AlarmId},
    telemetry::chain,
};
use std::{collections::BTreeMap, time::Duration};

/// A run that is not done by then is reported as failed, so that a slow queue delays no other.
const BATCH_DEADLINE: Duration = Duration::from_secs(5);

/// What the messages of a batch ask for one queue.
#[derive(Default)]
struct Asked {
    messages: Vec<String>,
    joins: u64,
    alarms: Vec<AlarmId>,
}

/// Runs the sequencer for each queue of the batch once, however many messages ask for it; the queues side by side. Reports
/// the messages of runs that failed, so that SQS delivers them again.
pub async fn handle(app: &App, event: SqsEvent) -> Result<SqsBatchResponse, Error> {
    let mut asked: BTreeMap<QueueId, Asked> = BTreeMap::new();
    let mut response = SqsBatchResponse::default();
    for record in event.records {
        let id = record.message_id.unwrap_or_default();
        match serde_json::from_str::<Sequence>(record.body.as_deref().unwrap_or_default()) {
            Ok(message) => {
                let asked = asked.entry(message.queue_id).or_default();
                asked.messages.push(id);
                asked.joins = asked.joins.max(message.joins);
                asked.alarms.extend(message.alarms);
            }
            Err(error) => {
                tracing::error!(message_id = id, %error, "message not understood");
                response.add_failure(id);
            }
        }
    }
    let runs = asked.into_iter().map(|(queue, asked)| async move {
        let done = tokio::time::timeout(BATCH_DEADLINE, sequence(app, &queue, &asked)).await;
        let done = done.map_err(|_| "did not finish in time".to_owned());
        (queue, asked.messages, done.and_then(|done| done.map_err(|failure| chain(&failure))))
    });
    for (queue, messages, done) in join_all(runs).await {
        if let Err(error) = done {
            tracing::error!(%queue, error, "sequencer failed");
            messages.into_iter().for_each(|id| response.add_failure(id));
        }
    }
    Ok(response)
}

/// Runs the sequencer for a queue, and sends the messages for the runs that follow, and for a tick where places became
/// known.
async fn sequence(app: &App, queue: &QueueId, asked: &Asked) -> Result<(), Failure> {
    let done = app.store.sequence(queue, asked.joins, &asked.alarms).await?;
    if done.regular {
        app.queues.send_to_sequencer(&Delayed::runs_until_next_alarm(queue).collect::<Vec<_>>()).await?;
    }
    if done.ranked > 0 && done.admits {
        app.queues.send_ticks(&[Delayed::tick(queue, 0)]).await?;
    }
    Ok(())
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::consume(|app, event| Box::pin(handle(app, event)))
}
