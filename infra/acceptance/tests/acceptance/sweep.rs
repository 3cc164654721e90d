//! `sweep_holds`: finds expired holds by their `DUE` items, and visits nothing else.

use crate::purchases::{
    Outcome, PRICE, cancel, feed_stream, held, inject_where, items, reservation, sale, take_timers, until_sent,
};
use acceptance::{Fan, Request, START_MILLIS, World};
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use engine::Fault;
use serde::Serialize;
use serde_json::{Value, json};
use shared::{
    domain::{
        amount::Amount,
        concert::{Concert, SeatStatus},
        id::{ConcertId, QueueId},
        layout::{Block, Chunk, Layout, SeatNumber},
        reservation::{Reservation, ReservationStatus},
        session::{OpenHold, Session},
        ticket::Place,
        time::{Seconds, Timestamp},
    },
    store::{keys, keys::Key, request, seats::SeatItem},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use sweep_holds::Swept;
use tokio::time::Instant;

/// The holds of 300 s that begin with the world end in its minute 5, which is swept from here on.
const SWEPT_FROM: u64 = 370;

async fn sweep(world: &World) -> Result<Swept, Box<dyn std::error::Error>> {
    Ok(sweep_holds::handle(&world.app, serde_json::from_value(json!({}))?).await.map_err(|e| e.to_string())?)
}

fn swept(chunks: usize, expired: usize) -> Swept {
    Swept { chunks, expired, cut_off: false }
}

/// The minutes of the `DUE` items, from the beginning of the world.
fn due(world: &World) -> Vec<u64> {
    let start = START_MILLIS / 60_000;
    let items = world.engine.items("Concerts").into_iter();
    let mut due: Vec<u64> = items
        .filter(|item| item["pk"].as_str().is_some_and(|pk| pk.starts_with("DUE#")))
        .filter_map(|item| Some(item["minute"].as_u64()? - start))
        .collect();
    due.sort_unstable();
    due
}

/// Feeds the stream, and loses the timers that it sends.
async fn counted(world: &World) -> Outcome {
    feed_stream(world, &world.app).await?;
    take_timers(world);
    Ok(())
}

async fn available(world: &World, concert: &str) -> Value {
    let read = world.send(Request::new("GET", format!("/api/v1/concerts/{concert}"))).await;
    read.body["seatsAvailable"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_sweep_expires_what_timers_missed_once_their_minute_is_over() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    world.concert(&admin).await;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 50_000).await);
    let missed = held(&world, &ann, &concert, &[1, 2]).await;
    let paid = held(&world, &bob, &concert, &[3]).await;
    assert_eq!(world.pay(&bob, &paid, PRICE, None).await.outcome(), "200");
    counted(&world).await?;
    assert_eq!(due(&world), [5]);
    world.wait(SWEPT_FROM - 1);
    assert_eq!(sweep(&world).await?, swept(0, 0), "timers come first");
    world.wait(1);
    assert_eq!(sweep(&world).await?, swept(1, 1));
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 1);
    assert_eq!(items(&world, "Fans", "RES#").iter().filter(|r| r["status"] == "EXPIRED").count(), 1);
    assert_eq!(reservation(&world, &ann, &missed).await["status"], "EXPIRED");
    assert_eq!(available(&world, &concert).await, 49);
    assert_eq!((sweep(&world).await?, due(&world)), (swept(0, 0), vec![]));
    crate::invariants::check(&world);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_chunk_gets_one_item_for_each_minute_in_which_a_hold_ends() -> Outcome {
    let (world, _, concert) = sale(&[("SEATS_PER_SESSION", "8")]).await?;
    let fan = world.buyer("ann", 0).await;
    let put = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&put);
    inject_where(&world, Fault::None, 0, move |call| {
        let is_due = call.body["Item"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("DUE#"));
        seen.fetch_add(u64::from(is_due), Ordering::Relaxed);
        false
    });
    let mut dropped = String::new();
    for (seat, items) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
        dropped = held(&world, &fan, &concert, &[seat]).await;
        counted(&world).await?;
        assert_eq!(put.load(Ordering::Relaxed), items, "seat {seat}");
        world.wait(20);
    }
    world.send(cancel(&fan, &dropped)).await;
    counted(&world).await?;
    assert_eq!((put.load(Ordering::Relaxed), due(&world)), (2, vec![5, 6]), "a hold less asks for nothing");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_count_that_is_cut_off_leaves_an_item_first() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1]).await;
    let (id, chunk) = (ConcertId(concert.parse()?), Chunk(0));
    {
        let mut recount = std::pin::pin!(world.app.store.recount(id, chunk));
        // The count, the seats, the item; then the new count, which is never applied.
        until_sent(&world, recount.as_mut(), 4).await;
    }
    assert_eq!((items(&world, "Concerts", "COUNT#").len(), due(&world)), (0, vec![5]));
    world.wait(SWEPT_FROM);
    assert_eq!(sweep(&world).await?, swept(1, 1));
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    Ok(())
}

/// A fan holds by a clock that is behind, so that the hold ends in a minute that is being swept.
async fn hold_by_an_old_clock(world: &World, concert: &str, fan: &Fan) -> Outcome {
    let now = engine::Clock::now_ms(&world.clock);
    world.clock.set_ms(START_MILLIS + 20_000);
    held(world, fan, concert, &[9]).await;
    world.clock.set_ms(now);
    world.app.store.recount(ConcertId(concert.parse()?), Chunk(0)).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_item_that_was_put_again_outlives_the_visit() -> Outcome {
    let (world, _, concert) = sale(&[("ACTIVE_SECONDS", "3600")]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    held(&world, &ann, &concert, &[1]).await;
    counted(&world).await?;
    world.wait(SWEPT_FROM);
    {
        let mut visit = std::pin::pin!(sweep(&world));
        // Four partitions, the count and the seats, three writes of the expiry, the count; then the item's delete.
        until_sent(&world, visit.as_mut(), 11).await;
        assert_eq!(items(&world, "Concerts", "COUNT#")[0]["due"], 0, "whoever counts now puts an item again");
        hold_by_an_old_clock(&world, &concert, &bob).await?;
        assert_eq!(visit.await?, swept(1, 1));
    }
    assert_eq!(due(&world), [5]);
    assert_eq!(sweep(&world).await?, swept(1, 1), "nothing but the item tells of the hold");
    assert_eq!((due(&world).len(), items(&world, "Concerts", "SEAT#").len()), (0, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_still_held_after_a_visit_is_found_by_the_next() -> Outcome {
    let (world, _, concert) = sale(&[("ACTIVE_SECONDS", "3600")]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1]).await;
    counted(&world).await?;
    world.wait(300);
    held(&world, &fan, &concert, &[2]).await;
    world.wait(SWEPT_FROM - 300);
    assert_eq!(due(&world), [5], "the second hold is not counted yet");
    assert_eq!(sweep(&world).await?, swept(1, 1));
    assert_eq!(due(&world), [10], "the visit counted it");
    world.wait(300);
    assert_eq!(sweep(&world).await?, swept(1, 1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_fails_is_left_to_the_next_sweep_and_the_others_are_swept() -> Outcome {
    let (world, admin, first) = sale(&[]).await?;
    let second = world.concert(&admin).await;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &first, &[1]).await;
    held(&world, &fan, &second, &[1]).await;
    counted(&world).await?;
    world.wait(SWEPT_FROM);
    let broken = first.clone();
    inject_where(&world, Fault::InternalError, u64::MAX, move |call| {
        call.operation == "Query" && call.body.to_string().contains(&format!("{broken}#0"))
    });
    assert!(sweep(&world).await.is_err(), "the schedule hears of it");
    world.engine.clear_faults();
    let left = items(&world, "Concerts", "SEAT#");
    assert_eq!((left.len(), &left[0]["concertId"]), (1, &json!(first)));
    // A hold that cannot be expired does not keep its chunk from being counted, but keeps its item.
    inject_where(&world, Fault::InternalError, u64::MAX, |call| call.operation == "UpdateItem");
    assert!(sweep(&world).await.is_err());
    world.engine.clear_faults();
    assert_eq!((available(&world, &first).await, due(&world)), (json!(50), vec![5]));
    assert_eq!(sweep(&world).await?, swept(1, 1), "the next minute tries again");
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn no_stream_asks_for_anything_because_of_an_item() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1]).await;
    counted(&world).await?;
    world.wait(SWEPT_FROM);
    sweep(&world).await?;
    let template = template::Template::load(&template::locate()?)?;
    let filters: Vec<&Value> = template.stream_triggers.iter().flat_map(|trigger| &trigger.filters).collect();
    let passes = |record: &Value| {
        filters.iter().any(|filter| {
            ["pk", "sk"].iter().any(|name| {
                let value = record["dynamodb"]["Keys"][name]["S"].as_str().unwrap_or_default();
                let ways = filter["dynamodb"]["Keys"][name]["S"].as_array().into_iter().flatten();
                ways.into_iter().any(|way| {
                    way.as_str().is_some_and(|text| text == value)
                        || way["prefix"].as_str().is_some_and(|prefix| value.starts_with(prefix))
                })
            })
        })
    };
    let records = world.engine.stream_records("Concerts");
    let kinds = |record: &&Value| {
        let key = |name: &str| record["dynamodb"]["Keys"][name]["S"].as_str().unwrap_or_default().to_owned();
        keys::kind(&key("pk"), &key("sk"))
    };
    let (mut seats, mut items) = (0, 0);
    for record in &records {
        match kinds(&record) {
            "due" => {
                items += 1;
                assert!(!passes(record), "{record}");
            }
            "seat" => {
                seats += 1;
                assert!(passes(record), "{record}");
            }
            _ => {}
        }
    }
    assert!(seats > 0 && items > 0, "{seats} {items}");
    Ok(())
}

fn concert_of(number: u128, seats: u32) -> Concert {
    let seat = |number| SeatNumber::new(number).expect("a seat");
    let block = Block {
        section: "A".to_owned(),
        from: seat(1),
        to: seat(seats),
        seat_type: "STANDARD".to_owned(),
        price: Amount::new(PRICE),
    };
    let at = |days: i64| Timestamp::from_millis(START_MILLIS as i64 + days * 86_400_000);
    Concert {
        concert_id: ConcertId(uuid(number)),
        concert_name: "Night".to_owned(),
        event_id: shared::domain::id::EventId(uuid(number)),
        category: "CONCERT".to_owned(),
        queue_id: QueueId::main(),
        starts_at: at(30),
        ends_at: at(31),
        enabled: true,
        sale_opens_at: at(-1),
        sale_closes_at: at(30),
        layout: Layout::new(vec![block]).expect("a layout"),
        version: 1,
    }
}

fn uuid<T: std::str::FromStr>(number: u128) -> T {
    let digits = format!("{number:032x}");
    let text =
        format!("{}-{}-4{}-8{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..]);
    text.parse().ok().expect("a UUID")
}

/// Puts items into a table, 25 at once.
async fn put_all(world: &World, table: &str, all: Vec<request::Item>) {
    let dynamo = aws_sdk_dynamodb::Client::new(&world.engine.sdk_config());
    for batch in all.chunks(25) {
        let put = |item: &request::Item| {
            let put = PutRequest::builder().set_item(Some(item.clone())).build().expect("an item");
            WriteRequest::builder().put_request(put).build()
        };
        let sent = dynamo.batch_write_item().request_items(table, batch.iter().map(put).collect()).send().await;
        sent.expect("written");
    }
}

fn item<T: Serialize>(key: &Key, value: &T) -> request::Item {
    request::item(key, value, None).expect("an item")
}

#[tokio::test(start_paused = true)]
async fn a_thousand_idle_concerts_cost_two_read_units() -> Outcome {
    let world = World::without_streams(&[]).await?;
    let mut all = Vec::new();
    for number in 1..=1_000 {
        let concert = concert_of(number, 20_000);
        all.push(item(&keys::concert(concert.concert_id), &concert));
        all.push(item(&keys::listing(concert.starts_at, concert.concert_id), &concert));
    }
    put_all(&world, "Concerts", all).await;
    for _ in 0..3 {
        world.wait(60);
        world.engine.reset_meter();
        assert_eq!(sweep(&world).await?, swept(0, 0));
        let used = world.engine.meter();
        assert!(used.read_units <= 10.0 && used.write_units == 0.0, "{used:?}");
        assert_eq!((used.read_units, used.round_trips), (2.0, 1));
    }
    Ok(())
}

/// Puts one hold of each seat into the tables, as holding leaves them; each by a session of its own.
async fn put_holds(world: &World, concert: ConcertId, seats: u32, first_place: u64) {
    let now = Timestamp::from_millis(engine::Clock::now_ms(&world.clock) as i64);
    let (queue, until) = (QueueId::main(), now + Seconds(300));
    let (mut in_fans, mut in_concerts, mut in_queues) = (Vec::new(), Vec::new(), Vec::new());
    for (number, place) in (1..=seats).zip(first_place..) {
        let (user_id, reservation_id) = (world.app.context.user_id(), world.app.context.reservation_id());
        let (seat_number, place) = (SeatNumber::new(number).expect("a seat"), Place::new(place));
        let price = Amount::new(PRICE);
        let mut session = Session::claimed(queue.clone(), place, user_id, now, Seconds(600), Seconds(300));
        session.held_seats = 1;
        session.holds = BTreeMap::from([(reservation_id, OpenHold { seats: 1, until })]);
        in_queues.push(item(&keys::session(&queue, place), &session));
        in_fans.push(item(
            &keys::reservation(user_id, reservation_id),
            &Reservation {
                reservation_id,
                user_id,
                concert_id: concert,
                seat_numbers: vec![seat_number],
                status: ReservationStatus::Pending,
                amount: price,
                reserved_at: now,
                expires_at: until,
                cancelled_at: None,
                paid_at: None,
                queue_id: queue.clone(),
                place,
                attempts: Vec::new(),
            },
        ));
        let status = SeatStatus::Held;
        let seat = SeatItem {
            concert_id: concert,
            seat_number,
            status,
            user_id,
            reservation_id,
            held_until: Some(until),
            price,
        };
        in_concerts.push(item(&keys::seat(concert, seat_number), &seat));
    }
    put_all(world, "Fans", in_fans).await;
    put_all(world, "Concerts", in_concerts).await;
    put_all(world, "Queues", in_queues).await;
}

#[tokio::test(start_paused = true)]
async fn five_thousand_expired_holds_are_released_within_three_runs() -> Outcome {
    let world = World::without_streams(&[]).await?;
    for number in 1..=5 {
        let concert = concert_of(number, 1_000);
        world.app.store.create_concert(&concert).await?;
        put_holds(&world, concert.concert_id, 1_000, number as u64 * 1_000).await;
        for chunk in concert.layout.chunks(None) {
            world.app.store.recount(concert.concert_id, chunk).await?;
        }
    }
    assert_eq!(due(&world), [5; 20]);
    world.wait(SWEPT_FROM);
    let mut runs = 0;
    while !due(&world).is_empty() {
        runs += 1;
        assert!(runs <= 3);
        sweep(&world).await?;
    }
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    assert!(items(&world, "Fans", "RES#").iter().all(|found| found["status"] == "EXPIRED"));
    assert!(items(&world, "Concerts", "COUNT#").iter().all(|count| count["held"] == 0));
    let sessions = world.engine.items("Queues").into_iter().filter(|item| item["heldSeats"].is_u64());
    assert!(sessions.into_iter().all(|session| session["heldSeats"] == 0));
    crate::invariants::check(&world);
    Ok(())
}

/// `DUE` items of concerts without seats: each visit costs as little as can be. Ids `step` apart.
async fn put_due(world: &World, count: u32, step: u128, minute_of: impl Fn(u32) -> i64) {
    let items = (1..=count).map(|number| {
        let (id, chunk) = (ConcertId(uuid(u128::from(number) * step)), Chunk(0));
        let minute = Timestamp::from_millis(START_MILLIS as i64 + minute_of(number) * 60_000).minute();
        let due = json!({ "concertId": id, "chunk": chunk, "minute": minute, "putId": number.to_string() });
        item(&keys::due(minute, id, chunk), &due)
    });
    put_all(world, "Concerts", items.collect()).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_sweep_stops_in_time_and_gets_further() -> Outcome {
    let world = World::without_streams(&[]).await?;
    put_due(&world, 2_400, 1, |_| 1).await;
    world.wait(SWEPT_FROM);
    // Most counts meet a transaction eight times, and give up after half a second.
    inject_where(&world, Fault::TransactionConflict { action: 0 }, u64::MAX, {
        let seen = Arc::new(AtomicU64::new(0));
        move |call| call.operation == "PutItem" && seen.fetch_add(1, Ordering::Relaxed) % 16 != 0
    });
    for _ in 0..2 {
        let (begun, before) = (Instant::now(), due(&world).len());
        let _ = sweep(&world).await;
        assert!(begun.elapsed() <= Duration::from_secs(40), "{:?}", begun.elapsed());
        assert!(due(&world).len() < before);
    }
    assert!(!due(&world).is_empty(), "else the time was no bound");
    world.engine.clear_faults();
    assert!(!sweep(&world).await?.cut_off);
    assert_eq!(due(&world).len(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_sweep_visits_a_bounded_number_of_chunks_oldest_first() -> Outcome {
    let world = World::without_streams(&[]).await?;
    // All of one partition: ids that differ by a multiple of four.
    put_due(&world, 1_002, 4, |number| i64::from(number < 1_000)).await;
    world.wait(SWEPT_FROM);
    assert_eq!(due(&world)[..4], [0, 0, 0, 1]);
    assert_eq!(sweep(&world).await?, swept(1_000, 0));
    assert_eq!(due(&world), [1, 1]);
    assert_eq!(sweep(&world).await?, swept(2, 0));
    Ok(())
}
