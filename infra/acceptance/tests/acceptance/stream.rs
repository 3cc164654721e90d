//! `stream_changes`: timers, domain events, seat counts and ticks out of the tables' streams.

use crate::purchases::{Outcome, PRICE, cancel, expire, feed_stream, held, inject, items, sale, stream, take_timers};
use acceptance::{Request, World};
use engine::Fault;
use serde_json::{Value, json};

fn records(world: &World) -> Vec<Value> {
    ["Fans", "Concerts", "Queues"].iter().flat_map(|table| world.engine.stream_records(table)).collect()
}

fn take(world: &World, queue: &str) -> Vec<Value> {
    let messages = world.engine.take_messages(queue).into_iter();
    messages.filter_map(|message| serde_json::from_str(&message.body).ok()).collect()
}

fn take_events(world: &World) -> Vec<Value> {
    take(world, &world.app.config.events_queue_url)
}

fn take_ticks(world: &World) -> Vec<Value> {
    let urgent = take(world, &world.app.config.ticks_queue_url);
    [urgent, take(world, &world.app.config.quiet_ticks_queue_url)].concat()
}

fn types(events: &[Value]) -> Vec<&str> {
    let mut types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    types.sort_unstable();
    types
}

#[tokio::test]
async fn each_new_hold_gets_a_timer_for_what_remains() -> Outcome {
    for (hold_seconds, expected) in [("300", 299), ("900", 899), ("3600", 900)] {
        let (world, _, concert) = sale(&[("HOLD_SECONDS", hold_seconds)]).await?;
        let fan = world.buyer("ann", 0).await;
        let id = held(&world, &fan, &concert, &[1, 2]).await;
        world.clock.advance_ms(1_500);
        feed_stream(&world, &world.app).await?;
        let timers = world.engine.take_messages(&world.app.config.timers_queue_url);
        assert_eq!(timers.len(), 1, "one for the hold, not one for each seat");
        assert_eq!(timers[0].delay_seconds, expected, "rounded up");
        let body: Value = serde_json::from_str(&timers[0].body)?;
        assert_eq!(body, json!({ "userId": fan.user_id, "reservationId": id }));
    }
    Ok(())
}

#[tokio::test]
async fn what_becomes_of_a_hold_sends_no_further_timer() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 50_000).await;
    let (paid, dropped) = (held(&world, &fan, &concert, &[1]).await, held(&world, &fan, &concert, &[2]).await);
    feed_stream(&world, &world.app).await?;
    assert_eq!(take_timers(&world).len(), 2);
    world.pay(&fan, &paid, 1, None).await;
    world.pay(&fan, &paid, PRICE, None).await;
    feed_stream(&world, &world.app).await?;
    assert_eq!(take_timers(&world).len(), 0);
    world.send(cancel(&fan, &dropped)).await;
    feed_stream(&world, &world.app).await?;
    let timers = take_timers(&world);
    assert!(timers.len() <= 1, "a seat that goes may ask for a look, no more");
    assert!(expire(&world.app, &timers).await?.is_empty());
    crate::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_take_over_expires_the_old_reservation() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let old = held(&world, &ann, &concert, &[1, 2]).await;
    world.wait(300);
    feed_stream(&world, &world.app).await?;
    take_timers(&world);
    held(&world, &bob, &concert, &[1]).await;
    feed_stream(&world, &world.app).await?;
    let timers = take_timers(&world);
    assert!(timers.iter().any(|timer| timer.contains(&old)), "{timers:?}");
    expire(&world.app, &timers).await?;
    let statuses = items(&world, "Fans", "RES#");
    let status = |id: &str| statuses.iter().find(|r| r["reservationId"] == id).map(|r| r["status"].clone());
    assert_eq!(status(&old), Some(json!("EXPIRED")));
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 1, "the seat that nobody took is free too");
    crate::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn availability_is_recounted_chunk_by_chunk() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let blocks = json!([{ "section": "A", "from": 1, "to": 600, "seatType": "S", "price": 10 }]);
    let concert = world.concert_of(&admin, &json!({ "blocks": blocks })).await;
    let (ann, bob) = (world.buyer("ann", 100).await, world.buyer("bob", 0).await);
    let paid = held(&world, &ann, &concert, &[1, 256, 257]).await;
    world.pay(&ann, &paid, 30, None).await;
    held(&world, &bob, &concert, &[600]).await;
    let available = async || {
        let read = world.send(Request::new("GET", format!("/api/v1/concerts/{concert}"))).await;
        read.body["seatsAvailable"].clone()
    };
    assert_eq!(available().await, 600, "counted by the stream only");
    feed_stream(&world, &world.app).await?;
    assert_eq!(available().await, 596);
    let counts = items(&world, "Concerts", "COUNT#");
    let count = |i: usize| (counts[i]["sold"].clone(), counts[i]["held"].clone());
    assert_eq!((count(0), count(1), count(2)), ((2.into(), 0.into()), (1.into(), 0.into()), (0.into(), 1.into())));
    world.wait(300);
    let carl = world.buyer("carl", 0).await;
    held(&world, &carl, &concert, &[600, 599]).await;
    feed_stream(&world, &world.app).await?;
    assert_eq!(available().await, 595);
    Ok(())
}

#[tokio::test]
async fn an_older_count_does_not_replace_a_newer_one() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let other = world.environment(&[]).await?;
    // Both for the first count of a chunk and for a later one.
    for seats in [[1, 2], [3, 4]] {
        held(&world, &fan, &concert, &seats[..1]).await;
        let first = records(&world);
        let mut slow = std::pin::pin!(stream(&world.app, first));
        // Timers, events, then the count and the seats; the put is under way.
        crate::purchases::until_sent(&world, slow.as_mut(), 5 - u64::from(seats[0] != 1)).await;
        held(&world, &fan, &concert, &seats[1..]).await;
        stream(&other, records(&world)).await?;
        slow.await?;
        assert_eq!(items(&world, "Concerts", "COUNT#")[0]["held"], seats[1]);
    }
    Ok(())
}

#[tokio::test]
async fn an_alarm_becomes_a_message_for_when_it_is_due() -> Outcome {
    let (world, _, _) = sale(&[]).await?;
    world.set_capacity(0).await;
    feed_stream(&world, &world.app).await?;
    let sent = world.engine.take_messages(&world.app.config.ticks_queue_url);
    assert_eq!(sent.iter().map(|tick| tick.delay_seconds).collect::<Vec<_>>(), [0]);
    let tick: Value = serde_json::from_str(&sent[0].body)?;
    assert_eq!((&tick["queueId"], tick["alarms"].as_array().map(Vec::len)), (&json!("main"), Some(1)));
    Ok(())
}

#[tokio::test]
async fn the_end_of_a_session_that_had_a_slot_asks_for_a_tick_once_a_second() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 50_000).await, world.buyer("bob", 0).await);
    let id = held(&world, &ann, &concert, &[1]).await;
    feed_stream(&world, &world.app).await?;
    take_ticks(&world);
    world.pay(&ann, &id, PRICE, None).await;
    feed_stream(&world, &world.app).await?;
    assert_eq!(take_ticks(&world), [json!({ "queueId": "main" })]);
    let leave = |fan: &acceptance::Fan| format!("/api/v1/tokens/{}", fan.user_id);
    world.delete(&leave(&bob), &bob.access).await;
    feed_stream(&world, &world.app).await?;
    let wished = world.engine.take_messages(&world.app.config.quiet_ticks_queue_url);
    assert_eq!(wished.iter().map(|tick| tick.delay_seconds).collect::<Vec<_>>(), [1], "the first one has begun");
    world.set_capacity(0).await;
    let mut carl = world.fan("carl").await;
    world.join(&mut carl).await;
    feed_stream(&world, &world.app).await?;
    take_ticks(&world);
    world.wait(2);
    world.delete(&leave(&carl), &carl.access).await;
    feed_stream(&world, &world.app).await?;
    assert_eq!(take_ticks(&world), Vec::<Value>::new(), "a fan who only waited leaves no slot");
    Ok(())
}

#[tokio::test]
async fn every_change_is_an_event_with_an_id_that_stays() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 60_000).await;
    let (paid, dropped) = (held(&world, &fan, &concert, &[1]).await, held(&world, &fan, &concert, &[2]).await);
    world.send(cancel(&fan, &dropped)).await;
    let payment = world.pay(&fan, &paid, PRICE, None).await;
    let batch = records(&world);
    stream(&world.app, batch.clone()).await?;
    let events = take_events(&world);
    let expected = [
        "ledger.charge",
        "ledger.payment",
        "reservation.cancelled",
        "reservation.confirmed",
        "reservation.pending",
        "reservation.pending",
        "session.ended",
        "session.started",
    ];
    assert_eq!(types(&events), expected);
    let confirmed = events.iter().find(|event| event["type"] == "reservation.confirmed").cloned().unwrap_or_default();
    assert_eq!(confirmed["data"]["paymentId"], payment.body["paymentId"]);
    assert_eq!((&confirmed["data"]["amount"], confirmed["at"].as_str().map(str::len)), (&json!(PRICE), Some(24)));
    stream(&world.app, batch).await?;
    assert_eq!(take_events(&world), events, "fed twice: the same events with the same ids");
    let mut ids: Vec<String> = events.iter().map(|event| event["id"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), events.len(), "each its own");
    Ok(())
}

#[tokio::test]
async fn expiry_is_an_event_too_and_noted_attempts_are_not() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1]).await;
    feed_stream(&world, &world.app).await?;
    take_events(&world);
    let id = items(&world, "Fans", "RES#")[0]["reservationId"].as_str().unwrap_or_default().to_owned();
    world.pay(&fan, &id, PRICE, None).await;
    feed_stream(&world, &world.app).await?;
    assert_eq!(take_events(&world), Vec::<Value>::new());
    world.wait(300);
    expire(&world.app, &take_timers(&world)).await?;
    feed_stream(&world, &world.app).await?;
    assert_eq!(types(&take_events(&world)), ["reservation.expired"]);
    Ok(())
}

#[tokio::test]
async fn an_unreadable_record_is_reported_after_those_before_it_were_acted_on() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let (first, second) = (held(&world, &fan, &concert, &[1]).await, held(&world, &fan, &concert, &[2]).await);
    let mut batch: Vec<Value> = world.engine.stream_records("Fans");
    batch.retain(|record| record["dynamodb"]["Keys"]["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("RES#")));
    assert_eq!(batch.len(), 2);
    let mut broken = batch[0].clone();
    broken["dynamodb"]["SequenceNumber"] = json!("000000000000000000777");
    if let Some(image) = broken["dynamodb"]["NewImage"].as_object_mut() {
        image.remove("status");
    }
    batch.insert(1, broken);
    assert_eq!(stream(&world.app, batch.clone()).await?, ["000000000000000000777"]);
    let timers = take_timers(&world);
    assert!(timers.len() == 1 && timers[0].contains(&first), "{timers:?}");
    assert!(stream(&world.app, batch.split_off(2)).await?.is_empty());
    assert!(take_timers(&world).iter().all(|timer| timer.contains(&second)));
    Ok(())
}

#[tokio::test]
async fn a_dependency_that_fails_makes_the_whole_batch_come_again() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1]).await;
    let batch = records(&world);
    for operation in ["SendMessageBatch", "PutItem", "Query"] {
        inject(&world, operation, Fault::InternalError, u64::MAX);
        assert!(stream(&world.app, batch.clone()).await.is_err(), "{operation}");
        world.engine.clear_faults();
    }
    assert!(stream(&world.app, batch).await?.is_empty());
    assert_eq!(items(&world, "Concerts", "COUNT#")[0]["held"], 1);
    Ok(())
}
