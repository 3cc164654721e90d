//! Reservations, payments, balances, ledgers.

use crate::{
    domain::{
        amount::Amount,
        id::{ConcertId, PaymentId, ReservationId, UserId},
        layout::SeatNumber,
        ledger::{EntryType, LedgerEntry},
        reservation::{CancelReason, Reservation, ReservationStatus},
        time::Timestamp,
    },
    http::values::Rfc3339,
    store::{money::Recharged, payment::Paid, refund::Refunded},
};
use serde::Serialize;

/// Seats held for a fan, and what became of them.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Reservation))]
#[serde(rename_all = "camelCase")]
pub struct ReservationBody {
    /// Which.
    reservation_id: ReservationId,
    /// Whose.
    user_id: UserId,
    /// For what.
    concert_id: ConcertId,
    /// Its seats.
    seat_numbers: Vec<SeatNumber>,
    /// Held, paid, given back or run out.
    status: ReservationStatus,
    /// The price of the seats together.
    amount: Amount,
    /// When the seats were held.
    reserved_at: Rfc3339,
    /// When the hold ends.
    expires_at: Rfc3339,
    /// When it was cancelled.
    cancelled_at: Option<Rfc3339>,
    /// Why it was cancelled; null when it was not.
    cancel_reason: Option<CancelReason>,
    /// When the session that made it ends, as things stand now; null when that is over.
    session_ends_at: Option<Rfc3339>,
    /// Its payment, refunded or not.
    payment_id: Option<PaymentId>,
    /// The 10 newest payments that were refused for want of money or for another amount, newest first.
    attempts: Vec<AttemptBody>,
}

/// A payment that failed.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Attempt))]
pub struct AttemptBody {
    /// When.
    at: Rfc3339,
    /// Why: a problem's code.
    code: String,
}

impl ReservationBody {
    /// The reservation as it stands at `now`, and the end of its session where that is known to live.
    pub fn new(reservation: &Reservation, session_ends_at: Option<Timestamp>, now: Timestamp) -> Self {
        let attempts = reservation.attempts.iter().rev();
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
            cancel_reason: reservation.cancel_reason,
            session_ends_at: session_ends_at.map(Rfc3339),
            payment_id: reservation.paid_at.map(|_| PaymentId::of(reservation.reservation_id)),
            attempts: attempts.map(|a| AttemptBody { at: Rfc3339(a.at), code: a.code.clone() }).collect(),
        }
    }
}

/// Money moved for a reservation.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Payment))]
#[serde(rename_all = "camelCase")]
pub struct PaymentBody {
    /// Which.
    payment_id: PaymentId,
    /// Made, or given back.
    status: PaymentStatus,
    /// What was paid.
    reservation_id: ReservationId,
    /// By whom.
    user_id: UserId,
    /// How much.
    amount: Amount,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = Rfc3339))]
    paid_at: Option<Rfc3339>,
    /// When it was given back.
    cancelled_at: Option<Rfc3339>,
    /// The fan's balance afterwards.
    new_balance: Amount,
    /// Whether paying ended the session: no other hold of it was open.
    session_over: bool,
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PaymentStatus {
    /// Made.
    Success,
    /// Given back.
    Cancelled,
}

impl PaymentBody {
    /// A payment that was made.
    pub fn new(paid: &Paid) -> Self {
        PaymentBody {
            payment_id: PaymentId::of(paid.reservation.reservation_id),
            status: PaymentStatus::Success,
            reservation_id: paid.reservation.reservation_id,
            user_id: paid.reservation.user_id,
            amount: paid.reservation.amount,
            paid_at: paid.reservation.paid_at.map(Rfc3339),
            cancelled_at: None,
            new_balance: paid.new_balance,
            session_over: paid.reservation.session_over,
        }
    }
}

impl From<&Refunded> for PaymentBody {
    fn from(refunded: &Refunded) -> Self {
        let Refunded { reservation, new_balance } = refunded.clone();
        let cancelled_at = reservation.cancelled_at.map(Rfc3339);
        PaymentBody {
            status: PaymentStatus::Cancelled,
            cancelled_at,
            ..PaymentBody::new(&Paid { reservation, new_balance })
        }
    }
}

/// A balance, before and after.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Balance))]
#[serde(rename_all = "camelCase")]
pub struct BalanceBody {
    /// Before.
    current_balance: Amount,
    /// After; the same where nothing moved.
    new_balance: Amount,
}

impl BalanceBody {
    /// A recharge; for a balance that did not change, both are equal.
    pub fn new(recharged: &Recharged) -> Self {
        BalanceBody { current_balance: recharged.before, new_balance: recharged.after }
    }
}

/// One movement of a balance.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = LedgerEntry))]
#[serde(rename_all = "camelCase")]
pub struct LedgerBody {
    /// 1, 2, 3 and so on, without a gap.
    sequence: u64,
    /// What moved it; it also gives the sign of the amount.
    #[serde(rename = "type")]
    entry_type: EntryType,
    /// How much was moved.
    amount: Amount,
    /// The balance after it.
    balance_after: Amount,
    /// When.
    at: Rfc3339,
    /// Of a payment or refund.
    payment_id: Option<PaymentId>,
    /// Of a payment or refund.
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts; null on the last.
    pub next_cursor: Option<String>,
}
