//! The administrators' notice to the fans who wait in a queue. An item of its own, since every tick writes the state.

use super::{
    MAX_ATTEMPTS, Store, StoreError, contention, keys,
    request::{self, WriteFailure},
};
use crate::domain::{id::QueueId, text::Message, ticket::Place};
use aws_sdk_dynamodb::{operation::update_item::UpdateItemOutput, types::ReturnValue};
use serde::{Deserialize, Serialize};

/// The newest removed places, which a notice names. A fan whose place is no longer named reads WAITING until it is
/// passed.
const MAX_REMOVED: usize = 100;
/// What empties a notice.
pub(crate) const CLEAR_NOTICE: &str = "REMOVE message, removed";

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
    /// Returns the notice of a queue, at most a second old. Failures as in [`Store::line`].
    pub async fn notice(&self, queue: &QueueId) -> Notice {
        self.line(queue).await.notice
    }

    /// Replaces the message to the fans who wait; `None` removes it.
    pub async fn put_message(&self, queue: &QueueId, message: Option<Message>) -> Result<(), StoreError> {
        let update = self.update(&keys::line(queue));
        let update = match &message {
            Some(message) => update
                .update_expression("SET message = :message")
                .expression_attribute_values(":message", request::value(message)?),
            None => update.update_expression("REMOVE message"),
        };
        match self.send_update(update.return_values(ReturnValue::AllNew)).await {
            // The answer to the request that set it must not show an older one.
            Ok(output) => self.keep_updated(queue, output),
            Err(failure) => Err(request::unconditional(failure)),
        }
    }

    /// Keeps the line that an update returned in the function's memory.
    fn keep_updated(&self, queue: &QueueId, updated: UpdateItemOutput) -> Result<(), StoreError> {
        self.keep_line(queue, request::parse(updated.attributes.unwrap_or_default())?, self.now());
        Ok(())
    }

    /// Empties the notice of a queue. What is known of its places stays.
    pub(crate) async fn clear_notice(&self, queue: &QueueId) -> Result<(), StoreError> {
        let update = self.update(&keys::line(queue)).update_expression(CLEAR_NOTICE).return_values(ReturnValue::AllNew);
        match self.send_update(update).await {
            Ok(output) => self.keep_updated(queue, output),
            Err(failure) => Err(request::unconditional(failure)),
        }
    }

    /// Adds a waiting place to the removed places of the notice. Drops the places that were passed since.
    pub(crate) async fn note_removed(&self, queue: &QueueId, place: Place, served: Place) -> Result<(), StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            let before: Notice = self.get(&keys::line(queue), true).await?.unwrap_or_default();
            let waiting = before.removed.iter().filter(|removed| **removed > served && **removed != place);
            let mut removed: Vec<Place> = waiting.copied().chain([place]).collect();
            removed.drain(..removed.len().saturating_sub(MAX_REMOVED));
            // Only if the list is still as it was read, so that a concurrent removal is not lost.
            let unchanged = match before.removed.is_empty() {
                true => "attribute_not_exists(removed)",
                false => "removed = :before",
            };
            let mut update = self
                .update(&keys::line(queue))
                .update_expression("SET removed = :removed")
                .condition_expression(unchanged)
                .expression_attribute_values(":removed", request::value(&removed)?);
            if !before.removed.is_empty() {
                update = update.expression_attribute_values(":before", request::value(&before.removed)?);
            }
            match self.send_update(update.return_values(ReturnValue::AllNew)).await {
                Ok(output) => return self.keep_updated(queue, output),
                Err(WriteFailure::Condition(_)) => self.context.back_off(attempt).await,
                Err(WriteFailure::Store(error)) => return Err(error),
            }
        }
        Err(contention("note removed place"))
    }
}
