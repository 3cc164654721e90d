//! A seat that somebody holds or has bought. A free seat is not stored.

use super::{
    amount::Amount,
    concert::SeatStatus,
    id::{ConcertId, ReservationId, UserId},
    layout::SeatNumber,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A seat that is or was held, or is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatItem {
    /// The concert.
    pub concert_id: ConcertId,
    /// The number of the seat.
    pub seat_number: SeatNumber,
    /// `HELD` or `SOLD`.
    pub status: SeatStatus,
    /// The fan who holds the seat or has bought it.
    pub user_id: UserId,
    /// The reservation that the seat belongs to.
    pub reservation_id: ReservationId,
    /// The end of the hold; absent for a sold seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<Timestamp>,
    /// The price of the seat.
    pub price: Amount,
}

impl SeatItem {
    /// The status at `now`: a hold past its time leaves the seat free, whether or not anything has deleted it.
    pub fn status_at(&self, now: Timestamp) -> SeatStatus {
        match (self.status, self.held_until) {
            (SeatStatus::Sold, _) => SeatStatus::Sold,
            (SeatStatus::Held, Some(until)) if now < until => SeatStatus::Held,
            _ => SeatStatus::Available,
        }
    }
}
