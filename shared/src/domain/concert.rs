//! A concert: one performance on one date.

use super::{
    id::{ConcertId, EventId, QueueId},
    layout::{Chunk, Layout, PriceRange},
    time::{Minute, Timestamp},
    zone::{Day, TimeZone},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One performance on one date, with the times of its sale and its queue. Its seats and prices are in its [`Layout`], an
/// item apart, since a layout is up to a hundred times as large.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Concert {
    /// The id of the concert.
    pub concert_id: ConcertId,
    /// The name of the concert, for people to read.
    pub concert_name: String,
    /// The production that the concert belongs to.
    pub event_id: EventId,
    /// The kind of event: `CONCERT`, `SPORTS`, `TALK` and so on.
    pub category: String,
    /// The queue in front of the concert.
    pub queue_id: QueueId,
    /// When the concert starts.
    pub starts_at: Timestamp,
    /// When the concert ends.
    pub ends_at: Timestamp,
    /// The zone of the venue.
    pub time_zone: TimeZone,
    /// The day on which the concert starts, at the venue. It is stored, so that a query can filter by it.
    pub date: Day,
    /// Where the concert takes place, if the organizers say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<Venue>,
    /// Whether the concert is sold at all; false stops new holds.
    pub enabled: bool,
    /// When the sale opens: holds are made from this time on.
    pub sale_opens_at: Timestamp,
    /// When the sale closes: holds are made before this time, and before `ends_at`.
    pub sale_closes_at: Timestamp,
    /// How many seats its layout has, and where they are counted.
    #[serde(flatten)]
    pub seating: Seating,
    /// The lowest and the highest price of its layout.
    #[serde(flatten)]
    pub prices: PriceRange,
    /// The number of its layout. A layout is never changed: another one gets another number.
    pub layout: u32,
    /// 1 at first; each change of the sale raises it by 1.
    pub version: u64,
}

impl Concert {
    /// The version of a concert that was never changed.
    pub const FIRST_VERSION: u64 = 1;
    /// The number of the layout that a concert is created with.
    pub const FIRST_LAYOUT: u32 = 1;

    /// When the sale ends: never after the end of the concert.
    pub fn sale_end(&self) -> Timestamp {
        self.sale_closes_at.min(self.ends_at)
    }

    /// Whether new holds are made at `now`.
    pub fn on_sale(&self, now: Timestamp) -> bool {
        self.enabled && self.sale_opens_at <= now && now < self.sale_end()
    }
}

/// Where a concert takes place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Venue {
    /// The name of the venue, for people to read.
    #[cfg_attr(feature = "openapi", schema(example = "Olympic Hall"))]
    pub name: String,
    /// The address of the venue, in the form that people there write it.
    #[cfg_attr(feature = "openapi", schema(example = "424 Olympic-ro, Songpa-gu, Seoul"))]
    pub address: String,
}

/// What the counts of a concert's seats depend on. A copy of it stands wherever free seats are shown, so that no layout
/// is read for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seating {
    /// How many seats there are.
    pub seats_total: u32,
    /// The chunk that all seats are in; absent if they are in several. The count of a sole chunk is the concert's, so a
    /// change of a seat costs one write of a count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sole_chunk: Option<Chunk>,
}

/// A concert with its layout.
#[derive(Debug, Clone)]
pub struct ConcertWithLayout {
    /// The concert.
    pub concert: Arc<Concert>,
    /// Its seats and their prices.
    pub layout: Arc<Layout>,
}

/// How many seats of a chunk, or of a whole concert, are sold and held. The seats are counted again each time, never
/// added to, so that a repeated stream record does no harm. The item of a chunk has a bitmap of its seats beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatCount {
    /// Seats sold.
    pub sold: u32,
    /// Seats held by an unexpired reservation when they were counted.
    pub held: u32,
    /// Grows with each count, so that an older count cannot replace a newer one. Of a whole concert: the versions of its
    /// chunks added up.
    pub version: u64,
    /// When the seats were counted. It never goes back from one version to the next, even if one counts whose clock is
    /// behind. Of a whole concert: the latest of its chunks.
    #[serde(default)]
    pub at: Timestamp,
    /// The latest minute for which the chunk has a `DUE` item; 0 for none, and for a whole concert. A recount puts one only for a later minute.
    #[serde(default)]
    pub due: Minute,
}

/// The state of a seat at the time of the answer.
///
/// | status | meaning |
/// |---|---|
/// | `AVAILABLE` | The seat is free and can be held. |
/// | `HELD` | A fan holds it; it is free again unless that fan pays in time. |
/// | `SOLD` | It is paid. It is free again only after a refund. |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum SeatStatus {
    /// Neither held nor sold.
    Available,
    /// Held until a time.
    Held,
    /// Sold.
    Sold,
}
