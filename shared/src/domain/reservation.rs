//! A reservation: PENDING (held) -> CONFIRMED (paid) -> CANCELLED, or PENDING -> CANCELLED / EXPIRED.

use super::{
    amount::Amount,
    id::{ConcertId, QueueId, ReservationId, UserId},
    layout::SeatNumber,
    ticket::Place,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum ReservationStatus {
    /// Held, not paid.
    Pending,
    /// Paid.
    Confirmed,
    /// Given back.
    Cancelled,
    /// Not paid in time.
    Expired,
}

/// A payment that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// The code that the fan was given.
    pub code: String,
}

/// The newest attempts that are kept.
pub const ATTEMPTS_KEPT: usize = 10;

/// One or several seats for one fan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// Its id (UUID version 7).
    pub reservation_id: ReservationId,
    /// Whose.
    pub user_id: UserId,
    /// Of which concert.
    pub concert_id: ConcertId,
    /// Which seats.
    pub seat_numbers: Vec<SeatNumber>,
    /// As stored; [`Reservation::status_at`] tells what holds.
    pub status: ReservationStatus,
    /// The price of all seats.
    pub amount: Amount,
    /// When it was made.
    pub reserved_at: Timestamp,
    /// When the hold ends.
    pub expires_at: Timestamp,
    /// When it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
    /// When it was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// Whether paying it ended the session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub session_over: bool,
    /// The line and the place of the session that made it.
    pub queue_id: QueueId,
    /// See `queue_id`.
    pub place: Place,
    /// Refused payments, newest last, at most [`ATTEMPTS_KEPT`].
    #[serde(default)]
    pub attempts: Vec<Attempt>,
}

impl Reservation {
    /// The status at `now`: a hold past its time is over, whether or not anything has marked it.
    pub fn status_at(&self, now: Timestamp) -> ReservationStatus {
        match self.status {
            ReservationStatus::Pending if self.expires_at <= now => ReservationStatus::Expired,
            status => status,
        }
    }
}
