//! What operators do to fans who wait: an item of its own, since the state of a queue is written with every tick.

use super::{
    MAX_ATTEMPTS, Store, StoreError, contention, keys,
    keys::Table,
    queue_state::STATE_AGE_MILLIS,
    request::{self, WriteFailure},
};
use crate::domain::{id::QueueId, text::Message, ticket::Place};
use serde::{Deserialize, Serialize};

/// Removed places that a notice names: the newest. A fan whose place is older reads WAITING until the place comes up.
const MAX_REMOVED: usize = 100;

/// What concerns the fans who wait in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notice {
    /// In the words of the operators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// Places that an operator removed while they waited, so that a poll, which reads no session, can say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Place>,
}

impl Store {
    /// The notice of a queue, at most a second old. Nobody's turn fails for want of it: where it cannot be read, the last
    /// one that is known has to do.
    pub async fn notice(&self, queue: &QueueId) -> Notice {
        let now = self.now();
        if let Some(notice) = self.notices.get(queue, now, STATE_AGE_MILLIS) {
            return notice;
        }
        match self.get::<Notice>(&keys::notice(queue), false).await {
            Ok(notice) => {
                let notice = notice.unwrap_or_default();
                self.notices.put(queue.clone(), notice.clone(), now);
                notice
            }
            Err(error) => {
                tracing::warn!(%queue, %error, "notice not read");
                self.notices.get(queue, now, i64::MAX).unwrap_or_default()
            }
        }
    }

    /// Replaces the message to the fans who wait; `None` takes it away.
    pub async fn put_message(&self, queue: &QueueId, message: Option<Message>) -> Result<(), StoreError> {
        let update = self.update(&keys::notice(queue));
        let update = match &message {
            Some(message) => update
                .update_expression("SET message = :message")
                .expression_attribute_values(":message", request::value(message)?),
            None => update.update_expression("REMOVE message"),
        };
        self.send_unconditional_update(update).await?;
        self.notices.remove(queue);
        Ok(())
    }

    /// Empties the notice of a queue.
    pub(crate) async fn clear_notice(&self, queue: &QueueId) -> Result<(), StoreError> {
        let item = request::item(&keys::notice(queue), &Notice::default(), None)?;
        self.send_unconditional_put(self.put(Table::Queues, item)).await?;
        self.notices.remove(queue);
        Ok(())
    }

    /// Names a place as removed while it waits. Places that came up since are forgotten.
    pub(crate) async fn note_removed(&self, queue: &QueueId, place: Place, served: Place) -> Result<(), StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            let before: Notice = self.get(&keys::notice(queue), true).await?.unwrap_or_default();
            let waiting = before.removed.iter().filter(|removed| **removed > served && **removed != place);
            let mut removed: Vec<Place> = waiting.copied().chain([place]).collect();
            removed.drain(..removed.len().saturating_sub(MAX_REMOVED));
            // Only in the place of the list that was read: another operator's removal is not lost.
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
            match self.send_update(update).await {
                Ok(_) => {
                    self.notices.remove(queue);
                    return Ok(());
                }
                Err(WriteFailure::Condition(_)) => self.context.back_off(attempt).await,
                Err(WriteFailure::Store(error)) => return Err(error),
            }
        }
        Err(contention("note removed place"))
    }
}
