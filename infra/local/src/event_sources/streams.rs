//! DynamoDB streams: the changes of a table, in order, in batches.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use dynoxide::{
    Database,
    actions::{
        get_records::{GetRecordsRequest, GetRecordsResponse, Record},
        get_shard_iterator::GetShardIteratorRequest,
        list_streams::ListStreamsRequest,
    },
    streams::shard_id,
};
use serde_json::{Value, json};
use template::{StreamTrigger, Table};
use tokio::time::{self, Instant};

use super::{
    delivery::{Receiver, Rules, deliver},
    failed_items::{Failed, failed_items},
    filter::Pattern,
    sources::{Sources, invoke},
};
use crate::{
    aws::{REGION, function_arn},
    failure::{Context, Failure},
    state,
};

/// Pause after each read of a stream. Lambda reads each shard four times a second.
const POLL: Duration = Duration::from_millis(250);

/// Reads one stream for one function.
struct Reader {
    trigger: StreamTrigger,
    stream_arn: String,
    shard_id: String,
    filters: Vec<Pattern>,
    sources: Arc<Sources>,
    /// The file of the position, if it outlives the stack.
    position: Option<PathBuf>,
}

/// One change.
#[derive(Clone)]
struct Change {
    sequence_number: String,
    /// The record as the function gets it.
    record: Value,
}

/// Starts to read the stream of `table` for the trigger.
///
/// # Errors
/// When the table has no stream, or a filter of the trigger is not supported.
pub fn start(trigger: &StreamTrigger, table: &Table, sources: Arc<Sources>) -> Result<(), Failure> {
    let request = ListStreamsRequest { table_name: Some(table.name.clone()), ..Default::default() };
    let streams = sources.tables.database.list_streams(request).context("list streams")?.streams;
    let stream = streams.into_iter().next().ok_or_else(|| Failure::new("the table has no stream"))?;
    let position = if sources.state.persistent {
        let directory = sources.state.directory.join("streams");
        fs::create_dir_all(&directory).context(directory.display())?;
        Some(directory.join(format!("{}-{}", trigger.function, trigger.name)))
    } else {
        None
    };
    let reader = Reader {
        filters: trigger.filters.iter().map(Pattern::parse).collect::<Result<_, _>>()?,
        trigger: trigger.clone(),
        stream_arn: stream.stream_arn,
        shard_id: shard_id(&table.name),
        sources,
        position,
    };
    let first = reader.first_iterator()?;
    tokio::spawn(reader.run(first));
    Ok(())
}

impl Reader {
    /// Returns an iterator behind the last change that an earlier stack handled, else at the trigger's starting
    /// position.
    fn first_iterator(&self) -> Result<String, Failure> {
        let handled = self.position.as_ref().and_then(|path| fs::read_to_string(path).ok());
        let request = GetShardIteratorRequest {
            stream_arn: self.stream_arn.clone(),
            shard_id: self.shard_id.clone(),
            shard_iterator_type: match &handled {
                Some(_) => "AFTER_SEQUENCE_NUMBER".to_owned(),
                None => self.trigger.starting_position.clone(),
            },
            sequence_number: handled,
        };
        let response = self.sources.tables.database.get_shard_iterator(request).context("position")?;
        response.shard_iterator.ok_or_else(|| Failure::new("the shard is closed"))
    }

    async fn run(self, mut iterator: String) {
        let Self { trigger, .. } = &self;
        let rules = Rules { bisect: trigger.bisect_on_error, most_retries: trigger.maximum_retry_attempts };
        loop {
            let (changes, last) = self.gather(&mut iterator).await;
            let size = usize::try_from(trigger.batch_size).unwrap_or(1).max(1);
            for batch in changes.chunks(size) {
                deliver(batch, rules, &self).await;
            }
            // Also moves past changes that the filters dropped.
            self.checkpoint(&last);
        }
    }

    /// Reads until there is a change for the function and, where the trigger has a batching window, until the batch is
    /// full or the window is over. Returns the changes and the sequence number of the last record that was read.
    async fn gather(&self, iterator: &mut String) -> (Vec<Change>, String) {
        let window = Duration::from_secs(self.trigger.batching_window_seconds.into());
        let mut changes: Vec<Change> = Vec::new();
        let mut last = String::new();
        let mut closes: Option<Instant> = None;
        loop {
            match read(self.sources.tables.database.clone(), iterator.clone()).await {
                Ok(page) => {
                    if let Some(record) = page.records.last() {
                        last.clone_from(&record.dynamodb.sequence_number);
                    }
                    changes.extend(page.records.iter().filter_map(|record| self.change(record)));
                    if let Some(next) = page.next_shard_iterator {
                        *iterator = next;
                    }
                }
                Err(error) => eprintln!("stream {}: {error}", self.trigger.name),
            }
            if !changes.is_empty() {
                let closes = *closes.get_or_insert_with(|| Instant::now() + window);
                if changes.len() >= self.trigger.batch_size as usize || Instant::now() >= closes {
                    return (changes, last);
                }
            }
            time::sleep(POLL).await;
        }
    }

    /// The record as the function gets it; `None` if the trigger has filters and none matches.
    fn change(&self, record: &Record) -> Option<Change> {
        let mut json = serde_json::to_value(record).ok()?;
        json["awsRegion"] = json!(REGION);
        json["eventSourceARN"] = json!(self.stream_arn);
        let wanted = self.filters.is_empty() || self.filters.iter().any(|filter| filter.matches(&json));
        wanted.then(|| Change { sequence_number: record.dynamodb.sequence_number.clone(), record: json })
    }

    fn checkpoint(&self, sequence_number: &str) {
        // If the write fails, the next stack delivers these changes again: handlers are idempotent.
        if let Some(path) = &self.position
            && let Err(error) = state::write_atomically(path, sequence_number.as_bytes())
        {
            eprintln!("stream {}: {error}", self.trigger.name);
        }
    }
}

impl Receiver<Change> for Reader {
    async fn attempt(&self, part: &[Change]) -> usize {
        let records: Vec<_> = part.iter().map(|change| &change.record).collect();
        let answer = invoke(&self.sources.functions, &self.trigger.function, &json!({ "Records": records })).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                eprintln!("{} ({}): {error}", self.trigger.function, self.trigger.name);
                return 0;
            }
        };
        if !self.trigger.partial_responses {
            return part.len();
        }
        match failed_items(&answer, |id| part.iter().any(|change| change.sequence_number == id)) {
            Failed::None => part.len(),
            Failed::All => 0,
            Failed::These(ids) => {
                part.iter().position(|change| ids.contains(&change.sequence_number)).unwrap_or(part.len())
            }
        }
    }

    fn reached(&self, change: &Change) {
        self.checkpoint(&change.sequence_number);
    }

    /// Sends a message about changes that could not be handled to the trigger's failure destination, as Lambda does:
    /// with their positions in the stream, without their content.
    async fn give_up(&self, part: &[Change]) {
        let (Some(first), Some(last)) = (part.first(), part.last()) else { return };
        eprintln!("{} ({}): gave up {} changes", self.trigger.function, self.trigger.name, part.len());
        let body = json!({
            "requestContext": {
                "functionArn": function_arn(&self.trigger.function),
                "condition": "RetryAttemptsExhausted",
            },
            "version": "1.0",
            "DDBStreamBatchInfo": {
                "shardId": self.shard_id,
                "startSequenceNumber": first.sequence_number,
                "endSequenceNumber": last.sequence_number,
                "batchSize": part.len(),
                "streamArn": self.stream_arn,
            },
        });
        let queues = &self.sources.queues;
        if let Some(url) = self.trigger.on_failure.as_deref().and_then(|queue| queues.url(queue)) {
            let sent = queues.client.send_message().queue_url(url).message_body(body.to_string()).send().await;
            if let Err(error) = sent {
                eprintln!("{}: {}", self.trigger.name, aws_sdk_sqs::Error::from(error));
            }
        }
    }
}

async fn read(database: Database, shard_iterator: String) -> Result<GetRecordsResponse, Failure> {
    let request = GetRecordsRequest { shard_iterator, limit: None };
    let read = tokio::task::spawn_blocking(move || database.get_records(request)).await;
    read.context("read")?.context("read")
}
