//! One attempt of a delivery, and what follows from it.

use shared::{
    app::App,
    domain::{
        time::{Seconds, Timestamp},
        webhook::{MAX_FAILING, next_attempt},
    },
    store::{
        StoreError,
        deliveries::{Delivery, DeliveryStatus},
        webhooks::{DisabledReason, Webhook},
    },
    webhooks::{Message, sign},
};
use std::time::{Duration, Instant};

/// The status by which a receiver says that it wants no more events.
const GONE: u16 = 410;

/// A receiver that takes longer for an answer gets the next events as retries, which no other webhook waits for.
const SLOW: Duration = Duration::from_secs(2);

/// How long after a delivery was made its first attempt has failed at the latest, put off or not.
const FIRST_FAILURE: Seconds = Seconds(180);

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took the event.
    Delivered,
    /// The attempt failed.
    Failed,
    /// There was nothing to try.
    Nothing,
}

/// Posts the event of a delivery, and stores the outcome. `seen` is how often it was tried before; `None` for the first
/// attempt, of which nothing is stored yet.
pub async fn attempt(
    app: &App,
    webhook: &Webhook,
    mut delivery: Delivery,
    seen: Option<u32>,
) -> Result<Outcome, StoreError> {
    let status = post(app, webhook, &mut delivery).await?;
    if status.is_some_and(|status| (200..300).contains(&status)) {
        (delivery.status, delivery.next_at, delivery.body) = (DeliveryStatus::Delivered, None, None);
        app.store.record_delivery(&delivery, seen).await?;
        app.store.note_success(webhook).await?;
        return Ok(Outcome::Delivered);
    }
    let (webhook_id, event_id, attempts) = (&delivery.webhook_id, &delivery.event_id, delivery.attempts);
    tracing::warn!(%webhook_id, event_id, attempts, status, error = delivery.error, "webhook delivery failed");
    delivery.next_at = next_attempt(delivery.attempts, app.now());
    if delivery.next_at.is_none() {
        (delivery.status, delivery.body) = (DeliveryStatus::Failed, None);
    }
    // Before the webhook is judged: a crash in between must not lose the event.
    app.store.record_delivery(&delivery, seen).await?;
    judge(app, webhook, &delivery).await?;
    Ok(Outcome::Failed)
}

/// Stores a delivery for a retry without an attempt.
pub async fn put_off(app: &App, mut delivery: Delivery) -> Result<(), StoreError> {
    delivery.next_at = next_attempt(delivery.attempts, app.now());
    delivery.error = Some("put off: the receiver was slow, or did not answer, a moment ago".to_owned());
    app.store.record_delivery(&delivery, None).await
}

/// Posts the event, and notes time and answer in the delivery. Returns the status of the answer.
async fn post(app: &App, webhook: &Webhook, delivery: &mut Delivery) -> Result<Option<u16>, StoreError> {
    let now = app.now();
    let keyring = app.secrets.keyring().ok_or_else(|| StoreError::unavailable("there is no signing secret"))?;
    let body = delivery.body.clone().unwrap_or_default();
    let signature = sign(&keyring, now, &delivery.event_id, &body);
    let message = Message { id: &delivery.event_id, timestamp: now.seconds(), signature, body: &body };
    let started = Instant::now();
    let answered = app.webhooks.post(&webhook.url, &message).await;
    delivery.attempts += 1;
    delivery.last_attempt_at = Some(now);
    delivery.answer = answered.as_ref().ok().map(|status| status.as_u16());
    delivery.error = answered.as_ref().err().map(ToString::to_string);
    if answered.is_err() || started.elapsed() > SLOW {
        app.store.note_out_of_reach(&webhook.webhook_id);
    }
    Ok(delivery.answer)
}

/// Disables a webhook whose receiver is gone, or to which nothing got through for a day.
async fn judge(app: &App, webhook: &Webhook, delivery: &Delivery) -> Result<(), StoreError> {
    let reason = if delivery.answer == Some(GONE) {
        DisabledReason::Gone
    } else {
        let Some(since) = app.store.note_failing(&webhook.webhook_id).await? else { return Ok(()) };
        if !is_over(since, delivery, app.now()) {
            return Ok(());
        }
        DisabledReason::FailedForADay
    };
    if app.store.disable_webhook(webhook, reason).await? {
        tracing::error!(webhook_id = %webhook.webhook_id, ?reason, "webhook disabled");
    }
    Ok(())
}

/// Whether a webhook that is failing since then is given up: after a day, or when a delivery ran out of attempts and no
/// other got through meanwhile.
fn is_over(since: Timestamp, delivery: &Delivery, now: Timestamp) -> bool {
    let exhausted = delivery.status == DeliveryStatus::Failed && since <= delivery.created_at + FIRST_FAILURE;
    exhausted || since + MAX_FAILING <= now
}
