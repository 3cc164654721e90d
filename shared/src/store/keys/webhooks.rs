//! Keys of webhooks, their deliveries and retries.

use super::{Key, Table, key};
use crate::domain::{time::Timestamp, webhook::WebhookId};

/// The partition that lists all webhooks.
pub const WEBHOOKS_PARTITION: &str = "WEBHOOKS";

/// A webhook.
pub fn webhook(id: &WebhookId) -> Key {
    key(Table::Queues, WEBHOOKS_PARTITION.to_owned(), id.to_string())
}

/// The prefix of the partitions of deliveries.
pub const DELIVERY_PREFIX: &str = "DELIVERY#";

/// The partition of a webhook's deliveries.
pub fn delivery_partition(webhook: &WebhookId) -> String {
    format!("{DELIVERY_PREFIX}{webhook}")
}

/// The sort key of a delivery: the time of the event, and a digest of its id in base64url.
pub fn delivery_sort(event_time: Timestamp, digest: &str) -> String {
    format!("{:015}#{digest}", event_time.millis())
}

/// The delivery of an event to a webhook.
pub fn delivery(webhook: &WebhookId, sort: &str) -> Key {
    key(Table::Queues, delivery_partition(webhook), sort)
}

/// The prefix of the partitions of retries.
pub const RETRY_PREFIX: &str = "RETRY#";

/// The partition of a webhook's retries. One for each webhook, so that what waits for one holds up no other.
pub fn retry_partition(webhook: &WebhookId) -> String {
    format!("{RETRY_PREFIX}{webhook}")
}

/// A sort key after all retries that are due at `now` or earlier, and before the others.
pub fn retry_sort_after(now: Timestamp) -> String {
    format!("{:015}", now.millis() + 1)
}

/// The retry of a delivery at a time.
pub fn retry(webhook: &WebhookId, next_at: Timestamp, delivery_sort: &str) -> Key {
    key(Table::Queues, retry_partition(webhook), format!("{:015}#{delivery_sort}", next_at.millis()))
}
