//! Which seats of a concert are free, for everybody: put together from the bitmaps that recounts leave behind.

use super::{Failure, Store};
use crate::domain::{availability::Availability, concert::ConcertWithLayout, id::ConcertId};
use futures_util::try_join;
use std::sync::Arc;

impl Store {
    /// Reads which seats of a concert are free. The version never goes back in one environment, until more concerts are
    /// read than the cache holds. Answers are kept as documents, not here: with two ages of a second each and the half
    /// second between two recounts of a chunk, a change would not show within two seconds (infra/adr/0017).
    ///
    /// # Errors
    /// [`crate::domain::refusal::Refusal::ConcertNotFound`].
    pub async fn availability(&self, id: ConcertId) -> Result<Arc<Availability>, Failure> {
        let now = self.now();
        let counted = async { self.counted_chunks(id).await.map_err(Failure::from) };
        let (ConcertWithLayout { layout, .. }, counted) = try_join!(self.concert_with_layout(id), counted)?;
        Ok(self.availabilities.replace(id, now, |last| {
            Arc::new(Availability::new(layout, id.created_at(), counted, last.map(Arc::as_ref)))
        }))
    }
}
