//! Bodies of requests, as the contract writes them. What a field may hold beyond its type is judged by the function
//! that takes it; the schema says the same.

use super::{
    call::Object,
    values::{PlannedSeat, RequestedAmount, RequestedPrice, RequestedSeat, Rfc3339, Whole},
};
use crate::domain::{
    event::EventType,
    id::{ConcertId, EventId, QueueId, ReservationId, UserId},
    queue::bounds,
    text::{ConcertName, Label, Message, Reason, Reference, VenueAddress, VenueName},
    zone::TimeZone,
};
use serde::{Deserialize, Deserializer, Serialize};

/// The account to create.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The user name: 3 to 32 ASCII letters, digits, `_`, `.` and `-`. It must be unique without regard to case.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[A-Za-z0-9_.-]{3,32}$", example = "mina"))]
    pub username: String,
    /// The password: 8 to 128 characters (Unicode code points, not bytes). Spaces are allowed, control characters are not.
    #[cfg_attr(feature = "openapi", schema(example = "correct horse battery", min_length = 8, max_length = 128, format = Password, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"))]
    pub password: String,
}

/// The user name and password of a fan who logs in.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The user name of the account; upper and lower case do not matter.
    #[cfg_attr(feature = "openapi", schema(example = "mina"))]
    pub username: String,
    /// The password of the account, exactly as it was chosen.
    #[cfg_attr(feature = "openapi", schema(format = Password, example = "correct horse battery"))]
    pub password: String,
}

/// The queue to join. An empty body, or none, joins the queue `main` for the caller.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Join {
    /// The fan who joins. Leave it out to join as the caller; only an admin may name another fan (else 403).
    pub user_id: Option<UserId>,
    /// The queue to join: the `queueId` of the concert. `main` where it is left out.
    pub queue_id: Option<QueueId>,
}

/// The seats to hold, all or none of them. Send either `seatNumber` or `seatNumbers`.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewReservation {
    /// The concert that the seats belong to. Its queue must be that of the queue token.
    pub concert_id: ConcertId,
    /// One seat to hold. Leave it out where `seatNumbers` is sent.
    pub seat_number: Option<RequestedSeat>,
    /// From 1 to 8 seats to hold together, each named once, in any order. Leave it out where `seatNumber` is sent.
    #[cfg_attr(feature = "openapi", schema(example = json!([12, 13]), min_items = 1, max_items = 8))]
    pub seat_numbers: Option<Vec<RequestedSeat>>,
    /// The fan of the queue token, and nobody else (else 403). It can be left out.
    pub user_id: Option<UserId>,
}

/// The money to put on a balance.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Recharge {
    /// The fan whose balance grows: the caller. Only an admin may name another fan (else 403).
    pub user_id: UserId,
    /// The amount to add, in the currency's minor unit: a whole number from 1 to 1,000,000,000,000, or the same as text.
    pub amount: RequestedAmount,
    /// What the recharge goes back to, such as the number of a transfer: 1 to 64 characters. It is shown in the ledger.
    /// Only an admin may give one (else 403).
    pub reference: Option<Reference>,
}

/// The reservation to pay.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ProcessPayment {
    /// The reservation to pay, which must be the caller's and PENDING.
    pub reservation_id: ReservationId,
    /// The fan of the queue token, and nobody else (else 403). It can be left out.
    pub user_id: Option<UserId>,
    /// The price that the fan was shown: the `amount` of the reservation, in the currency's minor unit. Another amount is
    /// refused (409 `amount_mismatch`), so that nobody pays a price that was not shown.
    pub amount: RequestedAmount,
}

/// The reason of a refund. An empty body, or none, gives no reason.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CancelPayment {
    /// Why the payment is refunded: at most 500 characters, line breaks allowed. It is checked and not stored. A retry
    /// with the same `Idempotency-Key` must send the same reason.
    pub reason: Option<Reason>,
}

/// The concert to put on sale.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ConcertDraft {
    /// The name of the concert, for people to read: 1 to 200 characters.
    pub concert_name: ConcertName,
    /// When the concert starts. A time in the past is accepted, for concerts that were sold elsewhere and for tests.
    pub starts_at: Rfc3339,
    /// When the concert ends. It must be later than `startsAt`.
    pub ends_at: Rfc3339,
    /// The time zone of the venue, by its name in the IANA database. It decides on which `date` the concert is. The
    /// deployment's zone where it is left out.
    pub time_zone: Option<TimeZone>,
    /// Where the concert takes place. It can be left out.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<VenueDraft>))]
    pub venue: Option<Object<VenueDraft>>,
    /// The production that the concert belongs to: the `eventId` of another date of it. Where it is left out, the concert
    /// starts a production of its own.
    pub event_id: Option<EventId>,
    /// The kind of event, a word of your choice of 1 to 32 characters; the list of concerts can be filtered by it.
    /// `CONCERT` where it is left out.
    pub category: Option<Label>,
    /// The queue through which the concert is sold, `main` where it is left out. Another queue must be created first, by
    /// configuring it (else 404).
    pub queue_id: Option<QueueId>,
    /// When the sale opens. Where it is left out, the sale is open at once.
    pub sale_opens_at: Option<Rfc3339>,
    /// When the sale closes. It must be later than `saleOpensAt` and not after `endsAt`. Where it is left out, the sale
    /// closes at `startsAt`, also where that is past.
    pub sale_closes_at: Option<Rfc3339>,
    /// The seats, as 1 to 200 blocks of neighbouring seats whose numbers do not overlap; at most 100,000 seats in all.
    /// Where it is left out: seats 1 to 50, section `A`, type `STANDARD`, price 50000. Seats cannot be changed later.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 200, value_type = Option<Vec<BlockDraft>>))]
    pub blocks: Option<Vec<Object<BlockDraft>>>,
}

/// Where a concert takes place.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct VenueDraft {
    /// The name of the venue, for people to read: 1 to 100 characters.
    pub name: VenueName,
    /// The address of the venue, in the form that people there write it: 1 to 200 characters, in one line.
    pub address: VenueAddress,
}

/// Neighbouring seats of one section, type and price.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BlockDraft {
    /// The section of the venue that the seats are in: 1 to 32 characters.
    pub section: Label,
    /// The number of the first seat, from 1 to 100,000.
    #[cfg_attr(feature = "openapi", schema(value_type = u32, minimum = 1, maximum = 100_000))]
    pub from: PlannedSeat,
    /// The number of the last seat, which belongs to the block. It must not be below `from`.
    #[cfg_attr(feature = "openapi", schema(value_type = u32, minimum = 1, maximum = 100_000))]
    pub to: PlannedSeat,
    /// The kind of seat, such as `STANDARD` or `VIP`: 1 to 32 characters.
    pub seat_type: Label,
    /// The price of each seat; its schema says the rest.
    #[cfg_attr(feature = "openapi", schema(schema_with = super::values::price))]
    pub price: RequestedPrice,
}

/// What to change about the sale of a concert. A field that is left out stays as it is.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ConcertChange {
    /// Whether the concert is sold at all. False stops new holds; seats that are held can still be paid.
    pub enabled: Option<bool>,
    /// When the sale opens. Null opens it at once.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Rfc3339>))]
    pub sale_opens_at: Option<Option<Rfc3339>>,
    /// When the sale closes. It must be later than `saleOpensAt` and not after `endsAt`. Null closes the sale at
    /// `startsAt`.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Rfc3339>))]
    pub sale_closes_at: Option<Option<Rfc3339>>,
}

/// What to change about a queue. A field that is left out stays as it is. Null sets a field back: to the deployment's
/// parameter, to none (`message`, `opensAt`) or to false (`paused`).
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct QueueChange {
    /// How many fans may be inside at once, 0 to 1,000,000. With 0 nobody is admitted. A lower number ends no session:
    /// nobody is admitted until enough have ended.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(example = 100, value_type = Option<u64>, minimum = 0, maximum = 1_000_000))]
    pub capacity: Option<Option<Whole<0, { *bounds::CAPACITY.end() as u32 }>>>,
    /// Whether the queue is paused. Then nobody is admitted and waiting times stand still. Fans who are inside go on, and
    /// admitted fans must still claim in time.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub paused: Option<Option<bool>>,
    /// When the queue opens, at most 30 days ahead: fans can join before, and nobody is admitted before. Null opens the
    /// queue at once.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Rfc3339>))]
    pub opens_at: Option<Option<Rfc3339>>,
    /// How long an admitted fan may take to claim the place, in seconds. It applies to admissions from now on.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(example = 180, value_type = Option<u32>, minimum = 1, maximum = 3_600))]
    pub claim_window_seconds: Option<Option<Whole<1, { *bounds::CLAIM_WINDOW_SECONDS.end() }>>>,
    /// How long a session lasts from its claim, in seconds. It applies to sessions that begin from now on.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(example = 600, value_type = Option<u32>, minimum = 1, maximum = 14_400))]
    pub active_seconds: Option<Option<Whole<1, { *bounds::ACTIVE_SECONDS.end() }>>>,
    /// How long a place may wait, in seconds, counted only while the queue is open and not paused. It applies to fans who
    /// join from now on.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(example = 7_200, value_type = Option<u32>, minimum = 1, maximum = 604_800))]
    pub waiting_seconds: Option<Option<Whole<1, { *bounds::WAITING_SECONDS.end() }>>>,
    /// The joins a second that are expected, 1 to 200,000. They widen the queue ahead of them: ten minutes before `opensAt`, or
    /// at once where the queue is open. They limit nothing. Null takes them back.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(example = 20_000, value_type = Option<u32>, minimum = 1, maximum = 200_000))]
    pub expected_joins_per_second:
        Option<Option<Whole<{ *bounds::EXPECTED_JOINS.start() }, { *bounds::EXPECTED_JOINS.end() }>>>,
    /// The most fans that are admitted in a minute, walk-ins among them, 1 to 1,000,000. Null admits as many as fit.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(example = 600, value_type = Option<u32>, minimum = 1, maximum = 1_000_000))]
    pub admit_per_minute:
        Option<Option<Whole<{ *bounds::ADMIT_PER_MINUTE.start() }, { *bounds::ADMIT_PER_MINUTE.end() }>>>,
    /// A message to the fans of this queue, shown in their Token and in the Queue: 1 to 280 characters. Null removes it.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Message>))]
    pub message: Option<Option<Message>>,
}

/// Where events are posted to.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WebhookDraft {
    /// The URL of the receiver: `https`, a public host name with a dot, perhaps a port, a path and a query; at most 2,000
    /// characters. No address in place of the name, no user and no fragment. A name with a private address is 400.
    #[cfg_attr(
        feature = "openapi",
        schema(
            example = "https://hooks.example.com/stagedoor",
            max_length = 2_000,
            pattern = "^https://([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?[.])+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?([?][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?$"
        )
    )]
    pub url: String,
    /// The types of the events to send. All types where it is left out.
    #[cfg_attr(feature = "openapi", schema(min_items = 1))]
    pub types: Option<Vec<EventType>>,
    /// Whether events are sent. True where it is left out. A disabled webhook misses what happens meanwhile.
    pub enabled: Option<bool>,
}

/// A field that was sent, null or not.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
