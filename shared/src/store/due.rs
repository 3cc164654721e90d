//! The sweep, which finds expired holds without visiting chunks that have none. A recount of a chunk with holds puts a
//! `DUE` item for the minute in which the last of them ends. The sweep visits only the chunks whose minute is over.

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
use crate::telemetry::chain;
use futures_util::{StreamExt, future::join_all, stream};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::{Instant, sleep_until, timeout_at};

/// A minute is swept this long after its end, so that timers come first, which cost less.
const TIMERS_FIRST: Seconds = Seconds(10);
/// Chunks of each partition that one sweep visits.
const MAX_CHUNKS: usize = 1_000;
/// Chunks that are visited in parallel.
const CHUNKS_AT_ONCE: usize = 16;
/// Holds of one chunk that are expired in parallel.
const EXPIRIES_AT_ONCE: usize = 8;
/// A sweep stops after this time, even in the middle of a visit. The function's timeout is ten seconds later.
const MAX_SWEEP: Duration = Duration::from_secs(40);

/// The time limit of all recounts of a stream batch together.
const MAX_RECOUNTS: Duration = Duration::from_secs(2);
/// Recounts of a batch that run in parallel.
const RECOUNTS_AT_ONCE: usize = 64;
/// The time between two recounts of a chunk by one environment, in milliseconds.
const RECOUNT_EVERY_MILLIS: i64 = 500;

/// A `DUE` item: the sweep visits the chunk when the minute is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Due {
    concert_id: ConcertId,
    chunk: Chunk,
    minute: Minute,
    /// New with each put, so that a visit does not delete an item that was put again meanwhile.
    put_id: String,
}

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Sweep {
    /// Chunks visited to the end.
    pub chunks: usize,
    /// Holds that it expired because no timer had.
    pub expired: usize,
    /// Whether the time ran out first. The next sweep visits the rest.
    pub cut_off: bool,
    /// The error of the last partition, item or chunk that failed, if any did. The next sweep tries again.
    pub failure: Option<StoreError>,
}

impl Store {
    /// Visits the chunks whose minute is over, oldest first: expires the holds that timers missed, and recounts the
    /// chunk. A chunk that fails does not stop the others. Safe to interrupt anywhere.
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

    /// Reads the chunks whose minute is over, oldest first. Notes an item that cannot be read as a failure, and skips
    /// it.
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

    /// Expires the overdue holds of a chunk, counts the rest, and deletes the `DUE` item unless it was put again.
    /// Returns how many holds it expired.
    async fn visit(&self, due: &Due) -> Result<usize, StoreError> {
        let (id, chunk) = (due.concert_id, due.chunk);
        let mut found = 0;
        for attempt in 0..MAX_ATTEMPTS {
            // Resets `due`, since this visit deletes the item. Otherwise later recounts would put none, and the sweep
            // would miss their holds.
            let before = SeatCount { due: Minute::default(), ..self.count_of(id, chunk).await? };
            let (seats, now) = (self.seats_of_chunk(id, chunk, true).await?, self.now());
            let is_over =
                |seat: &SeatItem| seat.status == SeatStatus::Held && seat.status_at(now) == SeatStatus::Available;
            let (over, left): (Vec<SeatItem>, Vec<SeatItem>) = seats.into_iter().partition(is_over);
            let holds: BTreeSet<_> = over.iter().map(|seat| (seat.user_id, seat.reservation_id)).collect();
            found += holds.len();
            let expired = self.expire_all(holds).await;
            if self.put_count(id, chunk, before, &left).await? {
                // If a hold could not be expired, the item stays for the next sweep.
                expired?;
                self.sum_counts(id).await?;
                self.delete_due(due).await?;
                return Ok(found);
            }
            self.context.back_off(attempt).await;
        }
        Err(contention("visit"))
    }

    /// Expires all holds, and goes on after a failure. Returns one of the failures, if there are any.
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

    /// Puts the `DUE` item that makes the sweep visit the chunk when the minute is over.
    pub(crate) async fn put_due(&self, id: ConcertId, chunk: Chunk, minute: Minute) -> Result<(), StoreError> {
        let due = Due { concert_id: id, chunk, minute, put_id: self.context.client_token() };
        let item = request::item(&keys::due(minute, id, chunk), &due, None)?;
        self.put(Table::Concerts, item).send().await.map(|_| ()).map_err(|error| store_error("put due", error))
    }

    /// Recounts chunks in parallel, and then adds up the counts of their concerts, within two seconds in total. Leaves
    /// what fails or takes longer to the sweep, by a `DUE` item of the present minute.
    ///
    /// # Errors
    /// If such an item cannot be put. The other chunks are still recounted.
    pub async fn recount_all(&self, chunks: BTreeSet<(ConcertId, Chunk)>) -> Result<(), StoreError> {
        let deadline = Instant::now() + MAX_RECOUNTS;
        // One chunk of each concert: if its counts cannot be added up, a visit of that chunk does it.
        let concerts: BTreeMap<ConcertId, Chunk> = chunks.iter().copied().collect();
        let recounts = stream::iter(chunks).map(|(id, chunk)| {
            self.done_or_left(id, chunk, deadline, async move {
                self.free_half_second(id, Some(chunk)).await;
                self.recount(id, chunk).await
            })
        });
        let recounted: Vec<_> = recounts.buffer_unordered(RECOUNTS_AT_ONCE).collect().await;
        let sums = stream::iter(concerts).map(|(id, chunk)| {
            self.done_or_left(id, chunk, deadline, async move {
                self.free_half_second(id, None).await;
                self.sum_counts(id).await
            })
        });
        let summed: Vec<_> = sums.buffer_unordered(RECOUNTS_AT_ONCE).collect().await;
        recounted.into_iter().chain(summed).collect()
    }

    /// Waits for a recount until the deadline. If it fails or takes longer, puts a `DUE` item for the sweep.
    async fn done_or_left(
        &self,
        id: ConcertId,
        chunk: Chunk,
        deadline: Instant,
        recount: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        match timeout_at(deadline, recount).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => {
                let error = chain(&error);
                tracing::warn!(concert_id = %id, chunk = chunk.0, error, "recount left to the sweep");
            }
            Err(_) => tracing::warn!(concert_id = %id, chunk = chunk.0, "slow recount left to the sweep"),
        }
        self.put_due(id, chunk, self.now().minute()).await
    }

    /// Waits until half a second has passed since this environment last recounted the chunk, or added up the counts of
    /// the concert (no chunk). So a chunk in which hundreds of holds a second change costs at most two recounts a
    /// second.
    async fn free_half_second(&self, id: ConcertId, chunk: Option<Chunk>) {
        let last = self.recounts.get(&(id, chunk), self.now(), RECOUNT_EVERY_MILLIS);
        let free = last.map(|last| last + Duration::from_millis(RECOUNT_EVERY_MILLIS.unsigned_abs()));
        if let Some(free) = free {
            sleep_until(free).await;
        }
        self.recounts.put((id, chunk), Instant::now(), self.now());
    }
}
