//! What operators see of the last hour. A sample is taken when somebody looks, from what the tables hold anyway, so that
//! nothing is written while nobody looks.

use super::{
    Failure, Store, StoreError, keys,
    keys::{Key, Table},
    request,
};
use crate::domain::{
    history::{History, QueueSample, SeatSample},
    id::{ConcertId, QueueId},
    time::Seconds,
};
use serde::{Serialize, de::DeserializeOwned};

/// How long a history stays after the last look: longer than it is shown.
const KEPT: Seconds = Seconds(2 * 3_600);

/// Whether a look may write its sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Adds a sample to the stored history.
    Sample,
    /// Writes nothing: for HEAD.
    Only,
}

impl Store {
    /// Takes a sample of a queue; returns the history with it. Costs at most 4 read units, and at most once in 5 s at
    /// most 4 write units.
    ///
    /// # Errors
    /// [`crate::domain::refusal::Refusal::QueueNotFound`].
    pub async fn queue_history(&self, queue: &QueueId, look: Look) -> Result<History<QueueSample>, Failure> {
        let snapshot = self.watch_queue(queue).await?;
        let sample = QueueSample {
            drawn: snapshot.last_place.get(),
            admitted: snapshot.state.admitted,
            waiting: snapshot.last_place.behind(snapshot.state.served),
            inside: snapshot.state.occupied,
        };
        Ok(self.sample_into(&keys::queue_history(queue), sample, look).await?)
    }

    /// Takes a sample of a concert's seats; returns the history with it. Costs as [`Store::queue_history`].
    ///
    /// # Errors
    /// [`crate::domain::refusal::Refusal::ConcertNotFound`].
    pub async fn seat_history(&self, id: ConcertId, look: Look) -> Result<History<SeatSample>, Failure> {
        let seating = self.concert(id).await?.seating;
        let count = self.seat_counts([(id, seating)].into_iter()).await?.of(id);
        let free = seating.seats_total.saturating_sub(count.sold + count.held);
        let sample = SeatSample { free, held: count.held, sold: count.sold };
        Ok(self.sample_into(&keys::seat_history(id), sample, look).await?)
    }

    /// Adds a sample to the stored history under `key`, and returns the history with it. Two viewers may replace each
    /// other's sample of a minute; both are true.
    async fn sample_into<S>(&self, key: &Key, sample: S, look: Look) -> Result<History<S>, StoreError>
    where
        S: Copy + Serialize + DeserializeOwned,
    {
        let now = self.now();
        let mut history: History<S> = self.get(key, false).await?.unwrap_or_default();
        if history.note(now, sample) && look == Look::Sample {
            let item = request::item(key, &history, Some(now + KEPT))?;
            self.send_unconditional_put(self.put(Table::Queues, item)).await?;
        }
        Ok(history)
    }
}
