//! Ticks queues. Each message is a tick of one queue. The one-minute schedule finds alarms whose message was lost, and
//! alarms that were put too far ahead for a delayed message.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use futures_util::future::join_all;
use lambda_runtime::Error;
use serde::Deserialize;
use shared::{
    app::App,
    bootstrap,
    domain::{id::QueueId, time::Seconds},
    queues::{Delayed, Tick},
    store::{Failure, alarms::AlarmId, tick::Ticked},
    telemetry::{chain, meter::measure, metric::Metric},
};
use std::{collections::BTreeMap, time::Duration};

/// A tick that is not done by then is reported as failed, so that a slow queue delays no other.
const BATCH_DEADLINE: Duration = Duration::from_secs(5);
/// How far the schedule looks ahead: two of its runs may be 119 s apart.
const LOOK_AHEAD: Seconds = Seconds(120);
/// The message of an alarm that is overdue for this long counts as lost.
const OVERDUE: Seconds = Seconds(30);

/// The event of the function: a batch of messages, or its schedule.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// Messages.
    Ticks(SqsEvent),
    /// The schedule's event. Anything else is an error, not a schedule.
    Schedule {
        /// The sender, `aws.events`.
        source: String,
    },
}

/// What the messages of a batch ask of one queue.
#[derive(Default)]
struct Asked {
    messages: Vec<String>,
    alarms: Vec<AlarmId>,
}

/// Ticks the queues of a batch, or sends the ticks of alarms that have no message. Reports ticks that failed, so that
/// SQS delivers them again.
///
/// # Errors
/// If the schedule cannot read the alarms or send their ticks.
pub async fn handle(app: &App, trigger: Trigger) -> Result<SqsBatchResponse, Error> {
    match trigger {
        Trigger::Ticks(event) => Ok(tick_all(app, event).await),
        Trigger::Schedule { .. } => {
            send_forgotten(app).await?;
            Ok(SqsBatchResponse::default())
        }
    }
}

/// Sends the ticks of alarms that have no message. When an alarm was put, the stream sent a message unless the alarm
/// was too far ahead. That message may be lost.
async fn send_forgotten(app: &App) -> Result<(), Error> {
    measure(Metric::Heartbeat, 1.0);
    let (now, mut alarms) = (app.now(), app.store.alarms_due(LOOK_AHEAD).await?);
    alarms.retain(|alarm| alarm.alarm.due + OVERDUE <= now || !alarm.fits_a_message());
    Ok(app.queues.send_alarms(&alarms, now).await?)
}

/// Ticks each queue of the batch once, however many messages ask for it. The queues are ticked in parallel.
async fn tick_all(app: &App, event: SqsEvent) -> SqsBatchResponse {
    let mut asked: BTreeMap<QueueId, Asked> = BTreeMap::new();
    let mut response = SqsBatchResponse::default();
    for record in event.records {
        let id = record.message_id.unwrap_or_default();
        match serde_json::from_str::<Tick>(record.body.as_deref().unwrap_or_default()) {
            Ok(tick) => {
                let asked = asked.entry(tick.queue_id).or_default();
                asked.messages.push(id);
                asked.alarms.extend(tick.alarms);
            }
            Err(error) => {
                tracing::error!(message_id = id, %error, "tick not understood");
                response.add_failure(id);
            }
        }
    }
    let ticks = asked.into_iter().map(|(queue, asked)| async move {
        let done = tokio::time::timeout(BATCH_DEADLINE, tick(app, &queue, &asked.alarms)).await;
        (queue, asked, done.map_err(|_| "did not finish in time".to_owned()))
    });
    for (queue, asked, done) in join_all(ticks).await {
        match done.and_then(|done| done.map_err(|failure| chain(&failure))) {
            Ok(ticked) => measure_queue(app, &queue, ticked, &asked.alarms),
            Err(error) => {
                tracing::error!(%queue, error, "tick failed");
                asked.messages.into_iter().for_each(|id| response.add_failure(id));
            }
        }
    }
    response
}

/// Writes the line of a queue that was ticked.
fn measure_queue(app: &App, queue: &QueueId, ticked: Ticked, alarms: &[AlarmId]) {
    let now = app.now();
    let mut metrics = vec![
        (Metric::Admissions, ticked.admitted as f64),
        (Metric::Waiting, ticked.waiting as f64),
        (Metric::Inside, ticked.inside as f64),
    ];
    let due = alarms.iter().map(|alarm| alarm.due).min();
    metrics.extend(due.map(|due| (Metric::PromotionLag, now.millis_since(due))));
    app.lines.queue(queue.as_str(), &metrics, now);
}

/// Ticks a queue, and sends the messages for the ticks that follow. If the function is stopped before it sends regular
/// ticks, the queue has none for up to a minute: its alarm, and sessions that end, still bring ticks.
async fn tick(app: &App, queue: &QueueId, alarms: &[AlarmId]) -> Result<Ticked, Failure> {
    let ticked = app.store.tick(queue, alarms).await?;
    if ticked.unfinished {
        app.queues.send_ticks(&[Delayed::tick(queue, 0)]).await?;
    } else if ticked.regular {
        let every = if ticked.by_rate { 1 } else { app.config.tick_seconds };
        let ticks: Vec<_> = Delayed::regular_ticks(queue, every).collect();
        if let Err(unsent) = app.queues.send_ticks(&ticks).await {
            app.store.note_unsent_ticks(queue).await?;
            return Err(unsent.into());
        }
    }
    Ok(ticked)
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::consume(|app, event| Box::pin(handle(app, event)))
}
