//! The administrators' notice to the fans who wait in a queue. An item of its own, since every tick writes the state.

use super::{
    MAX_ATTEMPTS, Store, StoreError, contention, keys,
    keys::Table,
    queue_state::MAX_STATE_AGE_MILLIS,
    request::{self, WriteFailure},
};
use crate::domain::{id::QueueId, text::Message, ticket::Place};
use aws_sdk_dynamodb::{operation::update_item::UpdateItemOutput, types::ReturnValue};
use serde::{Deserialize, Serialize};

/// The newest removed places, which a notice names. A fan whose place is no longer named reads WAITING until it is
/// passed.
const MAX_REMOVED: usize = 100;

/// The administrators' message to the fans who wait, and the places that administrators removed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notice {
    /// The administrators' message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// Places that an administrator removed while they waited, so that a poll, which reads no session, can say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Place>,
}

impl Store {
    /// Returns the notice of a queue, at most a second old. If it cannot be read, returns the last known one, however
    /// old, or an empty one: a poll must not fail because of it.
    pub async fn notice(&self, queue: &QueueId) -> Notice {
        let now = self.now();
        if let Some(notice) = self.notices.get(queue, now, MAX_STATE_AGE_MILLIS) {
            return notice;
        }
        self.read_notice(queue).await
    }

    /// Reads the notice of a queue, whatever is cached, and caches it. Failures as in [`Store::notice`].
    pub(crate) async fn read_notice(&self, queue: &QueueId) -> Notice {
        let now = self.now();
        match self.get::<Notice>(&keys::notice(queue), false).await {
            Ok(notice) => {
                let notice = notice.unwrap_or_default();
                self.notices.put(queue.clone(), notice.clone(), now);
                notice
            }
            Err(error) => {
                tracing::warn!(%queue, error = crate::telemetry::chain(&error), "notice not read");
                self.notices.get(queue, now, i64::MAX).unwrap_or_default()
            }
        }
    }

    /// Replaces the message to the fans who wait; `None` removes it.
    pub async fn put_message(&self, queue: &QueueId, message: Option<Message>) -> Result<(), StoreError> {
        let update = self.update(&keys::notice(queue));
        let update = match &message {
            Some(message) => update
                .update_expression("SET message = :message")
                .expression_attribute_values(":message", request::value(message)?),
            None => update.update_expression("REMOVE message"),
        };
        match self.send_update(update.return_values(ReturnValue::AllNew)).await {
            // The answer to the request that set it must not show an older one.
            Ok(output) => self.keep_notice(queue, output),
            Err(failure) => Err(request::unconditional(failure)),
        }
    }

    /// Keeps the notice that an update returned in the function's memory.
    fn keep_notice(&self, queue: &QueueId, updated: UpdateItemOutput) -> Result<(), StoreError> {
        let notice = request::parse(updated.attributes.unwrap_or_default())?;
        self.notices.put(queue.clone(), notice, self.now());
        Ok(())
    }

    /// Empties the notice of a queue.
    pub(crate) async fn clear_notice(&self, queue: &QueueId) -> Result<(), StoreError> {
        let item = request::item(&keys::notice(queue), &Notice::default(), None)?;
        self.send_unconditional_put(self.put(Table::Queues, item)).await?;
        self.notices.remove(queue);
        Ok(())
    }

    /// Adds a waiting place to the removed places of the notice. Drops the places that were passed since.
    pub(crate) async fn note_removed(&self, queue: &QueueId, place: Place, served: Place) -> Result<(), StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            let before: Notice = self.get(&keys::notice(queue), true).await?.unwrap_or_default();
            let waiting = before.removed.iter().filter(|removed| **removed > served && **removed != place);
            let mut removed: Vec<Place> = waiting.copied().chain([place]).collect();
            removed.drain(..removed.len().saturating_sub(MAX_REMOVED));
            // Only if the list is still as it was read, so that a concurrent removal is not lost.
            let unchanged = match before.removed.is_empty() {
                true => "attribute_not_exists(removed)",
                false => "removed = :before",
            };
            let mut update = self
                .update(&keys::notice(queue))
                .update_expression("SET removed = :removed")
                .condition_expression(unchanged)
                .expression_attribute_values(":removed", request::value(&removed)?);
            if !before.removed.is_empty() {
                update = update.expression_attribute_values(":before", request::value(&before.removed)?);
            }
            match self.send_update(update.return_values(ReturnValue::AllNew)).await {
                Ok(output) => return self.keep_notice(queue, output),
                Err(WriteFailure::Condition(_)) => self.context.back_off(attempt).await,
                Err(WriteFailure::Store(error)) => return Err(error),
            }
        }
        Err(contention("note removed place"))
    }
}
