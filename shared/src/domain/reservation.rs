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
    /// The hold was cancelled, or the payment refunded.
    Cancelled,
    /// The hold ended unpaid.
    Expired,
}

/// Why a reservation was cancelled.
///
/// | reason | what happened |
/// |---|---|
/// | `GIVEN_BACK` | The fan gave the hold back. |
/// | `LEFT` | The fan left the queue, which cancels all open holds. |
/// | `REMOVED` | An administrator removed the fan from the queue, which cancels all open holds. |
/// | `RELEASED` | A payment was refused because the balance was too low, in a deployment that frees the seats then. |
/// | `REFUNDED` | The reservation was paid, and the payment was refunded. |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancelReason {
    /// The fan gave the hold back.
    GivenBack,
    /// The fan left the queue.
    Left,
    /// An administrator removed the fan from the queue.
    Removed,
    /// A payment was refused because the balance was too low, in a deployment that frees the seats then.
    Released,
    /// The payment was refunded.
    Refunded,
}

/// A payment that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When the payment was refused.
    pub at: Timestamp,
    /// The code of the refusal, as the fan received it.
    pub code: String,
}

/// The most refused payments that a reservation keeps; the newest ones stay.
pub const MAX_ATTEMPTS_KEPT: usize = 10;

/// One or several seats for one fan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The id, a UUID version 7.
    pub reservation_id: ReservationId,
    /// The fan who owns the reservation.
    pub user_id: UserId,
    /// The concert that the seats belong to.
    pub concert_id: ConcertId,
    /// The seats, in the order in which they were asked for.
    pub seat_numbers: Vec<SeatNumber>,
    /// The status as stored; [`Reservation::status_at`] returns the status at a time.
    pub status: ReservationStatus,
    /// The price of all seats together.
    pub amount: Amount,
    /// When the reservation was made.
    pub reserved_at: Timestamp,
    /// When the hold ends.
    pub expires_at: Timestamp,
    /// When the reservation was cancelled or refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
    /// Why the reservation was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<CancelReason>,
    /// When the reservation was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// Whether the payment ended the session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub session_over: bool,
    /// The number of the ledger entry of its payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_entry: Option<u64>,
    /// The number of the ledger entry of its refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_entry: Option<u64>,
    /// The queue of the session that made the reservation.
    pub queue_id: QueueId,
    /// The place of that session.
    pub place: Place,
    /// Refused payments, newest last, at most [`MAX_ATTEMPTS_KEPT`].
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

    /// Whether the session that made the reservation may still be live at `now`, as far as the reservation shows:
    /// neither its payment nor leaving ended the session, and less than [`MAX_SESSION`] has passed.
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
            payment_entry: None,
            refund_entry: None,
            queue_id: QueueId::main(),
            place: Place::new(1),
            attempts: Vec::new(),
        }
    }

    #[test]
    fn a_reservation_shows_when_its_session_is_over() {
        assert!(reservation().session_may_live(NOW));
        assert!(!reservation().session_may_live(NOW + MAX_SESSION));
        assert!(!Reservation { session_over: true, ..reservation() }.session_may_live(NOW));
        let lives = |reason| Reservation { cancel_reason: Some(reason), ..reservation() }.session_may_live(NOW);
        assert!(!lives(CancelReason::Left) && !lives(CancelReason::Removed));
        assert!(lives(CancelReason::GivenBack) && lives(CancelReason::Released) && lives(CancelReason::Refunded));
    }
}
