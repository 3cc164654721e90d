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

    /// Replaces the notice of a queue.
    pub async fn put_notice(&self, queue: &QueueId, notice: Notice) -> Result<(), StoreError> {
        let item = request::item(&keys::notice(queue), &notice, None)?;
        self.send_unconditional_put(self.put(Table::Queues, item)).await?;
        self.notices.put(queue.clone(), notice, self.now());
        Ok(())
    }
}
