//! Writes that rest on an older read: of a session that is about to be ended, and of settings that have changed.

use crate::{
    Outcome,
    support::{configure, join_with, leave, line_of, poll, seats, sessions, status_and_position},
};
use acceptance::{START_MILLIS, World, functions};
use engine::{Call, Fault};
use serde_json::{Value, json};
use shared::domain::id::QueueId;
use std::sync::{Arc, Mutex};

/// Makes the first six writes that end a session for this reason conflict, which delays the end by some hundred ms.
fn hold_up_the_end(world: &World, reason: &'static str) {
    let ends = move |call: &Call<'_>| {
        call.operation == "UpdateItem" && call.body["ExpressionAttributeValues"][":reason"]["S"] == reason
    };
    let mut held_up = 0;
    world.engine.set_faults(move |call| {
        held_up += u32::from(ends(call));
        if ends(call) && held_up <= 6 { Fault::TransactionConflict { action: 0 } } else { Fault::None }
    });
}

#[tokio::test]
async fn a_session_that_ends_just_before_its_fence_keeps_its_end_reason() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(1).await;
    let fans = line_of(&world, 2).await;
    world.wait(602);
    hold_up_the_end(&world, "EXPIRED");
    let elsewhere = world.environment(&[]).await?;
    let main = QueueId::main();
    let leaving = async {
        let left = leave(&world, &fans[0]).await;
        (left.outcome(), sessions(&world)[&1].clone())
    };
    let (ticked, (left, ended)) = futures_util::join!(functions::tick(&elsewhere, &main, &[]), leaving);
    assert_eq!((ticked?.admitted, left.as_str()), (1, "204"));
    assert_eq!(ended["endReason"], "LEFT", "the fence came after the fan had left");
    assert_eq!(sessions(&world)[&1], ended);
    world.wait(5);
    leave(&world, &fans[0]).await;
    world.tick().await;
    assert_eq!(sessions(&world)[&1], ended, "an end is final");
    Ok(())
}

#[tokio::test]
async fn leaving_after_the_end_does_not_change_the_session() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(1).await;
    let fans = line_of(&world, 2).await;
    world.wait(602);
    world.tick().await;
    let ended = sessions(&world)[&1].clone();
    assert_eq!(ended["endReason"], "EXPIRED");
    world.wait(1);
    assert_eq!(leave(&world, &fans[0]).await.outcome(), "204");
    assert_eq!(sessions(&world)[&1], ended);
    Ok(())
}

#[tokio::test]
async fn a_session_that_ttl_deletes_while_its_fan_leaves_is_not_created_again() -> Outcome {
    let world = World::new().await?;
    let fan = world.buyer("ann", 0).await;
    hold_up_the_end(&world, "LEFT");
    let deletion = async {
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        world.wait(91 * 24 * 3_600);
        assert!(world.engine.sweep_ttl() > 0);
        world.engine.clear_faults();
    };
    let (left, ()) = futures_util::join!(leave(&world, &fan), deletion);
    assert_eq!(left.outcome(), "204");
    assert!(sessions(&world).is_empty());
    Ok(())
}

#[tokio::test]
async fn a_hold_made_after_the_tick_read_the_session_keeps_it_alive() -> Outcome {
    let world = World::with(&[("ACTIVE_SECONDS", "10")]).await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    world.set_capacity(1).await;
    let fans = line_of(&world, 2).await;
    let elsewhere = world.environment(&[("ACTIVE_SECONDS", "10")]).await?;
    let main = QueueId::main();
    assert_eq!(functions::tick(&elsewhere, &main, &[]).await?.admitted, 0);
    world.wait(9);
    assert_eq!(seats(&world, &fans[0], &concert).await.outcome(), "200");
    // The tick reads the session at once, and the counter only in a retry, when the session seems to be over.
    let clock = world.clock.clone();
    let mut attempts = 0;
    world.engine.set_faults(move |call| {
        if call.body["Key"]["pk"]["S"] != "JOIN#main#0" {
            return Fault::None;
        }
        attempts += 1;
        if attempts == 1 {
            return Fault::Throttled;
        }
        clock.set_ms(START_MILLIS + 13_000);
        Fault::None
    });
    let (ticked, held) =
        futures_util::join!(functions::tick(&elsewhere, &main, &[]), world.hold(&fans[0], &concert, &[1], None));
    world.engine.clear_faults();
    assert_eq!((held.outcome().as_str(), ticked?.admitted), ("201", 0));
    assert!(sessions(&world)[&1]["ended"].is_null());
    assert_eq!(status_and_position(&poll(&world, &fans[0]).await), "ACTIVE 0");
    Ok(())
}

#[tokio::test]
async fn a_postponed_opening_stops_walk_ins_through_environments_with_a_stale_cache() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    configure(&world, &admin, &json!({ "capacity": 2 })).await;
    let elsewhere = world.environment(&[]).await?;
    let opens_at = shared::domain::time::Timestamp::parse_rfc3339("2026-06-01T00:10:00Z");
    elsewhere.store.configure_queue(&QueueId::main(), |settings| settings.opens_at = opens_at).await?;
    let late = world.fan("late").await;
    assert_eq!(status_and_position(&join_with(&world, &late.access, &json!({})).await), "WAITING 1");
    Ok(())
}

#[tokio::test]
async fn a_new_concert_does_not_change_its_queue() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    world.set_capacity(1).await;
    line_of(&world, 2).await;
    let before = crate::support::state(&world);
    world.concert(&admin).await;
    assert_eq!(crate::support::state(&world), before, "the queue is not created again");
    Ok(())
}

#[tokio::test]
async fn a_tick_that_read_the_settings_before_a_pause_admits_nobody_during_it() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    world.set_capacity(1).await;
    let fans = line_of(&world, 2).await;
    leave(&world, &fans[0]).await;
    let writes: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&writes);
    world.engine.set_faults(move |call| {
        let is_tick = call.body["UpdateExpression"].as_str().is_some_and(|update| update.starts_with("SET served"));
        if is_tick {
            kept.lock().expect("writes").push(call.body.clone());
        }
        if is_tick { Fault::LostRequest } else { Fault::None }
    });
    assert!(functions::tick(&world.app, &QueueId::main(), &[]).await.is_err());
    world.engine.clear_faults();
    configure(&world, &admin, &json!({ "paused": true })).await;
    let late = writes.lock().expect("writes")[0].clone();
    assert_eq!(world.engine.execute("UpdateItem", late.clone()).status, 400, "{late}");
    assert_eq!(status_and_position(&poll(&world, &fans[1]).await), "WAITING 1");
    Ok(())
}
