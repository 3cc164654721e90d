//! What a sweep costs with nothing to do, and how it works off too much.

use crate::{
    background::sweep::{SWEPT_FROM, due, sweep, swept},
    support::purchases::{Outcome, PRICE, inject_where, items, sale},
};
use acceptance::{START_MILLIS, World};
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use engine::Fault;
use serde::Serialize;
use serde_json::json;
use shared::{
    domain::{
        amount::Amount,
        concert::{Concert, ConcertWithLayout, SeatStatus},
        id::{ConcertId, QueueId},
        layout::{Block, Chunk, Layout, SeatNumber},
        reservation::{Reservation, ReservationStatus},
        session::{OpenHold, Session},
        ticket::Place,
        time::{Seconds, Timestamp},
        zone::TimeZone,
    },
    store::{keys, keys::Key, request, seats::SeatItem},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

fn concert_of(number: u128, seats: u32) -> ConcertWithLayout {
    let seat = |number| SeatNumber::new(number).expect("a seat");
    let block = Block {
        section: "A".to_owned(),
        from: seat(1),
        to: seat(seats),
        seat_type: "STANDARD".to_owned(),
        price: Amount::new(PRICE),
    };
    let layout = Layout::new(vec![block]).expect("a layout");
    let at = |days: i64| Timestamp::from_millis(START_MILLIS as i64 + days * 86_400_000);
    let concert = Concert {
        concert_id: ConcertId(uuid(number)),
        concert_name: "Night".to_owned(),
        event_id: shared::domain::id::EventId(uuid(number)),
        category: "CONCERT".to_owned(),
        queue_id: QueueId::main(),
        starts_at: at(30),
        ends_at: at(31),
        time_zone: TimeZone::SEOUL,
        date: TimeZone::SEOUL.day_of(at(30)),
        venue: None,
        enabled: true,
        sale_opens_at: at(-1),
        sale_closes_at: at(30),
        seating: layout.seating(),
        prices: layout.price_range(),
        layout: Concert::FIRST_LAYOUT,
        version: 1,
    };
    ConcertWithLayout { concert: Arc::new(concert), layout: Arc::new(layout) }
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
        let concert = concert_of(number, 20_000).concert;
        all.push(item(&keys::concert(concert.concert_id), &concert));
        all.extend(keys::listings(&concert).iter().map(|key| item(key, &*concert)));
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

/// Puts a hold of each seat into the tables as the product would, each in a session of its own.
async fn put_holds(world: &World, concert: ConcertId, seats: u32, first_place: u64) {
    let now = Timestamp::from_millis(engine::Clock::now_ms(&world.clock) as i64);
    let (queue, until) = (QueueId::main(), now + Seconds(300));
    let (mut in_fans, mut in_concerts, mut in_queues) = (Vec::new(), Vec::new(), Vec::new());
    for (number, place) in (1..=seats).zip(first_place..) {
        let (user_id, reservation_id) = (world.app.context.user_id(), world.app.context.reservation_id());
        let (seat_number, place) = (SeatNumber::new(number).expect("a seat"), Place::new(place));
        let price = Amount::new(PRICE);
        let mut session = Session::claimed(queue.clone(), place, user_id, now, Seconds(600), Seconds(300));
        session.seats_taken = 1;
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
                cancel_reason: None,
                paid_at: None,
                session_over: false,
                payment_entry: None,
                refund_entry: None,
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
        let new = concert_of(number, 1_000);
        let ConcertWithLayout { concert, layout } = &new;
        world.app.store.create_concert(&new, None, String::new).await?;
        put_holds(&world, concert.concert_id, 1_000, number as u64 * 1_000).await;
        for chunk in layout.chunks() {
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
    crate::support::invariants::check(&world);
    Ok(())
}

/// Puts `DUE` items of concerts without seats, so that a visit costs as little as possible. Their ids are `step` apart.
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
async fn a_slow_sweep_stops_in_time_and_makes_progress() -> Outcome {
    let world = World::without_streams(&[]).await?;
    put_due(&world, 1_300, 1, |_| 1).await;
    world.wait(SWEPT_FROM);
    // Most puts of a count conflict eight times, and give up after half a second.
    inject_where(&world, Fault::TransactionConflict { action: 0 }, u64::MAX, {
        let seen = Arc::new(AtomicU64::new(0));
        move |call| call.operation == "PutItem" && !seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(16)
    });
    let begun = Instant::now();
    let _ = sweep(&world).await;
    assert!(begun.elapsed() <= Duration::from_secs(40), "{:?}", begun.elapsed());
    let left = due(&world).len();
    assert!((1..1_300).contains(&left), "{left} left: the sweep was not stopped by its time, or did nothing");
    world.engine.clear_faults();
    assert!(!sweep(&world).await?.cut_off);
    assert_eq!(due(&world).len(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_sweep_visits_a_bounded_number_of_chunks_oldest_first() -> Outcome {
    let world = World::without_streams(&[]).await?;
    // Ids that differ by a multiple of four are in one partition.
    put_due(&world, 1_002, 4, |number| i64::from(number < 1_000)).await;
    world.wait(SWEPT_FROM);
    assert_eq!(due(&world)[..4], [0, 0, 0, 1]);
    assert_eq!(sweep(&world).await?, swept(1_000, 0));
    assert_eq!(due(&world), [1, 1]);
    assert_eq!(sweep(&world).await?, swept(2, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_oldest_minutes_are_visited_first_whatever_their_partition() -> Outcome {
    let (world, ..) = sale(&[]).await?;
    put_due(&world, 64, 1, |number| i64::from(64 - number)).await;
    world.wait(3_600 + SWEPT_FROM);
    let visited = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&visited);
    inject_where(&world, Fault::None, 0, move |call| {
        if call.operation == "GetItem" {
            let concert = call.body["Key"]["pk"]["S"].as_str().map(|pk| pk[pk.len() - 2..].to_owned());
            seen.lock().expect("no panic").extend(concert.and_then(|end| u32::from_str_radix(&end, 16).ok()));
        }
        false
    });
    assert_eq!(sweep(&world).await?, swept(64, 0));
    let visited = visited.lock().expect("no panic");
    let first: BTreeSet<u32> = visited.iter().take(16).copied().collect();
    assert_eq!(first, (49..=64).collect(), "the first 16, which are visited at once");
    Ok(())
}
