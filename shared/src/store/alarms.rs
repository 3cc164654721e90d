//! Alarms: stored wake-ups of queues. A delayed message brings the tick on time; if the message is lost, the schedule
//! finds the alarm. Only the tick that handled an alarm deletes it, after the tick's write was accepted.

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
/// Alarms that are deleted in parallel.
const DELETES_AT_ONCE: usize = 25;

/// Names an alarm of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AlarmId {
    /// When it is due.
    pub due: Timestamp,
    /// Tells alarms for the same time apart.
    pub id: Uuid,
}

/// A request for a tick of a queue at a time.
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
    /// Whether fans wait for its tick. Other ticks go through a message queue of their own.
    pub urgent: bool,
    /// The joins a second that the sequencer is asked to make room for. Absent where the alarm asks for a tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joins: Option<u64>,
}

/// The longest delay of an SQS message.
const LONGEST_DELAY: Seconds = Seconds(900);

impl Alarm {
    /// Whether the delay of a message reaches as far as the alarm. If so, the stream sends the message when the alarm
    /// is put; otherwise the schedule sends it later.
    pub fn fits_a_message(&self) -> bool {
        self.alarm.due <= self.put_at + LONGEST_DELAY
    }
}

fn key(queue: &QueueId, alarm: AlarmId) -> Key {
    keys::alarm(queue, alarm.due, alarm.id)
}

impl Store {
    /// Puts an alarm under a new id, so that a tick that is already running cannot delete it.
    pub(crate) async fn put_alarm(&self, queue: &QueueId, due: Timestamp, urgent: bool) -> Result<(), StoreError> {
        self.put_new_alarm(queue, due, urgent, None).await
    }

    /// Puts an alarm for the sequencer, with the joins a second that it should make room for.
    pub(crate) async fn put_sequencer_alarm(
        &self,
        queue: &QueueId,
        due: Timestamp,
        joins: u64,
    ) -> Result<(), StoreError> {
        self.put_new_alarm(queue, due, false, Some(joins)).await
    }

    async fn put_new_alarm(
        &self,
        queue: &QueueId,
        due: Timestamp,
        urgent: bool,
        joins: Option<u64>,
    ) -> Result<(), StoreError> {
        let alarm = AlarmId { due, id: self.context.alarm_id() };
        let item = Alarm { queue_id: queue.clone(), alarm, put_at: self.now(), urgent, joins };
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

    /// Reads the alarms that are due within this time from now, the oldest of each partition first. Skips alarms that
    /// cannot be read. Four queries, which cost 2 read units if there are no alarms.
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
        // An alarm that cannot be read must not hide the others.
        let alarms = items.filter_map(|item| {
            request::parse(item)
                .inspect_err(|error| tracing::error!(error = crate::telemetry::chain(error), "alarm not understood"))
                .ok()
        });
        Ok(alarms.collect())
    }
}
