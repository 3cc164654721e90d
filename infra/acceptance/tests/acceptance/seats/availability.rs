//! `GET /concerts/{concertId}/availability`: what the stream function and the sweep leave behind.

use crate::{
    background::sweep::{SWEPT_FROM, sweep},
    support::purchases::{
        Outcome, PRICE, cancel, expire, feed_stream, held, inject_where, items, number, post, remove, sale, stream,
        take_timers, tamper, until_sent,
    },
};
use acceptance::{Fan, Reply, Request, World, halls};
use base64::{Engine, engine::general_purpose::STANDARD};
use engine::Fault;
use serde_json::{Value, json};
use shared::app::App;
use std::{pin::pin, time::Duration};
use tokio::time::Instant;

async fn read_from(world: &World, app: &App, concert: &str) -> Reply {
    let reply = world.send_to(app, Request::new("GET", format!("/api/v1/concerts/{concert}/availability"))).await;
    assert_eq!(reply.outcome(), "200", "{}", reply.body);
    reply
}

/// The document as the world's environment shows it a second after its last read.
async fn document(world: &World, concert: &str) -> Value {
    world.wait(1);
    read_from(world, &world.app, concert).await.body
}

/// Feeds the stream function, and returns the document.
async fn fed(world: &World, concert: &str) -> Result<Value, Box<dyn std::error::Error>> {
    feed_stream(world, &world.app).await?;
    Ok(document(world, concert).await)
}

/// The places of the seats that are not free, counted from 1 over all blocks, with their bits.
fn taken(document: &Value) -> Vec<(usize, u8)> {
    let bytes = STANDARD.decode(document["seats"].as_str().unwrap_or_default()).expect("base64");
    let total = document["total"].as_u64().unwrap_or_default() as usize;
    assert_eq!(bytes.len(), total.div_ceil(4), "four seats a byte");
    let bits = |place: usize| bytes[place / 4] >> (place % 4 * 2) & 3;
    assert!((total..bytes.len() * 4).all(|place| bits(place) == 0), "nothing behind the last seat");
    (0..total).map(|place| (place + 1, bits(place))).filter(|(_, bits)| *bits != 0).collect()
}

const HELD: u8 = 0b01;
const SOLD: u8 = 0b10;

fn timer(fan: &Fan, id: &str) -> String {
    json!({ "userId": fan.user_id, "reservationId": id }).to_string()
}

#[tokio::test(start_paused = true)]
async fn a_concert_that_nobody_touched_is_free_and_has_no_items() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    world.wait(7);
    let concert = world.concert(&admin).await;
    world.wait(60);
    let reply = read_from(&world, &world.app, &concert).await;
    assert_eq!(reply.headers["cache-control"], "public, max-age=1");
    let block = json!({ "section": "A", "seatType": "STANDARD", "price": PRICE, "free": 50, "total": 50 });
    let expected = json!({
        "version": 0, "at": "2026-06-01T00:00:07.000Z", "seats": STANDARD.encode([0; 13]), "byBlock": [block],
        "free": 50, "total": 50,
    });
    assert_eq!(reply.body, expected, "since it was created");
    assert_eq!(items(&world, "Concerts", "COUNT#").len(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_hold_a_payment_a_refund_and_a_cancellation_show_in_the_next_version() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 100_000).await, world.buyer("bob", 0).await);
    let mut versions = vec![document(&world, &concert).await];
    let (paid, dropped) = (held(&world, &ann, &concert, &[5, 6]).await, held(&world, &bob, &concert, &[50]).await);
    versions.push(fed(&world, &concert).await?);
    assert_eq!(taken(&versions[1]), [(5, HELD), (6, HELD), (50, HELD)]);
    let payment = world.pay(&ann, &paid, 2 * PRICE, None).await;
    versions.push(fed(&world, &concert).await?);
    assert_eq!(taken(&versions[2]), [(5, SOLD), (6, SOLD), (50, HELD)]);
    assert_eq!((&versions[2]["free"], &versions[2]["byBlock"][0]["free"]), (&json!(47), &json!(47)));
    assert_eq!(world.send(cancel(&bob, &dropped)).await.status, 204);
    versions.push(fed(&world, &concert).await?);
    assert_eq!(taken(&versions[3]), [(5, SOLD), (6, SOLD)]);
    let refund = format!("/api/v1/payments/{}/cancel", payment.text("paymentId"));
    assert_eq!(world.send(post(&refund, &ann.access, None, &json!({}))).await.status, 200);
    versions.push(fed(&world, &concert).await?);
    assert_eq!((taken(&versions[4]), &versions[4]["free"]), (vec![], &json!(50)));
    let order = |document: &Value| (document["version"].as_u64(), document["at"].as_str().map(str::to_owned));
    assert!(versions.is_sorted_by(|a, b| order(a) < order(b) && a["at"].as_str() < b["at"].as_str()), "{versions:#?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_is_over_is_free_once_its_timer_or_another_fan_came() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let old = held(&world, &ann, &concert, &[1, 2]).await;
    let before = fed(&world, &concert).await?;
    assert_eq!(taken(&before), [(1, HELD), (2, HELD)]);
    world.wait(300);
    assert_eq!(document(&world, &concert).await, before, "one version has one content");
    let timers = take_timers(&world);
    held(&world, &bob, &concert, &[2]).await;
    assert_eq!(taken(&fed(&world, &concert).await?), [(2, HELD)], "the take-over counted the chunk: seat 1 is over");
    assert!(expire(&world.app, &timers).await?.is_empty());
    assert!(expire(&world.app, &[timer(&ann, &old)]).await?.is_empty());
    assert_eq!(taken(&fed(&world, &concert).await?), [(2, HELD)]);
    world.wait(300);
    assert!(expire(&world.app, &take_timers(&world)).await?.is_empty());
    assert_eq!(taken(&fed(&world, &concert).await?), [], "its timer freed it");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_sweep_frees_what_a_lost_timer_left_and_counts_what_a_failed_recount_left() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[7]).await;
    inject_where(&world, Fault::InternalError, u64::MAX, |call| {
        call.body["Item"]["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("COUNT#"))
    });
    assert_eq!(fed(&world, &concert).await?["version"], 0);
    world.engine.clear_faults();
    world.wait(70);
    sweep(&world).await?;
    assert_eq!(taken(&document(&world, &concert).await), [(7, HELD)]);
    take_timers(&world);
    world.wait(SWEPT_FROM - 70);
    sweep(&world).await?;
    assert_eq!(taken(&document(&world, &concert).await), []);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_less_than_a_second_old_and_costs_nothing_within_it() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let first = read_from(&world, &world.app, &concert).await.body;
    held(&world, &fan, &concert, &[1]).await;
    let begun = Instant::now();
    feed_stream(&world, &world.app).await?;
    held(&world, &fan, &concert, &[2]).await;
    feed_stream(&world, &world.app).await?;
    assert!(begun.elapsed() <= Duration::from_millis(501), "counted at the next half second at the latest");
    world.clock.advance_ms(999);
    world.engine.reset_meter();
    assert_eq!(read_from(&world, &world.app, &concert).await.body, first);
    assert_eq!(world.engine.meter().requests, 0);
    world.clock.advance_ms(1);
    assert_eq!(taken(&read_from(&world, &world.app, &concert).await.body), [(1, HELD), (2, HELD)]);
    assert_eq!(world.engine.meter().requests, 2, "the concert and all of its counts");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn batches_that_are_repeated_late_or_overtaken_leave_the_seats_as_they_are() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 50_000).await, world.buyer("bob", 0).await);
    let other = world.environment(&[]).await?;
    let records = || ["Fans", "Concerts", "Queues"].iter().flat_map(|t| world.engine.stream_records(t)).collect();
    let paid = held(&world, &ann, &concert, &[1]).await;
    let first: Vec<Value> = records();
    world.pay(&ann, &paid, PRICE, None).await;
    let dropped = held(&world, &bob, &concert, &[2]).await;
    let second: Vec<Value> = records();
    world.send(cancel(&bob, &dropped)).await;
    let third: Vec<Value> = records();
    let mut versions = Vec::new();
    for batch in [&third, &first, &second, &second, &first] {
        stream(&other, batch.clone()).await?;
        let now = document(&world, &concert).await;
        assert_eq!(taken(&now), [(1, SOLD)]);
        versions.push(now["version"].as_u64());
    }
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    {
        // The put of an old count is under way while another environment counts newer seats.
        held(&world, &bob, &concert, &[3]).await;
        let mut slow = pin!(stream(&world.app, records()));
        until_sent(&world, slow.as_mut(), 6).await;
        held(&world, &bob, &concert, &[4]).await;
        stream(&other, records()).await?;
        slow.await?;
    }
    assert_eq!(taken(&document(&world, &concert).await), [(1, SOLD), (3, HELD), (4, HELD)]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_version_never_goes_back_in_one_environment_whatever_a_read_misses() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let blocks = json!([{ "section": "A", "from": 1, "to": 300, "seatType": "S", "price": 10 }]);
    let concert = world.concert_of(&admin, &json!({ "blocks": blocks })).await;
    let fan = world.buyer("ann", 0).await;
    let other = world.environment(&[]).await?;
    assert_eq!(read_from(&world, &other, &concert).await.body["version"], 0);
    held(&world, &fan, &concert, &[1, 300]).await;
    let newest = fed(&world, &concert).await?;
    assert_eq!((taken(&newest), &newest["version"]), (vec![(1, HELD), (300, HELD)], &json!(2)));
    // What an eventually consistent read of another replica may show: an older count, and a count that is missing.
    let counts = items(&world, "Concerts", "COUNT#");
    tamper(&world, "Concerts", &counts[0], "version", number(0)).await;
    remove(&world, "Concerts", &counts[1]).await;
    assert_eq!(document(&world, &concert).await, newest);
    assert_eq!(
        read_from(&world, &other, &concert).await.body["version"],
        0,
        "another environment knows only what it read"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_version_does_not_go_back_when_a_clock_is_behind() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    world.wait(100);
    held(&world, &fan, &concert, &[1]).await;
    let first = fed(&world, &concert).await?;
    let now = engine::Clock::now_ms(&world.clock);
    world.clock.set_ms(now - 60_000);
    held(&world, &fan, &concert, &[2]).await;
    feed_stream(&world, &world.app).await?;
    world.clock.set_ms(now);
    let second = document(&world, &concert).await;
    assert_eq!((&second["at"], &second["version"]), (&first["at"], &json!(2)));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn seats_stand_without_gaps_across_blocks_and_chunks_and_add_up_by_block() -> Outcome {
    let (world, admin, _) = sale(&[("SEATS_PER_SESSION", "8")]).await?;
    let block = |section: &str, from: u32, to: u32, price: u32| json!({ "section": section, "from": from, "to": to, "seatType": "S", "price": price });
    let blocks =
        [block("B", 1_000, 1_004, 30), block("A", 255, 258, 10), block("A", 511, 514, 20), block("C", 9, 9, 40)];
    let concert = world.concert_of(&admin, &json!({ "blocks": blocks })).await;
    let fan = world.buyer("ann", 50_000).await;
    let paid = held(&world, &fan, &concert, &[256, 257, 514]).await;
    held(&world, &fan, &concert, &[9, 1_004]).await;
    world.pay(&fan, &paid, 40, None).await;
    let document = fed(&world, &concert).await?;
    // By number: 9; 255 to 258; 511 to 514; 1,000 to 1,004.
    assert_eq!(taken(&document), [(1, HELD), (3, SOLD), (4, SOLD), (9, SOLD), (14, HELD)]);
    let sum = |section: &str, price: u32, free: u32, total: u32| json!({ "section": section, "seatType": "S", "price": price, "free": free, "total": total });
    let expected = json!([sum("C", 40, 0, 1), sum("A", 10, 2, 4), sum("A", 20, 3, 4), sum("B", 30, 4, 5)]);
    assert_eq!(document["byBlock"], expected);
    assert_eq!((&document["free"], &document["total"], &document["version"]), (&json!(9), &json!(14), &json!(4)));
    Ok(())
}

#[tokio::test]
async fn an_unknown_concert_is_404_and_a_malformed_id_400() -> Outcome {
    let world = World::new().await?;
    let read = |id: &str| world.send(Request::new("GET", format!("/api/v1/concerts/{id}/availability")));
    assert_eq!(read("0190a7c4-0000-7000-8000-000000000001").await.outcome(), "404 concert_not_found");
    let malformed = read("7").await;
    assert_eq!(malformed.outcome(), "400 invalid_request");
    assert_eq!(malformed.body["errors"][0]["pointer"], "concertId");
    assert_eq!(read("0190a7c400007000800000000000000a").await.outcome(), "400 invalid_request");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_database_that_fails_is_503_with_retry_after() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    inject_where(&world, Fault::InternalError, u64::MAX, |_| true);
    let failed = world.send(Request::new("GET", format!("/api/v1/concerts/{concert}/availability"))).await;
    assert_eq!(failed.outcome(), "503 unavailable");
    assert!(failed.headers.contains_key("retry-after"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_hall_of_100_000_is_read_with_one_query_and_a_change_of_it_shows_at_once() -> Outcome {
    let world = World::with(&halls::ROOMY).await?;
    let concert = halls::largest(&world).await;
    halls::held_everywhere(&world, &concert).await;
    let begun = Instant::now();
    let document = fed(&world, &concert).await?;
    assert!(begun.elapsed() < Duration::from_millis(100), "no chunk waits for another");
    assert_eq!(items(&world, "Concerts", "COUNT#").len(), 391);
    assert_eq!((&document["free"], &document["total"]), (&json!(100_000 - 391), &json!(100_000)));
    assert_eq!(taken(&document), (0..391).map(|chunk| (chunk * 256 + 1, HELD)).collect::<Vec<_>>());
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[100_000]).await;
    feed_stream(&world, &world.app).await?;
    world.wait(1);
    world.engine.reset_meter();
    let reply = read_from(&world, &world.app, &concert).await;
    assert_eq!((world.engine.meter().requests, world.engine.meter().write_units), (2, 0.0));
    assert_eq!((taken(&reply.body).last(), &reply.body["byBlock"][9]["free"]), (Some(&(100_000, HELD)), &json!(9_960)));
    Ok(())
}
