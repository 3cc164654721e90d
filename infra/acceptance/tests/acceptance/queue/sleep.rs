//! Queues that sleep, and what wakes them.

use crate::{
    Outcome,
    support::{configure, items, join_with, leave, line_of, poll, status_and_position},
};
use acceptance::{Background, World, functions};
use engine::Fault;
use promote_tokens::Trigger;
use serde_json::{Value, json};
use shared::domain::{id::QueueId, time::Seconds};

/// Lets `seconds` pass as in a deployment, and one second more, which delivers what is due at the end; returns the
/// number of ticks.
async fn run(world: &World, background: &mut Background, seconds: u64) -> Result<usize, Box<dyn std::error::Error>> {
    let mut ticks = 0;
    for _ in 0..=seconds {
        ticks += background.second(world).await?;
    }
    Ok(ticks)
}

fn sleeps(world: &World) -> bool {
    let counter = items(world, "JOIN#main").pop().unwrap_or_default();
    counter["woken"].as_u64() != Some(counter["naps"].as_u64().unwrap_or_default())
}

fn alarms(world: &World) -> Vec<u64> {
    let due = |alarm: &Value| alarm["due"].as_u64().unwrap_or_default() - acceptance::START_MILLIS;
    let mut due: Vec<u64> = items(world, "ALARM#").iter().map(due).collect();
    due.sort_unstable();
    due
}

#[tokio::test]
async fn a_queue_at_rest_has_no_alarm_and_a_join_wakes_it() -> Outcome {
    let world = World::new().await?;
    let mut background = Background::default();
    world.set_capacity(1).await;
    run(&world, &mut background, 60).await?;
    assert!(sleeps(&world) && alarms(&world).is_empty());
    assert_eq!(run(&world, &mut background, 600).await?, 0, "no tick at rest");
    let fans = line_of(&world, 2).await;
    assert!(!sleeps(&world), "the first fan woke it");
    assert_eq!(alarms(&world).len(), 1, "the second fan put no alarm");
    assert!(run(&world, &mut background, 60).await? >= 6, "a tick every ten seconds while somebody waits");
    assert_eq!(status_and_position(&poll(&world, &fans[1]).await), "WAITING 1");
    leave(&world, &fans[0]).await;
    run(&world, &mut background, 2).await?;
    assert_eq!(status_and_position(&poll(&world, &fans[1]).await), "ACTIVE 0");
    leave(&world, &fans[1]).await;
    run(&world, &mut background, 90).await?;
    assert!(sleeps(&world) && alarms(&world).is_empty(), "{:?}", alarms(&world));
    Ok(())
}

#[tokio::test]
async fn a_queue_with_a_session_and_nobody_waiting_ticks_when_the_session_may_be_over() -> Outcome {
    let world = World::new().await?;
    let mut background = Background::default();
    let fan = world.buyer("ann", 0).await;
    run(&world, &mut background, 40).await?;
    assert!(sleeps(&world));
    assert_eq!(alarms(&world), [602_000], "the end of the session, and the margin");
    assert_eq!(run(&world, &mut background, 500).await?, 0);
    assert_eq!(run(&world, &mut background, 100).await?, 1);
    assert_eq!(poll(&world, &fan).await.outcome(), "410 session_over");
    run(&world, &mut background, 60).await?;
    assert!(alarms(&world).is_empty());
    Ok(())
}

#[tokio::test]
async fn before_the_opening_a_queue_ticks_once_a_minute_and_in_the_second_of_its_opening() -> Outcome {
    let world = World::new().await?;
    let mut background = Background::default();
    let admin = world.admin().await;
    configure(&world, &admin, &json!({ "opensAt": "2026-06-01T00:05:30Z", "capacity": 1 })).await;
    let fans = line_of(&world, 1).await;
    let ticks = run(&world, &mut background, 328).await?;
    assert!(ticks <= 8, "{ticks}");
    assert_eq!(status_and_position(&poll(&world, &fans[0]).await), "WAITING 1");
    run(&world, &mut background, 2).await?;
    assert_eq!(status_and_position(&poll(&world, &fans[0]).await), "ACTIVE 0");
    Ok(())
}

#[tokio::test]
async fn changed_settings_take_effect_within_two_seconds() -> Outcome {
    let world = World::new().await?;
    let mut background = Background::default();
    let admin = world.admin().await;
    world.set_capacity(0).await;
    let fans = line_of(&world, 1).await;
    run(&world, &mut background, 95).await?;
    configure(&world, &admin, &json!({ "capacity": 1 })).await;
    run(&world, &mut background, 1).await?;
    assert_eq!(status_and_position(&poll(&world, &fans[0]).await), "ACTIVE 0");
    Ok(())
}

/// A join that loses all its requests, or all its answers, from some point on.
#[tokio::test]
async fn no_crash_of_a_join_leaves_a_fan_in_a_sleeping_queue() -> Outcome {
    for (lost, fault) in (0..9).flat_map(|lost| [(lost, Fault::LostRequest), (lost, Fault::LostAnswer)]) {
        let world = World::new().await?;
        let mut background = Background::default();
        world.set_capacity(0).await;
        run(&world, &mut background, 60).await?;
        assert!(sleeps(&world));
        let fan = world.fan("ann").await;
        let mut seen = 0;
        world.engine.set_faults(move |_| {
            seen += 1;
            if seen > lost { fault } else { Fault::None }
        });
        join_with(&world, &fan.access, &json!({})).await;
        world.engine.clear_faults();
        world.wait(2);
        let ticket = !items(&world, "TICKET#main#").is_empty();
        let awake = !alarms(&world).is_empty();
        assert!(!ticket || awake, "{lost} {fault:?}: a ticket and no alarm");
        // The fan joins again, whatever the first join did; then a slot is free.
        let mut fan = fan;
        assert!(world.join(&mut fan).await.status < 300);
        world.set_capacity(1).await;
        run(&world, &mut background, 2).await?;
        // Holes that lost answers left are passed as no-shows.
        for _ in 0..12 {
            if status_and_position(&poll(&world, &fan).await) == "ACTIVE 0" {
                break;
            }
            run(&world, &mut background, 30).await?;
        }
        assert_eq!(status_and_position(&poll(&world, &fan).await), "ACTIVE 0", "{lost} {fault:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_fan_who_joins_while_the_tick_puts_the_queue_to_sleep_keeps_it_awake() -> Outcome {
    let world = World::new().await?;
    let fan = world.buyer("ann", 0).await;
    leave(&world, &fan).await;
    world.tick().await;
    let elsewhere = world.environment(&[]).await?;
    let engine = world.engine.clone();
    let mut done = false;
    world.engine.set_faults(move |call| {
        let sleeps = call.body["UpdateExpression"].as_str().is_some_and(|update| update.contains("naps = :next"));
        if sleeps && !done {
            done = true;
            engine.execute(
                "UpdateItem",
                json!({
                    "TableName": "Joins", "Key": { "pk": { "S": "JOIN#main#0" }, "sk": { "S": "COUNTER" } },
                    "UpdateExpression": "ADD #last :one", "ExpressionAttributeNames": { "#last": "last" },
                    "ExpressionAttributeValues": { ":one": { "N": "1" } },
                }),
            );
        }
        Fault::None
    });
    functions::tick(&elsewhere, &QueueId::main(), &[]).await?;
    world.engine.clear_faults();
    assert!(!sleeps(&world), "a place was drawn after the tick had read the counter");
    assert!(!alarms(&world).is_empty());
    Ok(())
}

/// The event with one message that an alarm due now asked for.
fn alarm_message(world: &World, id: u8) -> Result<Trigger, serde_json::Error> {
    let alarm = json!({ "due": world.app.now().millis(), "id": uuid::Uuid::from_u128(id.into()) });
    let body = json!({ "queueId": "main", "alarms": [alarm] }).to_string();
    serde_json::from_value(json!({ "Records": [{ "messageId": id.to_string(), "body": body }] }))
}

/// Many joins may wake a queue, a message may come twice, and a tick may come just before its alarm.
#[tokio::test]
async fn however_many_alarms_come_a_queue_ticks_every_ten_seconds() -> Outcome {
    let world = World::new().await?;
    let mut background = Background::default();
    world.set_capacity(0).await;
    line_of(&world, 1).await;
    run(&world, &mut background, 75).await?;
    for id in 0..20 {
        functions::promote_tokens(&world.app, alarm_message(&world, id)?).await.map_err(|error| error.to_string())?;
        world.wait(1);
    }
    run(&world, &mut background, 60).await?;
    for _ in 0..3 {
        let ticks = run(&world, &mut background, 59).await?;
        assert!((5..=8).contains(&ticks), "{ticks} ticks in a minute");
    }
    assert_eq!(alarms(&world).len(), 1);
    Ok(())
}

/// Each time the line is empty, the next alarm comes sooner, and the ticks that were sent are still to come.
#[tokio::test]
async fn fans_who_join_and_leave_in_turn_do_not_make_a_queue_tick_more_often() -> Outcome {
    let world = World::with(&[("JOINS_PER_FAN", "0"), ("PLACES_PER_FAN", "0")]).await?;
    let mut background = Background::default();
    world.set_capacity(0).await;
    let mut fan = world.fan("ann").await;
    let mut ticks = 0;
    for round in 0..90 {
        assert!(world.join(&mut fan).await.status < 300);
        let seen = run(&world, &mut background, 1).await?;
        leave(&world, &fan).await;
        let seen = seen + run(&world, &mut background, 1).await?;
        ticks += if round >= 60 { seen } else { 0 };
    }
    assert!(ticks <= 2 * 14, "{ticks} ticks in two minutes");
    Ok(())
}

#[tokio::test]
async fn regular_ticks_that_could_not_be_sent_are_sent_by_the_next_delivery() -> Outcome {
    let world = World::new().await?;
    let mut background = Background::default();
    world.set_capacity(0).await;
    line_of(&world, 1).await;
    run(&world, &mut background, 75).await?;
    let queue = &world.app.config.ticks_queue_url;
    world.engine.take_messages(queue);
    world.wait(60);
    for (fault, failures, sent) in [(Fault::LostRequest, 1, 0), (Fault::None, 0, 5), (Fault::None, 0, 0)] {
        world.engine.set_faults(move |call| if call.operation == "SendMessageBatch" { fault } else { Fault::None });
        let answer = functions::promote_tokens(&world.app, alarm_message(&world, 1)?).await;
        assert_eq!(answer.map_err(|error| error.to_string())?.batch_item_failures.len(), failures);
        world.engine.clear_faults();
        assert_eq!(world.engine.take_messages(queue).len(), sent);
    }
    Ok(())
}

#[tokio::test]
async fn the_schedule_finds_alarms_whose_messages_were_lost_or_that_lie_far_ahead() -> Outcome {
    let world = World::with(&[("ACTIVE_SECONDS", "3600")]).await?;
    let mut background = Background::default();
    world.buyer("ann", 0).await;
    run(&world, &mut background, 40).await?;
    acceptance::feed_stream(&world, &world.app).await?;
    let quiet = &world.app.config.quiet_ticks_queue_url;
    world.engine.take_messages(quiet);
    let schedule = || serde_json::from_value::<Trigger>(json!({ "source": "aws.events" }));
    functions::promote_tokens(&world.app, schedule()?).await.map_err(|error| error.to_string())?;
    assert!(world.engine.take_messages(quiet).is_empty(), "an hour ahead");
    world.wait(3_500);
    functions::promote_tokens(&world.app, schedule()?).await.map_err(|error| error.to_string())?;
    let sent = world.engine.take_messages(quiet);
    assert_eq!(sent.len(), 1, "due within two minutes, and too far ahead for a message when it was put");
    assert!((50..=70).contains(&sent[0].delay_seconds), "{sent:?}");
    assert_eq!(world.app.store.alarms_due(Seconds(3_600)).await?.len(), 1, "only the tick deletes it");
    Ok(())
}
