//! `stream_changes`: timers, domain events, seat counts and ticks out of the tables' streams.

use crate::support::purchases::{
    Outcome, PRICE, cancel, expire, feed_stream, held, inject, inject_where, items, sale, stream, take_timers,
};
use acceptance::{World, functions};
use engine::Fault;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

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

/// The types of the events in order, without the prefix that all of them have.
fn types(events: &[Value]) -> Vec<&str> {
    let types = events.iter().filter_map(|event| event["type"].as_str()?.strip_prefix("stagedoor."));
    let mut types: Vec<&str> = types.collect();
    types.sort_unstable();
    types
}

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
async fn a_paid_hold_sends_no_second_timer_and_a_cancelled_one_at_most_one() -> Outcome {
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
    assert!(timers.len() <= 1, "the removed seat sends at most one timer");
    assert!(expire(&world.app, &timers).await?.is_empty());
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test(start_paused = true)]
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
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn availability_is_recounted_chunk_by_chunk() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let blocks = json!([{ "section": "A", "from": 1, "to": 600, "seatType": "S", "price": 10 }]);
    let concert = world.concert_of(&admin, &json!({ "blocks": blocks })).await;
    let (ann, bob) = (world.buyer("ann", 100).await, world.buyer("bob", 0).await);
    let paid = held(&world, &ann, &concert, &[1, 256, 257]).await;
    world.pay(&ann, &paid, 30, None).await;
    held(&world, &bob, &concert, &[600]).await;
    let available = async || {
        let read = world.read(&format!("/api/v1/concerts/{concert}")).await;
        read.body["seatsAvailable"].clone()
    };
    assert_eq!(available().await, 600, "only the stream function counts");
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

#[tokio::test(start_paused = true)]
async fn an_older_count_does_not_replace_a_newer_one() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let other = world.environment(&[]).await?;
    // Both for the first count of a chunk and for a later one.
    for seats in [[1, 2], [3, 4]] {
        held(&world, &fan, &concert, &seats[..1]).await;
        let first = records(&world);
        let mut slow = std::pin::pin!(stream(&world.app, first));
        // Timers, ticks, events, webhooks, then the count, the seats, the due item; the put of the count is under way.
        crate::support::purchases::until_sent(&world, slow.as_mut(), if seats[0] == 1 { 7 } else { 5 }).await;
        held(&world, &fan, &concert, &seats[1..]).await;
        stream(&other, records(&world)).await?;
        slow.await?;
        assert_eq!(items(&world, "Concerts", "COUNT#")[0]["held"], seats[1]);
        world.wait(1);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_alarm_becomes_a_message_that_is_delayed_until_it_is_due() -> Outcome {
    let (world, _, _) = sale(&[]).await?;
    world.set_capacity(0).await;
    feed_stream(&world, &world.app).await?;
    let sent = world.engine.take_messages(&world.app.config.ticks_queue_url);
    assert_eq!(sent.iter().map(|tick| tick.delay_seconds).collect::<Vec<_>>(), [0]);
    let tick: Value = serde_json::from_str(&sent[0].body)?;
    assert_eq!((&tick["queueId"], tick["alarms"].as_array().map(Vec::len)), (&json!("main"), Some(1)));
    Ok(())
}

#[tokio::test(start_paused = true)]
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
    assert_eq!(
        wished.iter().map(|tick| tick.delay_seconds).collect::<Vec<_>>(),
        [1],
        "this second's tick was sent already"
    );
    world.set_capacity(0).await;
    let mut carl = world.fan("carl").await;
    world.join(&mut carl).await;
    feed_stream(&world, &world.app).await?;
    take_ticks(&world);
    world.wait(2);
    world.delete(&leave(&carl), &carl.access).await;
    feed_stream(&world, &world.app).await?;
    assert_eq!(take_ticks(&world), Vec::<Value>::new(), "a fan who only waited frees no slot");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn every_change_is_a_domain_event_with_a_stable_id() -> Outcome {
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
    let confirmed =
        events.iter().find(|event| event["type"] == "stagedoor.reservation.confirmed").cloned().unwrap_or_default();
    assert_eq!(confirmed["data"]["paymentId"], payment.body["paymentId"]);
    assert_eq!((&confirmed["data"]["amount"], confirmed["time"].as_str().map(str::len)), (&json!(PRICE), Some(24)));
    stream(&world.app, batch).await?;
    assert_eq!(take_events(&world), events, "fed twice: the same events with the same ids");
    let mut ids: Vec<String> = events.iter().map(|event| event["id"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), events.len(), "each event has an id of its own");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_expiry_is_a_domain_event_and_a_failed_payment_attempt_is_not() -> Outcome {
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

fn take_dead_letters(world: &World) -> Vec<Value> {
    take(world, &world.app.config.dead_letter_queue_url)
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_record_goes_to_the_dead_letters_and_the_batch_goes_on() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1]).await;
    held(&world, &fan, &concert, &[2]).await;
    let mut batch: Vec<Value> = records(&world);
    let first = batch
        .iter()
        .position(|record| record["dynamodb"]["Keys"]["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("RES#")));
    let mut broken = batch[first.ok_or("a reservation")?].clone();
    broken["dynamodb"]["SequenceNumber"] = json!("000000000000000000777");
    broken["dynamodb"]["NewImage"]["status"] = json!({ "S": "who-holds-this" });
    let malformed = json!({ "dynamodb": { "SequenceNumber": "778", "NewImage": 7 }, "eventSourceARN": "a stream" });
    batch.splice(0..0, [broken.clone(), malformed]);
    assert!(stream(&world.app, batch.clone()).await?.is_empty(), "no record is retried");
    assert_eq!(take_timers(&world).len(), 2, "the records behind it were processed");
    assert_eq!(items(&world, "Concerts", "COUNT#")[0]["held"], 2);
    let (arn, number) = (&broken["eventSourceARN"], &broken["dynamodb"]["SequenceNumber"]);
    assert!(arn.as_str().is_some_and(|arn| arn.contains("Fans")), "{arn}");
    let expected = [
        json!({ "streamArn": arn, "sequenceNumber": number, "error": "unreadable reservation" }),
        json!({ "streamArn": "a stream", "sequenceNumber": "778", "error": "unreadable other" }),
    ];
    assert_eq!(take_dead_letters(&world), expected, "the position of each record, and nothing of its content");
    // A record that cannot be sent to the dead letters is not skipped.
    let dead = world.app.config.dead_letter_queue_url.clone();
    inject_where(&world, Fault::InternalError, u64::MAX, move |call| call.body["QueueUrl"] == dead.as_str());
    assert!(stream(&world.app, batch).await.is_err());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_fails_makes_the_whole_batch_fail() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1]).await;
    let batch = records(&world);
    for operation in ["SendMessageBatch", "PutItem"] {
        inject(&world, operation, Fault::InternalError, u64::MAX);
        assert!(stream(&world.app, batch.clone()).await.is_err(), "{operation}");
        world.engine.clear_faults();
    }
    assert!(stream(&world.app, batch).await?.is_empty());
    assert_eq!(items(&world, "Concerts", "COUNT#")[0]["held"], 1);
    Ok(())
}

/// Two concerts with a hold each; the puts of the first one's counts get `fault`.
async fn one_broken_chunk(fault: Fault) -> Result<(World, String, String), Box<dyn std::error::Error>> {
    let (world, admin, first) = sale(&[]).await?;
    let second = world.concert(&admin).await;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &first, &[1]).await;
    held(&world, &fan, &second, &[1]).await;
    let broken = format!("CONCERT#{first}");
    inject_where(&world, fault, u64::MAX, move |call| {
        let key = &call.body["Item"];
        key["pk"]["S"] == broken.as_str() && key["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("COUNT#"))
    });
    Ok((world, first, second))
}

#[tokio::test(start_paused = true)]
async fn a_recount_that_fails_is_left_to_the_sweep_and_holds_up_no_other() -> Outcome {
    for fault in [Fault::InternalError, Fault::TransactionConflict { action: 0 }] {
        let (world, first, second) = one_broken_chunk(fault).await?;
        world.wait(60);
        let begun = Instant::now();
        assert!(feed_stream(&world, &world.app).await?.is_empty(), "the batch is done");
        assert!(begun.elapsed() <= Duration::from_millis(2_100), "{:?}", begun.elapsed());
        let counts = items(&world, "Concerts", "COUNT#");
        assert_eq!((counts.len(), counts[0]["pk"].clone()), (1, json!(format!("CONCERT#{second}"))));
        let present = world.app.now().minute().0;
        let due: Vec<Value> =
            world.engine.items("Concerts").into_iter().filter(|item| item["minute"] == present).collect();
        assert_eq!((due.len(), &due[0]["concertId"]), (1, &json!(first)), "due when the minute is over");
        world.engine.clear_faults();
        world.wait(70);
        functions::sweep_holds(&world.app, serde_json::from_value(json!({}))?).await.map_err(|e| e.to_string())?;
        assert_eq!(items(&world, "Concerts", "COUNT#").len(), 2, "counted by the sweep");
        assert!(items(&world, "Concerts", "COUNT#").iter().all(|count| count["held"] == 1));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn recounts_of_a_batch_end_after_two_seconds() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1]).await;
    world.wait(60);
    {
        let mut batch = std::pin::pin!(feed_stream(&world, &world.app));
        // Timers, ticks, events, webhooks; then the read of the old count takes two seconds.
        crate::support::purchases::until_sent(&world, batch.as_mut(), 5).await;
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(batch.await?.is_empty(), "the batch is done");
    }
    assert_eq!(items(&world, "Concerts", "COUNT#").len(), 0);
    let present = world.app.now().minute().0;
    assert_eq!(world.engine.items("Concerts").iter().filter(|item| item["minute"] == present).count(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_chunk_is_counted_at_most_twice_a_second_and_no_change_is_left_out() -> Outcome {
    let (world, admin, first) = sale(&[]).await?;
    let second = world.concert(&admin).await;
    let fan = world.buyer("ann", 0).await;
    let feed = async || -> Result<u128, Box<dyn std::error::Error>> {
        let begun = Instant::now();
        feed_stream(&world, &world.app).await?;
        Ok(begun.elapsed().as_millis())
    };
    held(&world, &fan, &first, &[1]).await;
    assert_eq!(feed().await?, 0);
    held(&world, &fan, &first, &[2]).await;
    assert!((500..=501).contains(&feed().await?), "the next half second");
    assert_eq!(items(&world, "Concerts", "COUNT#")[0]["held"], 2);
    held(&world, &fan, &second, &[1]).await;
    assert_eq!(feed().await?, 0, "another chunk waits for nothing");
    world.clock.advance_ms(500);
    held(&world, &fan, &first, &[3]).await;
    assert_eq!(feed().await?, 0, "nor does the first one after half a second");
    Ok(())
}
