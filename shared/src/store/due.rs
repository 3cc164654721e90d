//! Finds expired holds without visiting what has none. Each count of a chunk with holds leaves a `DUE` item in the minute
//! in which the last of them ends; the sweep visits the chunks of the minutes that are over and nothing else.

use super::{
    MAX_ATTEMPTS, Store, StoreError, contention, keys,
    keys::{DUE_PARTITIONS, Table},
    request::{self, WriteFailure, s, store_error},
    seats::SeatItem,
};
use crate::domain::{
    concert::{SeatCount, SeatStatus},
    id::{ConcertId, ReservationId, UserId},
    layout::Chunk,
    time::{Minute, Seconds},
};
use futures_util::{StreamExt, future::join_all, stream};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, sleep_until, timeout_at};

/// A minute is swept this long after its end: timers come first, and cost less.
const TIMERS_FIRST: Seconds = Seconds(10);
/// The most chunks of each partition that one sweep visits.
const MAX_CHUNKS: usize = 1_000;
/// Chunks that are visited at once.
const CHUNKS_AT_ONCE: usize = 16;
/// Holds of one chunk that are expired at once.
const EXPIRIES_AT_ONCE: usize = 8;
/// A sweep stops after this time, in the middle of a visit if need be: the function's limit is ten seconds further.
const MAX_SWEEP: Duration = Duration::from_secs(40);

/// The time that all recounts of a stream batch have together.
const MAX_RECOUNTS: Duration = Duration::from_secs(2);
/// Recounts of a batch that run at once.
const RECOUNTS_AT_ONCE: usize = 64;
/// The time between two recounts of a chunk by one environment, in milliseconds.
const RECOUNT_EVERY_MILLIS: i64 = 500;

/// A chunk to be looked at when a minute is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Due {
    concert_id: ConcertId,
    chunk: Chunk,
    minute: Minute,
    /// Another one with each put, so that a visit deletes only what it has seen.
    put_id: String,
}

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Sweep {
    /// Chunks visited to the end.
    pub chunks: usize,
    /// Holds expired that no timer had.
    pub expired: usize,
    /// Whether the time ran out before the chunks did; the next sweep goes on.
    pub cut_off: bool,
    /// What the last chunk or partition failed with that did; the next sweep tries again.
    pub failure: Option<StoreError>,
}

impl Store {
    /// Expires what timers have missed in the chunks whose minute is over, oldest first, and counts these. A chunk that
    /// fails does not keep the others from being visited. Safe to be cut off anywhere.
    pub async fn sweep(&self) -> Sweep {
        let deadline = Instant::now() + MAX_SWEEP;
        let mut sweep = Sweep::default();
        let due = self.due_chunks(&mut sweep).await;
        let mut visits =
            stream::iter(due).map(|due| async move { self.visit(&due).await }).buffer_unordered(CHUNKS_AT_ONCE);
        loop {
            match timeout_at(deadline, visits.next()).await {
                Ok(Some(Ok(expired))) => {
                    sweep.chunks += 1;
                    sweep.expired += expired;
                }
                Ok(Some(Err(error))) => sweep.failure = Some(error),
                Ok(None) => return sweep,
                Err(_) => {
                    sweep.cut_off = true;
                    return sweep;
                }
            }
        }
    }

    /// The chunks of the minutes that are over, oldest first. An item that cannot be read is passed over.
    async fn due_chunks(&self, sweep: &mut Sweep) -> Vec<Due> {
        let end = keys::due_minute((self.now() - TIMERS_FIRST).minute());
        let queries = (0..DUE_PARTITIONS).map(|partition| {
            let query = self
                .query(Table::Concerts, &keys::due_partition(partition))
                .key_condition_expression("pk = :pk AND sk < :end")
                .expression_attribute_values(":end", s(&end));
            self.first_items(query, MAX_CHUNKS)
        });
        let mut due: Vec<Due> = Vec::new();
        for items in join_all(queries).await {
            let read = items.map(|items| items.into_iter().map(request::parse).collect::<Vec<_>>());
            for item in read.unwrap_or_else(|error| vec![Err(error)]) {
                match item {
                    Ok(item) => due.push(item),
                    Err(error) => sweep.failure = Some(error),
                }
            }
        }
        due.sort_by_key(|due| due.minute);
        due
    }

    /// Expires the holds of a chunk that are over, counts the rest, and deletes the `DUE` item unless it was put again.
    /// Returns how many holds it expired.
    async fn visit(&self, due: &Due) -> Result<usize, StoreError> {
        let (id, chunk) = (due.concert_id, due.chunk);
        let mut found = 0;
        for attempt in 0..MAX_ATTEMPTS {
            // Forgets that a minute has an item, so that whoever counts after this visit puts one again.
            let before = SeatCount { due: Minute::default(), ..self.count_of(id, chunk).await? };
            let (seats, now) = (self.seats_of_chunk(id, chunk, true).await?, self.now());
            let is_over =
                |seat: &SeatItem| seat.status == SeatStatus::Held && seat.status_at(now) == SeatStatus::Available;
            let (over, left): (Vec<SeatItem>, Vec<SeatItem>) = seats.into_iter().partition(is_over);
            let holds: BTreeSet<_> = over.iter().map(|seat| (seat.user_id, seat.reservation_id)).collect();
            found += holds.len();
            let expired = self.expire_all(holds).await;
            if self.put_count(id, chunk, before, &left).await? {
                // A hold that could not be expired keeps the item, for the next sweep.
                expired?;
                self.delete_due(due).await?;
                return Ok(found);
            }
            self.context.back_off(attempt).await;
        }
        Err(contention("visit"))
    }

    /// Expires each of the holds, whatever becomes of the others; one of the failures, if there is any.
    async fn expire_all(&self, holds: BTreeSet<(UserId, ReservationId)>) -> Result<(), StoreError> {
        let expiries = stream::iter(holds).map(|(user, reservation)| self.expire(user, reservation));
        let done: Vec<_> = expiries.buffer_unordered(EXPIRIES_AT_ONCE).collect().await;
        done.into_iter().try_for_each(|expiry| expiry.map(|_| ()))
    }

    async fn delete_due(&self, due: &Due) -> Result<(), StoreError> {
        let delete = self
            .delete(&keys::due(due.minute, due.concert_id, due.chunk))
            .condition_expression("putId = :seen")
            .expression_attribute_values(":seen", s(&due.put_id));
        match self.send_delete(delete).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Has the chunk visited when the minute is over.
    pub(crate) async fn put_due(&self, id: ConcertId, chunk: Chunk, minute: Minute) -> Result<(), StoreError> {
        let due = Due { concert_id: id, chunk, minute, put_id: self.context.client_token() };
        let item = request::item(&keys::due(minute, id, chunk), &due, None)?;
        self.put(Table::Concerts, item).send().await.map(|_| ()).map_err(|error| store_error("put due", &error))
    }

    /// Recounts chunks side by side, within two seconds together. A recount that fails or takes longer is left to the
    /// sweep by a `DUE` item of the present minute.
    ///
    /// # Errors
    /// Where such an item cannot be written either; the other chunks are counted all the same.
    pub async fn recount_all(&self, chunks: BTreeSet<(ConcertId, Chunk)>) -> Result<(), StoreError> {
        let deadline = Instant::now() + MAX_RECOUNTS;
        let recounts = stream::iter(chunks).map(|(id, chunk)| self.recount_or_leave(id, chunk, deadline));
        let done: Vec<_> = recounts.buffer_unordered(RECOUNTS_AT_ONCE).collect().await;
        done.into_iter().collect()
    }

    async fn recount_or_leave(&self, id: ConcertId, chunk: Chunk, deadline: Instant) -> Result<(), StoreError> {
        let recount = async {
            self.free_half_second(id, chunk).await;
            self.recount(id, chunk).await
        };
        match timeout_at(deadline, recount).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => tracing::warn!(concert_id = %id, chunk = chunk.0, %error, "recount left to the sweep"),
            Err(_) => tracing::warn!(concert_id = %id, chunk = chunk.0, "slow recount left to the sweep"),
        }
        self.put_due(id, chunk, self.now().minute()).await
    }

    /// Waits until half a second has passed since this environment last recounted the chunk: a chunk in which hundreds
    /// of holds a second change costs two counts a second.
    async fn free_half_second(&self, id: ConcertId, chunk: Chunk) {
        let last = self.recounts.get(&(id, chunk), self.now(), RECOUNT_EVERY_MILLIS);
        let free = last.map(|last| last + Duration::from_millis(RECOUNT_EVERY_MILLIS.unsigned_abs()));
        if let Some(free) = free {
            sleep_until(free).await;
        }
        self.recounts.put((id, chunk), Instant::now(), self.now());
    }
}
