//! Admission: capacity, order, fences, and failures on the way.

use crate::{
    Outcome,
    support::{configure, leave, line_of, poll, seats, sessions, state, status_and_position, statuses_and_positions},
};
use acceptance::{World, functions};
use engine::Fault;
use futures_util::future::join_all;
use serde_json::json;
use shared::domain::id::QueueId;

#[tokio::test]
async fn forty_fans_are_admitted_strictly_in_order_within_capacity_5() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(5).await;
    let fans = line_of(&world, 40).await;
    for step in 0..60 {
        let served = usize::try_from(state(&world)["served"].as_u64().unwrap_or_default())?;
        let shown = statuses_and_positions(&world, &fans).await;
        let active: Vec<usize> = (0..40).filter(|i| shown[*i] == "ACTIVE 0").collect();
        assert!(active.len() <= 5, "{shown:?}");
        assert!((0..40).all(|i| (i < served) != shown[i].starts_with("WAITING")), "served {served}: {shown:?}");
        if served == 40 {
            return Ok(());
        }
        assert_eq!(active.len(), 5, "a free slot is filled while somebody waits: {shown:?}");
        // A fan leaves from inside in each step, and a waiting fan, whose place is then passed, in every fourth.
        leave(&world, &fans[active[0]]).await;
        if step % 4 == 0 && served < 38 {
            leave(&world, &fans[served + 2]).await;
        }
        assert_eq!(world.tick().await, 1);
        world.wait(1);
    }
    Err("60 steps did not admit all fans".into())
}

#[tokio::test]
async fn a_no_show_is_passed_after_the_claim_window_and_the_margin_for_clock_skew() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(1).await;
    let fans = line_of(&world, 3).await;
    leave(&world, &fans[0]).await;
    world.tick().await;
    let deadline = state(&world)["buckets"].as_array().and_then(|all| all.last()?[1].as_u64()).unwrap_or_default();
    world.clock.set_ms(deadline + 1_999);
    assert_eq!(world.tick().await, 0, "clocks may differ by the margin");
    world.clock.advance_ms(1);
    assert_eq!(world.tick().await, 1);
    assert_eq!(sessions(&world)[&2]["endReason"], "NO_SHOW");
    assert_eq!(statuses_and_positions(&world, &fans[1..]).await, ["410 session_over", "ACTIVE 0"]);
    Ok(())
}

#[tokio::test]
async fn an_expired_session_is_fenced_once_and_never_revived() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    world.set_capacity(1).await;
    let fans = line_of(&world, 2).await;
    world.wait(601);
    assert_eq!(world.tick().await, 0);
    assert_eq!(world.hold(&fans[0], &concert, &[1], None).await.outcome(), "401 session_over", "over, fenced or not");
    world.wait(1);
    assert_eq!(world.tick().await, 1);
    let fenced = sessions(&world)[&1].clone();
    assert_eq!(fenced["endReason"], "EXPIRED");
    assert_eq!(status_and_position(&poll(&world, &fans[1]).await), "ACTIVE 0");
    world.tick().await;
    assert_eq!(sessions(&world)[&1], fenced);
    configure(&world, &admin, &json!({ "activeSeconds": 36_000 })).await;
    assert_eq!(seats(&world, &fans[0], &concert).await.outcome(), "401 session_over");
    assert_eq!(poll(&world, &fans[0]).await.outcome(), "410 session_over");
    assert_eq!(world.hold(&fans[0], &concert, &[1], None).await.outcome(), "401 session_over");
    Ok(())
}

#[tokio::test]
async fn duplicate_and_concurrent_ticks_admit_no_more() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(0).await;
    line_of(&world, 20).await;
    world.set_capacity(3).await;
    let (one, two) = (world.environment(&[]).await?, world.environment(&[]).await?);
    let main = QueueId::main();
    let ticks = [&one, &two, &world.app, &one, &two, &world.app];
    let ticked = join_all(ticks.iter().map(|app| functions::tick(app, &main, &[]))).await;
    let ticked = ticked.into_iter().collect::<Result<Vec<_>, _>>()?;
    let admitted: u64 = ticked.iter().map(|tick| tick.admitted).sum();
    assert_eq!((admitted, &state(&world)["served"]), (3, &json!(3)));
    assert_eq!(world.tick().await, 0);
    Ok(())
}

#[tokio::test]
async fn a_lowered_capacity_ends_no_session_and_admits_nobody_until_a_slot_is_free() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    world.set_capacity(4).await;
    let fans = line_of(&world, 6).await;
    statuses_and_positions(&world, &fans).await;
    let lowered = configure(&world, &admin, &json!({ "capacity": 2 })).await;
    assert_eq!((&lowered.body["capacity"], &lowered.body["active"]), (&json!(2), &json!(4)));
    assert_eq!(statuses_and_positions(&world, &fans[..4]).await, ["ACTIVE 0"; 4]);
    for fan in &fans[..2] {
        leave(&world, fan).await;
        assert_eq!(world.tick().await, 0);
    }
    leave(&world, &fans[2]).await;
    assert_eq!(world.tick().await, 1);
    Ok(())
}

#[tokio::test]
async fn a_raised_capacity_admits_with_the_next_tick_and_allows_walk_ins() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    world.set_capacity(1).await;
    let fans = line_of(&world, 3).await;
    let raised = configure(&world, &admin, &json!({ "capacity": 4 })).await;
    assert_eq!((&raised.body["served"], &raised.body["capacity"]), (&json!(1), &json!(4)), "as it is stored");
    assert_eq!(world.tick().await, 2);
    assert_eq!(statuses_and_positions(&world, &fans).await, ["ACTIVE 0"; 3]);
    let mut fourth = world.fan("fourth").await;
    assert_eq!(status_and_position(&world.join(&mut fourth).await), "ACTIVE 0");
    let mut fifth = world.fan("fifth").await;
    assert_eq!(status_and_position(&world.join(&mut fifth).await), "WAITING 1");
    Ok(())
}

#[tokio::test]
async fn a_lowered_capacity_stops_walk_ins_through_environments_with_a_stale_cache() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(5).await;
    line_of(&world, 1).await;
    let elsewhere = world.environment(&[]).await?;
    elsewhere.store.configure_queue(&QueueId::main(), |settings| settings.capacity = Some(1)).await?;
    let mut late = world.fan("late").await;
    assert_eq!(status_and_position(&world.join(&mut late).await), "WAITING 1");
    Ok(())
}

#[tokio::test]
async fn a_paused_queue_admits_nobody_while_sessions_go_on() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    world.set_capacity(2).await;
    let elsewhere = world.environment(&[]).await?;
    let fans = line_of(&world, 1).await;
    elsewhere.store.queue_state(&QueueId::main(), 1_000).await?;
    configure(&world, &admin, &json!({ "paused": true })).await;
    let late = world.fan("late").await;
    let request = acceptance::Request::new("POST", "/api/v1/tokens").token(&late.access).json(&json!({}));
    assert_eq!(status_and_position(&world.send_to(&elsewhere, request).await), "WAITING 1", "although a slot is free");
    assert_eq!(world.tick().await, 0);
    assert_eq!(world.hold(&fans[0], &concert, &[1], None).await.outcome(), "201");
    configure(&world, &admin, &json!({ "paused": false })).await;
    assert_eq!(world.tick().await, 1);
    Ok(())
}

#[tokio::test]
async fn before_the_queue_opens_fans_get_places_and_nobody_is_admitted() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let opens = configure(&world, &admin, &json!({ "opensAt": "2026-06-01T01:00:00Z", "capacity": 2 })).await;
    assert_eq!(opens.text("opensAt"), "2026-06-01T01:00:00.000Z");
    let fans = line_of(&world, 3).await;
    world.wait(3_599);
    assert_eq!(world.tick().await, 0);
    world.wait(1);
    assert_eq!(world.tick().await, 2);
    assert_eq!(statuses_and_positions(&world, &fans).await, ["ACTIVE 0", "ACTIVE 0", "WAITING 1"]);
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_on_the_ticks_write_admits_nobody_twice() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(0).await;
    line_of(&world, 10).await;
    world.set_capacity(4).await;
    let mut lost = false;
    world.engine.set_faults(move |call| {
        let promotes = call.operation == "UpdateItem" && call.body["Key"]["pk"]["S"] == "QUEUE#main";
        if lost || !promotes {
            return Fault::None;
        }
        lost = true;
        Fault::LostAnswer
    });
    world.tick().await;
    world.engine.clear_faults();
    assert_eq!((&state(&world)["served"], &state(&world)["occupied"]), (&json!(4), &json!(4)));
    assert_eq!(world.tick().await, 0);
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_on_the_walk_in_takes_one_slot() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(2).await;
    let mut fan = world.fan("ann").await;
    let mut lost = false;
    world.engine.set_faults(move |call| {
        let walks_in = call.operation == "UpdateItem" && call.body["Key"]["pk"]["S"] == "QUEUE#main";
        if lost || !walks_in {
            return Fault::None;
        }
        lost = true;
        Fault::LostAnswer
    });
    assert_eq!(status_and_position(&world.join(&mut fan).await), "ACTIVE 0");
    world.engine.clear_faults();
    assert_eq!((&state(&world)["free"], &state(&world)["served"]), (&json!(1), &json!(1)));
    Ok(())
}

#[tokio::test]
async fn a_fence_that_failed_or_whose_answer_was_lost_frees_no_slot_before_a_later_tick() -> Outcome {
    for fault in [Fault::LostAnswer, Fault::LostRequest, Fault::Throttled] {
        let world = World::new().await?;
        world.set_capacity(2).await;
        let fans = line_of(&world, 4).await;
        statuses_and_positions(&world, &fans).await;
        world.wait(602);
        world.engine.set_faults(move |call| match call.operation {
            "UpdateItem" if call.body["Key"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("SESSION#")) => fault,
            _ => Fault::None,
        });
        assert!(functions::tick(&world.app, &QueueId::main(), &[]).await.is_err(), "{fault:?}");
        assert_eq!(state(&world)["served"], 2, "{fault:?}");
        world.engine.clear_faults();
        world.wait(30);
        assert_eq!(world.tick().await, 2);
    }
    Ok(())
}

#[tokio::test]
async fn a_tick_whose_clock_is_behind_ends_no_claim_window_before_it_begins() -> Outcome {
    for known_by in ["the draw of the place", "an earlier tick"] {
        let world = World::new().await?;
        world.set_capacity(1).await;
        let first = line_of(&world, 1).await;
        world.wait(200);
        let mut late = world.fan("late").await;
        assert_eq!(world.join(&mut late).await.status, 201);
        if known_by == "an earlier tick" {
            world.wait(200);
            world.tick().await;
        }
        leave(&world, &first[0]).await;
        let now = engine::Clock::now_ms(&world.clock);
        world.clock.set_ms(now - 150_000);
        world.tick().await;
        world.tick().await;
        world.clock.set_ms(now + 50_000);
        assert_eq!(status_and_position(&poll(&world, &late).await), "ACTIVE 0", "the time is known by {known_by}");
    }
    Ok(())
}
