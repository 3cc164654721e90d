//! What answers show to fans: why a session or place is over, the queue's state, and when to poll again.

use crate::{
    Outcome,
    support::purchases::until_sent,
    support::{
        configure, items, leave, line_of, poll, queue, seats, sessions, status_and_position, statuses_and_positions,
    },
};
use acceptance::{Fan, Reply, Request, World};
use engine::Fault;
use serde_json::{Value, json};
use shared::app::App;
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

fn reason(reply: &Reply) -> (String, Option<&str>) {
    (reply.outcome(), reply.body["reason"].as_str())
}

/// Asserts the reason that a poll, the seat map and a hold show after the end.
async fn is_over_by(world: &World, fan: &Fan, concert: &str, expected: &str) {
    let polled = poll(world, fan).await;
    assert_eq!(reason(&polled), ("410 session_over".to_owned(), Some(expected)));
    let refused = seats(world, fan, concert).await;
    assert_eq!(reason(&refused), ("401 session_over".to_owned(), Some(expected)));
    assert_eq!(reason(&world.hold(fan, concert, &[7], None).await).1, Some(expected));
}

#[tokio::test]
async fn a_session_that_is_over_shows_its_reason() -> Outcome {
    let world = World::with(&[("WAITING_SECONDS", "1000")]).await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let buyer = world.buyer("buyer", 50_000).await;
    let held = world.hold(&buyer, &concert, &[1], None).await;
    assert_eq!(world.pay(&buyer, held.text("reservationId"), 50_000, None).await.status, 200);
    is_over_by(&world, &buyer, &concert, "PAID").await;

    let leaver = world.buyer("leaver", 0).await;
    leave(&world, &leaver).await;
    is_over_by(&world, &leaver, &concert, "LEFT").await;

    let removed = world.buyer("removed", 0).await;
    world.delete(&format!("/api/v1/admin/queues/main/sessions/{}", removed.user_id), &admin.access).await;
    is_over_by(&world, &removed, &concert, "REMOVED").await;
    let by_account = world.get(&format!("/api/v1/tokens/{}", removed.user_id), &removed.access).await;
    assert_eq!(reason(&by_account), ("410 session_over".to_owned(), Some("REMOVED")));

    let slow = world.buyer("slow", 0).await;
    world.wait(600);
    is_over_by(&world, &slow, &concert, "EXPIRED").await;
    world.wait(2);
    world.tick().await;
    is_over_by(&world, &slow, &concert, "EXPIRED").await;
    Ok(())
}

#[tokio::test]
async fn a_fan_who_is_removed_while_waiting_sees_it_within_a_second() -> Outcome {
    let world = World::with(&[("QUEUE_CAPACITY", "0")]).await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let fans = line_of(&world, 3).await;
    configure(&world, &admin, &json!({ "message": "soon" })).await;
    for fan in &fans {
        assert_eq!(poll(&world, fan).await.outcome(), "200");
    }
    let elsewhere = world.environment(&[("QUEUE_CAPACITY", "0")]).await?;
    let remove = async |app: &App, fan: &Fan| {
        let path = format!("/api/v1/admin/queues/main/sessions/{}", fan.user_id);
        world.send_to(app, Request::new("DELETE", path).token(&admin.access)).await.outcome()
    };
    let both = futures_util::join!(remove(&world.app, &fans[0]), remove(&elsewhere, &fans[2]));
    assert_eq!((both.0.as_str(), both.1.as_str()), ("204", "204"));
    configure(&world, &admin, &json!({ "message": "soon!" })).await;
    world.wait(1);
    is_over_by(&world, &fans[0], &concert, "REMOVED").await;
    is_over_by(&world, &fans[2], &concert, "REMOVED").await;
    let stays = poll(&world, &fans[1]).await;
    assert_eq!((stays.outcome().as_str(), stays.text("message")), ("200", "soon!"));
    Ok(())
}

#[tokio::test]
async fn the_answer_that_sets_a_message_shows_it_without_a_read_that_may_be_stale() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let read = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&read);
    world.engine.set_faults(move |call| {
        let notice = call.body["Key"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("LINE#"));
        let may_be_stale = call.operation == "GetItem" && call.body["ConsistentRead"] != true;
        seen.fetch_or(may_be_stale && notice, Ordering::Relaxed);
        Fault::None
    });
    assert_eq!(configure(&world, &admin, &json!({ "message": "soon" })).await.body["message"], "soon");
    assert_eq!(configure(&world, &admin, &json!({ "message": null })).await.body["message"], json!(null));
    assert!(!read.load(Ordering::Relaxed));
    Ok(())
}

#[tokio::test]
async fn a_fan_who_left_before_the_removal_reads_left() -> Outcome {
    let world = World::with(&[("QUEUE_CAPACITY", "0")]).await?;
    let (admin, fans) = (world.admin().await, line_of(&world, 1).await);
    leave(&world, &fans[0]).await;
    let path = format!("/api/v1/admin/queues/main/sessions/{}", fans[0].user_id);
    assert_eq!(world.delete(&path, &admin.access).await.outcome(), "204");
    assert_eq!(reason(&poll(&world, &fans[0]).await), ("410 session_over".to_owned(), Some("LEFT")));
    Ok(())
}

#[tokio::test]
async fn two_removals_at_once_are_both_noted() -> Outcome {
    for sent in 1..=6 {
        let world = World::with(&[("QUEUE_CAPACITY", "0")]).await?;
        let (admin, fans) = (world.admin().await, line_of(&world, 3).await);
        let elsewhere = world.environment(&[("QUEUE_CAPACITY", "0")]).await?;
        let remove = async |app: &App, fan: &Fan| {
            let path = format!("/api/v1/admin/queues/main/sessions/{}", fan.user_id);
            world.send_to(app, Request::new("DELETE", path).token(&admin.access)).await.outcome()
        };
        assert_eq!(remove(&world.app, &fans[0]).await, "204");
        let mut slow = pin!(remove(&world.app, &fans[1]));
        until_sent(&world, slow.as_mut(), sent).await;
        assert_eq!(remove(&elsewhere, &fans[2]).await, "204");
        assert_eq!(slow.await, "204");
        let mut noted: Vec<u64> = items(&world, "LINE#main")[0]["removed"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .collect();
        noted.sort_unstable();
        assert_eq!(noted, [1, 2, 3], "the other removal came after {sent} requests");
    }
    Ok(())
}

#[tokio::test]
async fn the_notice_names_at_most_a_hundred_removed_places_and_none_that_are_served() -> Outcome {
    let world = World::with(&[("QUEUE_CAPACITY", "0")]).await?;
    let admin = world.admin().await;
    let fans = line_of(&world, 103).await;
    let named = || items(&world, "LINE#main")[0]["removed"].as_array().map_or(0, Vec::len);
    for fan in &fans[..102] {
        let path = format!("/api/v1/admin/queues/main/sessions/{}", fan.user_id);
        assert_eq!(world.delete(&path, &admin.access).await.outcome(), "204");
    }
    assert_eq!(named(), 100);
    world.wait(1);
    assert_eq!(poll(&world, &fans[1]).await.outcome(), "200", "no longer in the notice, so that polls show it late");
    assert_eq!(poll(&world, &fans[2]).await.outcome(), "410 session_over");
    world.set_capacity(1).await;
    world.tick().await;
    assert_eq!(poll(&world, &fans[102]).await.body["status"], "ACTIVE");
    let mut last = world.fan("last").await;
    world.join(&mut last).await;
    world.delete(&format!("/api/v1/admin/queues/main/sessions/{}", last.user_id), &admin.access).await;
    assert_eq!(named(), 1);
    Ok(())
}

#[tokio::test]
async fn a_missed_claim_window_and_a_wait_that_is_too_long_show_their_reasons() -> Outcome {
    let world = World::with(&[("WAITING_SECONDS", "100"), ("QUEUE_CAPACITY", "0")]).await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let mut late = world.fan("late").await;
    world.join(&mut late).await;
    let first_token = late.clone();
    world.wait(100);
    is_over_by(&world, &late, &concert, "WAITED_TOO_LONG").await;
    assert_eq!(world.join(&mut late).await.outcome(), "201", "a new place");
    world.set_capacity(1).await;
    world.tick().await;
    is_over_by(&world, &first_token, &concert, "SUPERSEDED").await;
    world.wait(68);
    is_over_by(&world, &late, &concert, "NO_SHOW").await;
    world.wait(2);
    world.tick().await;
    is_over_by(&world, &late, &concert, "NO_SHOW").await;
    Ok(())
}

#[tokio::test]
async fn answers_distinguish_a_paused_queue_from_a_slow_one() -> Outcome {
    let world = World::with(&[("QUEUE_CAPACITY", "1")]).await?;
    let admin = world.admin().await;
    let fans = line_of(&world, 2).await;
    let shown = async || {
        world.wait(1);
        let (token, queue) = (poll(&world, &fans[1]).await, queue(&world).await);
        assert_eq!((&token.body["message"], &token.body["opensAt"]), (&queue["message"], &queue["opensAt"]));
        assert_eq!(token.headers["retry-after"], token.body["pollAfterSeconds"].to_string());
        let seconds = token.body["pollAfterSeconds"].as_u64().unwrap_or_default();
        (queue["state"].as_str().unwrap_or_default().to_owned(), token.body["paused"] == true, seconds)
    };
    assert_eq!(shown().await, ("OPEN".to_owned(), false, 1));
    configure(&world, &admin, &json!({ "paused": true, "message": "The singer is late." })).await;
    let (state, paused, seconds) = shown().await;
    assert_eq!((state.as_str(), paused), ("PAUSED", true));
    assert!((9..=11).contains(&seconds), "{seconds}");
    assert_eq!(queue(&world).await["message"], "The singer is late.");
    let opening = json!({ "opensAt": "2026-06-01T01:00:00Z" });
    configure(&world, &admin, &opening).await;
    assert_eq!(shown().await.0, "PAUSED", "PAUSED takes precedence over NOT_OPEN");
    configure(&world, &admin, &json!({ "paused": false, "message": null })).await;
    let (state, paused, seconds) = shown().await;
    assert_eq!((state.as_str(), paused), ("NOT_OPEN", false));
    assert_eq!(seconds, 30, "the next to be admitted: half of the claim window at most");
    assert_eq!(queue(&world).await["message"], Value::Null);
    assert_eq!(status_and_position(&poll(&world, &fans[0]).await), "ACTIVE 0", "the session goes on");
    let inside = poll(&world, &fans[0]).await;
    assert_eq!(inside.body["pollAfterSeconds"], 5);
    Ok(())
}

#[tokio::test]
async fn a_message_is_text_of_at_most_280_characters() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    for bad in [json!(""), json!("x".repeat(281)), json!("a\u{202e}b"), json!(7)] {
        let refused = configure(&world, &admin, &json!({ "message": bad })).await;
        assert_eq!(
            (refused.outcome().as_str(), &refused.body["errors"][0]["pointer"]),
            ("400 invalid_request", &json!("/message"))
        );
    }
    assert_eq!(configure(&world, &admin, &json!({ "message": "x".repeat(280) })).await.outcome(), "200");
    Ok(())
}

#[tokio::test]
async fn a_queue_names_the_concerts_that_are_sold_through_it_now() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let named = async || {
        world.wait(5);
        let ids = queue(&world).await["concertIds"].clone();
        ids.as_array().into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert!(named().await.is_empty());
    let late = world.concert_of(&admin, &json!({ "saleClosesAt": "2026-08-01T00:00:00Z" })).await;
    let early = world.concert_of(&admin, &json!({ "saleClosesAt": "2026-07-01T00:00:00Z" })).await;
    let later = world.concert_of(&admin, &json!({ "saleOpensAt": "2026-06-02T00:00:00Z" })).await;
    world.concert_of(&admin, &json!({ "queueId": "second" })).await;
    assert_eq!(named().await, [early.as_str(), late.as_str()]);
    let change = async |id: &str, body: Value| {
        let path = format!("/api/v1/admin/concerts/{id}");
        assert_eq!(world.send(Request::new("PATCH", path).token(&admin.access).json(&body)).await.status, 200);
    };
    change(&early, json!({ "saleClosesAt": "2026-09-01T00:00:00Z" })).await;
    assert_eq!(named().await, [late.as_str(), early.as_str()]);
    change(&late, json!({ "enabled": false })).await;
    change(&later, json!({ "saleOpensAt": "2026-06-01T00:00:00Z", "saleClosesAt": "2026-06-01T00:30:00Z" })).await;
    assert_eq!(named().await, [later.as_str(), early.as_str()]);
    world.wait(1_800);
    assert_eq!(named().await, [early.as_str()]);
    for _ in 0..25 {
        world.concert(&admin).await;
    }
    assert_eq!(named().await.len(), 20);
    Ok(())
}

#[tokio::test]
async fn an_admins_poll_does_not_claim_the_place() -> Outcome {
    let world = World::with(&[("QUEUE_CAPACITY", "0")]).await?;
    let admin = world.admin().await;
    let fan = line_of(&world, 1).await.remove(0);
    let look = async || world.get(&format!("/api/v1/tokens/{}", fan.user_id), &admin.access).await;
    assert_eq!(status_and_position(&look().await), "WAITING 1");
    world.set_capacity(1).await;
    world.tick().await;
    world.wait(1);
    let admitted = look().await;
    assert_eq!(
        (status_and_position(&admitted).as_str(), &admitted.body["claimBefore"]),
        ("ACTIVE 0", &admitted.body["expiresAt"])
    );
    assert!(sessions(&world).is_empty(), "not claimed");
    assert_eq!(status_and_position(&poll(&world, &fan).await), "ACTIVE 0");
    let inside = look().await;
    assert_eq!((status_and_position(&inside).as_str(), &inside.body["claimBefore"]), ("ACTIVE 0", &Value::Null));
    leave(&world, &fan).await;
    assert_eq!(reason(&look().await), ("410 session_over".to_owned(), Some("LEFT")));
    Ok(())
}

#[tokio::test]
async fn walk_ins_who_leave_while_nobody_waits_do_not_change_the_wait_estimate() -> Outcome {
    let world = World::with(&[("QUEUE_CAPACITY", "2")]).await?;
    let per_place = async || queue(&world).await["waitSecondsPerPlace"].as_f64();
    assert_eq!(per_place().await, Some(150.0), "half of a session, two slots");
    for number in 0..40 {
        let fan = world.buyer(&format!("passer-by-{number}"), 0).await;
        world.wait(1);
        leave(&world, &fan).await;
        world.tick().await;
    }
    assert_eq!(per_place().await, Some(150.0));
    let fans = line_of(&world, 20).await;
    world.tick().await;
    for fan in &fans[..12] {
        world.wait(10);
        leave(&world, fan).await;
        world.tick().await;
        statuses_and_positions(&world, &fans).await;
    }
    let shown = per_place().await.unwrap_or_default();
    assert!((8.0..14.0).contains(&shown), "one fan left every ten seconds while fans waited: {shown}");
    Ok(())
}
