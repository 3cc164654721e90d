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
    zone::Day,
};
use aws_sdk_dynamodb::{operation::query::builders::QueryFluentBuilder, types::TransactWriteItem};
use std::sync::Arc;

/// How long ago a concert may have started that is listed while it has not ended, where no start is asked for.
const RECENT: Seconds = Seconds(24 * 3_600);
/// Concerts that a page reads in advance, in case that they have ended, or are of another day in their zone. More take
/// another request.
const FILTERED_IN_ADVANCE: usize = 50;

/// Later than every start.
const LAST_START: Timestamp = Timestamp::from_millis(999_999_999_999_999);

/// An end of a range of starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A start at this time.
    Time(Timestamp),
    /// A start on this day, at the venue.
    Day(Day),
}

impl Bound {
    fn day(self) -> Option<Day> {
        match self {
            Bound::Day(day) => Some(day),
            Bound::Time(_) => None,
        }
    }
}

/// Which concerts to list.
#[derive(Debug, Clone, Default)]
pub struct ListingRange {
    /// Starts then or later. Without it, the list begins with what started within the last 24 hours and has not
    /// ended.
    pub from: Option<Bound>,
    /// Starts then or earlier.
    pub to: Option<Bound>,
    /// Comes after the concert with this start and id.
    pub after: Option<(Timestamp, ConcertId)>,
    /// Belongs to this event.
    pub event: Option<EventId>,
    /// Has this category, which is a valid label.
    pub category: Option<String>,
}

impl ListingRange {
    /// The first and the last start that a concert of this range can have. Those of other days are still between them
    /// where the range has a day: a day begins and ends at other times in other zones.
    fn starts(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let earliest = match self.from {
            None => now - RECENT,
            Some(Bound::Time(time)) => time,
            Some(Bound::Day(day)) => day.first_moment_anywhere(),
        };
        let latest = match self.to {
            None => LAST_START,
            Some(Bound::Time(time)) => time,
            Some(Bound::Day(day)) => day.last_moment_anywhere(),
        };
        (earliest.max(Timestamp::DISTANT_PAST), latest)
    }

    /// Leaves out concerts that have ended, where no start is asked for, and those of another day at the venue.
    fn filter(&self, query: QueryFluentBuilder, now: Timestamp) -> QueryFluentBuilder {
        let day = |bound: Option<Bound>| bound.and_then(Bound::day).map(s);
        let rules = [
            ("endsAt > :now", ":now", self.from.is_none().then(|| n(now.millis()))),
            ("#date >= :fromDay", ":fromDay", day(self.from)),
            ("#date <= :toDay", ":toDay", day(self.to)),
        ];
        let (mut query, mut filters) = (query, Vec::new());
        for (rule, name, value) in rules {
            let Some(value) = value else { continue };
            query = query.expression_attribute_values(name, value);
            if rule.starts_with('#') {
                query = query.expression_attribute_names("#date", "date");
            }
            filters.push(rule);
        }
        if filters.is_empty() { query } else { query.filter_expression(filters.join(" AND ")) }
    }
}

impl Store {
    /// Reads a page of a listing in order of start, with availability. The flag says whether more concerts follow.
    pub async fn listing_page(
        &self,
        range: &ListingRange,
        limit: usize,
    ) -> Result<(Vec<ConcertAvailability>, bool), StoreError> {
        let now = self.now();
        let (earliest, latest) = range.starts(now);
        let from = format!("{:015}", earliest.millis());
        // The cursor may come from a request with an earlier `from`.
        let lowest = match range.after {
            Some((starts_at, id)) => from.max(format!("{}\u{1}", keys::listing_sort(starts_at, id))),
            None => from,
        };
        let highest = format!("{:015}$", latest.millis());
        if highest < lowest {
            return Ok((Vec::new(), false));
        }
        let query = self
            .query(Table::Concerts, &keys::listing_partition(range.event, range.category.as_deref()))
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":from", s(lowest))
            .expression_attribute_values(":to", s(highest));
        let query = range.filter(query, now);
        // One concert more than asked for shows whether there are more.
        let read = limit + 1 + query.get_filter_expression().as_ref().map_or(0, |_| FILTERED_IN_ADVANCE);
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
