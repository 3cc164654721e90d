//! Bodies of requests, as the contract writes them. What a field may hold beyond its type is judged by the function
//! that takes it; the schema says the same.

use super::{
    call::Object,
    values::{PlannedSeat, RequestedAmount, RequestedPrice, RequestedSeat, Rfc3339, Whole},
};
use crate::domain::{
    id::{ConcertId, EventId, QueueId, ReservationId, UserId},
    line::bounds,
    text::{ConcertName, Label, Message, Reason},
};
use serde::{Deserialize, Deserializer, Serialize};

/// A new account.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Unique without regard to case.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[A-Za-z0-9_.-]{3,32}$"))]
    pub username: String,
    /// Spaces are allowed, control characters are not; the characters count, not the bytes.
    #[cfg_attr(feature = "openapi", schema(min_length = 8, max_length = 128, format = Password, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"))]
    pub password: String,
}

/// Who wants to log in.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// In any case.
    pub username: String,
    /// As it was chosen.
    #[cfg_attr(feature = "openapi", schema(format = Password))]
    pub password: String,
}

/// A place in line is wanted.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Join {
    /// The caller, who is meant where it is left out; admins may name a fan.
    pub user_id: Option<UserId>,
    /// `main` where it is left out.
    pub queue_id: Option<QueueId>,
}

/// Seats to hold, all or none: either `seatNumber` or `seatNumbers`.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewReservation {
    /// Whose seats.
    pub concert_id: ConcertId,
    /// One seat.
    pub seat_number: Option<RequestedSeat>,
    /// Several seats, each named once.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 8))]
    pub seat_numbers: Option<Vec<RequestedSeat>>,
    /// The caller.
    pub user_id: Option<UserId>,
}

/// Money for a balance.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Recharge {
    /// Whose balance: the caller's, or any fan's for admins.
    pub user_id: UserId,
    /// How much.
    pub amount: RequestedAmount,
}

/// A reservation to be paid.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ProcessPayment {
    /// Which.
    pub reservation_id: ReservationId,
    /// The caller.
    pub user_id: Option<UserId>,
    /// The price of the reservation, so that nobody pays another one than he saw.
    pub amount: RequestedAmount,
}

/// A payment to be given back.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CancelPayment {
    /// For the records of the one who asks; line breaks are allowed.
    pub reason: Option<Reason>,
}

/// A concert to be put on sale.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ConcertDraft {
    /// What it is called.
    pub concert_name: ConcertName,
    /// When it starts.
    pub starts_at: Rfc3339,
    /// When it ends; later than `startsAt`.
    pub ends_at: Rfc3339,
    /// The production it belongs to; a new one where it is left out.
    pub event_id: Option<EventId>,
    /// `CONCERT` where it is left out.
    pub category: Option<Label>,
    /// The line in front of it; `main` where it is left out.
    pub queue_id: Option<QueueId>,
    /// At once where it is left out.
    pub sale_opens_at: Option<Rfc3339>,
    /// `startsAt` where it is left out; later than `saleOpensAt`, and not after `endsAt`.
    pub sale_closes_at: Option<Rfc3339>,
    /// Seats 1 to 50, section `A`, `STANDARD`, price 50000 where it is left out. At most 100,000 seats in all; seat
    /// numbers do not overlap.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 200, value_type = Option<Vec<BlockDraft>>))]
    pub blocks: Option<Vec<Object<BlockDraft>>>,
}

/// Neighbouring seats of one kind.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BlockDraft {
    /// Where.
    pub section: Label,
    /// The first seat.
    #[cfg_attr(feature = "openapi", schema(value_type = u32, minimum = 1, maximum = 100_000))]
    pub from: PlannedSeat,
    /// The last seat, not below the first.
    #[cfg_attr(feature = "openapi", schema(value_type = u32, minimum = 1, maximum = 100_000))]
    pub to: PlannedSeat,
    /// `STANDARD`, `VIP` and so on.
    pub seat_type: Label,
    /// What each seat costs; at most an eighth of what a request may move.
    #[cfg_attr(feature = "openapi", schema(schema_with = super::values::price))]
    pub price: RequestedPrice,
}

/// What is to change about the sale of a concert; the rest stays.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ConcertChange {
    /// Whether it is sold at all.
    pub enabled: Option<bool>,
    /// From when; null opens the sale at once.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Rfc3339>))]
    pub sale_opens_at: Option<Option<Rfc3339>>,
    /// Until when: later than `saleOpensAt`, and not after `endsAt`. Null closes the sale at `startsAt`.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Rfc3339>))]
    pub sale_closes_at: Option<Option<Rfc3339>>,
}

/// What is to change about a queue; the rest stays. Null resets a field: to the deployment's parameter, or to none
/// (`message`, `opensAt`) or false (`paused`).
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct QueueChange {
    /// How many fans may be inside at once.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u64>, minimum = 0, maximum = 1_000_000))]
    pub capacity: Option<Option<Whole<0, { *bounds::CAPACITY.end() as u32 }>>>,
    /// While this is true nobody is admitted; fans who are inside go on.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub paused: Option<Option<bool>>,
    /// Nobody is admitted before this time, at most 30 days ahead; null opens the queue at once.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Rfc3339>))]
    pub opens_at: Option<Option<Rfc3339>>,
    /// How long an admitted fan may take to claim the place, in seconds. Applies to admissions from now on.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1, maximum = 3_600))]
    pub claim_window_seconds: Option<Option<Whole<1, { *bounds::CLAIM_WINDOW_SECONDS.end() }>>>,
    /// How long a session lasts, in seconds. Applies to sessions from now on.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1, maximum = 14_400))]
    pub active_seconds: Option<Option<Whole<1, { *bounds::ACTIVE_SECONDS.end() }>>>,
    /// How long a fan may wait while the queue is open and not paused, in seconds. Applies to places from now on.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1, maximum = 604_800))]
    pub waiting_seconds: Option<Option<Whole<1, { *bounds::WAITING_SECONDS.end() }>>>,
    /// What the operators tell the fans; null removes it.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Message>))]
    pub message: Option<Option<Message>>,
}

/// A field that was sent, null or not.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
