//! Places in a queue: joining, polling, claiming, waiting too long.

use crate::{
    Outcome,
    support::{
        configure, join_with, leave, line_of, poll, queue, seats, sessions, status_and_position, statuses_and_positions,
    },
};
use acceptance::{Fan, Request, World, functions};
use engine::Fault;
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

#[tokio::test]
async fn a_join_is_201_with_a_new_place_and_200_with_the_same_place() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(1).await;
    let fans = line_of(&world, 1).await;
    let mut fan = world.fan("ann").await;
    let new = world.join(&mut fan).await;
    assert_eq!(new.outcome(), "201");
    assert_eq!(status_and_position(&new), "WAITING 1");
    assert_eq!((&new.body["remainingTime"], new.text("queueId")), (&json!(7_200), "main"));
    assert_eq!(new.text("issuedAt"), "2026-06-01T00:00:00.000Z");
    assert_eq!(new.text("expiresAt"), "2026-06-01T02:00:00.000Z");
    assert_eq!(new.headers["retry-after"], new.body["pollAfterSeconds"].to_string());
    world.wait(100);
    for body in [json!({}), json!({ "userId": fan.user_id }), json!({ "queueId": "main" })] {
        let again = join_with(&world, &fan.access, &body).await;
        assert_eq!((again.outcome().as_str(), &again.body["remainingTime"]), ("200", &json!(7_100)));
        assert_eq!(status_and_position(&again), "WAITING 1");
    }
    assert_eq!(status_and_position(&poll(&world, &fans[0]).await), "ACTIVE 0", "the first walked in");
    Ok(())
}

#[tokio::test]
async fn a_fan_who_finds_a_free_slot_walks_in() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(2).await;
    let fans = line_of(&world, 4).await;
    assert_eq!(statuses_and_positions(&world, &fans).await, ["ACTIVE 0", "ACTIVE 0", "WAITING 1", "WAITING 2"]);
    let active = poll(&world, &fans[0]).await;
    assert_eq!(active.body["remainingTime"], 600);
    assert!(!active.headers.contains_key("retry-after"));
    assert_eq!(active.body["estimatedWaitSeconds"], 0);
    assert_eq!(active.body["waitRangeSeconds"], json!({ "low": 0, "high": 0 }));
    Ok(())
}

#[tokio::test]
async fn position_and_estimate_follow_admission() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(2).await;
    let fans = line_of(&world, 8).await;
    world.tick().await;
    world.wait(1);
    let last = poll(&world, &fans[7]).await;
    assert_eq!(
        last.body["estimatedWaitSeconds"], 900,
        "position 6, two slots, each taken for half of a session at first"
    );
    let range = |bound: &str| last.body["waitRangeSeconds"][bound].as_u64().unwrap_or_default();
    assert!(range("low") < 900 && 900 < range("high"));
    assert_eq!((&last.body["place"], &last.body["positionFinal"]), (&json!(8), &json!(true)));
    leave(&world, &fans[0]).await;
    leave(&world, &fans[1]).await;
    world.tick().await;
    world.wait(1);
    assert_eq!(
        statuses_and_positions(&world, &fans[2..]).await,
        ["ACTIVE 0", "ACTIVE 0", "WAITING 1", "WAITING 2", "WAITING 3", "WAITING 4"]
    );
    assert!(
        poll(&world, &fans[7]).await.body["estimatedWaitSeconds"].as_u64() < Some(600),
        "two slots were free again soon"
    );
    let admin = world.admin().await;
    for stopped in [json!({ "paused": true }), json!({ "paused": false, "capacity": 0 })] {
        configure(&world, &admin, &stopped).await;
        world.wait(1);
        let shown = poll(&world, &fans[7]).await.body;
        assert!(shown["estimatedWaitSeconds"].is_null() && shown["waitRangeSeconds"].is_null(), "{shown}");
        assert!(queue(&world).await["waitSecondsPerPlace"].is_null());
    }
    Ok(())
}

#[tokio::test]
async fn a_poll_with_either_token_finds_the_same_place() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(1).await;
    let fans = line_of(&world, 3).await;
    for fan in &fans {
        let path = format!("/api/v1/tokens/{}", fan.user_id);
        let by_access = world.get(&path, &fan.access).await;
        assert_eq!(status_and_position(&by_access), status_and_position(&poll(&world, fan).await));
        let named = world.get(&format!("{path}?queueId=main"), &fan.access).await;
        assert_eq!(status_and_position(&named), status_and_position(&by_access));
        let elsewhere = world.get(&format!("{path}?queueId=elsewhere"), &fan.access).await;
        assert_eq!(elsewhere.outcome(), "404 token_not_found");
        let refreshed = Fan { queue: by_access.text("token").to_owned(), ..fan.clone() };
        assert_eq!(status_and_position(&poll(&world, &refreshed).await), status_and_position(&by_access));
    }
    let nobody = world.fan("nobody").await;
    let path = format!("/api/v1/tokens/{}", nobody.user_id);
    assert_eq!(world.get(&path, &nobody.access).await.outcome(), "404 token_not_found");
    assert_eq!(world.delete(&path, &nobody.access).await.outcome(), "404 token_not_found");
    Ok(())
}

#[tokio::test]
async fn only_the_fan_and_admins_poll_join_and_leave_for_a_fan() -> Outcome {
    let world = World::new().await?;
    let (admin, ann) = (world.admin().await, world.buyer("ann", 0).await);
    let bob = world.buyer("bob", 0).await;
    let path = format!("/api/v1/tokens/{}", ann.user_id);
    for token in [&bob.access, &bob.queue] {
        assert_eq!(world.get(&path, token).await.outcome(), "403 forbidden");
        assert_eq!(world.delete(&path, token).await.outcome(), "403 forbidden");
    }
    let foreign = json!({ "userId": ann.user_id });
    assert_eq!(join_with(&world, &bob.access, &foreign).await.outcome(), "403 forbidden");
    assert_eq!(status_and_position(&world.get(&path, &admin.access).await), "ACTIVE 0");
    assert_eq!(join_with(&world, &admin.access, &foreign).await.outcome(), "200");
    assert_eq!(world.delete(&path, &admin.access).await.outcome(), "204");
    assert_eq!(poll(&world, &ann).await.outcome(), "410 session_over");
    Ok(())
}

#[tokio::test]
async fn a_place_in_one_queue_is_no_place_in_another() -> Outcome {
    let world = World::new().await?;
    let (admin, ann) = (world.admin().await, world.fan("ann").await);
    let put = |path: &str| Request::new("PUT", path).token(&admin.access).json(&json!({ "capacity": 1 }));
    assert_eq!(world.send(put("/api/v1/admin/queues/second-1")).await.outcome(), "200");
    let second = join_with(&world, &ann.access, &json!({ "queueId": "second-1" })).await;
    assert_eq!((second.outcome().as_str(), second.text("queueId")), ("201", "second-1"));
    let path = format!("/api/v1/tokens/{}", ann.user_id);
    assert_eq!(world.get(&path, &ann.access).await.outcome(), "404 token_not_found", "no place in main");
    let in_second = world.get(&format!("{path}?queueId=second-1"), &ann.access).await;
    assert_eq!(status_and_position(&in_second), "ACTIVE 0");
    let concert = world.concert(&admin).await;
    let ann = Fan { queue: second.text("token").to_owned(), ..ann };
    assert_eq!(world.hold(&ann, &concert, &[1], None).await.outcome(), "403 wrong_queue");
    assert_eq!(world.get(&format!("{path}?queueId=main"), &ann.queue).await.outcome(), "403 wrong_queue");
    Ok(())
}

#[tokio::test]
async fn a_thousand_polls_of_a_waiting_fan_read_next_to_nothing() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(2).await;
    let fans = line_of(&world, 10).await;
    for fan in [&fans[2], &fans[9]] {
        world.wait(5);
        world.engine.reset_meter();
        for _ in 0..1_000 {
            assert_eq!(poll(&world, fan).await.text("status"), "WAITING");
            world.clock.advance_ms(1);
        }
        let used = world.engine.meter();
        assert!(used.read_units < 10.0 && used.round_trips < 10, "{used:?}");
        assert!(used.write_units == 0.0 && used.refused_write_units == 0.0, "{used:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_next_fan_sees_an_admission_within_a_fifth_of_a_second_and_every_fan_within_a_second() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(1).await;
    let fans = line_of(&world, 4).await;
    let elsewhere = world.environment(&[]).await?;
    statuses_and_positions(&world, &fans).await;
    leave(&world, &fans[0]).await;
    assert_eq!(functions::tick(&elsewhere, &shared::domain::id::QueueId::main(), &[]).await?.admitted, 1);
    world.clock.advance_ms(201);
    assert_eq!(status_and_position(&poll(&world, &fans[1]).await), "ACTIVE 0");
    world.clock.advance_ms(800);
    assert_eq!(status_and_position(&poll(&world, &fans[3]).await), "WAITING 2");
    Ok(())
}

#[tokio::test]
async fn the_first_poll_claims_the_place_and_starts_the_session() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(1).await;
    let fans = line_of(&world, 2).await;
    leave(&world, &fans[0]).await;
    world.tick().await;
    assert_eq!(sessions(&world).len(), 1, "the leaver's");
    world.wait(59);
    let first = poll(&world, &fans[1]).await;
    assert_eq!((status_and_position(&first).as_str(), &first.body["remainingTime"]), ("ACTIVE 0", &json!(600)));
    world.wait(100);
    let later = poll(&world, &fans[1]).await;
    assert_eq!((status_and_position(&later).as_str(), &later.body["remainingTime"]), ("ACTIVE 0", &json!(500)));
    world.wait(500);
    assert_eq!(poll(&world, &fans[1]).await.outcome(), "410 session_over");
    Ok(())
}

#[tokio::test]
async fn the_first_use_claims_the_place_as_a_poll_does() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    world.set_capacity(1).await;
    let fans = line_of(&world, 2).await;
    let waiting = seats(&world, &fans[1], &concert).await;
    assert_eq!(waiting.outcome(), "403 not_active");
    assert_eq!(waiting.headers["retry-after"], "1");
    leave(&world, &fans[0]).await;
    world.tick().await;
    assert_eq!(seats(&world, &fans[1], &concert).await.outcome(), "200");
    assert!(sessions(&world)[&2]["ended"].is_null());
    Ok(())
}

#[tokio::test]
async fn the_poll_that_claims_returns_a_token_that_spares_holds_a_read_of_the_session() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    world.set_capacity(1).await;
    let fans = line_of(&world, 2).await;
    leave(&world, &fans[0]).await;
    world.tick().await;
    let polled = poll(&world, &fans[1]).await;
    let newest = Fan { queue: polled.text("token").to_owned(), ..fans[1].clone() };
    let reads_session = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&reads_session);
    world.engine.set_faults(move |call| {
        let session = call.body["Key"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("SESSION#"));
        seen.fetch_or(call.operation == "GetItem" && session, Ordering::Relaxed);
        Fault::None
    });
    for (fan, seat, reads) in [(&newest, 1, false), (&fans[1], 2, true)] {
        assert_eq!(world.hold(fan, &concert, &[seat], None).await.outcome(), "201");
        assert_eq!(reads_session.load(Ordering::Relaxed), reads, "the hold of seat {seat}");
    }
    Ok(())
}

#[tokio::test]
async fn a_missed_claim_window_ends_the_place_for_good() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    world.set_capacity(1).await;
    let fans = line_of(&world, 2).await;
    leave(&world, &fans[0]).await;
    world.tick().await;
    world.wait(68);
    assert_eq!(poll(&world, &fans[1]).await.outcome(), "410 session_over");
    assert_eq!(seats(&world, &fans[1], &concert).await.outcome(), "401 session_over");
    assert_eq!(world.hold(&fans[1], &concert, &[1], None).await.outcome(), "401 session_over");
    configure(&world, &admin, &json!({ "claimWindowSeconds": 3_600 })).await;
    assert_eq!(poll(&world, &fans[1]).await.outcome(), "410 session_over", "a longer window revives nobody");
    let again = join_with(&world, &fans[1].access, &json!({})).await;
    assert_eq!(again.outcome(), "201");
    assert_eq!(queue(&world).await["lastPlace"], 3);
    Ok(())
}

#[tokio::test]
async fn a_fan_who_waited_too_long_gets_a_new_place_and_the_old_one_a_tombstone() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(0).await;
    let fans = line_of(&world, 2).await;
    world.wait(7_199);
    assert_eq!(status_and_position(&poll(&world, &fans[0]).await), "WAITING 1");
    world.wait(1);
    assert_eq!(poll(&world, &fans[0]).await.outcome(), "410 session_over");
    let access = world.fan("another").await.access;
    assert_eq!(join_with(&world, &access, &json!({})).await.outcome(), "201");
    let token = world.app.tokens.sign_access(fans[0].user_id.parse()?, Default::default(), 0, &world.app.context);
    let again = join_with(&world, &token.map_err(|p| p.code)?, &json!({})).await;
    assert_eq!((again.outcome().as_str(), status_and_position(&again).as_str()), ("201", "WAITING 4"));
    assert_eq!(sessions(&world)[&1]["endReason"], "SUPERSEDED");
    world.set_capacity(1).await;
    assert_eq!(world.tick().await, 1, "the tick passes place 1");
    assert_eq!(poll(&world, &fans[0]).await.outcome(), "410 session_over", "the old token never claims again");
    Ok(())
}

#[tokio::test]
async fn a_place_is_dead_by_time_only_once_a_tick_has_passed_it() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    world.set_capacity(0).await;
    let fans = line_of(&world, 1).await;
    world.wait(7_201);
    assert_eq!(poll(&world, &fans[0]).await.outcome(), "410 session_over");
    world.set_capacity(1).await;
    assert_eq!(world.tick().await, 1);
    assert_eq!(status_and_position(&poll(&world, &fans[0]).await), "ACTIVE 0", "admitted before the place was passed");
    assert_eq!(seats(&world, &fans[0], &concert).await.outcome(), "200");
    Ok(())
}

#[tokio::test]
async fn a_fan_admitted_at_the_last_moment_is_not_refused_by_a_stale_cache() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(0).await;
    let fans = line_of(&world, 1).await;
    let elsewhere = world.environment(&[]).await?;
    world.wait(7_199);
    assert_eq!(status_and_position(&poll(&world, &fans[0]).await), "WAITING 1");
    let main = shared::domain::id::QueueId::main();
    elsewhere.store.configure_queue(&main, |settings| settings.capacity = Some(1)).await?;
    assert_eq!(functions::tick(&elsewhere, &main, &[]).await?.admitted, 1);
    world.clock.advance_ms(1_000);
    assert_eq!(status_and_position(&poll(&world, &fans[0]).await), "ACTIVE 0");
    Ok(())
}
