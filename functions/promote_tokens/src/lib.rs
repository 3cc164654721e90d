//! Moves queues on. Each message is a tick of one queue; the one-minute schedule finds alarms whose messages were lost,
//! or that lay too far ahead for one.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use futures_util::future::join_all;
use lambda_runtime::Error;
use serde::Deserialize;
use shared::{
    app::App,
    domain::{id::QueueId, time::Seconds},
    queues::{Delayed, Tick},
    store::{Failure, alarms::AlarmId, tick::Ticked},
};
use std::{collections::BTreeMap, time::Duration};

/// What did not finish by then is reported as failed: a slow queue holds up no other.
const BATCH_DEADLINE: Duration = Duration::from_secs(5);
/// The schedule looks so far ahead: two of its runs may be 119 s apart.
const LOOK_AHEAD: Seconds = Seconds(120);
/// An alarm that is overdue for so long has lost its message.
const OVERDUE: Seconds = Seconds(30);

/// What the function is called with: its schedule, or messages.
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

/// What the messages of a batch ask of one queue.
#[derive(Default)]
struct Asked {
    messages: Vec<String>,
    alarms: Vec<AlarmId>,
}

/// Ticks queues, or sends ticks for alarms that no message brings. Ticks that failed are reported, and come again.
///
/// # Errors
/// Where the schedule cannot read the alarms or send their ticks.
pub async fn handle(app: &App, trigger: Trigger) -> Result<SqsBatchResponse, Error> {
    match trigger {
        Trigger::Ticks(event) => Ok(tick_all(app, event).await),
        Trigger::Schedule { .. } => {
            send_forgotten(app).await?;
            Ok(SqsBatchResponse::default())
        }
    }
}

/// The stream has sent a message for each alarm that it could delay for long enough. What is left: alarms that were put
/// too far ahead, and those whose message was lost.
async fn send_forgotten(app: &App) -> Result<(), Error> {
    let (now, mut alarms) = (app.now(), app.store.alarms_due(LOOK_AHEAD).await?);
    alarms.retain(|alarm| alarm.alarm.due + OVERDUE <= now || !alarm.fits_a_message());
    Ok(app.queues.send_alarms(&alarms, now).await?)
}

/// Ticks each queue of the batch once, side by side, however many messages there are for it.
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
    let ticks = asked.into_iter().map(|(queue, Asked { messages, alarms })| async move {
        let done = tokio::time::timeout(BATCH_DEADLINE, tick(app, &queue, &alarms)).await;
        (queue, messages, done.map_err(|_| "did not finish in time".to_owned()))
    });
    for (queue, messages, done) in join_all(ticks).await {
        match done.and_then(|done| done.map_err(|failure| failure.to_string())) {
            Ok(Ticked { admitted: 0, .. }) => {}
            Ok(Ticked { admitted, passed, .. }) => tracing::info!(%queue, admitted, passed, "ticked"),
            Err(error) => {
                tracing::error!(%queue, error, "tick failed");
                messages.into_iter().for_each(|id| response.add_failure(id));
            }
        }
    }
    response
}

/// One tick, and the messages that follow from it.
async fn tick(app: &App, queue: &QueueId, alarms: &[AlarmId]) -> Result<Ticked, Failure> {
    let ticked = app.store.tick(queue, alarms).await?;
    if ticked.unfinished {
        app.queues.send_ticks(&[Delayed::tick(queue, 0)]).await?;
    } else if ticked.regular {
        app.queues
            .send_ticks(&Delayed::ticks_until_next_schedule(queue, app.config.tick_seconds).collect::<Vec<_>>())
            .await?;
    }
    Ok(ticked)
}
