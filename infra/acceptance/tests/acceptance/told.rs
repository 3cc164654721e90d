//! What a fan is told: why a turn is over, how the queue stands, when to ask again.

use crate::{
    Outcome,
    support::{configure, leave, line_of, poll, queue, seats, turn},
};
use acceptance::{Fan, Reply, World};
use serde_json::{Value, json};

fn reason(reply: &Reply) -> (String, Option<&str>) {
    (reply.outcome(), reply.body["reason"].as_str())
}

/// A poll and a route that needs a turn, both after the end.
async fn is_over_by(world: &World, fan: &Fan, concert: &str, expected: &str) {
    let polled = poll(world, fan).await;
    assert_eq!(reason(&polled), ("410 session_over".to_owned(), Some(expected)));
    let refused = seats(world, fan, concert).await;
    assert_eq!(reason(&refused), ("401 session_over".to_owned(), Some(expected)));
    assert_eq!(reason(&world.hold(fan, concert, &[7], None).await).1, Some(expected));
}

#[tokio::test]
async fn whose_turn_is_over_learns_why() -> Outcome {
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
async fn who_missed_a_turn_or_waited_too_long_learns_that() -> Outcome {
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
async fn a_fan_can_tell_a_paused_queue_from_a_slow_one() -> Outcome {
    let world = World::with(&[("QUEUE_CAPACITY", "1")]).await?;
    let admin = world.admin().await;
    let fans = line_of(&world, 2).await;
    let told = async || {
        world.wait(1);
        let (token, queue) = (poll(&world, &fans[1]).await, queue(&world).await);
        assert_eq!((&token.body["message"], &token.body["opensAt"]), (&queue["message"], &queue["opensAt"]));
        assert_eq!(token.headers["retry-after"], token.body["pollAfterSeconds"].to_string());
        let seconds = token.body["pollAfterSeconds"].as_u64().unwrap_or_default();
        (queue["state"].as_str().unwrap_or_default().to_owned(), token.body["paused"] == true, seconds)
    };
    assert_eq!(told().await, ("OPEN".to_owned(), false, 1));
    configure(&world, &admin, &json!({ "paused": true, "message": "The singer is late." })).await;
    let (state, paused, seconds) = told().await;
    assert_eq!((state.as_str(), paused), ("PAUSED", true));
    assert!((9..=11).contains(&seconds), "{seconds}");
    assert_eq!(queue(&world).await["message"], "The singer is late.");
    let opening = json!({ "opensAt": "2026-06-01T01:00:00Z" });
    configure(&world, &admin, &opening).await;
    assert_eq!(told().await.0, "PAUSED", "before NOT_OPEN");
    configure(&world, &admin, &json!({ "paused": false, "message": null })).await;
    let (state, paused, seconds) = told().await;
    assert_eq!((state.as_str(), paused), ("NOT_OPEN", false));
    assert_eq!(seconds, 30, "the next to be let in: half of the claim window at most");
    assert_eq!(queue(&world).await["message"], Value::Null);
    assert_eq!(turn(&poll(&world, &fans[0]).await), "ACTIVE 0", "who is inside goes on");
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
