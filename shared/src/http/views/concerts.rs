//! Concerts, seats, sales.

use crate::{
    config::Config,
    domain::{
        amount::Amount,
        concert::{Concert, SeatStatus},
        id::{ConcertId, EventId, QueueId},
        layout::{Block, Layout, SeatNumber},
        time::Seconds,
    },
    http::values::Rfc3339,
    store::concerts::ConcertAvailability,
};
use serde::Serialize;

/// One performance on one date, as the list of concerts shows it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConcertDate {
    /// The id of the concert. Use it to see the concert, its seat map, and to hold seats.
    concert_id: ConcertId,
    /// The name of the concert, for people to read.
    #[cfg_attr(feature = "openapi", schema(example = "Winter Tour, first night"))]
    concert_name: String,
    /// The day on which the concert starts, in UTC, as `YYYY-MM-DD`. It is not always the day at the venue.
    #[cfg_attr(feature = "openapi", schema(format = Date, example = "2026-12-24"))]
    date: String,
    /// When the concert starts. From then on a fan cannot refund a payment any more.
    starts_at: Rfc3339,
    /// When the concert ends. No seat is held after this time.
    ends_at: Rfc3339,
    /// The production that the concert belongs to. All concerts with this id are dates of one tour or show.
    event_id: EventId,
    /// The kind of event, such as `CONCERT`, `SPORTS` or `TALK`. Organizers choose the word, so expect others too.
    #[cfg_attr(feature = "openapi", schema(example = "CONCERT"))]
    category: String,
    /// The queue through which the concert is sold. If that queue is gone (404 `queue_not_found`), the concert cannot be
    /// bought, whatever its sale times say.
    queue_id: QueueId,
    /// Whether the concert is sold at all. While this is false nobody can hold its seats; what is held can still be paid.
    enabled: bool,
    /// When the sale opens: seats can be held from this time on. Count down to the later of this time and the queue's
    /// `opensAt`.
    sale_opens_at: Rfc3339,
    /// When the sale closes: seats can be held before this time. A hold made in time can be paid until it expires.
    sale_closes_at: Rfc3339,
    /// How many seats the concert has.
    #[cfg_attr(feature = "openapi", schema(example = 50))]
    seats_total: u32,
    /// How many seats are neither held nor sold. The number can be some seconds old; the seat map is newer.
    #[cfg_attr(feature = "openapi", schema(example = 31))]
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
            seats_total: concert.seating.seats_total,
            seats_available,
        }
    }
}

/// One performance with its seats, prices and rules: what a fan wants to know before joining the queue.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Concert))]
#[serde(rename_all = "camelCase")]
pub struct ConcertBody {
    #[serde(flatten)]
    date: ConcertDate,
    /// The seats and their prices, ordered by seat number. They never change.
    blocks: Vec<Block>,
    /// How long seats are held for a fan, in seconds. A hold can be shorter when the session ends before that.
    hold_seconds: Seconds,
    /// How many seats one session may hold and buy together, refunded ones included: a refund gives none back.
    #[cfg_attr(feature = "openapi", schema(example = 4))]
    seats_per_session: u32,
    /// The currency as an ISO 4217 code. Every amount is a whole number of its minor unit: cents for `EUR`, won for `KRW`.
    #[cfg_attr(feature = "openapi", schema(example = "KRW"))]
    currency: String,
}

impl ConcertBody {
    /// What a fan wants to know before queueing.
    pub fn new(offer: &ConcertAvailability, layout: &Layout, config: &Config) -> Self {
        ConcertBody {
            date: ConcertDate::new(&offer.concert, offer.seats_available),
            blocks: layout.blocks().to_vec(),
            hold_seconds: config.hold,
            seats_per_session: config.seats_per_session,
            currency: config.currency.clone(),
        }
    }
}

/// One seat of the seat map.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Seat))]
#[serde(rename_all = "camelCase")]
pub struct SeatBody<'a> {
    /// The number of the seat within the concert. Send it to hold the seat.
    pub seat_number: SeatNumber,
    /// Whether the seat is free. True exactly when `status` is `AVAILABLE`.
    pub available: bool,
    /// Whether the seat is free, held or sold.
    pub status: SeatStatus,
    /// The section of the venue that the seat is in.
    #[cfg_attr(feature = "openapi", schema(example = "A"))]
    pub section: &'a str,
    /// The kind of seat, such as `STANDARD` or `VIP`. Organizers choose the word.
    #[cfg_attr(feature = "openapi", schema(example = "STANDARD"))]
    pub seat_type: &'a str,
    /// The price of the seat, in the currency's minor unit.
    pub price: Amount,
}

/// The sales report of one concert. `sold`, `held` and `free` add up to the seats of the concert.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Sales))]
pub struct SalesBody {
    /// How many seats are paid and not refunded.
    #[cfg_attr(feature = "openapi", schema(example = 17))]
    pub sold: u32,
    /// How many seats are held and not paid.
    #[cfg_attr(feature = "openapi", schema(example = 2))]
    pub held: u32,
    /// How many seats are neither held nor sold.
    #[cfg_attr(feature = "openapi", schema(example = 31))]
    pub free: u32,
    /// The prices of the sold seats added up, in the currency's minor unit.
    pub revenue: Amount,
}
