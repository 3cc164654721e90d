//! A reservation: PENDING (held) -> CONFIRMED (paid) -> CANCELLED, or PENDING -> CANCELLED / EXPIRED.

use super::{
    amount::Amount,
    id::{ConcertId, QueueId, ReservationId, UserId},
    layout::SeatNumber,
    session::MAX_SESSION,
    ticket::Place,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// The state of a reservation at the time of the answer.
///
/// | status | meaning |
/// |---|---|
/// | `PENDING` | The seats are held. Pay before `expiresAt`. |
/// | `CONFIRMED` | The reservation is paid, and the seats are the fan's. |
/// | `CANCELLED` | The hold was cancelled, or the payment refunded; `cancelReason` says which. The seats are free. |
/// | `EXPIRED` | The hold ended unpaid, and the seats are free. |
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

/// Why a reservation was cancelled.
///
/// | reason | what happened |
/// |---|---|
/// | `GIVEN_BACK` | The fan gave the hold back. |
/// | `LEFT` | The fan left the queue, which cancels all open holds. |
/// | `REMOVED` | An operator removed the fan from the queue, which cancels all open holds. |
/// | `RELEASED` | A payment was refused because the balance was too low, in a deployment that frees the seats then. |
/// | `REFUNDED` | The reservation was paid, and the payment was refunded. |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancelReason {
    /// The hold was given back.
    GivenBack,
    /// The fan left the queue.
    Left,
    /// An operator removed the fan from the queue.
    Removed,
    /// The balance did not suffice, in a deployment that gives the seats back then.
    Released,
    /// The payment was given back.
    Refunded,
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
    /// Why it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<CancelReason>,
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

    /// Whether its session may live at `now`, as far as the reservation can tell: it was neither paid last nor left, and
    /// no session lives for so long.
    pub fn session_may_live(&self, now: Timestamp) -> bool {
        let ended = self.session_over || matches!(self.cancel_reason, Some(CancelReason::Left | CancelReason::Removed));
        !ended && now < self.reserved_at + MAX_SESSION
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Seconds;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn reservation() -> Reservation {
        Reservation {
            reservation_id: ReservationId(Uuid::from_u128(1)),
            user_id: UserId(Uuid::from_u128(2)),
            concert_id: ConcertId(Uuid::from_u128(3)),
            seat_numbers: Vec::new(),
            status: ReservationStatus::Pending,
            amount: Amount::ZERO,
            reserved_at: NOW,
            expires_at: NOW + Seconds(300),
            cancelled_at: None,
            cancel_reason: None,
            paid_at: None,
            session_over: false,
            queue_id: QueueId::main(),
            place: Place::new(1),
            attempts: Vec::new(),
        }
    }

    #[test]
    fn a_reservation_tells_where_its_session_cannot_live() {
        assert!(reservation().session_may_live(NOW));
        assert!(!reservation().session_may_live(NOW + MAX_SESSION));
        assert!(!Reservation { session_over: true, ..reservation() }.session_may_live(NOW));
        let lives = |reason| Reservation { cancel_reason: Some(reason), ..reservation() }.session_may_live(NOW);
        assert!(!lives(CancelReason::Left) && !lives(CancelReason::Removed));
        assert!(lives(CancelReason::GivenBack) && lives(CancelReason::Released) && lives(CancelReason::Refunded));
    }
}
