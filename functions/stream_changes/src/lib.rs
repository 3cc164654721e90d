//! Acts on the streams of the tables: sends timers for new holds, ticks for new alarms and ended sessions, and domain
//! events, and recounts seats. No handler publishes anything itself, so a crash after a commit loses nothing.
//! Everything here may safely be done twice.

mod changes;

use aws_lambda_events::event::{dynamodb::EventRecord, streams::DynamoDbEventResponse};
use changes::Changes;
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;
use shared::{
    app::App,
    bootstrap,
    domain::{id::QueueId, ticket::Place},
    events::CloudEvent,
    queues::{DeadRecord, Delayed},
    store::{Failure, StoreError, alarms::Alarm, item_kind::ItemKind},
    telemetry::{meter::measure, metric::Metric},
};

/// A batch of records. Each is parsed by itself, so that a malformed one does not make the others unreadable.
#[derive(Deserialize)]
pub struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

/// Acts on a batch of records. A record that cannot be read goes to the dead letters, and the batch goes on. The whole
/// batch fails, and comes again, only if a dependency fails.
pub async fn handle(app: &App, batch: Batch) -> Result<DynamoDbEventResponse, Error> {
    let mut changes = Changes::default();
    let mut dead = Vec::new();
    for record in batch.records {
        let where_it_is = dead_record(&record);
        let noted = serde_json::from_value::<EventRecord>(record).is_ok_and(|record| changes.note(record).is_ok());
        if !noted {
            // Without serde's error, which would repeat what the record holds.
            let DeadRecord { stream_arn, sequence_number, error } = &where_it_is;
            tracing::error!(stream_arn, sequence_number, error, "record sent to the dead letters");
            dead.push(where_it_is);
        }
    }
    act(app, changes, &dead).await?;
    Ok(DynamoDbEventResponse::default())
}

/// The position of a record that cannot be read, with the kind of its item and without its content.
fn dead_record(record: &Value) -> DeadRecord {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = |name: &str| text(&record["dynamodb"]["Keys"][name]["S"]);
    DeadRecord {
        stream_arn: text(&record["eventSourceARN"]),
        sequence_number: text(&record["dynamodb"]["SequenceNumber"]),
        error: format!("unreadable {}", ItemKind::of(&key("pk"), &key("sk"))),
    }
}

async fn act(app: &App, changes: Changes, dead: &[DeadRecord]) -> Result<(), StoreError> {
    let now = app.now();
    changes.oldest.into_iter().for_each(|oldest| measure(Metric::StreamLag, now.millis_since(oldest)));
    if changes.no_shows > 0 {
        measure(Metric::NoShows, f64::from(changes.no_shows));
    }
    let timers: Vec<_> = changes.timers.iter().map(|(timer, due)| Delayed::timer(*timer, *due, now)).collect();
    app.queues.send_timers(&timers).await?;
    // The schedule sends the ticks of alarms that are too far ahead for a delayed message.
    let alarms: Vec<_> = changes.alarms.into_iter().filter(Alarm::fits_a_message).collect();
    app.queues.send_alarms(&alarms, now).await?;
    for (queue, lowest) in &changes.ended {
        request_tick(app, queue, *lowest).await?;
    }
    let deployment = &app.config.metrics_namespace;
    let events: Vec<_> = changes.events.into_iter().map(|event| CloudEvent::new(event, deployment)).collect();
    app.queues.send_events(&events).await?;
    send_to_webhooks(app, events).await?;
    app.queues.send_dead_letters(dead).await?;
    app.store.recount_all(changes.chunks).await
}

/// Sends the events that a webhook takes to the function that posts them. Without a webhook nothing is sent.
async fn send_to_webhooks(app: &App, mut events: Vec<CloudEvent>) -> Result<(), StoreError> {
    if !events.is_empty() {
        let webhooks = app.store.recent_webhooks().await?;
        events.retain(|event| webhooks.iter().any(|webhook| webhook.takes(event.event_type)));
        app.queues.send_to_webhooks(&events).await?;
    }
    Ok(())
}

/// Asks for a tick of a queue in which a place ended, at most once a second. Only if that place was admitted: a fan who
/// left while waiting had no slot.
async fn request_tick(app: &App, queue: &QueueId, lowest: Place) -> Result<(), StoreError> {
    let state = match app.store.queue_state(queue, 0).await {
        Ok(state) if lowest <= state.served => state,
        Ok(_) | Err(Failure::Refused(_)) => return Ok(()),
        Err(Failure::Store(error)) => return Err(error),
    };
    let Some(delay_seconds) = app.store.request_tick(queue) else { return Ok(()) };
    let tick = [Delayed::tick(queue, delay_seconds)];
    if state.last_seen > state.served {
        app.queues.send_ticks(&tick).await
    } else {
        app.queues.send_quiet_ticks(&tick).await
    }
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::consume(|app, event| Box::pin(handle(app, event)))
}
