//! The message queues, and the changes of the tables that wait for their stream's function.

use crate::{
    fault::Fault,
    world::{World, lock},
};
use engine::{Answer, error};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use template::{Queue, Template};
use tokio::sync::Notify;

/// SQS refuses larger batches.
const MAX_BATCH: usize = 10;
/// SQS refuses longer delays.
const MAX_DELAY_SECONDS: u64 = 900;
/// The queue of expiry timers.
const TIMERS: &str = "TimersQueue";

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// What it says.
    pub body: String,
    /// From when on it can be received, in milliseconds of the run.
    pub visible_ms: u64,
    /// How often it was received.
    pub received: u32,
}

/// One message queue.
#[derive(Debug)]
pub struct MessageQueue {
    /// As the template describes it.
    pub queue: Queue,
    /// What waits or is being worked on.
    pub messages: Vec<Message>,
}

/// The changes of a table that belong to the same partitions, in order.
#[derive(Debug, Default)]
pub struct Shard {
    /// Records, as Lambda delivers them.
    pub records: Vec<Arc<Value>>,
    /// How many each reader, by its name, is through with.
    pub done: BTreeMap<String, usize>,
}

/// A table's stream comes in so many shards: items of different partitions may overtake each other.
pub const SHARDS: u64 = 2;

/// All of them.
#[derive(Debug)]
pub struct Messages {
    queues: Mutex<BTreeMap<String, MessageQueue>>,
    shards: Mutex<BTreeMap<(String, u64), Shard>>,
    sent: Mutex<u64>,
    lost_timers: Mutex<BTreeSet<String>>,
    news: Notify,
}

impl Messages {
    /// The queues of a template, empty.
    pub fn new(template: &Template) -> Self {
        let queue =
            |queue: &Queue| (queue.logical_id.clone(), MessageQueue { queue: queue.clone(), messages: Vec::new() });
        Messages {
            queues: Mutex::new(template.queues.iter().map(queue).collect()),
            shards: Mutex::default(),
            sent: Mutex::default(),
            lost_timers: Mutex::default(),
            news: Notify::new(),
        }
    }

    /// Waits until something was sent or changed.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Looks at a queue, or changes it.
    ///
    /// # Panics
    /// Where the template has no such queue.
    pub fn queue<T>(&self, name: &str, work: impl FnOnce(&mut MessageQueue) -> T) -> T {
        work(lock(&self.queues).get_mut(name).expect("a queue of the template"))
    }

    /// Looks at a shard of a table's stream, or changes it.
    pub fn shard<T>(&self, table: &str, number: u64, work: impl FnOnce(&mut Shard) -> T) -> T {
        work(lock(&self.shards).entry((table.to_owned(), number)).or_default())
    }

    /// A record of a table's stream.
    pub fn stream(&self, table: &str, record: Value) {
        let pk = record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap_or_default();
        let shard = pk.bytes().fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))) % SHARDS;
        self.shard(table, shard, |shard| shard.records.push(Arc::new(record)));
        self.news.notify_waiters();
    }

    /// Puts a message into a queue.
    pub fn put(&self, queue: &str, body: &str, visible_ms: u64) -> String {
        let id = {
            let mut sent = lock(&self.sent);
            *sent += 1;
            format!("message-{sent}")
        };
        let message = Message { id: id.clone(), body: body.to_owned(), visible_ms, received: 0 };
        self.queue(queue, |queue| queue.messages.push(message));
        self.news.notify_waiters();
        id
    }

    /// Whether a timer is lost: once a hold. The seat leads the sweep to it; the second timer, of a take-over, is the only
    /// trace of a hold that has lost its seat.
    fn loses(&self, timer: &str, world: &World) -> bool {
        let mut lost = lock(&self.lost_timers);
        !lost.contains(timer) && world.should_inject(Fault::TimerLost) && lost.insert(timer.to_owned())
    }

    /// `SendMessageBatch`, the one operation that functions use.
    pub fn send(&self, world: &World, request: &Value) -> Answer {
        let refuse = |kind: &str| error(400, &format!("com.amazonaws.sqs#{kind}"), kind);
        let queue = request["QueueUrl"].as_str().unwrap_or_default();
        let known = lock(&self.queues).contains_key(queue);
        let entries = request["Entries"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        match entries.len() {
            _ if !known => return refuse("QueueDoesNotExist"),
            0 => return refuse("EmptyBatchRequest"),
            1..=MAX_BATCH => {}
            _ => return refuse("TooManyEntriesInBatchRequest"),
        }
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            let delay = entry["DelaySeconds"].as_u64().unwrap_or(0);
            if delay > MAX_DELAY_SECONDS {
                failed.push(json!({ "Id": entry["Id"], "SenderFault": true, "Code": "InvalidParameterValue" }));
                continue;
            }
            if world.should_inject(Fault::BatchRefused) {
                failed.push(json!({ "Id": entry["Id"], "SenderFault": false, "Code": "InternalError" }));
                continue;
            }
            let late = if world.should_inject(Fault::MessageLate) {
                world.extent(Fault::MessageLate, 500..=20_000)
            } else {
                0
            };
            let visible_ms = world.clock.elapsed_ms() + delay * 1_000 + late;
            let body = entry["MessageBody"].as_str().unwrap_or_default();
            if queue == TIMERS && self.loses(body, world) {
                successful.push(json!({ "Id": entry["Id"], "MessageId": "lost", "MD5OfMessageBody": "" }));
                continue;
            }
            let id = self.put(queue, body, visible_ms);
            let handled = world.template.queue_triggers.iter().any(|trigger| trigger.queue == queue);
            if handled && world.should_inject(Fault::MessagePoisoned) {
                self.put(queue, r#"{"nobody":"understands this"}"#, visible_ms);
            }
            successful.push(json!({ "Id": entry["Id"], "MessageId": id, "MD5OfMessageBody": "" }));
        }
        Answer { status: 200, body: json!({ "Successful": successful, "Failed": failed }) }
    }
}
