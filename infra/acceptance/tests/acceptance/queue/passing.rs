//! Dead places ahead of living ones: whatever was piled up, the next living fan is admitted.

use crate::{
    Outcome,
    support::{configure, leave, line_of, poll, sessions, state, status_and_position},
};
use acceptance::{Fan, World, functions, piles::Pile};
use serde_json::{Value, json};
use shared::domain::id::QueueId;

async fn join(world: &World, name: &str) -> Fan {
    let mut fan = world.fan(name).await;
    assert!(world.join(&mut fan).await.status < 300);
    fan
}

/// Ticks until `served` is `place`, at most `most` times; returns the number of ticks and what they used.
async fn ticks_until(world: &World, place: u64, most: u32) -> Result<(u32, engine::Meter), Box<dyn std::error::Error>> {
    world.engine.reset_meter();
    for ticks in 1..=most {
        world.tick().await;
        if state(world)["served"] == place {
            return Ok((ticks, world.engine.meter()));
        }
    }
    Err(format!("not served up to {place} in {most} ticks: {}", state(world)).into())
}

#[tokio::test]
async fn a_thousand_places_that_left_are_passed_without_a_slot() -> Outcome {
    let world = World::with(&[("QUEUE_CAPACITY", "0")]).await?;
    world.pile_up(1_000, Pile::Left);
    let living = join(&world, "ann").await;
    world.set_capacity(1).await;
    let (ticks, used) = ticks_until(&world, 1_001, 1).await?;
    assert!(ticks == 1 && used.write_units <= 4.0, "{used:?}");
    assert_eq!((&state(&world)["admitted"], &state(&world)["occupied"]), (&json!(1), &json!(1)));
    assert_eq!(status_and_position(&poll(&world, &living).await), "ACTIVE 0");
    // Later surveys do not read the tombstones again.
    world.wait(1);
    world.tick().await;
    world.engine.reset_meter();
    world.tick().await;
    assert!(world.engine.meter().read_units <= 12.0, "{:?}", world.engine.meter());
    Ok(())
}

#[tokio::test]
async fn places_that_waited_too_long_are_passed_without_a_slot_and_never_claimed() -> Outcome {
    for dead in [4, 150] {
        let world = World::with(&[("QUEUE_CAPACITY", "0"), ("WAITING_SECONDS", "600")]).await?;
        let first = line_of(&world, 2).await;
        world.pile_up(dead - 2, Pile::Drawn);
        world.wait(11);
        world.tick().await;
        assert_eq!(state(&world)["sampled"], 11_000);
        world.wait(590);
        let living = join(&world, "living").await;
        world.set_capacity(1).await;
        assert_eq!(poll(&world, &first[0]).await.outcome(), "410 session_over", "its waiting time is over");
        world.wait(25);
        let (_, used) = ticks_until(&world, dead + 1, 1).await?;
        assert!(dead < 100 || used.write_units <= 4.0, "{used:?}");
        assert_eq!(state(&world)["admitted"], 1, "the dead places took no slot");
        world.wait(1);
        assert_eq!(status_and_position(&poll(&world, &living).await), "ACTIVE 0");
        for fan in &first {
            let over = poll(&world, fan).await;
            let shown = (over.outcome(), over.text("reason").to_owned());
            assert_eq!(shown, ("410 session_over".to_owned(), "WAITED_TOO_LONG".to_owned()), "passed is final");
        }
        assert_eq!(sessions(&world).len() as u64, if dead < 100 { dead + 1 } else { 1 });
        let again = world.join(&mut first[0].clone()).await;
        assert_eq!((again.outcome().as_str(), status_and_position(&again).as_str()), ("201", "WAITING 1"));
    }
    Ok(())
}

#[tokio::test]
async fn a_queue_that_is_paused_or_not_open_passes_dead_places_and_admits_nobody() -> Outcome {
    let world = World::with(&[("QUEUE_CAPACITY", "5")]).await?;
    let admin = world.admin().await;
    for settings in [json!({ "paused": true }), json!({ "paused": false, "opensAt": "2026-06-02T00:00:00Z" })] {
        configure(&world, &admin, &settings).await;
        let fans = line_of_named(&world, &settings.to_string(), 3).await;
        leave(&world, &fans[0]).await;
        leave(&world, &fans[1]).await;
        let served = state(&world)["served"].as_u64().unwrap_or_default();
        world.tick().await;
        let after = state(&world);
        assert_eq!((&after["served"], &after["admitted"]), (&json!(served + 2), &json!(0)), "{after}");
        leave(&world, &fans[2]).await;
        world.tick().await;
    }
    Ok(())
}

async fn line_of_named(world: &World, name: &str, count: usize) -> Vec<Fan> {
    let mut fans = Vec::new();
    for number in 0..count {
        fans.push(join(world, &format!("fan-{}-{number}", name.len())).await);
    }
    fans
}

#[tokio::test]
async fn dead_places_are_passed_even_after_the_capacity_was_lowered() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(3).await;
    let fans = line_of(&world, 6).await;
    leave(&world, &fans[3]).await;
    world.set_capacity(1).await;
    world.tick().await;
    let state = state(&world);
    assert_eq!((&state["served"], &state["free"], &state["occupied"]), (&json!(4), &json!(-2), &json!(3)));
    Ok(())
}

/// Walk-ins change the state between a tick's reads and its write: the tick retries and still frees the slot that it
/// found.
#[tokio::test]
async fn walk_ins_and_ticks_do_not_starve_each_other() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(30).await;
    let fans = line_of(&world, 5).await;
    leave(&world, &fans[1]).await;
    world.wait(1);
    let elsewhere = world.environment(&[]).await?;
    let engine = world.engine.clone();
    let mut writes = 0;
    // A walk-in comes before each of the tick's first four writes of the state.
    world.engine.set_faults(move |call| {
        let ticks = call.body["Key"]["pk"]["S"] == "QUEUE#main"
            && call.body["UpdateExpression"].as_str().is_some_and(|update| update.contains("tick"));
        writes += u32::from(ticks);
        if ticks && writes <= 4 {
            let key = json!({ "pk": { "S": "QUEUE#main" }, "sk": { "S": "STATE" } });
            walk_in_behind(&engine, &key);
        }
        engine::Fault::None
    });
    functions::tick(&elsewhere, &QueueId::main(), &[]).await?;
    world.engine.clear_faults();
    let state = state(&world);
    assert_eq!((&state["served"], &state["tick"]), (&json!(9), &json!(1)), "{state}");
    assert_eq!((&state["occupied"], &state["free"]), (&json!(8), &json!(22)), "the leaver's slot is free");
    Ok(())
}

/// Writes what a walk-in writes, directly into the engine.
fn walk_in_behind(engine: &engine::Engine, key: &Value) {
    let update = json!({
        "TableName": "Queues", "Key": key,
        "UpdateExpression": "SET served = served + :one, #free = #free - :one, occupied = occupied + :one, admitted = admitted + :one",
        "ExpressionAttributeNames": { "#free": "free" }, "ExpressionAttributeValues": { ":one": { "N": "1" } },
    });
    engine.execute("UpdateItem", update);
}

#[tokio::test]
async fn a_survey_is_resumed_and_counts_no_place_twice() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(2_000).await;
    // More no-shows than one tick may fence.
    world.pile_up(1_200, Pile::Drawn);
    world.tick().await;
    assert_eq!(state(&world)["admitted"], 1_200);
    let living = join(&world, "ann").await;
    world.tick().await;
    world.wait(75);
    let mut ticks = 0;
    while state(&world)["occupied"] != 1 {
        world.tick().await;
        ticks += 1;
        assert!(ticks < 6, "{}", state(&world));
        assert!(state(&world)["occupied"].as_u64() >= Some(1));
    }
    assert!(ticks >= 3, "500 a tick");
    assert_eq!((&state(&world)["free"], &state(&world)["floor"]), (&json!(1_999), &json!(1_201)));
    assert_eq!(status_and_position(&poll(&world, &living).await), "ACTIVE 0");
    Ok(())
}
