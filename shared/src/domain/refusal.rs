//! Why a request that is well formed is not granted. The codes are those of the HTTP contract.

use super::{
    amount::Amount,
    id::{PaymentId, ReservationId},
    layout::SeatNumber,
    session::EndReason,
    time::Timestamp,
};

/// A refusal: the request changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// User name or password is wrong; which of the two is not told.
    #[error("user name or password is wrong")]
    BadCredentials,
    /// The turn of this queue token is over, on a route that needs it.
    #[error("this turn is over; join the queue again")]
    SessionOver {
        /// Why.
        reason: EndReason,
    },
    /// The turn of this queue token is over, asked of the token itself.
    #[error("this turn is over; join the queue again")]
    TokenOver {
        /// Why.
        reason: EndReason,
    },
    /// Still waiting in line.
    #[error("still waiting in line")]
    NotActive {
        /// Seconds until it makes sense to ask again.
        retry_after: u64,
    },
    /// An access token where a queue token is needed.
    #[error("only for fans who have been admitted: join the queue, and send the queue token")]
    NoQueueToken,
    /// For administrators.
    #[error("only an administrator may do this")]
    AdminsOnly,
    /// Somebody else's.
    #[error("this belongs to somebody else")]
    Forbidden,
    /// The concert is sold through another queue.
    #[error("the queue token is for another queue")]
    WrongQueue,
    /// The concert is not on sale: not yet, not any more, or taken off.
    #[error("this concert is not on sale now")]
    SaleClosed {
        /// Whether it is sold at all.
        enabled: bool,
        /// When its sale opens or opened.
        opens_at: Timestamp,
        /// When it closes or closed.
        closes_at: Timestamp,
    },
    /// No such fan.
    #[error("no such user")]
    UserNotFound,
    /// This fan has no place in that queue.
    #[error("no token for this queue")]
    TokenNotFound,
    /// No such concert.
    #[error("no such concert")]
    ConcertNotFound,
    /// The layout lacks this seat.
    #[error("no such seat")]
    SeatNotFound(SeatNumber),
    /// No such reservation of this fan.
    #[error("no such reservation")]
    ReservationNotFound,
    /// No such payment of this fan.
    #[error("no such payment")]
    PaymentNotFound,
    /// No such queue.
    #[error("no such queue")]
    QueueNotFound,
    /// Somebody waits in the queue or is inside, or it is `main`.
    #[error("somebody waits in this queue or is inside, or it is the queue `main`, which always exists")]
    QueueInUse,
    /// No such route.
    #[error("no such route, or not with this method")]
    RouteNotFound,
    /// The user name is taken.
    #[error("this user name is taken")]
    UsernameTaken,
    /// Seats are held or sold.
    #[error("the seat is held or sold")]
    SeatUnavailable {
        /// Which of those asked for.
        seats: Vec<SeatNumber>,
        /// The caller's own reservation that holds one of them.
        own: Option<ReservationId>,
    },
    /// The session would hold and have bought more seats than it may.
    #[error("a session may hold and buy at most {limit} seats")]
    SeatLimit {
        /// Seats one session may hold and buy.
        limit: u32,
        /// Seats that it holds.
        held: u32,
        /// Seats that it bought, refunded ones too.
        bought: u32,
    },
    /// The session ends too soon for a hold.
    #[error("this session ends too soon to hold seats; join the queue again")]
    SessionEnding,
    /// The session has made as many holds as it may.
    #[error("a session may hold seats at most {limit} times")]
    HoldLimit {
        /// Holds one session may make.
        limit: u32,
    },
    /// Already paid.
    #[error("this reservation has been paid already")]
    PaymentAlreadyProcessed(PaymentId),
    /// The balance is lower than the price.
    #[error("the balance is too low")]
    InsufficientBalance,
    /// The balance would grow past what it may hold.
    #[error("the balance would become too large")]
    BalanceTooLarge,
    /// The amount is not the price of the reservation.
    #[error("the amount is not the price of the reservation")]
    AmountMismatch {
        /// The price.
        amount: Amount,
    },
    /// A paid reservation is not cancelled as a hold is: its payment is.
    #[error("this reservation is paid; to give it back, cancel its payment")]
    PaidNotCancellable(PaymentId),
    /// A fan cancels no payment once the concert has started.
    #[error("the concert has started; from then on only an administrator can cancel a payment")]
    TooLateToCancel,
    /// The hold is over.
    #[error("the hold is over")]
    ReservationExpired,
    /// The hold was cancelled.
    #[error("the hold was cancelled")]
    ReservationCancelled,
    /// The same idempotency key came with another request.
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyKeyReused,
    /// The same request is being worked on.
    #[error("the same request is being worked on")]
    RequestInProgress,
    /// A limit against abuse is reached, whichever it is.
    #[error("too many requests of this kind; wait for the time that Retry-After says")]
    TooManyRequests {
        /// Seconds until the limit's window ends.
        retry_after: u64,
    },
}
