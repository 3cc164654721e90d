//! Concerts: creating, changing and reading them.

use super::{
    Failure, Store, StoreError,
    idempotency::{Draft, Executed, Idempotent, Operation, Plan},
    keys,
    keys::Table,
    request::{self, CancellationReason, TransactFailure, n},
    transact_parts::transact_item,
};
use crate::domain::{
    concert::{Concert, ConcertWithLayout},
    id::ConcertId,
    refusal::Refusal,
};
use std::sync::Arc;

/// How old a cached concert may be, in milliseconds, since its sale may change.
const CONCERT_AGE_MILLIS: i64 = 250;

/// A concert with the number of its free seats.
#[derive(Debug, Clone)]
pub struct ConcertAvailability {
    /// The concert.
    pub concert: Arc<Concert>,
    /// Seats neither held nor sold when they were last counted.
    pub seats_available: u32,
}

struct NewConcert<'a> {
    store: &'a Store,
    new: &'a ConcertWithLayout,
}

impl Operation for NewConcert<'_> {
    const NAME: &'static str = "create concert";
    type Outcome = ();

    async fn plan(&mut self, reasons: Vec<CancellationReason>) -> Result<Plan<()>, Failure> {
        let NewConcert { store, new: ConcertWithLayout { concert, layout } } = *self;
        if matches!(reasons.first(), Some(CancellationReason::Condition(_))) {
            store.register_if_cut_off(&concert.queue_id).await?;
        }
        let meta = request::item(&keys::concert(concert.concert_id), concert, None)?;
        let mut writes = vec![
            store.registry_check(&concert.queue_id)?,
            transact_item(store.transact_put(Table::Concerts, meta))?,
            store.layout_write(concert, layout)?,
        ];
        writes.extend(store.listing_writes(concert)?);
        writes.extend(store.sale_writes(None, concert)?);
        Ok(Plan::Write(Draft { result: (), at: store.now(), writes, hold: None }))
    }
}

impl Store {
    /// Creates a concert. `answer` builds the body that a replay returns.
    ///
    /// The same transaction checks that the queue is registered, so that no concert gets a queue that is being deleted:
    /// a deletion removes the queue from the registry before it looks for concerts.
    ///
    /// # Errors
    /// [`Refusal::QueueNotFound`] if there is no such queue.
    pub async fn create_concert(
        &self,
        new: &ConcertWithLayout,
        idempotent: Option<&Idempotent>,
        answer: impl Fn() -> String,
    ) -> Result<Executed<()>, Failure> {
        self.commit(idempotent, |()| answer(), NewConcert { store: self, new }).await
    }

    /// Changes a concert in its own item, in the listings and among the sales of its queue, in one transaction. The
    /// inner error is what `change` finds wrong with the changed concert.
    ///
    /// # Errors
    /// [`Refusal::ConcertNotFound`].
    pub async fn change_concert<E>(
        &self,
        id: ConcertId,
        change: impl Fn(&mut Concert) -> Result<(), E>,
    ) -> Result<Result<Arc<Concert>, E>, Failure> {
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
            let mut writes = vec![transact_item(meta)?];
            writes.extend(self.listing_writes(&concert)?);
            writes.extend(self.sale_writes(Some(&before), &concert)?);
            match self.transact(writes).await {
                Ok(()) => {
                    let concert = Arc::new(concert);
                    self.concerts.put(id, concert.clone(), now);
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
        self.concert_within(id, CONCERT_AGE_MILLIS).await
    }

    /// Reads a concert for what never changes: its seating and its layout's number.
    ///
    /// # Errors
    /// [`Refusal::ConcertNotFound`].
    pub(crate) async fn concert_at_any_age(&self, id: ConcertId) -> Result<Arc<Concert>, Failure> {
        self.concert_within(id, i64::MAX).await
    }

    async fn concert_within(&self, id: ConcertId, max_age_millis: i64) -> Result<Arc<Concert>, Failure> {
        let now = self.now();
        if let Some(concert) = self.concerts.get(&id, now, max_age_millis) {
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

    /// Adds to a concert how many of its seats are free.
    pub async fn with_availability(&self, concert: Arc<Concert>) -> Result<ConcertAvailability, StoreError> {
        let (id, seating) = (concert.concert_id, concert.seating);
        let counts = self.seat_counts([(id, seating)].into_iter()).await?;
        Ok(ConcertAvailability { seats_available: counts.free(id, seating), concert })
    }
}
