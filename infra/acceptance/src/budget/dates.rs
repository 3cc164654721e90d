//! What a page of dates costs among many concerts.

use super::{Result, Row, cost, must, used};
use crate::{Request, START_MILLIS, World};
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use shared::{
    domain::{
        amount::Amount,
        concert::{Concert, SeatCount, Seating, Venue},
        id::{ConcertId, EventId, QueueId},
        layout::{Chunk, PriceRange},
        time::{Seconds, Timestamp},
        zone::TimeZone,
    },
    store::{keys, request},
};
use uuid::Uuid;

/// Concerts of the listing; half of them are over.
const CONCERTS: u32 = 10_000;
/// GETs of one page while the environment has it in memory.
const FROM_MEMORY: u32 = 200;
/// Items that one request puts.
const BATCH: usize = 25;

fn uuid(number: u32) -> Uuid {
    uuid::Builder::from_custom_bytes(u128::from(number + 1).to_be_bytes()).into_uuid()
}

/// A concert with a long name. One starts each hour, half of them before the world does; every tenth is a talk.
fn concert(number: u32) -> Concert {
    let start = Timestamp::from_millis(i64::try_from(START_MILLIS).unwrap_or_default());
    let hours = i64::from(number) - i64::from(CONCERTS / 2);
    let starts_at = Timestamp::from_seconds(start.seconds() + hours * 3_600);
    Concert {
        concert_id: ConcertId(uuid(number)),
        concert_name: format!("Concert {number}, {}", "with a name of some length ".repeat(3)),
        event_id: EventId(uuid(number / 20)),
        category: if number.is_multiple_of(10) { "TALK".to_owned() } else { "CONCERT".to_owned() },
        queue_id: QueueId::main(),
        starts_at,
        ends_at: starts_at + Seconds(3 * 3_600),
        time_zone: TimeZone::SEOUL,
        date: TimeZone::SEOUL.day_of(starts_at),
        venue: Some(Venue { name: "Olympic Hall".to_owned(), address: "424 Olympic-ro, Songpa-gu, Seoul".to_owned() }),
        enabled: true,
        sale_opens_at: start,
        sale_closes_at: starts_at,
        seating: Seating { seats_total: 200, sole_chunk: Some(Chunk(0)) },
        prices: PriceRange { price_from: Amount::new(50_000), price_to: Amount::new(150_000) },
        layout: Concert::FIRST_LAYOUT,
        version: Concert::FIRST_VERSION,
    }
}

/// The items of a concert that a page of dates can read, as requests that put them.
fn puts(concert: &Concert) -> Result<Vec<WriteRequest>> {
    let [of_all, _, of_category, _] = keys::listings(concert);
    let mut items = vec![request::item(&of_all, concert, None)?, request::item(&of_category, concert, None)?];
    let count = keys::count(concert.concert_id, Chunk(0));
    items.push(request::item(&count, &SeatCount { sold: 7, version: 7, ..SeatCount::default() }, None)?);
    let put =
        |item| Ok(WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build()?).build());
    items.into_iter().map(put).collect()
}

pub(super) async fn measure() -> Result<Vec<Row>> {
    let world = World::without_streams(&[]).await?;
    let mut all = Vec::new();
    for number in 0..CONCERTS {
        all.extend(puts(&concert(number))?);
    }
    let dynamo = aws_sdk_dynamodb::Client::new(&world.engine.sdk_config());
    for batch in all.chunks(BATCH) {
        dynamo.batch_write_item().request_items("Concerts", batch.to_vec()).send().await?;
    }
    let mut rows = Vec::new();
    for (step, query, dates, units) in [
        ("page of 50 dates, of 10,000 concerts", "", "50", 40.0),
        ("page of 100 dates", "limit=100", "100", 60.0),
        ("page of 100 dates of a category", "limit=100&category=TALK", "100", 60.0),
        ("page of 100 past dates", "limit=100&from=2026-01-01", "100", 60.0),
    ] {
        world.engine.reset_meter();
        let page = world.send(Request::new("GET", format!("/api/v1/reservations/dates?{query}"))).await;
        rows.push(Row { step, budget: cost(0.0, units, 2.0), measured: used(&world, 1) });
        must(step, &page.body.as_array().map_or(0, Vec::len).to_string(), dates)?;
    }
    world.wait(60);
    world.engine.reset_meter();
    for _ in 0..FROM_MEMORY {
        must("page", &world.send(Request::new("GET", "/api/v1/reservations/dates")).await.status.to_string(), "200")?;
    }
    let (step, budget) = ("page of 50 dates, one of 200 in its max-age", cost(0.0, 0.2, 0.01));
    rows.push(Row { step, budget, measured: used(&world, FROM_MEMORY) });
    Ok(rows)
}
