//! The types of the events that the deployment sends to other systems.

use super::{ledger::EntryType, reservation::ReservationStatus};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The type of an event: what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "String")]
pub enum EventType {
    /// A reservation holds seats.
    #[serde(rename = "stagedoor.reservation.pending")]
    ReservationPending,
    /// A reservation was paid.
    #[serde(rename = "stagedoor.reservation.confirmed")]
    ReservationConfirmed,
    /// A hold was cancelled, or a payment refunded.
    #[serde(rename = "stagedoor.reservation.cancelled")]
    ReservationCancelled,
    /// A hold ended unpaid.
    #[serde(rename = "stagedoor.reservation.expired")]
    ReservationExpired,
    /// A balance was recharged.
    #[serde(rename = "stagedoor.ledger.charge")]
    LedgerCharge,
    /// A reservation was paid from a balance.
    #[serde(rename = "stagedoor.ledger.payment")]
    LedgerPayment,
    /// A payment came back to a balance.
    #[serde(rename = "stagedoor.ledger.refund")]
    LedgerRefund,
    /// An admitted fan claimed the place.
    #[serde(rename = "stagedoor.session.started")]
    SessionStarted,
    /// A session, or a place that never became one, is over.
    #[serde(rename = "stagedoor.session.ended")]
    SessionEnded,
}

impl EventType {
    /// All types.
    pub const ALL: [EventType; 9] = [
        Self::ReservationPending,
        Self::ReservationConfirmed,
        Self::ReservationCancelled,
        Self::ReservationExpired,
        Self::LedgerCharge,
        Self::LedgerPayment,
        Self::LedgerRefund,
        Self::SessionStarted,
        Self::SessionEnded,
    ];

    /// The type of the event behind a reservation's new status.
    pub fn of_reservation(status: ReservationStatus) -> Self {
        match status {
            ReservationStatus::Pending => Self::ReservationPending,
            ReservationStatus::Confirmed => Self::ReservationConfirmed,
            ReservationStatus::Cancelled => Self::ReservationCancelled,
            ReservationStatus::Expired => Self::ReservationExpired,
        }
    }

    /// The type of the event behind a new ledger entry.
    pub fn of_entry(entry: EntryType) -> Self {
        match entry {
            EntryType::Charge => Self::LedgerCharge,
            EntryType::Payment => Self::LedgerPayment,
            EntryType::Refund => Self::LedgerRefund,
        }
    }

    /// The `type` of the event, as it is sent.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReservationPending => "stagedoor.reservation.pending",
            Self::ReservationConfirmed => "stagedoor.reservation.confirmed",
            Self::ReservationCancelled => "stagedoor.reservation.cancelled",
            Self::ReservationExpired => "stagedoor.reservation.expired",
            Self::LedgerCharge => "stagedoor.ledger.charge",
            Self::LedgerPayment => "stagedoor.ledger.payment",
            Self::LedgerRefund => "stagedoor.ledger.refund",
            Self::SessionStarted => "stagedoor.session.started",
            Self::SessionEnded => "stagedoor.session.ended",
        }
    }

    /// The last word of the type, which the `id` of most events ends with.
    pub fn verb(self) -> &'static str {
        self.name().rsplit('.').next().unwrap_or_default()
    }
}

/// A text that is no type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a type of event, such as stagedoor.reservation.confirmed")]
pub struct InvalidEventType;

impl TryFrom<String> for EventType {
    type Error = InvalidEventType;
    fn try_from(text: String) -> Result<Self, InvalidEventType> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(InvalidEventType)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
