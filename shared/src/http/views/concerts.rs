//! Concerts, seats, sales.

use crate::{
    domain::{
        amount::Amount,
        concert::{Concert, SeatStatus},
        id::{ConcertId, EventId, QueueId},
        layout::{Block, SeatNumber},
        time::Seconds,
    },
    http::values::Rfc3339,
    store::concerts::Offer,
};
use serde::Serialize;

/// One performance on one date.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConcertDate {
    /// Which.
    concert_id: ConcertId,
    /// What it is called.
    concert_name: String,
    /// The day it starts on, in UTC.
    #[cfg_attr(feature = "openapi", schema(format = Date))]
    date: String,
    /// When it starts.
    starts_at: Rfc3339,
    /// When it ends.
    ends_at: Rfc3339,
    /// The production it belongs to.
    event_id: EventId,
    /// CONCERT, SPORTS, TALK and so on.
    category: String,
    /// The line in front of it.
    queue_id: QueueId,
    /// Whether it is sold at all.
    enabled: bool,
    /// From when it is sold.
    sale_opens_at: Rfc3339,
    /// Until when it is sold.
    sale_closes_at: Rfc3339,
    /// Seats it has.
    seats_total: u32,
    /// Seats that are neither held nor sold; may be some seconds old.
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

/// One performance, with what a fan wants to know before queueing.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Concert))]
#[serde(rename_all = "camelCase")]
pub struct ConcertBody {
    #[serde(flatten)]
    date: ConcertDate,
    /// Its seats and prices.
    blocks: Vec<Block>,
    /// How long a seat is held for its fan.
    hold_seconds: Seconds,
    /// Seats that one session may hold at once.
    seats_per_session: u32,
    /// ISO 4217 code; amounts are in its minor unit.
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

/// A seat of the map.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Seat))]
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

/// The sales report.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Sales))]
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
