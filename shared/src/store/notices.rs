//! What operators tell those who wait: an item of its own, since the state of a queue is written with every tick.

use super::{Store, StoreError, keys, keys::Table, queue_state::STATE_AGE_MILLIS, request};
use crate::domain::{id::QueueId, text::Message};
use serde::{Deserialize, Serialize};

/// What everybody who waits in a queue is told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notice {
    /// In the words of the operators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
}

impl Store {
    /// The notice of a queue, at most a second old.
    pub async fn notice(&self, queue: &QueueId) -> Result<Notice, StoreError> {
        let now = self.now();
        if let Some(notice) = self.notices.get(queue, now, STATE_AGE_MILLIS) {
            return Ok(notice);
        }
        let notice: Notice = self.get(&keys::notice(queue), false).await?.unwrap_or_default();
        self.notices.put(queue.clone(), notice.clone(), now);
        Ok(notice)
    }

    /// Replaces the notice of a queue.
    pub async fn put_notice(&self, queue: &QueueId, notice: Notice) -> Result<(), StoreError> {
        let item = request::item(&keys::notice(queue), &notice, None)?;
        self.send_unconditional_put(self.put(Table::Queues, item)).await?;
        self.notices.put(queue.clone(), notice, self.now());
        Ok(())
    }
}
