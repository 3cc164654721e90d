//! Alarms: durable wake-ups of queues. Messages make them quick; an alarm whose message was lost is found by the
//! schedule. Only the tick that handled an alarm deletes it, after its write was accepted.

use super::{
    Store, StoreError, keys,
    keys::{Key, Table},
    request::{self, WriteFailure, s},
};
use crate::domain::{
    id::QueueId,
    time::{Seconds, Timestamp},
};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Alarms that one run of the schedule reads from each partition, the oldest first.
const MAX_DUE: usize = 2_500;
/// Deletes at once.
const DELETES_AT_ONCE: usize = 25;

/// Which alarm of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AlarmId {
    /// When it is due.
    pub due: Timestamp,
    /// Tells alarms for the same time apart.
    pub id: Uuid,
}

/// "This queue needs a tick at that time."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alarm {
    /// The queue.
    pub queue_id: QueueId,
    /// Which alarm.
    #[serde(flatten)]
    pub alarm: AlarmId,
    /// When it was put.
    pub put_at: Timestamp,
    /// Whether fans wait for it: ticks of other queues come behind.
    pub urgent: bool,
}

/// The longest that a message can be delayed.
const LONGEST_DELAY: Seconds = Seconds(900);

impl Alarm {
    /// Whether the stream sends its message when it is put; one further ahead is left to the schedule.
    pub fn fits_a_message(&self) -> bool {
        self.alarm.due <= self.put_at + LONGEST_DELAY
    }
}

fn key(queue: &QueueId, alarm: AlarmId) -> Key {
    keys::alarm(queue, alarm.due, alarm.id)
}

impl Store {
    /// Puts an alarm, with an id of its own: no tick that has begun already deletes it.
    pub(crate) async fn put_alarm(&self, queue: &QueueId, due: Timestamp, urgent: bool) -> Result<(), StoreError> {
        let alarm = AlarmId { due, id: self.context.alarm_id() };
        let item = Alarm { queue_id: queue.clone(), alarm, put_at: self.now(), urgent };
        self.send_unconditional_put(self.put(Table::Queues, request::item(&key(queue, alarm), &item, None)?)).await
    }

    /// Deletes alarms that were handled.
    pub(crate) async fn delete_alarms(&self, queue: &QueueId, alarms: &[AlarmId]) -> Result<(), StoreError> {
        for some in alarms.chunks(DELETES_AT_ONCE) {
            let deletes = some.iter().map(|alarm| async move {
                match self.send_delete(self.delete(&key(queue, *alarm))).await {
                    Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
                    Err(WriteFailure::Store(error)) => Err(error),
                }
            });
            try_join_all(deletes).await?;
        }
        Ok(())
    }

    /// The alarms that are due within a length of time, the oldest of each partition first: four queries, which cost two
    /// units when there are none.
    pub async fn alarms_due(&self, within: Seconds) -> Result<Vec<Alarm>, StoreError> {
        let until = keys::alarm_sort_from(self.now() + within);
        let reads = (0..keys::ALARM_PARTITIONS).map(|partition| {
            let query = self
                .query(Table::Queues, &keys::alarm_partition(partition))
                .key_condition_expression("pk = :pk AND sk < :until")
                .expression_attribute_values(":until", s(&until));
            self.first_items(query, MAX_DUE)
        });
        let items = try_join_all(reads).await?.into_iter().flatten();
        // One that cannot be read must not keep the others from being found.
        let alarms = items.filter_map(|item| {
            request::parse(item).inspect_err(|error| tracing::error!(%error, "alarm not understood")).ok()
        });
        Ok(alarms.collect())
    }
}
