//! Limits on the holds of a session and on the refused holds of a fan.

use crate::support::purchases::{Outcome, cancel, count, held, hold, sale};
use acceptance::{Fan, Reply, World};
use futures_util::future::join_all;
use serde_json::{Value, json};

fn session(world: &World) -> Value {
    let is_session = |item: &Value| item["pk"].as_str().is_some_and(|pk| pk.starts_with("SESSION#"));
    world.engine.items("Queues").into_iter().find(is_session).unwrap_or_default()
}

fn all_items(world: &World) -> Vec<Value> {
    ["Fans", "Concerts", "Queues"].iter().flat_map(|table| world.engine.items(table)).collect()
}

async fn hold_and_give_back(world: &World, fan: &Fan, concert: &str, times: usize) {
    for _ in 0..times {
        let id = held(world, fan, concert, &[1]).await;
        assert_eq!(world.send(cancel(fan, &id)).await.outcome(), "204");
    }
}

#[tokio::test]
async fn a_session_makes_30_holds_and_no_more_whatever_becomes_of_them() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    hold_and_give_back(&world, &fan, &concert, 28).await;
    held(&world, &fan, &concert, &[1, 2]).await;
    world.wait(300);
    held(&world, &fan, &concert, &[1, 2, 3]).await;
    let before = all_items(&world);
    let refused = world.hold(&fan, &concert, &[4], None).await;
    assert_eq!((refused.outcome().as_str(), &refused.body["limit"]), ("409 hold_limit", &json!(30)));
    assert_eq!(all_items(&world), before, "a refusal changes nothing");
    assert_eq!(session(&world)["holdsMade"], 30);
    Ok(())
}

#[tokio::test]
async fn a_refused_hold_is_not_counted_against_the_session() -> Outcome {
    let (world, _, concert) = sale(&[("HOLDS_PER_SESSION", "1")]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    held(&world, &ann, &concert, &[1]).await;
    for _ in 0..3 {
        assert_eq!(world.hold(&bob, &concert, &[1], None).await.outcome(), "409 seat_unavailable");
    }
    assert_eq!(world.hold(&bob, &concert, &[2], None).await.outcome(), "201");
    assert_eq!(world.hold(&bob, &concert, &[3], None).await.outcome(), "409 hold_limit");
    Ok(())
}

#[tokio::test]
async fn simultaneous_holds_of_one_session_stay_within_the_number_of_holds() -> Outcome {
    let variables = [("HOLDS_PER_SESSION", "3"), ("SEATS_PER_SESSION", "8")];
    let (world, _, concert) = sale(&variables).await?;
    let other = world.environment(&variables).await?;
    let fan = world.buyer("ann", 0).await;
    let tries = (1..=12).map(|seat| {
        let app = if seat % 2 == 0 { &other } else { &world.app };
        let request = hold(&fan, &concert, &[seat], None);
        world.send_to(app, request)
    });
    let replies = join_all(tries).await;
    assert_eq!((count(&replies, "201"), count(&replies, "409 hold_limit")), (3, 9));
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn the_last_hold_of_a_session_is_replayed_at_the_limit() -> Outcome {
    let (world, _, concert) = sale(&[("HOLDS_PER_SESSION", "2")]).await?;
    let fan = world.buyer("ann", 0).await;
    hold_and_give_back(&world, &fan, &concert, 1).await;
    let first = world.hold(&fan, &concert, &[7], Some("a")).await;
    let again = world.hold(&fan, &concert, &[7], Some("a")).await;
    assert_eq!((again.outcome().as_str(), &again.body), ("201", &first.body));
    assert_eq!(world.hold(&fan, &concert, &[8], Some("b")).await.outcome(), "409 hold_limit");
    Ok(())
}

/// Asks this many times for a seat that another fan holds.
async fn refused(world: &World, fan: &Fan, concert: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(world.hold(fan, concert, &[1], None).await.outcome(), "409 seat_unavailable");
    }
}

fn retry_after(reply: &Reply) -> &str {
    assert_eq!(reply.outcome(), "429 too_many_requests");
    &reply.headers["retry-after"]
}

#[tokio::test]
async fn a_fan_with_20_holds_refused_in_10_seconds_waits_and_nobody_else_does() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    held(&world, &ann, &concert, &[1]).await;
    refused(&world, &bob, &concert, 20).await;
    world.engine.reset_meter();
    for seat in [1, 2] {
        assert_eq!(retry_after(&world.hold(&bob, &concert, &[seat], None).await), "10", "seat {seat}");
    }
    assert_eq!(world.engine.meter().requests, 0, "a limit that is known in memory costs no request");
    assert_eq!(world.hold(&ann, &concert, &[3], None).await.outcome(), "201", "other fans are not limited");
    world.clock.advance_ms(9_001);
    assert_eq!(retry_after(&world.hold(&bob, &concert, &[2], None).await), "1");
    world.clock.advance_ms(999);
    assert_eq!(world.hold(&bob, &concert, &[2], None).await.outcome(), "201", "10 s after the first");
    Ok(())
}

#[tokio::test]
async fn refused_holds_count_for_10_seconds_each() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    held(&world, &ann, &concert, &[1]).await;
    refused(&world, &bob, &concert, 5).await;
    world.wait(4);
    refused(&world, &bob, &concert, 15).await;
    assert_eq!(retry_after(&world.hold(&bob, &concert, &[2], None).await), "6");
    world.wait(6);
    refused(&world, &bob, &concert, 5).await;
    assert_eq!(retry_after(&world.hold(&bob, &concert, &[2], None).await), "4", "a 429 is not counted, a 409 is");
    Ok(())
}

#[tokio::test]
async fn every_409_of_a_seat_or_hold_limit_counts_and_a_404_does_not() -> Outcome {
    let (world, _, concert) = sale(&[("HOLDS_PER_SESSION", "1")]).await?;
    let [ann, bob, carl] = [world.buyer("ann", 0).await, world.buyer("bob", 0).await, world.buyer("carl", 0).await];
    for (fan, seats, expected) in [
        (&ann, vec![1, 2, 3, 4, 5], "409 seat_limit"),
        (&bob, vec![7], "409 hold_limit"),
        (&carl, vec![51], "404 seat_not_found"),
    ] {
        if expected.ends_with("hold_limit") {
            held(&world, fan, &concert, &[6]).await;
        }
        for _ in 0..20 {
            assert_eq!(world.hold(fan, &concert, &seats, None).await.outcome(), expected);
        }
    }
    retry_after(&world.hold(&ann, &concert, &[1], None).await);
    retry_after(&world.hold(&bob, &concert, &[7], None).await);
    assert_eq!(world.hold(&carl, &concert, &[1], None).await.outcome(), "201");
    Ok(())
}

#[tokio::test]
async fn holds_refused_because_the_session_is_ending_count_too() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    world.wait(599);
    held(&world, &fan, &concert, &[1]).await;
    world.wait(272);
    for _ in 0..20 {
        assert_eq!(world.hold(&fan, &concert, &[2], None).await.outcome(), "409 session_ending");
    }
    retry_after(&world.hold(&fan, &concert, &[2], None).await);
    Ok(())
}

#[tokio::test]
async fn a_retry_with_the_key_of_a_hold_is_replayed_while_other_requests_are_429() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    held(&world, &ann, &concert, &[1]).await;
    let own = world.hold(&bob, &concert, &[2], Some("a")).await;
    refused(&world, &bob, &concert, 20).await;
    retry_after(&world.hold(&bob, &concert, &[3], Some("b")).await);
    let again = world.hold(&bob, &concert, &[2], Some("a")).await;
    assert_eq!((again.outcome().as_str(), &again.body), ("201", &own.body));
    assert_eq!(world.hold(&bob, &concert, &[3], Some("a")).await.outcome(), "422 idempotency_key_reused");
    Ok(())
}
