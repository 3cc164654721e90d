//! The message queues, and the stream records that wait for their functions.

use crate::lock::lock;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use template::{Queue, Template};
use tokio::sync::Notify;

/// A message in a message queue.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
    /// When it becomes visible, in milliseconds of the run.
    pub visible_ms: u64,
    /// How often it was received.
    pub received: u32,
}

/// One message queue.
#[derive(Debug)]
pub struct MessageQueue {
    /// Its settings in the template.
    pub queue: Queue,
    /// Messages that wait or are being handled.
    pub messages: Vec<Message>,
}

/// One shard of a table's stream: the changes of some partitions, in order.
#[derive(Debug, Default)]
pub struct Shard {
    /// Records, as Lambda delivers them.
    pub records: Vec<Arc<Value>>,
    /// How many records each reader has handled, by the reader's name.
    pub done: BTreeMap<String, usize>,
}

/// Shards of each table's stream. More than one, so that changes of different partitions may overtake each other.
pub const SHARDS: u64 = 2;

/// All message queues and streams.
#[derive(Debug)]
pub struct Messages {
    queues: Mutex<BTreeMap<String, MessageQueue>>,
    shards: Mutex<BTreeMap<(String, u64), Shard>>,
    sent: Mutex<u64>,
    lost_timers: Mutex<BTreeSet<String>>,
    news: Notify,
}

impl Messages {
    /// The message queues of a template, empty.
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

    /// Waits until a message is sent or a stream gains a record.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Calls `work` with a message queue, which it may change.
    ///
    /// # Panics
    /// If the template has no message queue of this name.
    pub fn queue<T>(&self, name: &str, work: impl FnOnce(&mut MessageQueue) -> T) -> T {
        work(lock(&self.queues).get_mut(name).expect("a queue of the template"))
    }

    /// Calls `work` with a shard of a table's stream, which it may change.
    pub fn shard<T>(&self, table: &str, number: u64, work: impl FnOnce(&mut Shard) -> T) -> T {
        work(lock(&self.shards).entry((table.to_owned(), number)).or_default())
    }

    /// Adds a record to a table's stream, in the shard of its partition key.
    pub fn stream(&self, table: &str, record: Value) {
        let pk = record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap_or_default();
        let shard = pk.bytes().fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))) % SHARDS;
        self.shard(table, shard, |shard| shard.records.push(Arc::new(record)));
        self.news.notify_waiters();
    }

    /// Puts a message into a message queue and returns its id.
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

    /// Whether a message queue has this name.
    pub fn has_queue(&self, name: &str) -> bool {
        lock(&self.queues).contains_key(name)
    }

    /// Whether to lose this timer: at most one for each hold, and none if `inject` decides against it. The sweep finds a
    /// hold without a timer by its seat. After a take-over the old hold has no seat, and only its second timer leads to
    /// it: that one must arrive.
    pub fn lose_timer(&self, timer: &str, inject: impl FnOnce() -> bool) -> bool {
        let mut lost = lock(&self.lost_timers);
        !lost.contains(timer) && inject() && lost.insert(timer.to_owned())
    }
}
