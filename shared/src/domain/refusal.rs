//! Why a well-formed request is refused. The HTTP contract has a code for each; the sentence here becomes the `detail`.

use super::{
    amount::Amount,
    id::{PaymentId, ReservationId},
    layout::SeatNumber,
    session::EndReason,
    time::Timestamp,
};

/// A refusal. The request changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The user name or the password is wrong. The refusal does not reveal which.
    #[error("the user name or the password is wrong")]
    BadCredentials,
    /// The place or session of the queue token is over, on a route that needs a live session.
    #[error("this place or session is over; join the queue again")]
    SessionOver {
        /// Why it is over.
        reason: EndReason,
    },
    /// The place or session of the queue token is over, on a route that shows the token.
    #[error("this place or session is over; join the queue again")]
    TokenOver {
        /// Why it is over.
        reason: EndReason,
    },
    /// The fan still waits.
    #[error("the fan is still waiting in the queue")]
    NotActive {
        /// Seconds after which the fan should poll again.
        retry_after: u64,
    },
    /// An access token where a queue token is needed.
    #[error("this route needs a queue token; join the queue to get one")]
    NoQueueToken,
    /// The route is for administrators.
    #[error("only an administrator may do this")]
    AdminsOnly,
    /// The route is for operators and administrators.
    #[error("only an operator or an administrator may do this")]
    OperatorsOnly,
    /// In this deployment fans do not recharge their balance.
    #[error("only an administrator may recharge a balance here")]
    RechargeByAdminsOnly,
    /// A fan gave a reference for a recharge.
    #[error("only an administrator may give a reference")]
    ReferenceByAdminsOnly,
    /// The request names another fan, for whom the caller may not act.
    #[error("the caller may not act for another fan")]
    Forbidden,
    /// The queue token is for another queue.
    #[error("the queue token is for another queue")]
    WrongQueue,
    /// The concert is not on sale: not yet, no longer, or not enabled.
    #[error("this concert is not on sale now")]
    SaleClosed {
        /// Whether the concert is sold at all.
        enabled: bool,
        /// When the sale opens or opened.
        opens_at: Timestamp,
        /// When the sale closes or closed.
        closes_at: Timestamp,
    },
    /// No account has this id.
    #[error("no account has this id")]
    UserNotFound,
    /// The fan has no ticket for this queue.
    #[error("the fan has no place in this queue")]
    TokenNotFound,
    /// No concert has this id.
    #[error("no concert has this id")]
    ConcertNotFound,
    /// The concert has no seat with this number.
    #[error("the concert has no seat with this number")]
    SeatNotFound(SeatNumber),
    /// The fan has no reservation with this id.
    #[error("the fan has no reservation with this id")]
    ReservationNotFound,
    /// The fan has no payment with this id.
    #[error("the fan has no payment with this id")]
    PaymentNotFound,
    /// No queue has this id.
    #[error("no queue has this id")]
    QueueNotFound,
    /// A fan waits in the queue or is inside, or the queue is `main`.
    #[error("a queue cannot be deleted while fans wait or are inside, and `main` can never be deleted")]
    QueueInUse,
    /// No webhook has this id.
    #[error("no webhook has this id")]
    WebhookNotFound,
    /// The deployment has as many webhooks as it may.
    #[error("a deployment has at most 10 webhooks; delete one first")]
    TooManyWebhooks,
    /// No route has this path and method.
    #[error("there is no route with this path and method")]
    RouteNotFound,
    /// An account has this user name, in some letter case.
    #[error("this user name is taken")]
    UsernameTaken,
    /// At least one of the seats is held or sold.
    #[error("at least one of the seats is held or sold")]
    SeatUnavailable {
        /// The seats that are held or sold, of those asked for.
        seats: Vec<SeatNumber>,
        /// The caller's own reservation that holds one of them.
        own: Option<ReservationId>,
    },
    /// The session would hold and buy more seats than it may.
    #[error("a session may hold and buy at most {limit} seats")]
    SeatLimit {
        /// Seats that one session may hold and buy.
        limit: u32,
        /// Seats that the session holds.
        held: u32,
        /// Seats that the session bought, refunded ones included.
        bought: u32,
    },
    /// The session ends too soon for a hold.
    #[error("this session ends too soon to hold seats; join the queue again")]
    SessionEnding,
    /// The session has made as many holds as it may.
    #[error("a session may hold seats at most {limit} times")]
    HoldLimit {
        /// Holds that one session may make.
        limit: u32,
    },
    /// The reservation was paid before.
    #[error("this reservation has already been paid")]
    PaymentAlreadyProcessed(PaymentId),
    /// The balance is lower than the price.
    #[error("the balance is too low")]
    InsufficientBalance,
    /// The charge would make the balance exceed [`Amount::MAX_BALANCE`].
    #[error("the balance would become too large")]
    BalanceTooLarge,
    /// The amount is not the price of the reservation.
    #[error("the amount is not the price of the reservation")]
    AmountMismatch {
        /// The price.
        amount: Amount,
    },
    /// The reservation is paid, so its payment must be refunded instead.
    #[error("this reservation is paid, so cancel its payment instead")]
    PaidNotCancellable(PaymentId),
    /// A fan cannot refund a payment once the concert has started.
    #[error("the concert has started, so only an administrator can cancel this payment")]
    TooLateToCancel,
    /// The hold ended before it was paid.
    #[error("the hold has expired")]
    ReservationExpired,
    /// The hold was cancelled before it was paid.
    #[error("the hold was cancelled")]
    ReservationCancelled,
    /// The idempotency key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyKeyReused,
    /// A request with the same idempotency key is being worked on.
    #[error("a request with this Idempotency-Key is still being worked on")]
    RequestInProgress,
    /// A limit against abuse is reached.
    #[error("too many requests of this kind; try again after the time in Retry-After")]
    TooManyRequests {
        /// Seconds until the limit's window ends.
        retry_after: u64,
    },
}
