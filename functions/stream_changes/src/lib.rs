//! Every state change leaves through the streams of the tables: timers for new holds, domain events, seat counts, and a
//! promotion tick when a session ended. No handler publishes anything itself, so a crash after a commit loses nothing.
//! Everything here may be done twice.

mod changes;

use aws_lambda_events::event::{
    dynamodb::Event,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use changes::Changes;
use futures_util::future::try_join_all;
use lambda_runtime::Error;
use shared::{
    app::App,
    domain::{id::QueueId, ticket::Place},
    queues::Delayed,
    store::{Failure, StoreError},
};

/// Acts on a batch of records. One that cannot be read is reported after those before it were acted on; a dependency
/// that fails makes the whole batch come again.
pub async fn handle(app: &App, event: Event) -> Result<DynamoDbEventResponse, Error> {
    let mut changes = Changes::default();
    let mut response = DynamoDbEventResponse::default();
    for record in event.records {
        let sequence_number = record.change.sequence_number.clone();
        if let Err(error) = changes.note(record) {
            tracing::error!(sequence_number, %error, "record not understood");
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = sequence_number;
            response.batch_item_failures.push(failure);
            break;
        }
    }
    act(app, changes).await?;
    Ok(response)
}

async fn act(app: &App, changes: Changes) -> Result<(), StoreError> {
    let now = app.now();
    let timers: Vec<_> = changes.timers.iter().map(|(timer, due)| Delayed::timer(*timer, *due, now)).collect();
    app.queues.send_timers(&timers).await?;
    app.queues.send_alarms(&changes.alarms, now).await?;
    for (queue, lowest) in &changes.ended {
        wish_tick(app, queue, *lowest).await?;
    }
    app.queues.send_events(&changes.events).await?;
    try_join_all(changes.chunks.into_iter().map(|(concert, chunk)| app.store.recount(concert, chunk))).await?;
    Ok(())
}

/// Asks for a tick of a queue in which a place ended, if that place was admitted: of a fan who left while waiting nobody
/// gets a slot. At most one a second.
async fn wish_tick(app: &App, queue: &QueueId, lowest: Place) -> Result<(), StoreError> {
    let state = match app.store.queue_state(queue, 0).await {
        Ok(state) if lowest <= state.served => state,
        Ok(_) | Err(Failure::Refused(_)) => return Ok(()),
        Err(Failure::Store(error)) => return Err(error),
    };
    let Some(delay_seconds) = app.store.wish_tick(queue) else { return Ok(()) };
    let tick = [Delayed::tick(queue, delay_seconds)];
    if state.last_seen > state.served {
        app.queues.send_ticks(&tick).await
    } else {
        app.queues.send_quiet_ticks(&tick).await
    }
}
