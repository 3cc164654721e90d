//! Bodies of requests and answers, as the contract writes them.

use crate::domain::{
    amount::Amount,
    concert::{Concert, SeatStatus},
    id::{ConcertId, EventId, PaymentId, QueueId, ReservationId, UserId},
    layout::{Block, SeatNumber},
    ledger::{EntryType, LedgerEntry},
    line::{QueueRules, QueueState},
    reservation::{Reservation, ReservationStatus},
    time::{Seconds, Timestamp},
};
use crate::store::{concerts::Offer, money::Recharged, payment::Paid, queue_state::QueueView, refund::Refunded};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A time as RFC 3339 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rfc3339(pub Timestamp);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Rfc3339 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse_rfc3339(&text).map(Rfc3339).ok_or_else(|| D::Error::custom("must be an RFC 3339 time"))
    }
}

/// An amount that a client asks to move: a positive number, or a numeric string without a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RequestedAmount(pub Amount);

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

impl<'de> Deserialize<'de> for RequestedAmount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const RULE: &str = "must be a whole amount from 1 to 1000000000000";
        let units = match NumberOrText::deserialize(deserializer).map_err(|_| D::Error::custom(RULE))? {
            NumberOrText::Number(units) => Some(units),
            NumberOrText::Text(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            NumberOrText::Text(_) => None,
        };
        units.and_then(Amount::requested).map(RequestedAmount).ok_or_else(|| D::Error::custom(RULE))
    }
}

/// A seat number that a client asks for: at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RequestedSeat(pub SeatNumber);

impl<'de> Deserialize<'de> for RequestedSeat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seat = SeatNumber::new(u32::deserialize(deserializer)?);
        seat.map(RequestedSeat).ok_or_else(|| D::Error::custom("must be at least 1"))
    }
}

/// `Token`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenView {
    /// The queue token.
    pub token: String,
    /// `WAITING` or `ACTIVE`.
    pub status: &'static str,
    /// 1 = next in, 0 when active.
    pub queue_position: u64,
    /// Whole seconds until this token expires.
    pub remaining_time: u64,
    /// The line.
    pub queue_id: QueueId,
    /// When the place was issued.
    pub issued_at: Rfc3339,
    /// When the wait or the session ends.
    pub expires_at: Rfc3339,
    /// By the rate of the last minute.
    pub estimated_wait_seconds: Option<u64>,
    /// When to ask again.
    pub poll_after_seconds: u64,
}

/// `GET /queues/{queueId}`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueBody {
    queue_id: QueueId,
    served: u64,
    last_place: u64,
    waiting: u64,
    active: u64,
    capacity: u64,
    paused: bool,
    opens_at: Option<Rfc3339>,
    rate_per_minute: u64,
}

impl QueueBody {
    /// The queue at `now`; `defaults` are the deployment's.
    pub fn new(view: &QueueView, defaults: QueueRules, now: Timestamp) -> Self {
        let QueueView { state, last_place } = view;
        QueueBody {
            queue_id: state.queue_id.clone(),
            served: state.served.get(),
            last_place: last_place.get(),
            waiting: last_place.behind(state.served),
            active: state.occupied,
            capacity: state.settings.rules(defaults).capacity,
            paused: state.settings.paused,
            opens_at: state.settings.opens_at.map(Rfc3339),
            rate_per_minute: state.rate_per_minute(now),
        }
    }
}

/// The answer of `PUT /admin/queues/{queueId}`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfiguredQueueBody {
    #[serde(flatten)]
    queue: QueueBody,
    claim_window_seconds: Seconds,
    active_seconds: Seconds,
    waiting_seconds: Seconds,
}

impl ConfiguredQueueBody {
    /// The queue at `now` with its three times.
    pub fn new(view: &QueueView, defaults: QueueRules, now: Timestamp) -> Self {
        let state: &QueueState = &view.state;
        let rules = state.settings.rules(defaults);
        ConfiguredQueueBody {
            queue: QueueBody::new(view, defaults, now),
            claim_window_seconds: rules.claim_window,
            active_seconds: rules.active,
            waiting_seconds: rules.waiting,
        }
    }
}

/// `ConcertDate`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConcertDate {
    concert_id: ConcertId,
    concert_name: String,
    date: String,
    starts_at: Rfc3339,
    ends_at: Rfc3339,
    event_id: EventId,
    category: String,
    queue_id: QueueId,
    enabled: bool,
    sale_opens_at: Rfc3339,
    sale_closes_at: Rfc3339,
    seats_total: u32,
    seats_available: u32,
}

impl ConcertDate {
    /// A concert with its free seats.
    pub fn new(concert: &Concert, seats_available: u32) -> Self {
        ConcertDate {
            concert_id: concert.concert_id,
            concert_name: concert.concert_name.clone(),
            date: concert.starts_at.date(),
            starts_at: Rfc3339(concert.starts_at),
            ends_at: Rfc3339(concert.ends_at),
            event_id: concert.event_id,
            category: concert.category.clone(),
            queue_id: concert.queue_id.clone(),
            enabled: concert.enabled,
            sale_opens_at: Rfc3339(concert.sale_opens_at),
            sale_closes_at: Rfc3339(concert.sale_closes_at),
            seats_total: concert.layout.seats_total(),
            seats_available,
        }
    }
}

/// `Concert`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConcertBody {
    #[serde(flatten)]
    date: ConcertDate,
    blocks: Vec<Block>,
    hold_seconds: Seconds,
    seats_per_session: u32,
    currency: String,
}

impl ConcertBody {
    /// What a fan wants to know before queueing.
    pub fn new(offer: &Offer, hold_seconds: Seconds, seats_per_session: u32, currency: &str) -> Self {
        ConcertBody {
            date: ConcertDate::new(&offer.concert, offer.seats_available),
            blocks: offer.concert.layout.blocks().to_vec(),
            hold_seconds,
            seats_per_session,
            currency: currency.to_owned(),
        }
    }
}

/// `Seat`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatBody<'a> {
    /// Which.
    pub seat_number: SeatNumber,
    /// Whether it can be held.
    pub available: bool,
    /// What it is.
    pub status: SeatStatus,
    /// Where.
    pub section: &'a str,
    /// `STANDARD`, `VIP` and so on.
    pub seat_type: &'a str,
    /// What it costs.
    pub price: Amount,
}

/// `Reservation`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationBody {
    reservation_id: ReservationId,
    user_id: UserId,
    concert_id: ConcertId,
    seat_numbers: Vec<SeatNumber>,
    status: ReservationStatus,
    amount: Amount,
    reserved_at: Rfc3339,
    expires_at: Rfc3339,
    cancelled_at: Option<Rfc3339>,
    payment_id: Option<PaymentId>,
    attempts: Vec<AttemptBody>,
}

#[derive(Debug, Clone, Serialize)]
struct AttemptBody {
    at: Rfc3339,
    code: String,
}

impl ReservationBody {
    /// The reservation as it stands at `now`.
    pub fn new(reservation: &Reservation, now: Timestamp) -> Self {
        let attempts = reservation.attempts.iter();
        ReservationBody {
            reservation_id: reservation.reservation_id,
            user_id: reservation.user_id,
            concert_id: reservation.concert_id,
            seat_numbers: reservation.seat_numbers.clone(),
            status: reservation.status_at(now),
            amount: reservation.amount,
            reserved_at: Rfc3339(reservation.reserved_at),
            expires_at: Rfc3339(reservation.expires_at),
            cancelled_at: reservation.cancelled_at.map(Rfc3339),
            payment_id: reservation.paid_at.map(|_| PaymentId::of(reservation.reservation_id)),
            attempts: attempts.map(|a| AttemptBody { at: Rfc3339(a.at), code: a.code.clone() }).collect(),
        }
    }
}

/// `Payment`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentBody {
    payment_id: PaymentId,
    status: &'static str,
    reservation_id: ReservationId,
    user_id: UserId,
    amount: Amount,
    paid_at: Option<Rfc3339>,
    cancelled_at: Option<Rfc3339>,
    new_balance: Amount,
}

impl PaymentBody {
    /// A payment that was made.
    pub fn new(paid: &Paid) -> Self {
        PaymentBody {
            payment_id: PaymentId::of(paid.reservation.reservation_id),
            status: "success",
            reservation_id: paid.reservation.reservation_id,
            user_id: paid.reservation.user_id,
            amount: paid.reservation.amount,
            paid_at: paid.reservation.paid_at.map(Rfc3339),
            cancelled_at: None,
            new_balance: paid.new_balance,
        }
    }
}

impl From<&Refunded> for PaymentBody {
    fn from(refunded: &Refunded) -> Self {
        let Refunded { reservation, new_balance } = refunded.clone();
        let cancelled_at = reservation.cancelled_at.map(Rfc3339);
        PaymentBody { status: "cancelled", cancelled_at, ..PaymentBody::new(&Paid { reservation, new_balance }) }
    }
}

/// `{currentBalance, newBalance}`: before and after.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BalanceBody {
    current_balance: Amount,
    new_balance: Amount,
}

impl BalanceBody {
    /// A recharge; for a balance that did not change, both are equal.
    pub fn new(recharged: &Recharged) -> Self {
        BalanceBody { current_balance: recharged.before, new_balance: recharged.after }
    }
}

/// The sales report.
#[derive(Debug, Clone, Serialize)]
pub struct SalesBody {
    /// Seats sold.
    pub sold: u32,
    /// Seats held.
    pub held: u32,
    /// Seats that can be held.
    pub free: u32,
    /// The prices of the sold ones.
    pub revenue: Amount,
}

/// `LedgerEntry`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerBody {
    sequence: u64,
    #[serde(rename = "type")]
    entry_type: EntryType,
    amount: Amount,
    balance_after: Amount,
    at: Rfc3339,
    payment_id: Option<PaymentId>,
    reservation_id: Option<ReservationId>,
}

impl From<&LedgerEntry> for LedgerBody {
    fn from(entry: &LedgerEntry) -> Self {
        LedgerBody {
            sequence: entry.sequence,
            entry_type: entry.entry_type,
            amount: entry.amount,
            balance_after: entry.balance_after,
            at: Rfc3339(entry.at),
            payment_id: entry.reservation_id.map(PaymentId::of),
            reservation_id: entry.reservation_id,
        }
    }
}

/// A page of a list with the cursor of the next one.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<String>,
}
