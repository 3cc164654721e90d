//! How holds and their session depend on each other: claim, seat limit, extension, end.

use crate::support::purchases::{
    Outcome, PRICE, cancel, count, held, hold, items, post, reservation, sale, until_sent,
};
use acceptance::{Fan, Reply, START_MILLIS, World};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::pin::pin;

fn session(world: &World) -> Value {
    let mut sessions = world.engine.items("Queues");
    sessions.retain(|item| item["pk"].as_str().is_some_and(|pk| pk.starts_with("SESSION#")));
    assert_eq!(sessions.len(), 1);
    sessions.remove(0)
}

async fn let_in_without_a_claim(world: &World, name: &str) -> Fan {
    let mut fan = world.fan(name).await;
    world.set_capacity(0).await;
    assert_eq!(world.join(&mut fan).await.text("status"), "WAITING");
    world.set_capacity(10).await;
    world.tick().await;
    fan
}

#[tokio::test]
async fn the_first_hold_claims_the_session() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = let_in_without_a_claim(&world, "ann").await;
    world.wait(59);
    assert_eq!(world.hold(&fan, &concert, &[1], None).await.outcome(), "201");
    assert_eq!(session(&world)["seatsTaken"], 1);
    Ok(())
}

#[tokio::test]
async fn a_hold_while_waiting_or_after_the_claim_window_is_refused() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let late = let_in_without_a_claim(&world, "ann").await;
    world.set_capacity(0).await;
    let mut waiting = world.fan("bob").await;
    world.join(&mut waiting).await;
    let refused = world.hold(&waiting, &concert, &[1], None).await;
    assert_eq!(refused.outcome(), "403 not_active");
    assert!(refused.headers["retry-after"].parse::<u64>()? >= 1);
    world.wait(68);
    assert_eq!(world.hold(&late, &concert, &[1], None).await.outcome(), "401 session_over");
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_waiting_fan_is_refused_before_the_requested_seats_are_checked() -> Outcome {
    let (world, admin, concert) = sale(&[("QUEUE_CAPACITY", "0")]).await?;
    let closed = world.concert_of(&admin, &json!({ "saleOpensAt": "2027-01-01T00:00:00Z" })).await;
    let mut fan = world.fan("ann").await;
    world.join(&mut fan).await;
    for (concert, seats) in [(&concert, &[51][..]), (&closed, &[1]), (&concert, &[1, 2, 3, 4, 5])] {
        assert_eq!(world.hold(&fan, concert, seats, None).await.outcome(), "403 not_active");
    }
    Ok(())
}

#[tokio::test]
async fn a_session_that_is_over_cannot_hold() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    world.clock.advance_ms(599_999);
    assert_eq!(world.hold(&ann, &concert, &[1], None).await.outcome(), "201");
    world.clock.advance_ms(1);
    assert_eq!(world.hold(&bob, &concert, &[2], None).await.outcome(), "401 session_over");
    assert_eq!(world.hold(&ann, &concert, &[2], None).await.outcome(), "201", "the open hold keeps the session alive");
    Ok(())
}

#[tokio::test]
async fn a_hold_that_loses_the_race_with_the_end_of_its_session_is_refused() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    // The concert is in memory, so the transaction is the first request.
    assert_eq!(world.hold(&fan, &concert, &[51], None).await.outcome(), "404 seat_not_found");
    let mut late = pin!(world.send(hold(&fan, &concert, &[1], None)));
    until_sent(&world, late.as_mut(), 1).await;
    assert_eq!(world.delete(&format!("/api/v1/tokens/{}", fan.user_id), &fan.queue).await.outcome(), "204");
    assert_eq!(late.await.outcome(), "401 session_over");
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_session_takes_at_most_its_limit_of_seats() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    assert_eq!(world.hold(&fan, &concert, &[1, 2, 3, 4, 5], None).await.outcome(), "409 seat_limit");
    held(&world, &fan, &concert, &[1, 2, 3]).await;
    assert_eq!(world.hold(&fan, &concert, &[4, 5], None).await.outcome(), "409 seat_limit");
    let last = held(&world, &fan, &concert, &[4]).await;
    assert_eq!(world.hold(&fan, &concert, &[5], None).await.outcome(), "409 seat_limit");
    assert_eq!(world.send(cancel(&fan, &last)).await.outcome(), "204");
    assert_eq!(world.hold(&fan, &concert, &[5], None).await.outcome(), "201");
    assert_eq!(session(&world)["seatsTaken"], 4);
    Ok(())
}

#[tokio::test]
async fn simultaneous_holds_of_one_session_stay_within_the_limit() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let other = world.environment(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let tries = (1..=12).map(|seat| {
        let app = if seat % 2 == 0 { &other } else { &world.app };
        let request = hold(&fan, &concert, &[seat], None);
        world.send_to(app, request)
    });
    let replies = join_all(tries).await;
    assert_eq!((count(&replies, "201"), count(&replies, "409 seat_limit")), (4, 8));
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn expired_holds_are_dropped_when_the_seat_limit_is_reached() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1, 2]).await;
    world.wait(100);
    let open = held(&world, &fan, &concert, &[3, 4]).await;
    world.wait(200);
    assert_eq!(world.hold(&fan, &concert, &[5, 6], None).await.outcome(), "201", "the first hold is over");
    let session = session(&world);
    assert_eq!((&session["seatsTaken"], session["holds"].as_object().map(|h| h.len())), (&json!(4), Some(2)));
    assert!(session["holds"].get(&open).is_some());
    assert_eq!(world.hold(&fan, &concert, &[7], None).await.outcome(), "409 seat_limit");
    Ok(())
}

#[tokio::test]
async fn concurrent_holds_that_drop_the_same_expired_hold_free_its_seats_once() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let other = world.environment(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1, 2, 3, 4]).await;
    world.wait(300);
    let tries = (5..=16).map(|seat| {
        let app = if seat % 2 == 0 { &other } else { &world.app };
        let request = hold(&fan, &concert, &[seat], None);
        world.send_to(app, request)
    });
    let replies = join_all(tries).await;
    assert_eq!((count(&replies, "201"), count(&replies, "409 seat_limit")), (4, 8));
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_hold_extends_the_session_to_the_holds_end_and_not_past_the_maximum() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    world.wait(599);
    let first = world.hold(&fan, &concert, &[1], None).await;
    assert_eq!(first.text("expiresAt"), "2026-06-01T00:14:59.000Z", "599 + 300 s: the whole hold time");
    world.wait(200);
    let second = world.hold(&fan, &concert, &[2], None).await;
    assert_eq!(second.outcome(), "201");
    assert_eq!(second.text("expiresAt"), "2026-06-01T00:15:00.000Z", "600 + 300 s: claim + active + hold");
    world.wait(100);
    assert_eq!(reservation(&world, &fan, first.text("reservationId")).await["status"], "EXPIRED");
    assert_eq!(reservation(&world, &fan, second.text("reservationId")).await["status"], "PENDING");
    world.wait(1);
    assert_eq!(world.hold(&fan, &concert, &[3], None).await.outcome(), "401 session_over");
    Ok(())
}

#[tokio::test]
async fn holding_and_cancelling_does_not_extend_a_session_for_ever() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let mut seconds = 0;
    loop {
        let reply = world.hold(&fan, &concert, &[1], None).await;
        if reply.status != 201 {
            assert_eq!(reply.outcome(), "401 session_over");
            break;
        }
        assert_eq!(world.send(cancel(&fan, reply.text("reservationId"))).await.outcome(), "204");
        world.wait(30);
        seconds += 30;
    }
    assert_eq!(seconds, 900, "active + hold time");
    Ok(())
}

#[tokio::test]
async fn bought_seats_count_in_their_session_even_after_a_refund() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 500_000).await;
    let first = held(&world, &fan, &concert, &[1, 2]).await;
    held(&world, &fan, &concert, &[3]).await;
    let paid = world.pay(&fan, &first, 2 * PRICE, None).await;
    assert_eq!(paid.outcome(), "200");
    let shown = |reply: &Reply| (reply.outcome(), reply.body["limit"].clone(), reply.body["held"].clone());
    let refused = world.hold(&fan, &concert, &[4, 5], None).await;
    assert_eq!(shown(&refused), ("409 seat_limit".to_owned(), json!(4), json!(1)));
    assert_eq!(refused.body["bought"], 2);
    let refund = post(&format!("/api/v1/payments/{}/cancel", paid.text("paymentId")), &fan.queue, None, &json!({}));
    assert_eq!(world.send(refund).await.outcome(), "200");
    let refused = world.hold(&fan, &concert, &[1, 2, 3, 4, 5], None).await;
    assert_eq!((shown(&refused).2, &refused.body["bought"]), (json!(1), &json!(2)), "more than any session may have");
    assert_eq!(world.hold(&fan, &concert, &[4, 5], None).await.outcome(), "409 seat_limit");
    assert_eq!(world.hold(&fan, &concert, &[4], None).await.outcome(), "201");
    assert_eq!(session(&world)["seatsTaken"], 4);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_hold_is_shortened_to_no_less_than_30_seconds() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    world.wait(599);
    held(&world, &fan, &concert, &[1]).await;
    world.wait(271);
    let last = world.hold(&fan, &concert, &[2], Some("a")).await;
    assert_eq!((last.outcome().as_str(), last.text("expiresAt")), ("201", "2026-06-01T00:15:00.000Z"), "30 s");
    world.clock.advance_ms(1);
    assert_eq!(
        world.hold(&fan, &concert, &[1], None).await.outcome(),
        "409 seat_unavailable",
        "the seat is checked first"
    );
    let before = world.engine.items("Queues");
    assert_eq!(world.hold(&fan, &concert, &[3], None).await.outcome(), "409 session_ending");
    assert_eq!((world.engine.items("Queues"), items(&world, "Concerts", "SEAT#").len()), (before, 2));
    assert_eq!(
        world.hold(&fan, &concert, &[2], Some("a")).await.body,
        last.body,
        "the same key gets its hold replayed"
    );
    Ok(())
}

#[tokio::test]
async fn no_hold_is_shortened_where_holds_last_less_than_30_seconds() -> Outcome {
    let (world, _, concert) = sale(&[("HOLD_SECONDS", "20"), ("ACTIVE_SECONDS", "60")]).await?;
    let fan = world.buyer("ann", 0).await;
    world.wait(59);
    held(&world, &fan, &concert, &[1]).await;
    world.wait(1);
    let whole = world.hold(&fan, &concert, &[2], None).await;
    assert_eq!((whole.outcome().as_str(), whole.text("expiresAt")), ("201", "2026-06-01T00:01:20.000Z"));
    world.clock.advance_ms(1);
    assert_eq!(world.hold(&fan, &concert, &[3], None).await.outcome(), "409 session_ending");
    Ok(())
}

#[tokio::test]
async fn a_hold_under_a_clock_that_is_behind_does_not_shorten_the_session() -> Outcome {
    let (world, _, concert) = sale(&[("ACTIVE_SECONDS", "60")]).await?;
    let fan = world.buyer("ann", PRICE).await;
    world.wait(59);
    let long = held(&world, &fan, &concert, &[1]).await;
    world.clock.set_ms(START_MILLIS + 49_000);
    let short = world.hold(&fan, &concert, &[2], None).await;
    assert_eq!((short.outcome().as_str(), short.text("expiresAt")), ("201", "2026-06-01T00:05:49.000Z"));
    world.clock.set_ms(START_MILLIS + 355_000);
    assert_eq!(reservation(&world, &fan, &long).await["status"], "PENDING");
    assert_eq!(world.pay(&fan, &long, PRICE, None).await.outcome(), "200", "the session lives as long as its hold");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_hold_that_its_session_no_longer_lists_cannot_be_paid() -> Outcome {
    let (world, _, concert) = sale(&[("SEATS_PER_SESSION", "2")]).await?;
    let fan = world.buyer("ann", 500_000).await;
    let first = held(&world, &fan, &concert, &[1, 2]).await;
    // A function whose clock is ahead drops the hold from the session, and adds another.
    world.wait(300);
    held(&world, &fan, &concert, &[3, 4]).await;
    world.clock.set_ms(START_MILLIS + 299_000);
    assert_eq!(world.pay(&fan, &first, 2 * PRICE, None).await.outcome(), "410 reservation_expired");
    crate::support::invariants::check(&world);
    Ok(())
}
