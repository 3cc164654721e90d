//! Posts events to webhooks. Each message is an event; the one-minute schedule tries again what failed. Everything here
//! may safely be done twice: receivers drop repeats by the id of the event.

mod attempt;

use attempt::{Outcome, attempt, put_off};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::{join_all, try_join_all};
use lambda_runtime::Error;
use serde::Deserialize;
use shared::{
    app::App,
    bootstrap,
    domain::time::Seconds,
    events::CloudEvent,
    store::{
        StoreError,
        deliveries::{Delivery, Retry},
        webhooks::Webhook,
    },
    telemetry::chain,
};

/// Retries of one webhook that are tried at the same time, at first. Each round without a failure doubles them.
const AT_ONCE: usize = 10;
/// The most retries of one webhook at the same time: a million that piled up take hours, not days.
const MOST_AT_ONCE: usize = 160;
/// How long the schedule begins new retries: a further one ends within the time of the function.
const RETRY_TIME: Seconds = Seconds(45);

/// The event of the function: a batch of messages, or its schedule.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// Messages, each an event.
    Events(SqsEvent),
    /// The schedule's event. Anything else is an error, not a schedule.
    Schedule {
        /// The sender, `aws.events`.
        source: String,
    },
}

/// Delivers the events of a batch, or tries again what failed. Reports messages that could not be handled, so that SQS
/// delivers them again: a receiver that fails is handled, with a retry in the table.
///
/// # Errors
/// Where the tables or the signing secret cannot be read.
pub async fn handle(app: &App, trigger: Trigger) -> Result<SqsBatchResponse, Error> {
    app.secrets.refresh(None).await;
    let webhooks = app.store.webhooks().await?;
    match trigger {
        Trigger::Events(event) => Ok(deliver_all(app, &webhooks, event).await),
        Trigger::Schedule { .. } => {
            let enabled = webhooks.iter().filter(|webhook| webhook.enabled);
            try_join_all(enabled.map(|webhook| retry_all(app, webhook))).await?;
            Ok(SqsBatchResponse::default())
        }
    }
}

async fn deliver_all(app: &App, webhooks: &[Webhook], event: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    let work = event.records.into_iter().map(|record| async move { (deliver(app, webhooks, &record).await, record) });
    for (done, record) in join_all(work).await {
        if let Err(error) = done {
            let message_id = record.message_id.unwrap_or_default();
            tracing::error!(message_id, error = chain(&*error), "event not delivered");
            response.add_failure(message_id);
        }
    }
    response
}

/// Posts one event to each webhook that takes its type.
async fn deliver(app: &App, webhooks: &[Webhook], record: &SqsMessage) -> Result<(), Error> {
    let event: CloudEvent = serde_json::from_str(record.body.as_deref().unwrap_or_default())?;
    let takers = webhooks.iter().filter(|webhook| webhook.takes(event.event_type));
    let deliveries = takers.map(|webhook| {
        let delivery = Delivery::new(&webhook.webhook_id, &event, app.now());
        async move {
            let delivery = delivery?;
            // A receiver that was slow or did not answer a moment ago must not hold up the events of the others.
            if app.store.is_out_of_reach(&webhook.webhook_id) {
                put_off(app, delivery).await
            } else {
                attempt(app, webhook, delivery, None).await.map(drop)
            }
        }
    });
    Ok(try_join_all(deliveries).await.map(drop)?)
}

/// Tries again what is due for a webhook, the oldest first, until nothing is due, the time is over, or every one of
/// several fails: so a receiver that is down costs a few attempts a minute, however much waits for it.
async fn retry_all(app: &App, webhook: &Webhook) -> Result<(), StoreError> {
    let (until, mut at_once) = (app.now() + RETRY_TIME, AT_ONCE);
    while app.now() < until {
        let due = app.store.due_retries(&webhook.webhook_id, at_once).await?;
        let outcomes = try_join_all(due.iter().map(|retry| retry_one(app, webhook, retry))).await?;
        if due.is_empty() || outcomes.iter().all(|outcome| *outcome == Outcome::Failed) {
            break;
        }
        let failed = outcomes.contains(&Outcome::Failed);
        at_once = if failed { AT_ONCE } else { (2 * at_once).min(MOST_AT_ONCE) };
    }
    Ok(())
}

async fn retry_one(app: &App, webhook: &Webhook, retry: &Retry) -> Result<Outcome, StoreError> {
    // Not what was meant for an earlier webhook of the same id.
    let found = app.store.delivery_of(retry).await?.filter(|delivery| delivery.created_at >= webhook.created_at);
    let outcome = match found {
        Some(delivery) => {
            let seen = delivery.attempts;
            attempt(app, webhook, delivery, Some(seen)).await?
        }
        None => Outcome::Nothing,
    };
    app.store.delete_retry(retry).await?;
    Ok(outcome)
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::consume_with(bootstrap::Needs::Everything, |app, event| Box::pin(handle(app, event)))
}
