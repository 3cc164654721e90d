//! What everybody may know of a queue's line, and the places that tickets have. The line is one item, read at most once a
//! second; the records of sealed intervals never change.

use super::{
    Store, StoreError, contention, keys,
    notices::Notice,
    queue_state::MAX_STATE_AGE_MILLIS,
    request::{self, Item},
};
use crate::domain::{
    id::QueueId,
    line::{Counter, Counts, Interval, Line, LineTicket, Traffic},
    ticket::Place,
    time::Timestamp,
};
use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The attribute with the counts of an interval.
const COUNTS: &str = "counts";

/// What is known of the places of a queue. The sequencer alone writes it, each time on condition of `version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Places {
    /// Which places are known.
    #[serde(flatten)]
    pub line: Line,
    /// The number of shards that joins are spread over.
    pub width: u16,
    /// Fans whose place was not known when the sequencer last looked.
    pub joined: u64,
    /// How fast fans join a wide queue.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// When the newest interval was sealed.
    pub sealed_at: Timestamp,
    /// When the sequencer's next alarm is due; a time in the past where there is none.
    pub alarm: Timestamp,
    /// Grows with every write.
    pub version: u64,
}

impl Default for Places {
    fn default() -> Self {
        Places {
            line: Line::default(),
            width: 1,
            joined: 0,
            traffic: Traffic::default(),
            sealed_at: Timestamp::DISTANT_PAST,
            alarm: Timestamp::DISTANT_PAST,
            version: 0,
        }
    }
}

/// The item of a line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct LineItem {
    /// The operators' notice to the fans who wait.
    #[serde(flatten)]
    pub notice: Notice,
    /// What is known of the places.
    #[serde(default)]
    pub places: Places,
}

/// The record of an interval, without its counts.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    interval: u64,
    base: Place,
    sealed_at: Timestamp,
}

impl Store {
    /// Returns the line of a queue, at most a second old. If it cannot be read, returns the last known one, however old, or
    /// that of a new queue: no join or poll fails because of it.
    pub async fn line(&self, queue: &QueueId) -> LineItem {
        match self.lines.get(queue, self.now(), MAX_STATE_AGE_MILLIS) {
            Some(line) => line,
            None => self.read_line(queue).await,
        }
    }

    /// Reads the line of a queue, whatever is cached, and caches it. Failures as in [`Store::line`].
    pub(crate) async fn read_line(&self, queue: &QueueId) -> LineItem {
        let now = self.now();
        match self.get::<LineItem>(&keys::line(queue), false).await {
            Ok(found) => self.keep_line(queue, found.unwrap_or_default(), now),
            Err(error) => {
                tracing::warn!(%queue, error = crate::telemetry::chain(&error), "line not read");
                self.lines.get(queue, now, i64::MAX).unwrap_or_default()
            }
        }
    }

    /// Keeps a line in the function's memory, unless a newer one is known: an eventually consistent read may be older.
    pub(super) fn keep_line(&self, queue: &QueueId, line: LineItem, now: Timestamp) -> LineItem {
        self.lines.replace(queue.clone(), now, |known| match known {
            Some(known) if known.places.version > line.places.version => {
                LineItem { notice: line.notice, places: known.places }
            }
            _ => line,
        })
    }

    /// The line that goes with shard 0 as it was read. What is in memory, however old, is right where it says that the
    /// counter's interval is calm: that never changes again.
    pub(super) async fn line_of(&self, queue: &QueueId, counter: &Counter) -> Result<Line, StoreError> {
        let known = self.lines.get(queue, self.now(), i64::MAX).unwrap_or_default().places.line;
        if known.gives_places(counter) { Ok(known) } else { Ok(self.line_now(queue).await?.places.line) }
    }

    /// Reads the line of a queue as it is now.
    pub(super) async fn line_now(&self, queue: &QueueId) -> Result<LineItem, StoreError> {
        let now = self.now();
        let line: LineItem = self.get(&keys::line(queue), true).await?.unwrap_or_default();
        self.keep_line(queue, line.clone(), now);
        Ok(line)
    }

    /// The place of a ticket; `None` while it is not known.
    pub async fn place_of(&self, queue: &QueueId, ticket: &LineTicket) -> Result<Option<Place>, StoreError> {
        let line = self.line(queue).await.places.line;
        if let Some(place) = line.calm_place(ticket) {
            return Ok(Some(place));
        }
        if ticket.interval >= line.open {
            return Ok(None);
        }
        let Some(interval) = self.interval(queue, ticket.interval).await? else { return Err(contention("interval")) };
        Ok(interval.place(ticket))
    }

    /// Returns the record of an interval, from memory if this environment has read it before.
    pub(super) async fn interval(&self, queue: &QueueId, interval: u64) -> Result<Option<Arc<Interval>>, StoreError> {
        let id = (queue.clone(), interval);
        if let Some(record) = self.intervals.get(&id, Timestamp::default(), i64::MAX) {
            return Ok(Some(record));
        }
        let Some(item) = self.get_item(&keys::interval(queue, interval), true).await? else { return Ok(None) };
        let record = Arc::new(parse_interval(item)?);
        self.intervals.put(id, Arc::clone(&record), Timestamp::default());
        Ok(Some(record))
    }
}

/// The item of a sealed interval.
pub(super) fn interval_item(queue: &QueueId, sealed: &Interval, ttl: Timestamp) -> Result<Item, StoreError> {
    let record = Record { interval: sealed.interval, base: sealed.base, sealed_at: sealed.sealed_at };
    let mut item = request::item(&keys::interval(queue, sealed.interval), &record, Some(ttl))?;
    item.insert(COUNTS.to_owned(), AttributeValue::B(Blob::new(sealed.counts.to_bytes())));
    Ok(item)
}

/// Reads the item of a sealed interval.
pub(super) fn parse_interval(mut item: Item) -> Result<Interval, StoreError> {
    let counts = item.remove(COUNTS).and_then(|counts| counts.as_b().ok().map(|bytes| bytes.clone().into_inner()));
    let counts = Counts::from_bytes(&counts.unwrap_or_default()).map_err(|e| StoreError::internal("interval", e))?;
    let Record { interval, base, sealed_at } = request::parse(item)?;
    Ok(Interval { interval, base, counts, sealed_at, seed: None })
}
