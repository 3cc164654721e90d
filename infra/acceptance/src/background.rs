//! What runs between requests: the streams, the messages that ask for ticks, and the timers of holds.

use crate::{World, functions};
use engine::Clock;
use lambda_runtime::Error as HandlerError;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::app::App;
use std::{collections::BTreeMap, error::Error};

/// The tables that have a stream.
const TABLES: [&str; 3] = ["Fans", "Concerts", "Queues"];
/// Messages of one invocation, as template.yaml has it for each message queue.
const BATCH: usize = 10;

/// The messages that are not due yet, and how often messages were delivered.
#[derive(Debug, Default)]
pub struct Background {
    /// By the URL of their message queue; each with its due time in milliseconds since the Unix epoch.
    later: BTreeMap<String, Vec<(u64, String)>>,
    batches: u64,
}

impl Background {
    /// Lets one second pass as in a deployment: reads the stream of each table, then delivers the ticks and the timers
    /// of holds that are due. Returns the number of ticks. The streams pass the records too that Lambda's event filters
    /// drop: these have no effect.
    ///
    /// # Errors
    /// Where a function fails as a whole.
    ///
    /// # Panics
    /// Where a tick or a timer fails: none may fail without an injected fault.
    pub async fn second(&mut self, world: &World) -> Result<usize, Box<dyn Error>> {
        for table in TABLES {
            let records = world.engine.stream_records(table);
            if !records.is_empty() {
                stream(&world.app, records).await?;
            }
        }
        let config = &world.app.config;
        let mut ticks = 0;
        for queue in [&config.ticks_queue_url, &config.quiet_ticks_queue_url] {
            for batch in self.due(world, queue) {
                ticks += batch.len();
                let answer = functions::promote_tokens(&world.app, event(&batch)?).await;
                assert_handled(answer.map(|answer| answer.batch_item_failures.len()))?;
            }
        }
        for batch in self.due(world, &config.sequencer_queue_url) {
            let answer = functions::seal_intervals(&world.app, event(&batch)?).await;
            assert_handled(answer.map(|answer| answer.batch_item_failures.len()))?;
        }
        for batch in self.due(world, &config.timers_queue_url) {
            let answer = functions::expire_holds(&world.app, event(&batch)?).await;
            assert_handled(answer.map(|answer| answer.batch_item_failures.len()))?;
        }
        world.wait(1);
        Ok(ticks)
    }

    /// Takes what was sent to a message queue, and returns the bodies of the messages that are due, in batches.
    fn due(&mut self, world: &World, queue: &str) -> Vec<Vec<String>> {
        let now = world.clock.now_ms();
        let waiting = self.later.entry(queue.to_owned()).or_default();
        let sent = world.engine.take_messages(queue).into_iter();
        waiting.extend(sent.map(|message| (now + message.delay_seconds * 1_000, message.body)));
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(waiting).into_iter().partition(|(at, _)| *at <= now);
        *waiting = later;
        let bodies: Vec<String> = due.into_iter().map(|(_, body)| body).collect();
        let batches: Vec<_> = bodies.chunks(BATCH).map(<[String]>::to_vec).collect();
        self.batches += batches.len() as u64;
        batches
    }

    /// The batches of messages that were delivered so far. Lambda receives each with one request to SQS and deletes it
    /// with another.
    pub fn batches(&self) -> u64 {
        self.batches
    }

    /// Whether no message waits for its time.
    pub fn is_idle(&self) -> bool {
        self.later.values().all(Vec::is_empty)
    }
}

/// The event with a batch of messages.
fn event<Event: DeserializeOwned>(bodies: &[String]) -> serde_json::Result<Event> {
    let record = |body| json!({ "messageId": "m", "body": body, "eventSource": "aws:sqs" });
    serde_json::from_value(json!({ "Records": bodies.iter().map(record).collect::<Vec<Value>>() }))
}

fn assert_handled(failed: Result<usize, HandlerError>) -> Result<(), Box<dyn Error>> {
    assert_eq!(failed.map_err(|error| error.to_string())?, 0, "messages that failed");
    Ok(())
}

/// Feeds the stream function of an environment with the new records of the tables' streams, those included that
/// Lambda's event filters drop; returns the sequence numbers that failed.
///
/// # Errors
/// Where the function fails as a whole.
pub async fn feed_stream(world: &World, app: &App) -> Result<Vec<String>, Box<dyn Error>> {
    stream(app, TABLES.into_iter().flat_map(|table| world.engine.stream_records(table)).collect()).await
}

/// Feeds the stream function with records; returns the sequence numbers that failed.
///
/// # Errors
/// As [`feed_stream`].
pub async fn stream(app: &App, records: Vec<Value>) -> Result<Vec<String>, Box<dyn Error>> {
    let event = serde_json::from_value(json!({ "Records": records }))?;
    let response = functions::stream_changes(app, event).await.map_err(|error| error.to_string())?;
    let failures = response.batch_item_failures.into_iter();
    Ok(failures.filter_map(|failure| failure.item_identifier).collect())
}
