//! The listings of concerts, in order of start: one of all, and one for each event, for each category, and for both. So
//! a filter reads no concert but those that it shows. An item has what a date shows, and no layout.

use super::{
    Store, StoreError,
    concerts::ConcertAvailability,
    keys,
    keys::Table,
    request::{self, n, s},
    transact_parts::transact_item,
};
use crate::domain::{
    concert::Concert,
    id::{ConcertId, EventId},
    time::{Seconds, Timestamp},
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use std::sync::Arc;

/// How long ago a concert may have started that is listed while it has not ended, where no start is asked for.
const RECENT: Seconds = Seconds(24 * 3_600);
/// Recent concerts that a page reads in advance, in case that they have ended. More take another request.
const ENDED_IN_ADVANCE: usize = 50;

/// Which concerts to list.
#[derive(Debug, Clone, Default)]
pub struct ListingRange {
    /// Starts at this time or later. Without it, the list begins with what started within the last 24 hours and has not
    /// ended.
    pub from: Option<Timestamp>,
    /// Starts at this time or earlier.
    pub to: Option<Timestamp>,
    /// Comes after the concert with this start and id.
    pub after: Option<(Timestamp, ConcertId)>,
    /// Belongs to this event.
    pub event: Option<EventId>,
    /// Has this category, which is a valid label.
    pub category: Option<String>,
}

impl Store {
    /// Reads a page of a listing in order of start, with availability. The flag says whether more concerts follow.
    pub async fn listing_page(
        &self,
        range: &ListingRange,
        limit: usize,
    ) -> Result<(Vec<ConcertAvailability>, bool), StoreError> {
        let now = self.now();
        let from = format!("{:015}", range.from.unwrap_or(now - RECENT).millis());
        // The cursor may come from a request with an earlier `from`.
        let lowest = match range.after {
            Some((starts_at, id)) => from.max(format!("{}\u{1}", keys::listing_sort(starts_at, id))),
            None => from,
        };
        let highest = format!("{:015}$", range.to.map_or(999_999_999_999_999, Timestamp::millis));
        if highest < lowest {
            return Ok((Vec::new(), false));
        }
        let mut query = self
            .query(Table::Concerts, &keys::listing_partition(range.event, range.category.as_deref()))
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":from", s(lowest))
            .expression_attribute_values(":to", s(highest));
        // One concert more than asked for shows whether there are more.
        let mut read = limit + 1;
        if range.from.is_none() {
            query = query.filter_expression("endsAt > :now").expression_attribute_values(":now", n(now.millis()));
            read += ENDED_IN_ADVANCE;
        }
        let query = query.limit(i32::try_from(read).unwrap_or(i32::MAX));
        let mut items = self.first_items(query, limit + 1).await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let concerts = items.into_iter().map(request::parse).collect::<Result<Vec<Concert>, _>>()?;
        let counts = self.seat_counts(concerts.iter().map(|concert| (concert.concert_id, concert.seating))).await?;
        let offer = |concert: Concert| ConcertAvailability {
            seats_available: counts.free(concert.concert_id, concert.seating),
            concert: Arc::new(concert),
        };
        Ok((concerts.into_iter().map(offer).collect(), more))
    }

    /// The writes that put a concert into its listings.
    pub(crate) fn listing_writes(&self, concert: &Concert) -> Result<Vec<TransactWriteItem>, StoreError> {
        let put = |key| transact_item(self.transact_put(Table::Concerts, request::item(&key, concert, None)?));
        keys::listings(concert).into_iter().map(put).collect()
    }
}
