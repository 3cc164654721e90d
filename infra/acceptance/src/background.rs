//! What runs between requests: the streams, and the messages that ask for ticks.

use crate::World;
use engine::Clock;
use serde_json::{Value, json};
use shared::app::App;
use std::error::Error;

/// The tick messages that are not due yet, each with its due time in milliseconds since the Unix epoch.
#[derive(Debug, Default)]
pub struct Background(Vec<(u64, String)>);

impl Background {
    /// Lets one second pass as in a deployment: reads the streams, then delivers the tick messages that are due.
    /// Returns the number of these messages.
    ///
    /// # Errors
    /// Where a function fails as a whole.
    ///
    /// # Panics
    /// Where a tick fails: no tick may fail without an injected fault.
    pub async fn second(&mut self, world: &World) -> Result<usize, Box<dyn Error>> {
        feed_stream(world, &world.app).await?;
        let (now, config) = (world.clock.now_ms(), &world.app.config);
        for queue in [&config.ticks_queue_url, &config.quiet_ticks_queue_url] {
            let sent = world.engine.take_messages(queue).into_iter();
            self.0.extend(sent.map(|message| (now + message.delay_seconds * 1_000, message.body)));
        }
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.0).into_iter().partition(|(at, _)| *at <= now);
        self.0 = later;
        let record = |(_, body): &(u64, String)| json!({ "messageId": "m", "body": body, "eventSource": "aws:sqs" });
        if !due.is_empty() {
            let event = json!({ "Records": due.iter().map(record).collect::<Vec<Value>>() });
            let answer = promote_tokens::handle(&world.app, serde_json::from_value(event)?).await;
            let failed = answer.map_err(|error| error.to_string())?.batch_item_failures;
            assert!(failed.is_empty(), "{failed:?}");
        }
        world.wait(1);
        Ok(due.len())
    }
}

/// Feeds the stream function of an environment with the new records of the tables' streams, those included that
/// Lambda's event filters drop; returns the sequence numbers that failed.
///
/// # Errors
/// Where the function fails as a whole.
pub async fn feed_stream(world: &World, app: &App) -> Result<Vec<String>, Box<dyn Error>> {
    let tables = ["Fans", "Concerts", "Queues"];
    stream(app, tables.into_iter().flat_map(|table| world.engine.stream_records(table)).collect()).await
}

/// Feeds the stream function with records; returns the sequence numbers that failed.
///
/// # Errors
/// As [`feed_stream`].
pub async fn stream(app: &App, records: Vec<Value>) -> Result<Vec<String>, Box<dyn Error>> {
    let event = serde_json::from_value(json!({ "Records": records }))?;
    let response = stream_changes::handle(app, event).await.map_err(|error| error.to_string())?;
    let failures = response.batch_item_failures.into_iter();
    Ok(failures.filter_map(|failure| failure.item_identifier).collect())
}
