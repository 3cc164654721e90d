//! A concert: one performance on one date.

use super::{
    amount::Amount,
    id::{ConcertId, EventId, QueueId},
    layout::{Layout, SeatNumber},
    refusal::Refusal,
    time::{Minute, Timestamp},
};
use serde::{Deserialize, Serialize};

/// One performance on one date: a layout that never changes, and when it is sold through which queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Concert {
    /// Its id.
    pub concert_id: ConcertId,
    /// What it is called.
    pub concert_name: String,
    /// The production it belongs to.
    pub event_id: EventId,
    /// `CONCERT`, `SPORTS`, `TALK` and so on.
    pub category: String,
    /// The line in front of it.
    pub queue_id: QueueId,
    /// Doors.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Timestamp,
    /// Whether it is on sale at all.
    pub enabled: bool,
    /// Holds are made from here on.
    pub sale_opens_at: Timestamp,
    /// Holds are made until here, and until `ends_at` at the latest.
    pub sale_closes_at: Timestamp,
    /// Its seats.
    pub layout: Layout,
    /// 1 at first; each change of when it is sold raises it by 1.
    pub version: u64,
}

impl Concert {
    /// The version of a concert that was never changed.
    pub const FIRST_VERSION: u64 = 1;

    /// When its sale is over: never later than the concert is.
    pub fn sale_end(&self) -> Timestamp {
        self.sale_closes_at.min(self.ends_at)
    }

    /// Whether new holds are made at `now`.
    pub fn on_sale(&self, now: Timestamp) -> bool {
        self.enabled && self.sale_opens_at <= now && now < self.sale_end()
    }

    /// The price of each of the seats, in the order asked for; the first that the layout lacks is the refusal.
    pub fn prices(&self, seats: &[SeatNumber]) -> Result<Vec<Amount>, Refusal> {
        seats
            .iter()
            .map(|seat| self.layout.block_of(*seat).map(|b| b.price).ok_or(Refusal::SeatNotFound(*seat)))
            .collect()
    }
}

/// What is known of the seats of a chunk that are not free. Recounted, never added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatCount {
    /// Seats sold.
    pub sold: u32,
    /// Seats held by an unexpired reservation when they were counted.
    pub held: u32,
    /// Grows with each count, so that an older one cannot replace a newer one.
    pub version: u64,
    /// The latest minute for which the chunk has a `DUE` item; 0 for none. A recount puts one only for a later minute.
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
    /// Free.
    Available,
    /// Held until a time.
    Held,
    /// Sold.
    Sold,
}
