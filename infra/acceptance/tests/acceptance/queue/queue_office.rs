//! What operators do with queues: read and change settings, delete a queue, remove a fan.

use crate::{
    Outcome,
    support::{configure, items, join_with, leave, line_of, poll, seats, sessions, status_and_position},
};
use acceptance::{Request, World, functions};
use serde_json::json;

#[tokio::test]
async fn an_admin_reads_a_queue_with_the_settings_that_apply() -> Outcome {
    let world = World::new().await?;
    let (admin, fan) = (world.admin().await, world.fan("ann").await);
    configure(&world, &admin, &json!({ "waitingSeconds": 60 })).await;
    let main = "/api/v1/admin/queues/main";
    let seen = world.get(main, &admin.access).await;
    assert_eq!((&seen.body["waitingSeconds"], &seen.body["activeSeconds"]), (&json!(60), &json!(600)));
    assert_eq!(world.get(main, &fan.access).await.outcome(), "403 forbidden");
    assert_eq!(world.get(main, "").await.outcome(), "401 unauthenticated");
    assert_eq!(world.get("/api/v1/admin/queues/nowhere", &admin.access).await.outcome(), "404 queue_not_found");
    Ok(())
}

#[tokio::test]
async fn settings_have_bounds_and_null_restores_the_parameter() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    for (field, most, default) in [
        ("claimWindowSeconds", 3_600, 60),
        ("activeSeconds", 14_400, 600),
        ("waitingSeconds", 604_800, 7_200),
        ("capacity", 1_000_000, 10),
    ] {
        let set = configure(&world, &admin, &json!({ field: most })).await;
        assert_eq!((set.outcome().as_str(), &set.body[field]), ("200", &json!(most)));
        for wrong in [json!(most + 1), json!(-1), json!("1"), json!(1.5)] {
            assert_eq!(configure(&world, &admin, &json!({ field: wrong })).await.outcome(), "400 invalid_request");
        }
        assert_eq!(world.get("/api/v1/admin/queues/main", &admin.access).await.body[field], most, "nothing changed");
        assert_eq!(configure(&world, &admin, &json!({ field: null })).await.body[field], default);
    }
    let opens = |at: &str| json!({ "opensAt": at });
    assert_eq!(configure(&world, &admin, &opens("2026-07-01T00:00:00Z")).await.outcome(), "200");
    let late = configure(&world, &admin, &opens("2026-07-01T00:00:01Z")).await;
    assert_eq!(
        (late.outcome().as_str(), &late.body["errors"][0]["pointer"]),
        ("400 invalid_request", &json!("/opensAt"))
    );
    Ok(())
}

#[tokio::test]
async fn a_place_keeps_the_settings_of_its_join_and_claim() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    world.set_capacity(1).await;
    let fans = line_of(&world, 3).await;
    let shorter = json!({ "waitingSeconds": 30, "activeSeconds": 30, "claimWindowSeconds": 1 });
    configure(&world, &admin, &shorter).await;
    world.wait(100);
    assert_eq!(status_and_position(&poll(&world, &fans[0]).await), "ACTIVE 0", "the session of its claim");
    assert_eq!(status_and_position(&poll(&world, &fans[1]).await), "WAITING 1", "the waiting time of its join");
    world.tick().await;
    assert_eq!(status_and_position(&poll(&world, &fans[2]).await), "WAITING 2", "the tick passed no place ahead");
    Ok(())
}

#[tokio::test]
async fn a_fan_who_is_removed_loses_place_session_and_holds() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    world.set_capacity(1).await;
    let fans = line_of(&world, 2).await;
    assert_eq!(world.hold(&fans[0], &concert, &[1], None).await.outcome(), "201");
    let path = |fan: &acceptance::Fan| format!("/api/v1/admin/queues/main/sessions/{}", fan.user_id);
    assert_eq!(world.delete(&path(&fans[0]), &fans[1].access).await.outcome(), "403 forbidden");
    for fan in &fans {
        assert_eq!(world.delete(&path(fan), &admin.access).await.outcome(), "204");
        assert_eq!(world.delete(&path(fan), &admin.access).await.outcome(), "204", "again");
    }
    assert!(sessions(&world).values().all(|session| session["endReason"] == "REMOVED"));
    assert_eq!(poll(&world, &fans[0]).await.outcome(), "410 session_over");
    assert_eq!(seats(&world, &fans[0], &concert).await.outcome(), "401 session_over");
    assert!(world.engine.items("Concerts").iter().all(|item| item["sk"] != "SEAT#000001"), "the hold is cancelled");
    let again = join_with(&world, &fans[1].access, &json!({})).await;
    assert_eq!(again.outcome(), "201");
    let nobody = world.fan("nobody").await;
    assert_eq!(world.delete(&path(&nobody), &admin.access).await.outcome(), "404 token_not_found");
    let elsewhere = format!("/api/v1/admin/queues/nowhere/sessions/{}", nobody.user_id);
    assert_eq!(world.delete(&elsewhere, &admin.access).await.outcome(), "404 queue_not_found");
    Ok(())
}

#[tokio::test]
async fn a_queue_is_deleted_only_when_empty_and_uses_no_place_twice_when_created_again() -> Outcome {
    let world = World::new().await?;
    let (admin, ann) = (world.admin().await, world.fan("ann").await);
    let path = "/api/v1/admin/queues/second";
    let put = || Request::new("PUT", path).token(&admin.access).json(&json!({ "capacity": 1 }));
    assert_eq!(world.delete(path, &admin.access).await.outcome(), "404 queue_not_found");
    assert_eq!(world.delete("/api/v1/admin/queues/main", &admin.access).await.outcome(), "409 queue_in_use");
    world.send(put()).await;
    let second = json!({ "queueId": "second" });
    let joined = join_with(&world, &ann.access, &second).await;
    assert_eq!(world.delete(path, &admin.access).await.outcome(), "409 queue_in_use", "somebody is inside");
    let waits = join_with(&world, &world.fan("bob").await.access, &second).await;
    assert_eq!(
        (waits.outcome().as_str(), status_and_position(&waits).as_str()),
        ("201", "WAITING 1"),
        "and the queue is still open"
    );
    for token in [joined.text("token"), waits.text("token")] {
        let fan = if token == joined.text("token") { ann.user_id.clone() } else { user_of(&world, 2) };
        world.delete(&format!("/api/v1/tokens/{fan}"), token).await;
    }
    functions::tick(&world.app, &"second".parse()?, &[]).await?;
    functions::tick(&world.app, &"second".parse()?, &[]).await?;
    assert_eq!(world.delete(path, &admin.access).await.outcome(), "204");
    assert_eq!(world.delete(path, &admin.access).await.outcome(), "404 queue_not_found");
    assert_eq!(world.read("/api/v1/queues/second").await.outcome(), "404 queue_not_found");
    assert_eq!(join_with(&world, &ann.access, &second).await.outcome(), "404 queue_not_found");
    assert!(items(&world, "QUEUES").iter().all(|entry| entry["queueId"] != "second"));
    assert_eq!(world.send(put()).await.outcome(), "200");
    let again = join_with(&world, &ann.access, &second).await;
    assert_eq!((again.outcome().as_str(), status_and_position(&again).as_str()), ("201", "ACTIVE 0"));
    assert_eq!(world.read("/api/v1/queues/second").await.body["lastPlace"], 3, "no place is used twice");
    Ok(())
}

/// The fan who has this place in the second queue.
fn user_of(world: &World, place: u64) -> String {
    let tickets = items(world, "TICKET#second#");
    let ticket = tickets.iter().find(|ticket| ticket["place"] == place).expect("a ticket");
    ticket["userId"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_fan_draws_no_more_places_in_an_hour_than_allowed() -> Outcome {
    let world = World::with(&[("PLACES_PER_FAN", "3"), ("QUEUE_CAPACITY", "0")]).await?;
    let mut fan = world.fan("ann").await;
    for _ in 0..3 {
        assert_eq!(world.join(&mut fan).await.outcome(), "201");
        assert_eq!(world.join(&mut fan).await.outcome(), "200", "a fan who has a place draws none");
        leave(&world, &fan).await;
    }
    let refused = join_with(&world, &fan.access, &json!({})).await;
    assert_eq!(refused.outcome(), "429 too_many_requests");
    assert_eq!(refused.headers["retry-after"], "3600");
    assert_eq!(items(&world, "JOIN#main")[0]["last"], 3, "a refused request draws nothing");
    world.wait(3_599);
    assert_eq!(join_with(&world, &fan.access, &json!({})).await.outcome(), "429 too_many_requests");
    Ok(())
}

#[tokio::test]
async fn concurrent_draws_are_all_counted() -> Outcome {
    let world = World::with(&[("PLACES_PER_FAN", "4"), ("QUEUE_CAPACITY", "0")]).await?;
    let fan = world.fan("ann").await;
    let nothing = json!({});
    let joins = (0..3).map(|_| join_with(&world, &fan.access, &nothing));
    futures_util::future::join_all(joins).await;
    assert_eq!(items(&world, "TICKET#main#")[0]["draws"]["count"], items(&world, "JOIN#main")[0]["last"]);
    Ok(())
}
