//! Concerts, seats, sales.

use crate::{
    config::Config,
    domain::{
        amount::Amount,
        availability::Availability,
        concert::{Concert, SeatStatus, Venue},
        id::{ConcertId, EventId, QueueId},
        layout::{Block, Layout, SeatNumber},
        time::Seconds,
        zone::{Day, TimeZone},
    },
    http::values::Rfc3339,
    store::concerts::ConcertAvailability,
};
use base64::{Engine, engine::general_purpose::STANDARD};
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
    /// The day on which the concert starts, as calendars at the venue show it.
    date: Day,
    /// When the concert starts. From then on a fan cannot refund a payment any more.
    starts_at: Rfc3339,
    /// When the concert ends. No seat is held after this time.
    ends_at: Rfc3339,
    /// The time zone of the venue. Show `startsAt` in it, not in the zone of the fan.
    time_zone: TimeZone,
    /// Where the concert takes place. Null where the organizers do not say.
    venue: Option<Venue>,
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
    /// The currency as an ISO 4217 code. Every amount is a whole number of its minor unit: cents for `EUR`, won for `KRW`.
    #[cfg_attr(feature = "openapi", schema(example = "KRW"))]
    currency: String,
    /// The price of the cheapest seats, in the currency's minor unit.
    price_from: Amount,
    /// The price of the dearest seats, in the currency's minor unit.
    price_to: Amount,
}

impl ConcertDate {
    /// A concert with its free seats.
    pub fn new(concert: &Concert, seats_available: u32, config: &Config) -> Self {
        ConcertDate {
            concert_id: concert.concert_id,
            concert_name: concert.concert_name.clone(),
            date: concert.date,
            starts_at: Rfc3339(concert.starts_at),
            ends_at: Rfc3339(concert.ends_at),
            time_zone: concert.time_zone,
            venue: concert.venue.clone(),
            event_id: concert.event_id,
            category: concert.category.clone(),
            queue_id: concert.queue_id.clone(),
            enabled: concert.enabled,
            sale_opens_at: Rfc3339(concert.sale_opens_at),
            sale_closes_at: Rfc3339(concert.sale_closes_at),
            seats_total: concert.seating.seats_total,
            seats_available,
            currency: config.currency.clone(),
            price_from: concert.prices.price_from,
            price_to: concert.prices.price_to,
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
}

impl ConcertBody {
    /// What a fan wants to know before queueing.
    pub fn new(offer: &ConcertAvailability, layout: &Layout, config: &Config) -> Self {
        ConcertBody {
            date: ConcertDate::new(&offer.concert, offer.seats_available, config),
            blocks: layout.blocks().to_vec(),
            hold_seconds: config.hold,
            seats_per_session: config.seats_per_session,
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

/// Which seats of a concert are free, held and sold, for everybody. Compare `version` with the last one to see whether
/// anything changed.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Availability))]
#[serde(rename_all = "camelCase")]
pub struct AvailabilityBody<'a> {
    /// Rises with each change; 0 until a seat is first held. Now and then it rises although no seat changed. Of two
    /// answers for one concert, the one with the higher version is newer.
    #[cfg_attr(feature = "openapi", schema(example = 42))]
    version: u64,
    /// The time of this version. A hold that ended after it can still be shown as held for a moment.
    at: Rfc3339,
    /// Two bits for each seat, in base64: `00` free, `01` held, `10` sold, `11` not for sale. The seats of all blocks
    /// ascend by number, without gaps between the blocks. A byte has four seats, the first in its lowest bits.
    #[cfg_attr(feature = "openapi", schema(example = "AQAAAAAAAAAAAAAACA=="))]
    seats: String,
    /// The blocks of the concert, ordered by seat number, with their free seats.
    by_block: Vec<BlockAvailabilityBody<'a>>,
    /// How many seats of the concert are free.
    #[cfg_attr(feature = "openapi", schema(example = 48))]
    free: u32,
    /// How many seats the concert has.
    #[cfg_attr(feature = "openapi", schema(example = 50))]
    total: u32,
}

impl<'a> AvailabilityBody<'a> {
    /// What is free of a concert.
    pub fn new(availability: &'a Availability) -> Self {
        let Availability { layout, version, at, seats, free, .. } = availability;
        AvailabilityBody {
            version: *version,
            at: Rfc3339(*at),
            seats: STANDARD.encode(seats),
            by_block: layout
                .blocks()
                .iter()
                .zip(free)
                .map(|(block, free)| BlockAvailabilityBody::new(block, *free))
                .collect(),
            free: free.iter().sum(),
            total: layout.seats_total(),
        }
    }
}

/// How many seats of one block are free.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = BlockAvailability))]
#[serde(rename_all = "camelCase")]
pub struct BlockAvailabilityBody<'a> {
    /// The section of the venue that the block is in.
    #[cfg_attr(feature = "openapi", schema(example = "A"))]
    section: &'a str,
    /// The kind of seat, such as `STANDARD` or `VIP`. Organizers choose the word.
    #[cfg_attr(feature = "openapi", schema(example = "STANDARD"))]
    seat_type: &'a str,
    /// The price of each seat, in the currency's minor unit.
    price: Amount,
    /// How many seats of the block are free.
    #[cfg_attr(feature = "openapi", schema(example = 48))]
    free: u32,
    /// How many seats the block has.
    #[cfg_attr(feature = "openapi", schema(example = 50))]
    total: u32,
}

impl<'a> BlockAvailabilityBody<'a> {
    fn new(block: &'a Block, free: u32) -> Self {
        let Block { section, seat_type, price, .. } = block;
        BlockAvailabilityBody { section, seat_type, price: *price, free, total: block.seats_total() }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        availability::{CountedChunk, SeatBitmap},
        layout::{Chunk, SEATS_PER_CHUNK},
        time::Timestamp,
    };
    use flate2::{Compression, write::GzEncoder};
    use std::{io::Write, sync::Arc};

    /// The most bytes of the answer for 100,000 seats with gzip.
    const MAX_BYTES: usize = 40 * 1024;

    #[test]
    fn the_availability_of_100_000_seats_is_at_most_40_kilobytes_with_gzip() -> std::io::Result<()> {
        let (seat, blocks) = (|number| SeatNumber::new(number).expect("a seat"), Layout::MAX_BLOCKS as u32);
        let size = Layout::MAX_SEATS / blocks;
        let block = |number: u32| Block {
            section: format!("Section {number}, upper tier"),
            from: seat(number * size + 1),
            to: seat((number + 1) * size),
            seat_type: format!("TYPE {}", number % 7),
            price: Amount::new(50_000 + u64::from(number) * 1_111),
        };
        let layout = Arc::new(Layout::new((0..blocks).map(block).collect()).expect("a layout"));
        // Seats that follow no pattern compress worst. The mixing is that of SplitMix64.
        let status = |number: u32| {
            let mut mixed = (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            match (mixed >> 33) % 3 {
                0 => SeatStatus::Available,
                1 => SeatStatus::Held,
                _ => SeatStatus::Sold,
            }
        };
        let counted = |chunk: Chunk| {
            let first = chunk.0 * SEATS_PER_CHUNK + 1;
            let seats = SeatBitmap::of((first..first + SEATS_PER_CHUNK).map(|number| (seat(number), status(number))));
            (chunk, CountedChunk { version: 1_000_000, at: Timestamp::from_millis(1_795_176_000_123), seats })
        };
        let chunks = layout.chunks().into_iter().map(counted).collect();
        let document = Availability::new(layout, Timestamp::DISTANT_PAST, chunks, None);
        let json = serde_json::to_vec(&AvailabilityBody::new(&document))?;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&json)?;
        let bytes = gzip.finish()?.len();
        println!("{} bytes, {bytes} with gzip", json.len());
        assert!(bytes <= MAX_BYTES, "{} bytes, {bytes} with gzip", json.len());
        Ok(())
    }
}
