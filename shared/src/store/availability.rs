//! Which seats of a concert are free, for everybody: put together from the bitmaps that recounts leave behind.

use super::{Failure, Store};
use crate::domain::{availability::Availability, concert::ConcertWithLayout, id::ConcertId};
use futures_util::try_join;
use std::sync::Arc;

/// How old the availability of a concert in memory may be, in milliseconds. With the half second between two recounts
/// of a chunk, a change shows within two seconds (infra/adr/0017).
const AVAILABILITY_AGE_MILLIS: i64 = 1_000;

impl Store {
    /// Returns which seats of a concert are free, at most a second old. Its version never goes back in one environment,
    /// until more concerts are read than the cache holds.
    ///
    /// # Errors
    /// [`crate::domain::refusal::Refusal::ConcertNotFound`].
    pub async fn availability(&self, id: ConcertId) -> Result<Arc<Availability>, Failure> {
        let now = self.now();
        if let Some(known) = self.availabilities.get(&id, now, AVAILABILITY_AGE_MILLIS) {
            return Ok(known);
        }
        let counted = async { self.counted_chunks(id).await.map_err(Failure::from) };
        let (ConcertWithLayout { layout, .. }, counted) = try_join!(self.concert_with_layout(id), counted)?;
        Ok(self.availabilities.replace(id, now, |last| {
            Arc::new(Availability::new(layout, id.created_at(), counted, last.map(Arc::as_ref)))
        }))
    }
}
