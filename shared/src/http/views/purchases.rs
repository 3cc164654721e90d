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

/// One hold of one or several seats for a fan, and what became of it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Reservation))]
#[serde(rename_all = "camelCase")]
pub struct ReservationBody {
    /// The id of the reservation.
    reservation_id: ReservationId,
    /// The fan who owns the reservation.
    user_id: UserId,
    /// The concert that the seats belong to.
    concert_id: ConcertId,
    /// The numbers of the seats, in the order in which they were asked for.
    seat_numbers: Vec<SeatNumber>,
    /// Whether the seats are held, paid, given back or lost.
    status: ReservationStatus,
    /// The price of all seats together, in the currency's minor unit. Send exactly this amount to pay.
    amount: Amount,
    /// When the seats were held, which is when the reservation was made.
    reserved_at: Rfc3339,
    /// When the hold ends. Pay before this time, else the seats are free for others. It says nothing once the reservation
    /// is paid or cancelled.
    expires_at: Rfc3339,
    /// When the reservation was cancelled or refunded; null when it was not.
    cancelled_at: Option<Rfc3339>,
    /// Why the reservation was cancelled; null unless `status` is CANCELLED.
    cancel_reason: Option<CancelReason>,
    /// When the session that made the reservation ends, as things stand now; null when that session is over. A hold moves
    /// the session's end to the hold's end, at most to the claim + `activeSeconds` + `holdSeconds`, and giving the hold
    /// back does not move it again.
    session_ends_at: Option<Rfc3339>,
    /// The payment of the reservation, also after a refund; null when it was never paid. Use it to ask for a refund.
    payment_id: Option<PaymentId>,
    /// The payments that were refused because the balance was too low or the amount was not the price: at most the 10
    /// newest, newest first.
    attempts: Vec<AttemptBody>,
}

/// A payment of a reservation that was refused. No money moved.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Attempt))]
struct AttemptBody {
    /// When the payment was refused.
    at: Rfc3339,
    /// The code that the refusal had: `insufficient_balance` or `amount_mismatch`.
    #[cfg_attr(feature = "openapi", schema(example = "insufficient_balance"))]
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

/// The payment of one reservation from the fan's balance. A refund changes its status; there is no second payment.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Payment))]
#[serde(rename_all = "camelCase")]
pub struct PaymentBody {
    /// The id of the payment. Use it to ask for a refund.
    payment_id: PaymentId,
    /// Whether the money is paid or was refunded.
    status: PaymentStatus,
    /// The reservation that was paid.
    reservation_id: ReservationId,
    /// The fan whose balance paid.
    user_id: UserId,
    /// The amount paid, in the currency's minor unit. A refund gives back all of it.
    amount: Amount,
    /// When the payment was made.
    #[cfg_attr(feature = "openapi", schema(value_type = Rfc3339))]
    paid_at: Option<Rfc3339>,
    /// When the payment was refunded; null when it was not.
    cancelled_at: Option<Rfc3339>,
    /// The fan's balance after this payment or refund, in the currency's minor unit.
    new_balance: Amount,
    /// Whether paying ended the session, which it does when the session has no other open hold. Then a further purchase
    /// starts with joining the queue again.
    session_over: bool,
}

/// The state of a payment.
///
/// | status | meaning |
/// |---|---|
/// | `success` | The amount was taken from the balance, and the seats are sold. |
/// | `cancelled` | The amount is back on the balance, and the seats are free. |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PaymentStatus {
    /// The money is paid.
    Success,
    /// The money is back.
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

/// A fan's prepaid balance before and after a request. Where the request moves no money, both amounts are equal.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Balance))]
#[serde(rename_all = "camelCase")]
pub struct BalanceBody {
    /// The balance before the request, in the currency's minor unit.
    current_balance: Amount,
    /// The balance after the request, in the currency's minor unit. This is the balance now.
    new_balance: Amount,
}

impl BalanceBody {
    /// A recharge; for a balance that did not change, both are equal.
    pub fn new(recharged: &Recharged) -> Self {
        BalanceBody { current_balance: recharged.before, new_balance: recharged.after }
    }
}

/// One entry of a fan's ledger: one movement of the balance. Entries are never changed.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = LedgerEntry))]
#[serde(rename_all = "camelCase")]
pub struct LedgerBody {
    /// The number of the entry: 1, 2, 3 and so on for each fan, without a gap.
    #[cfg_attr(feature = "openapi", schema(example = 2))]
    sequence: u64,
    /// What moved the balance. It also gives the sign of `amount`: CHARGE and REFUND add, PAYMENT takes.
    #[serde(rename = "type")]
    entry_type: EntryType,
    /// The amount that was moved, always positive, in the currency's minor unit.
    amount: Amount,
    /// The balance after this entry, in the currency's minor unit.
    balance_after: Amount,
    /// When the entry was written.
    at: Rfc3339,
    /// The payment that was made or refunded; null for a CHARGE.
    payment_id: Option<PaymentId>,
    /// The reservation that was paid or refunded; null for a CHARGE.
    reservation_id: Option<ReservationId>,
    /// What an admin gave as the reference of a CHARGE, such as the number of a transfer; null where none was given.
    #[cfg_attr(feature = "openapi", schema(example = "transfer 2026-0117"))]
    reference: Option<String>,
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
            reference: entry.reference.clone(),
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
