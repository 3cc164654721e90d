//! Messages to the deployment's message queues: ticks, expiry timers, domain events and dead letters.

use crate::{
    config::Config,
    domain::{
        id::{QueueId, ReservationId, UserId},
        time::Timestamp,
        wake,
    },
    events::CloudEvent,
    store::{
        StoreError,
        alarms::{Alarm, AlarmId},
        request::store_error,
    },
};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use serde::{Deserialize, Serialize};

/// The longest delay of an SQS message: 15 minutes.
pub const MAX_DELAY_SECONDS: u64 = 900;
const BATCH: usize = 10;
/// For how many seconds runs of the sequencer are sent at a time: until its next alarm.
const SECONDS_OF_RUNS: u64 = 60;

/// A message that asks for a tick of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tick {
    /// The queue.
    pub queue_id: QueueId,
    /// The alarms that the message was sent for. The tick deletes them once they are handled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmId>,
}

/// A message that asks the sequencer to look at a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sequence {
    /// The queue.
    pub queue_id: QueueId,
    /// The joins a second that the queue should be wide enough for.
    #[serde(default)]
    pub joins: u64,
    /// The alarms that the message was sent for. The run deletes them once they are handled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmId>,
}

/// A message that asks to expire a hold if its time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timer {
    /// The fan who holds the seats.
    pub user_id: UserId,
    /// The reservation that holds the seats.
    pub reservation_id: ReservationId,
}

/// The location of a stream record that could not be read, without the contents of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadRecord {
    /// The ARN of the table's stream.
    pub stream_arn: String,
    /// The record's number in the stream. The stream keeps the record for a day.
    pub sequence_number: String,
    /// What is wrong with the record, in words that repeat nothing from it.
    pub error: String,
}

/// A message with the seconds to wait before it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delayed<T> {
    /// The message.
    pub message: T,
    /// The delay, from 0 to [`MAX_DELAY_SECONDS`].
    pub delay_seconds: u64,
}

impl Delayed<Tick> {
    /// A tick without an alarm. If the message is lost, the next alarm still brings a tick.
    pub fn tick(queue_id: &QueueId, delay_seconds: u64) -> Self {
        Delayed { message: Tick { queue_id: queue_id.clone(), alarms: Vec::new() }, delay_seconds }
    }

    /// The regular ticks of a queue in the next minute, one every `tick_seconds`.
    pub fn regular_ticks(queue_id: &QueueId, tick_seconds: u32) -> impl Iterator<Item = Self> {
        let every = tick_seconds.max(1) as usize;
        (every as u64..wake::TICKS_SENT.0.into())
            .step_by(every)
            .map(|delay_seconds| Self::tick(queue_id, delay_seconds))
    }

    /// The tick for an alarm, delayed until the alarm is due, but at most by [`MAX_DELAY_SECONDS`].
    pub fn for_alarm(alarm: &Alarm, now: Timestamp) -> Self {
        let delay_seconds = alarm.alarm.due.seconds_left(now).min(MAX_DELAY_SECONDS);
        Delayed { message: Tick { queue_id: alarm.queue_id.clone(), alarms: vec![alarm.alarm] }, delay_seconds }
    }
}

impl Delayed<Sequence> {
    /// A run of the sequencer each second, until its next alarm a minute from now.
    pub fn runs_until_next_alarm(queue_id: &QueueId) -> impl Iterator<Item = Self> {
        let message = Sequence { queue_id: queue_id.clone(), joins: 0, alarms: Vec::new() };
        (1..SECONDS_OF_RUNS).map(move |delay_seconds| Delayed { message: message.clone(), delay_seconds })
    }

    /// The message for an alarm of the sequencer, delayed until the alarm is due, but at most by [`MAX_DELAY_SECONDS`].
    fn for_sequencer(alarm: &Alarm, joins: u64, now: Timestamp) -> Self {
        let delay_seconds = alarm.alarm.due.seconds_left(now).min(MAX_DELAY_SECONDS);
        let message = Sequence { queue_id: alarm.queue_id.clone(), joins, alarms: vec![alarm.alarm] };
        Delayed { message, delay_seconds }
    }
}

impl Delayed<Timer> {
    /// A timer for a hold that ends at `due`. Where the longest delay is too short, it fires early and is sent again.
    pub fn timer(timer: Timer, due: Timestamp, now: Timestamp) -> Self {
        Delayed { message: timer, delay_seconds: due.seconds_left(now).min(MAX_DELAY_SECONDS) }
    }
}

/// The message queues of a deployment.
pub struct MessageQueues {
    sqs: aws_sdk_sqs::Client,
    ticks: String,
    quiet_ticks: String,
    sequencer: String,
    timers: String,
    events: String,
    webhooks: String,
    dead_letters: String,
}

impl MessageQueues {
    /// The deployment's message queues, reached through this client.
    pub fn new(sqs: aws_sdk_sqs::Client, config: &Config) -> Self {
        MessageQueues {
            sqs,
            ticks: config.ticks_queue_url.clone(),
            quiet_ticks: config.quiet_ticks_queue_url.clone(),
            sequencer: config.sequencer_queue_url.clone(),
            timers: config.timers_queue_url.clone(),
            events: config.events_queue_url.clone(),
            webhooks: config.webhooks_queue_url.clone(),
            dead_letters: config.dead_letter_queue_url.clone(),
        }
    }

    /// Sends ticks of queues in which fans wait.
    pub async fn send_ticks(&self, ticks: &[Delayed<Tick>]) -> Result<(), StoreError> {
        self.send_all(&self.ticks, ticks).await
    }

    /// Sends ticks of queues in which nobody waits. They have a message queue of their own, so that many of them do not
    /// delay the ticks of queues in which fans wait.
    pub async fn send_quiet_ticks(&self, ticks: &[Delayed<Tick>]) -> Result<(), StoreError> {
        self.send_all(&self.quiet_ticks, ticks).await
    }

    /// Sends messages to the sequencer.
    pub async fn send_to_sequencer(&self, runs: &[Delayed<Sequence>]) -> Result<(), StoreError> {
        self.send_all(&self.sequencer, runs).await
    }

    /// Sends the messages for alarms: for those of the sequencer, for urgent ticks and for quiet ones to separate message
    /// queues.
    pub async fn send_alarms(&self, alarms: &[Alarm], now: Timestamp) -> Result<(), StoreError> {
        let ticks = |urgent: bool| -> Vec<Delayed<Tick>> {
            let some = alarms.iter().filter(|alarm| alarm.joins.is_none() && alarm.urgent == urgent);
            some.map(|alarm| Delayed::for_alarm(alarm, now)).collect()
        };
        let runs = alarms.iter().filter_map(|alarm| Some(Delayed::for_sequencer(alarm, alarm.joins?, now)));
        let runs = self.send_to_sequencer(&runs.collect::<Vec<_>>()).await;
        let (urgent, quiet) = (self.send_ticks(&ticks(true)).await, self.send_quiet_ticks(&ticks(false)).await);
        runs.and(urgent).and(quiet)
    }

    /// Sends expiry timers.
    pub async fn send_timers(&self, timers: &[Delayed<Timer>]) -> Result<(), StoreError> {
        self.send_all(&self.timers, timers).await
    }

    /// Sends domain events.
    pub async fn send_events(&self, events: &[CloudEvent]) -> Result<(), StoreError> {
        self.send_at_once(&self.events, events).await
    }

    /// Sends the events that go to webhooks. Their message queue is not that of the deployment's own consumers, who would
    /// take messages away from it.
    pub async fn send_to_webhooks(&self, events: &[CloudEvent]) -> Result<(), StoreError> {
        self.send_at_once(&self.webhooks, events).await
    }

    /// Sends records that could not be read to the dead letters, for an operator to look at.
    pub async fn send_dead_letters(&self, records: &[DeadRecord]) -> Result<(), StoreError> {
        self.send_at_once(&self.dead_letters, records).await
    }

    async fn send_at_once<T: Serialize + Clone>(&self, url: &str, messages: &[T]) -> Result<(), StoreError> {
        let at_once: Vec<Delayed<T>> =
            messages.iter().map(|message| Delayed { message: message.clone(), delay_seconds: 0 }).collect();
        self.send_all(url, &at_once).await
    }

    /// Sends messages in batches. After an error some may not have been sent, and it is safe to send all of them again.
    async fn send_all<T: Serialize>(&self, url: &str, messages: &[Delayed<T>]) -> Result<(), StoreError> {
        for batch in messages.chunks(BATCH) {
            let entries = batch.iter().enumerate().map(|(i, delayed)| {
                let body = serde_json::to_string(&delayed.message).map_err(|e| StoreError::internal("message", e))?;
                SendMessageBatchRequestEntry::builder()
                    .id(i.to_string())
                    .message_body(body)
                    .delay_seconds(i32::try_from(delayed.delay_seconds).unwrap_or(i32::MAX))
                    .build()
                    .map_err(|e| StoreError::internal("message", e))
            });
            let entries: Vec<_> = entries.collect::<Result<_, StoreError>>()?;
            let sent = self.sqs.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await;
            let sent = sent.map_err(|e| store_error("send messages", e))?;
            if let Some(failed) = sent.failed.first() {
                return Err(StoreError::unavailable(format!("send messages: {}", failed.code)));
            }
        }
        Ok(())
    }
}
