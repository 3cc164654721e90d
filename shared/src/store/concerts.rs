//! Concerts, the listing, and how many seats are left.

use super::{
    Failure, Store, StoreError,
    idempotency::{Draft, Executed, Idempotent, Operation, Plan},
    keys,
    keys::Table,
    request::{self, CancellationReason, TransactFailure, WriteFailure, n, s, transact_item},
    seats::SeatItem,
};
use crate::domain::{
    concert::{Concert, SeatCount, SeatStatus},
    id::{ConcertId, EventId},
    layout::Chunk,
    refusal::Refusal,
    time::Timestamp,
};
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use std::sync::Arc;

/// How old a cached concert may be, in milliseconds. Its layout never changes, but its sale window may.
const CONCERT_AGE_MILLIS: i64 = 250;

/// A concert with the number of its free seats.
#[derive(Debug, Clone)]
pub struct ConcertAvailability {
    /// The concert.
    pub concert: Arc<Concert>,
    /// Seats neither held nor sold when they were last counted.
    pub seats_available: u32,
}

/// Which concerts to list.
#[derive(Debug, Clone, Default)]
pub struct ListingRange {
    /// Starts at this time or later.
    pub from: Option<Timestamp>,
    /// Starts at this time or earlier.
    pub to: Option<Timestamp>,
    /// Comes after the concert with this start and id.
    pub after: Option<(Timestamp, ConcertId)>,
    /// Belongs to this event.
    pub event: Option<EventId>,
    /// Has this category.
    pub category: Option<String>,
}

struct NewConcert<'a> {
    store: &'a Store,
    concert: &'a Concert,
}

impl Operation for NewConcert<'_> {
    const NAME: &'static str = "create concert";
    type Outcome = ();

    async fn plan(&mut self, reasons: Vec<CancellationReason>) -> Result<Plan<()>, Failure> {
        let NewConcert { store, concert } = *self;
        if matches!(reasons.first(), Some(CancellationReason::Condition(_))) {
            // The queue is not registered. This read creates `main`, and refuses any other queue.
            store.queue_state(&concert.queue_id, 0).await?;
        }
        let mut writes = vec![store.registry_check(&concert.queue_id)?];
        for key in [keys::concert(concert.concert_id), keys::listing(concert.starts_at, concert.concert_id)] {
            writes.push(transact_item(store.transact_put(Table::Concerts, request::item(&key, concert, None)?))?);
        }
        writes.extend(store.sale_writes(None, concert)?);
        Ok(Plan::Write(Draft { result: (), at: store.now(), writes, hold: None }))
    }
}

impl Store {
    /// Creates a concert. `answer` builds the body that a replay returns.
    ///
    /// The same transaction checks that the queue exists, so that no concert gets a queue that was just deleted. A
    /// later deletion of the queue does not look at its concerts.
    ///
    /// # Errors
    /// [`Refusal::QueueNotFound`] if there is no such queue.
    pub async fn create_concert(
        &self,
        concert: &Concert,
        idempotent: Option<&Idempotent>,
        answer: impl Fn() -> String,
    ) -> Result<Executed<()>, Failure> {
        self.commit(idempotent, |()| answer(), NewConcert { store: self, concert }).await
    }

    /// Changes a concert in its own item, in the listing and among the sales of its queue, in one transaction. The
    /// inner error is what `change` finds wrong with the changed concert.
    ///
    /// # Errors
    /// [`Refusal::ConcertNotFound`].
    pub async fn change_concert<E>(
        &self,
        id: ConcertId,
        change: impl Fn(&mut Concert) -> Result<(), E>,
    ) -> Result<Result<Concert, E>, Failure> {
        for attempt in 0..super::MAX_ATTEMPTS {
            let now = self.now();
            let before: Concert = self.get(&keys::concert(id), true).await?.ok_or(Refusal::ConcertNotFound)?;
            let mut concert = Concert { version: before.version + 1, ..before.clone() };
            if let Err(wrong) = change(&mut concert) {
                return Ok(Err(wrong));
            }
            // Of two concurrent changes the loser is planned again from the winner's result. The condition compares
            // versions: values may have been changed and restored in between.
            let meta = self
                .transact_put(Table::Concerts, request::item(&keys::concert(id), &concert, None)?)
                .condition_expression("version = :version")
                .expression_attribute_values(":version", n(before.version));
            let listing = request::item(&keys::listing(concert.starts_at, id), &concert, None)?;
            let mut writes = vec![transact_item(meta)?, transact_item(self.transact_put(Table::Concerts, listing))?];
            writes.extend(self.sale_writes(Some(&before), &concert)?);
            match self.transact(writes).await {
                Ok(()) => {
                    self.concerts.put(id, Arc::new(concert.clone()), now);
                    return Ok(Ok(concert));
                }
                Err(TransactFailure::Store(error)) => return Err(error.into()),
                Err(TransactFailure::Contended { .. }) => break,
                Err(TransactFailure::Cancelled(_)) => self.context.back_off(attempt).await,
            }
        }
        Err(super::contention("change concert").into())
    }

    /// Reads a concert, at most 250 ms old.
    ///
    /// # Errors
    /// [`Refusal::ConcertNotFound`].
    pub async fn concert(&self, id: ConcertId) -> Result<Arc<Concert>, Failure> {
        let now = self.now();
        if let Some(concert) = self.concerts.get(&id, now, CONCERT_AGE_MILLIS) {
            return Ok(concert);
        }
        let key = keys::concert(id);
        let mut concert: Option<Concert> = self.get(&key, false).await?;
        if concert.is_none() {
            // An eventually consistent read may miss a new concert.
            concert = self.get(&key, true).await?;
        }
        let concert = Arc::new(concert.ok_or(Refusal::ConcertNotFound)?);
        self.concerts.put(id, concert.clone(), now);
        Ok(concert)
    }

    /// Reads a concert with its availability, in one query.
    ///
    /// # Errors
    /// [`Refusal::ConcertNotFound`].
    pub async fn concert_with_availability(&self, id: ConcertId) -> Result<ConcertAvailability, Failure> {
        match self.read_availability(id, false).await? {
            Some(offer) => Ok(offer),
            // An eventually consistent read may miss a new concert.
            None => Ok(self.read_availability(id, true).await?.ok_or(Refusal::ConcertNotFound)?),
        }
    }

    async fn read_availability(
        &self,
        id: ConcertId,
        consistent: bool,
    ) -> Result<Option<ConcertAvailability>, StoreError> {
        let query = self.query(Table::Concerts, &keys::concert(id).pk).key_condition_expression("pk = :pk");
        let query = query.consistent_read(consistent);
        let (mut meta, mut counts) = (None, Vec::new());
        for item in self.all_pages(query).await? {
            if matches!(item.get("sk"), Some(AttributeValue::S(sk)) if sk.starts_with(keys::COUNT_PREFIX)) {
                counts.push(request::parse::<SeatCount>(item)?);
            } else {
                meta = Some(request::parse::<Concert>(item)?);
            }
        }
        Ok(meta
            .map(Arc::new)
            .map(|concert| ConcertAvailability { seats_available: free_seats(&concert, &counts), concert }))
    }

    /// Reads a page of the listing in order of start, with availability. The flag says whether more concerts follow.
    pub async fn listing_page(
        &self,
        range: &ListingRange,
        limit: usize,
    ) -> Result<(Vec<ConcertAvailability>, bool), StoreError> {
        let from = format!("{:015}", range.from.unwrap_or_default().millis());
        // The cursor may come from a request with an earlier `from`.
        let lowest = match range.after {
            Some((starts_at, id)) => from.max(format!("{}\u{1}", keys::listing(starts_at, id).sk)),
            None => from,
        };
        let highest = format!("{:015}$", range.to.map_or(999_999_999_999_999, Timestamp::millis));
        if highest < lowest {
            return Ok((Vec::new(), false));
        }
        let mut query = self
            .query(Table::Concerts, keys::LISTING_PARTITION)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":from", s(lowest))
            .expression_attribute_values(":to", s(highest));
        let mut filters = Vec::new();
        if let Some(event) = range.event {
            filters.push("eventId = :event");
            query = query.expression_attribute_values(":event", s(event));
        }
        if let Some(category) = &range.category {
            filters.push("category = :category");
            query = query.expression_attribute_values(":category", s(category));
        }
        if !filters.is_empty() {
            query = query.filter_expression(filters.join(" AND "));
        }
        // One concert more than asked for shows whether there are more. A filter may leave a page of the query short.
        let mut items = self.first_items(query, limit + 1).await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let concerts: Vec<Concert> = items.into_iter().map(request::parse).collect::<Result<_, _>>()?;
        Ok((try_join_all(concerts.into_iter().map(|concert| self.with_availability(concert))).await?, more))
    }

    async fn with_availability(&self, concert: Concert) -> Result<ConcertAvailability, StoreError> {
        let query = self
            .query(Table::Concerts, &keys::concert(concert.concert_id).pk)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":prefix", s(keys::COUNT_PREFIX));
        let items = self.all_pages(query).await?;
        let counts: Vec<SeatCount> = items.into_iter().map(request::parse).collect::<Result<_, _>>()?;
        Ok(ConcertAvailability { seats_available: free_seats(&concert, &counts), concert: Arc::new(concert) })
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
        Err(super::contention("recount"))
    }

    /// Reads the count of a chunk. Must be read before the seats from which the next count is made.
    pub(crate) async fn count_of(&self, id: ConcertId, chunk: Chunk) -> Result<SeatCount, StoreError> {
        Ok(self.get(&keys::count(id, chunk), true).await?.unwrap_or_default())
    }

    /// Replaces the count `before`, which was read before `seats`; returns `false` if another recount replaced it
    /// first.
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
        let count = SeatCount { version: before.version + 1, due: due.max(before.due), ..counted(seats, now) };
        let put = self
            .put(Table::Concerts, request::item(&key, &count, None)?)
            .condition_expression("attribute_not_exists(pk) OR version = :before")
            .expression_attribute_values(":before", n(before.version));
        match self.send_put(put).await {
            Ok(_) => Ok(true),
            Err(WriteFailure::Condition(_)) => Ok(false),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}

/// Counts the seats of a chunk as they are at `now`.
fn counted(seats: &[SeatItem], now: Timestamp) -> SeatCount {
    let with = |status| seats.iter().filter(|seat| seat.status_at(now) == status).count() as u32;
    SeatCount { sold: with(SeatStatus::Sold), held: with(SeatStatus::Held), ..SeatCount::default() }
}

fn free_seats(concert: &Concert, counts: &[SeatCount]) -> u32 {
    let taken: u32 = counts.iter().map(|c| c.sold + c.held).sum();
    concert.layout.seats_total().saturating_sub(taken)
}
