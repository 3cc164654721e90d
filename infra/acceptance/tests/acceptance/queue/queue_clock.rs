//! Waiting time runs only while the queue is open and not paused; tokens last as long as their places.

use crate::{
    Outcome,
    support::{configure, line_of, poll, status_and_position},
};
use acceptance::{Fan, World};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};
use shared::domain::account::Role;

fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).and_then(|part| BASE64.decode(part).ok()).unwrap_or_default();
    serde_json::from_slice(&claims).unwrap_or_default()
}

#[tokio::test]
async fn fans_who_join_before_the_opening_keep_their_places_when_it_moves_twice_and_during_a_pause() -> Outcome {
    let world = World::with(&[("WAITING_SECONDS", "600")]).await?;
    let mut admin = world.admin().await;
    configure(&world, &admin, &json!({ "opensAt": "2026-06-01T02:00:00Z", "capacity": 0 })).await;
    let mut fan = line_of(&world, 1).await.remove(0);
    let first = claims(&fan.queue);
    // The opening moves from 02:00 to 03:00 and to 03:30; then the queue is paused for two days.
    for (wait, change) in [
        (7_000, json!({ "opensAt": "2026-06-01T03:00:00Z" })),
        (3_700, json!({ "opensAt": "2026-06-01T03:30:00Z" })),
        (2_200, json!({ "paused": true })),
        (172_800, json!({ "paused": false })),
    ] {
        world.wait(wait);
        let seen = follow(&world, &mut fan).await;
        assert!(seen.starts_with("WAITING"), "{seen} before {change}");
        // An access token lasts an hour.
        let id = admin.user_id.parse()?;
        admin.access = world.app.tokens.sign_access(id, Role::Admin, 0, &world.app.context).map_err(|p| p.detail)?;
        assert_eq!(configure(&world, &admin, &change).await.outcome(), "200");
        world.wait(1);
        follow(&world, &mut fan).await;
    }
    // The queue was open from 03:30:00 to 03:35:02, and for a second after the pause.
    let left = poll(&world, &fan).await.body["remainingTime"].as_u64().unwrap_or_default();
    assert!((290..=310).contains(&left), "{left}");
    assert!(claims(&fan.queue)["exp"].as_u64() > first["exp"].as_u64(), "polls renewed the token");
    world.wait(left);
    assert_eq!(poll(&world, &fan).await.outcome(), "410 session_over");
    Ok(())
}

/// Polls, and stores the newest token in `fan`. A fan whose token has expired logs in and joins again, and keeps the
/// place.
async fn follow(world: &World, fan: &mut Fan) -> String {
    let mut reply = poll(world, fan).await;
    if reply.outcome() == "401 token_expired" {
        let id = fan.user_id.parse().expect("an id");
        fan.access = world.app.tokens.sign_access(id, Role::Fan, 0, &world.app.context).expect("a token");
        reply = world.join(fan).await;
        assert_eq!(reply.status, 200, "not a new place");
    }
    if reply.status == 200 {
        reply.text("token").clone_into(&mut fan.queue);
    }
    status_and_position(&reply)
}

#[tokio::test]
async fn a_poll_renews_a_token_only_when_its_place_lives_longer() -> Outcome {
    let world = World::with(&[("QUEUE_CAPACITY", "0")]).await?;
    let admin = world.admin().await;
    let mut fan = line_of(&world, 1).await.remove(0);
    let issued = fan.queue.clone();
    world.wait(500);
    follow(&world, &mut fan).await;
    assert_eq!(fan.queue, issued);
    configure(&world, &admin, &json!({ "paused": true })).await;
    world.wait(3_600);
    follow(&world, &mut fan).await;
    let (before, after) = (claims(&issued), claims(&fan.queue));
    assert_eq!(after["exp"].as_u64(), before["exp"].as_u64().map(|exp| exp + 3_600), "by as much as the pause");
    for kept in
        ["iss", "aud", "kind", "sub", "queue", "place", "jti", "iat", "auth", "ver", "waitingSeconds", "waitClock"]
    {
        assert!(!after[kept].is_null() && after[kept] == before[kept], "{kept}: {after}");
    }
    Ok(())
}

#[tokio::test]
async fn a_queue_token_proves_who_the_fan_is_for_twelve_hours_and_while_its_session_lives() -> Outcome {
    let variables = [("WAITING_SECONDS", "604800"), ("QUEUE_CAPACITY", "0"), ("ACTIVE_SECONDS", "14400")];
    let world = World::with(&variables).await?;
    let mut fan = line_of(&world, 1).await.remove(0);
    let balance = format!("/api/v1/payments/balance/{}", fan.user_id);
    world.wait(12 * 3_600 - 1);
    assert_eq!(world.get(&balance, &fan.queue).await.outcome(), "200");
    world.wait(1);
    assert_eq!(world.get(&balance, &fan.queue).await.outcome(), "401 token_expired");
    assert_eq!(status_and_position(&poll(&world, &fan).await), "WAITING 1", "the place lives on");
    world.set_capacity(1).await;
    world.tick().await;
    assert_eq!(world.get(&balance, &fan.queue).await.outcome(), "401 token_expired", "not claimed yet");
    world.wait(1);
    assert_eq!(follow(&world, &mut fan).await, "ACTIVE 0");
    assert_eq!(world.get(&balance, &fan.queue).await.outcome(), "200");
    world.wait(14_400);
    assert_eq!(world.get(&balance, &fan.queue).await.outcome(), "401 token_expired");
    Ok(())
}
