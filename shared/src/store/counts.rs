//! How many seats are sold and held, and which: a count and a bitmap for each chunk, and the sum of the counts for a
//! concert of several chunks.

use super::{
    Failure, Store, StoreError, contention, keys,
    keys::{Key, Table},
    request::{self, Item, WriteFailure, n, s},
    seats::SeatItem,
};
use crate::domain::{
    availability::{CountedChunk, SeatBitmap},
    concert::{SeatCount, SeatStatus, Seating},
    id::ConcertId,
    layout::Chunk,
    time::Timestamp,
};
use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use std::collections::{BTreeMap, HashMap};

/// The attribute of a count with the bitmap of the chunk's seats.
const BITMAP: &str = "seats";

/// The counts of some concerts, by partition; those of which no seat was ever held are left out.
#[derive(Debug, Default)]
pub(crate) struct SeatCounts(HashMap<String, SeatCount>);

impl SeatCounts {
    /// How many seats of a concert are neither held nor sold.
    pub fn free(&self, id: ConcertId, seating: Seating) -> u32 {
        let count = self.of(id);
        seating.seats_total.saturating_sub(count.sold + count.held)
    }

    /// Whether every seat of a concert is sold.
    pub fn is_sold_out(&self, id: ConcertId, seating: Seating) -> bool {
        self.of(id).sold >= seating.seats_total
    }

    /// The count of a concert; nothing held or sold where it was never counted.
    pub fn of(&self, id: ConcertId) -> SeatCount {
        self.0.get(&keys::concert(id).pk).copied().unwrap_or_default()
    }
}

/// The count of a whole concert.
fn count_of_concert(id: ConcertId, seating: Seating) -> Key {
    seating.sole_chunk.map_or_else(|| keys::seat_sum(id), |chunk| keys::count(id, chunk))
}

impl Store {
    /// Reads the counts of at most 100 different concerts, in one request; they may be a moment old.
    pub(crate) async fn seat_counts(
        &self,
        concerts: impl Iterator<Item = (ConcertId, Seating)>,
    ) -> Result<SeatCounts, StoreError> {
        let keys: Vec<Key> = concerts.map(|(id, seating)| count_of_concert(id, seating)).collect();
        let mut counts = HashMap::new();
        for item in self.get_batch(Table::Concerts, &keys).await? {
            let Some(AttributeValue::S(partition)) = item.get("pk").cloned() else { continue };
            counts.insert(partition, request::parse(item)?);
        }
        Ok(SeatCounts(counts))
    }

    /// Counts the seats of a chunk again. Starts over if a concurrent recount wrote first.
    pub async fn recount(&self, id: ConcertId, chunk: Chunk) -> Result<(), StoreError> {
        for attempt in 0..super::MAX_ATTEMPTS {
            let before = self.count_of(id, chunk).await?;
            let seats = self.seats_of_chunk(id, chunk, true).await?;
            if self.put_count(id, chunk, before, &seats).await? {
                return Ok(());
            }
            self.context.back_off(attempt).await;
        }
        Err(contention("recount"))
    }

    /// Reads the count of a chunk. Must be read before the seats from which the next count is made.
    pub(crate) async fn count_of(&self, id: ConcertId, chunk: Chunk) -> Result<SeatCount, StoreError> {
        Ok(self.get(&keys::count(id, chunk), true).await?.unwrap_or_default())
    }

    /// Replaces the count `before`, which was read before `seats`, and its bitmap; returns `false` if another recount
    /// replaced it first. Both are made of the seats as they are now, so a hold that is over counts as free.
    ///
    /// Puts a `DUE` item first if a hold lasts beyond the minute `before.due`. A crash in between leaves a spare item,
    /// never a hold that the sweep cannot find. While `due` of a count names a minute, the item of that minute exists.
    pub(crate) async fn put_count(
        &self,
        id: ConcertId,
        chunk: Chunk,
        before: SeatCount,
        seats: &[SeatItem],
    ) -> Result<bool, StoreError> {
        let (key, now) = (keys::count(id, chunk), self.now());
        let last_end =
            seats.iter().filter(|seat| seat.status == SeatStatus::Held).filter_map(|seat| seat.held_until).max();
        let due = last_end.map_or(before.due, Timestamp::minute);
        if due > before.due {
            self.put_due(id, chunk, due).await?;
        }
        let (version, at) = (before.version + 1, now.max(before.at));
        let count = SeatCount { version, at, due: due.max(before.due), ..counted(seats, now) };
        let mut item = request::item(&key, &count, None)?;
        item.insert(BITMAP.to_owned(), AttributeValue::B(Blob::new(bitmap(seats, now).bytes())));
        let put = self
            .put(Table::Concerts, item)
            .condition_expression("attribute_not_exists(pk) OR version = :before")
            .expression_attribute_values(":before", n(before.version));
        match self.send_put(put).await {
            Ok(_) => Ok(true),
            Err(WriteFailure::Condition(_)) => Ok(false),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Adds up the counts of a concert's chunks, after one of them was replaced. A sole chunk needs no sum.
    ///
    /// The version of a sum is that of its counts added up, and versions only grow: a sum with a higher one knows every
    /// count that this one knows, or a newer one. Whoever replaces the last count adds up after it, so that the sum is
    /// right in the end.
    pub(crate) async fn sum_counts(&self, id: ConcertId) -> Result<(), StoreError> {
        match self.concert_at_any_age(id).await {
            Ok(concert) if concert.seating.sole_chunk.is_none() => {}
            // Seats of a concert that does not exist are counted nowhere.
            Ok(_) | Err(Failure::Refused(_)) => return Ok(()),
            Err(Failure::Store(error)) => return Err(error),
        }
        let sum = added_up(self.counts_of(id, true).await?)?;
        if sum.version == 0 {
            // The first recount failed and is left to the sweep.
            return Ok(());
        }
        let put = self
            .put(Table::Concerts, request::item(&keys::seat_sum(id), &sum, None)?)
            .condition_expression("attribute_not_exists(pk) OR version < :version")
            .expression_attribute_values(":version", n(sum.version));
        match self.send_put(put).await {
            // A sum that knows the same counts or newer ones is there already.
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Reads the bitmaps of all chunks of a concert that were ever counted, in one query of neighbouring items. They may
    /// be a moment old.
    pub(crate) async fn counted_chunks(&self, id: ConcertId) -> Result<BTreeMap<Chunk, CountedChunk>, StoreError> {
        self.counts_of(id, false).await?.into_iter().map(counted_chunk).collect()
    }

    /// Reads the counts of all chunks of a concert that were ever counted.
    pub(crate) async fn counts_of(&self, id: ConcertId, consistent: bool) -> Result<Vec<Item>, StoreError> {
        let query = self
            .query(Table::Concerts, &keys::concert(id).pk)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":prefix", s(keys::COUNT_PREFIX))
            .consistent_read(consistent);
        self.all_pages(query).await
    }
}

/// The sum of the counts of a concert's chunks.
pub(crate) fn added_up(counts: Vec<Item>) -> Result<SeatCount, StoreError> {
    let mut sum = SeatCount::default();
    for item in counts {
        let SeatCount { sold, held, version, at, .. } = request::parse(item)?;
        let version = sum.version + version;
        sum = SeatCount { sold: sum.sold + sold, held: sum.held + held, version, at: sum.at.max(at), ..sum };
    }
    Ok(sum)
}

/// Whether a count and its bitmap are those of the seats of its chunk, judged at the time of the count.
pub(crate) fn counts(item: Item, seats: &[SeatItem]) -> Result<bool, StoreError> {
    let count: SeatCount = request::parse(item.clone())?;
    let (_, counted_then) = counted_chunk(item)?;
    let SeatCount { sold, held, .. } = counted(seats, count.at);
    Ok((sold, held) == (count.sold, count.held) && bitmap(seats, count.at) == counted_then.seats)
}

fn bitmap(seats: &[SeatItem], at: Timestamp) -> SeatBitmap {
    SeatBitmap::of(seats.iter().map(|seat| (seat.seat_number, seat.status_at(at))))
}

/// Reads the chunk of a count and its bitmap.
fn counted_chunk(item: Item) -> Result<(Chunk, CountedChunk), StoreError> {
    let unreadable = || StoreError::Internal { what: "a count without a bitmap".to_owned(), source: None };
    let chunk = item.get("sk").and_then(|sk| keys::chunk_of_count(sk.as_s().ok()?));
    let seats = item.get(BITMAP).and_then(|bitmap| SeatBitmap::from_bytes(bitmap.as_b().ok()?.as_ref()));
    let (chunk, seats) = chunk.zip(seats).ok_or_else(unreadable)?;
    let SeatCount { version, at, .. } = request::parse(item)?;
    Ok((chunk, CountedChunk { version, at, seats }))
}

/// Counts the seats of a chunk as they are at `now`.
fn counted(seats: &[SeatItem], now: Timestamp) -> SeatCount {
    let with = |status| seats.iter().filter(|seat| seat.status_at(now) == status).count() as u32;
    SeatCount { sold: with(SeatStatus::Sold), held: with(SeatStatus::Held), ..SeatCount::default() }
}
