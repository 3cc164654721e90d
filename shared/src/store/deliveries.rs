//! Deliveries of events to webhooks: the log, and what is tried again. A delivery that failed has `nextAt`; a retry item
//! with the same time brings the schedule to it. A retry item whose time is not that of its delivery is stale.

use super::{
    Store, StoreError, keys,
    keys::Table,
    request::{self, WriteFailure, n, s},
};
use crate::{
    domain::{
        event::EventType,
        time::Timestamp,
        webhook::{DELIVERY_LIFE, WebhookId},
    },
    events::CloudEvent,
};
use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryStatus {
    /// The receiver answered with a status from 200 to 299.
    Delivered,
    /// It failed, and is tried again at `nextAt` or within a minute of it.
    Retrying,
    /// It failed for a day, and is not tried again.
    Failed,
}

/// The delivery of one event to one webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The `id` of the event.
    pub event_id: String,
    /// The type of the event.
    pub event_type: EventType,
    /// The `time` of the event.
    pub event_time: Timestamp,
    /// When the event came to be delivered.
    pub created_at: Timestamp,
    /// How it stands.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was last tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempt_at: Option<Timestamp>,
    /// The status of the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<u16>,
    /// Why the last attempt got no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// The event as it is posted, until it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Delivery {
    /// The delivery of an event that was not tried yet.
    ///
    /// # Errors
    /// Where the event has no time, or is not JSON.
    pub fn new(webhook: &WebhookId, event: &CloudEvent, now: Timestamp) -> Result<Self, StoreError> {
        let body = serde_json::to_string(event).map_err(|error| StoreError::internal("event", error))?;
        Ok(Delivery {
            webhook_id: webhook.clone(),
            event_id: event.id.clone(),
            event_type: event.event_type,
            event_time: Timestamp::parse_rfc3339(&event.time).unwrap_or(now),
            created_at: now,
            status: DeliveryStatus::Retrying,
            attempts: 0,
            last_attempt_at: None,
            answer: None,
            error: None,
            next_at: None,
            body: Some(body),
        })
    }

    /// The place of the delivery in its list: by the time of the event, the same for each copy of the event.
    pub fn position(&self) -> String {
        let digest = digest::digest(&digest::SHA256, self.event_id.as_bytes());
        keys::delivery_sort(self.event_time, &BASE64_URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]))
    }
}

/// What sends the schedule to a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// When the delivery is due.
    pub next_at: Timestamp,
    /// The position of the delivery.
    pub position: String,
}

impl Store {
    /// Stores a delivery that is settled, or failed and is tried again at its `next_at`. `seen` is how often it was tried
    /// before this attempt; `None` for the first one. If another run was faster, nothing changes.
    pub async fn record_delivery(&self, delivery: &Delivery, seen: Option<u32>) -> Result<(), StoreError> {
        let position = delivery.position();
        if let Some(next_at) = delivery.next_at {
            // First: a crash in between leaves a stale retry, never a delivery that nobody looks for.
            let retry = Retry { webhook_id: delivery.webhook_id.clone(), next_at, position: position.clone() };
            let key = keys::retry(&retry.webhook_id, next_at, &position);
            let item = request::item(&key, &retry, Some(next_at + DELIVERY_LIFE))?;
            self.send_unconditional_put(self.put(Table::Queues, item)).await?;
        }
        let key = keys::delivery(&delivery.webhook_id, &position);
        let item = request::item(&key, delivery, Some(delivery.created_at + DELIVERY_LIFE))?;
        let put = self.put(Table::Queues, item);
        // A copy of the event that came later must not begin the attempts again, and a success must not be undone.
        let put = match (delivery.status, seen) {
            (DeliveryStatus::Delivered, _) => put,
            (_, None) => put.condition_expression("attribute_not_exists(pk)"),
            (_, Some(seen)) => put
                .condition_expression("attempts = :seen AND attribute_exists(nextAt)")
                .expression_attribute_values(":seen", n(seen)),
        };
        match self.send_put(put).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Reads the retries of a webhook that are due, the oldest first.
    pub async fn due_retries(&self, webhook: &WebhookId, most: usize) -> Result<Vec<Retry>, StoreError> {
        let query = self
            .query(Table::Queues, &keys::retry_partition(webhook))
            .key_condition_expression("pk = :pk AND sk < :until")
            .expression_attribute_values(":until", s(keys::retry_sort_after(self.now())));
        self.first_items(query, most).await?.into_iter().map(request::parse).collect()
    }

    /// Reads the delivery that a retry is for; `None` if the retry is stale.
    pub async fn delivery_of(&self, retry: &Retry) -> Result<Option<Delivery>, StoreError> {
        let found: Option<Delivery> = self.get(&keys::delivery(&retry.webhook_id, &retry.position), true).await?;
        Ok(found.filter(|delivery| delivery.next_at == Some(retry.next_at)))
    }

    /// Deletes a retry that was handled, or is stale.
    pub async fn delete_retry(&self, retry: &Retry) -> Result<(), StoreError> {
        let key = keys::retry(&retry.webhook_id, retry.next_at, &retry.position);
        match self.send_delete(self.delete(&key)).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Reads a page of the deliveries of a webhook whose events are older than `before`, newest first. The flag says
    /// whether more follow.
    pub async fn deliveries_page(
        &self,
        webhook: &WebhookId,
        before: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Delivery>, bool), StoreError> {
        let query = self
            .query(Table::Queues, &keys::delivery_partition(webhook))
            .key_condition_expression("pk = :pk AND sk < :before")
            // Positions begin with digits.
            .expression_attribute_values(":before", s(before.unwrap_or("~")))
            .scan_index_forward(false)
            .consistent_read(true);
        let items = self.first_items(query, limit + 1).await?;
        let mut page = items.into_iter().map(request::parse).collect::<Result<Vec<Delivery>, _>>()?;
        let more = page.len() > limit;
        page.truncate(limit);
        Ok((page, more))
    }
}
