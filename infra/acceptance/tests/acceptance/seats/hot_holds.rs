//! Holds that look first, since a seat of their concert was just refused: what they cost, and that they answer alike.

use crate::support::purchases::{
    Outcome, PRICE, cancel, held, hold, inject_where, items, number, sale, tamper, until_sent,
};
use acceptance::{Fan, Reply, World};
use engine::{Fault, Meter};
use serde_json::{Value, json};
use std::pin::pin;

/// Units of writes, those of refused ones included, units of reads, and round trips of a request. The concert is in
/// memory before.
async fn cost(world: &World, fan: &Fan, concert: &str, seat: u32, key: Option<&str>) -> (String, (f64, f64, u64)) {
    assert_eq!(world.hold(fan, concert, &[51], None).await.outcome(), "404 seat_not_found");
    world.engine.reset_meter();
    let reply = world.hold(fan, concert, &[seat], key).await;
    let Meter { write_units, refused_write_units, read_units, round_trips, .. } = world.engine.meter();
    (reply.outcome(), (write_units + refused_write_units, read_units, round_trips))
}

fn lost() -> String {
    "409 seat_unavailable".to_owned()
}

#[tokio::test]
async fn a_lost_hold_costs_two_reads_for_ten_seconds_after_a_seat_was_refused() -> Outcome {
    let (world, admin, concert) = sale(&[("HOLD_SECONDS", "900"), ("SEATS_PER_SESSION", "8")]).await?;
    let elsewhere = world.concert(&admin).await;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    held(&world, &ann, &concert, &[1]).await;
    held(&world, &ann, &elsewhere, &[1]).await;
    let hot = (0.0, 2.0, 1);
    assert_eq!(cost(&world, &bob, &concert, 1, None).await, (lost(), (6.0, 0.0, 1)), "the first is refused by writing");
    assert_eq!(cost(&world, &bob, &concert, 1, None).await, (lost(), hot));
    assert_eq!(cost(&world, &bob, &concert, 1, Some("a")).await, (lost(), (0.0, 3.0, 1)));
    assert_eq!(cost(&world, &bob, &elsewhere, 1, None).await.1, (6.0, 0.0, 1), "each concert by itself");
    world.clock.advance_ms(9_999);
    assert_eq!(cost(&world, &bob, &concert, 1, None).await, (lost(), hot));
    world.clock.advance_ms(9_999);
    assert_eq!(cost(&world, &bob, &concert, 2, None).await, ("201".to_owned(), (6.0, 2.0, 2)), "a free seat");
    assert_eq!(cost(&world, &bob, &concert, 3, Some("b")).await, ("201".to_owned(), (8.0, 3.0, 2)));
    world.clock.advance_ms(1);
    assert_eq!(cost(&world, &bob, &concert, 1, None).await, (lost(), (6.0, 0.0, 1)), "ten seconds after the last one");
    Ok(())
}

/// What a hold is answered, without the id of the request.
fn answer(reply: &Reply) -> Value {
    let mut body = reply.body.clone();
    body["instance"] = Value::Null;
    json!([reply.status, body, reply.headers.get("retry-after")])
}

/// Asks an environment that looks first and one that does not: they must answer alike.
async fn alike(world: &World, fan: &Fan, concert: &str, seats: &[u32], key: Option<&str>, expected: &str) -> Outcome {
    let cold = world.environment(&[]).await?;
    world.engine.reset_meter();
    let looked = world.hold(fan, concert, seats, key).await;
    assert_eq!(world.engine.meter().refused_write_units, 0.0, "{expected}: no transaction is refused");
    assert_eq!(looked.outcome(), expected);
    let tried = world.send_to(&cold, hold(fan, concert, seats, key)).await;
    assert_eq!(answer(&looked), answer(&tried), "{expected}");
    Ok(())
}

#[tokio::test]
async fn a_hold_that_looks_is_answered_what_its_transaction_would_be() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let mut fans = Vec::new();
    for name in ["ann", "bob", "carl", "dora", "emil", "fred"] {
        fans.push(world.buyer(name, 100_000).await);
    }
    let [ann, bob, carl, dora, emil, fred] = &fans[..] else { return Err("six fans".into()) };
    let sold = held(&world, ann, &concert, &[1, 2]).await;
    assert_eq!(world.pay(ann, &sold, 2 * PRICE, None).await.outcome(), "200");
    held(&world, bob, &concert, &[3, 4, 5]).await;
    let own = held(&world, carl, &concert, &[6, 7, 8, 9]).await;
    assert_eq!(world.delete(&format!("/api/v1/tokens/{}", dora.user_id), &dora.queue).await.outcome(), "204");
    let sessions = items(&world, "Queues", "0000");
    let of = |fan: &Fan| sessions.iter().find(|session| session["userId"] == json!(fan.user_id)).cloned();
    let made_most = of(emil).ok_or("a session")?;
    tamper(&world, "Queues", &made_most, "holdsMade", number(30)).await;
    assert_eq!(world.hold(bob, &concert, &[1], None).await.outcome(), lost(), "from now on it is hot");

    alike(&world, fred, &concert, &[2, 10, 4], None, "409 seat_unavailable").await?;
    alike(&world, carl, &concert, &[9, 1], None, "409 seat_unavailable").await?;
    assert_eq!(world.hold(carl, &concert, &[9, 1], None).await.body["reservationId"], json!(own));
    alike(&world, bob, &concert, &[10, 11], None, "409 seat_limit").await?;
    alike(&world, bob, &concert, &[1, 11], None, "409 seat_unavailable").await?;
    alike(&world, ann, &concert, &[1], None, "401 session_over").await?;
    alike(&world, dora, &concert, &[12], None, "401 session_over").await?;
    alike(&world, emil, &concert, &[12], None, "409 hold_limit").await?;
    alike(&world, emil, &concert, &[1], None, "409 seat_unavailable").await?;
    Ok(())
}

#[tokio::test]
async fn a_session_that_ends_too_soon_is_seen_by_the_look() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    world.wait(599);
    held(&world, &ann, &concert, &[1]).await;
    held(&world, &bob, &concert, &[2]).await;
    world.wait(272);
    assert_eq!(world.hold(&bob, &concert, &[1], None).await.outcome(), lost());
    alike(&world, &ann, &concert, &[3], None, "409 session_ending").await?;
    alike(&world, &ann, &concert, &[2], None, "409 seat_unavailable").await?;
    for _ in 0..3 {
        world.wait(9);
        assert_eq!(world.hold(&ann, &concert, &[2], None).await.outcome(), lost());
    }
    world.wait(1);
    alike(&world, &ann, &concert, &[3], None, "401 session_over").await
}

#[tokio::test]
async fn a_seat_whose_hold_is_over_is_free_for_a_hold_that_looks() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    held(&world, &ann, &concert, &[1, 2, 3, 4]).await;
    world.clock.advance_ms(299_999);
    assert_eq!(world.hold(&bob, &concert, &[1], None).await.outcome(), lost());
    world.clock.advance_ms(1);
    assert_eq!(world.hold(&ann, &concert, &[5, 6], None).await.outcome(), "201", "her own holds are over too");
    world.engine.reset_meter();
    assert_eq!(world.hold(&bob, &concert, &[1], None).await.outcome(), "201", "nothing was cleaned up");
    assert_eq!(world.engine.meter().refused_write_units, 0.0);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_key_that_was_used_is_replayed_before_the_look_refuses() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let first = world.hold(&ann, &concert, &[1], Some("a")).await;
    assert_eq!(world.hold(&bob, &concert, &[1], None).await.outcome(), lost());
    alike(&world, &ann, &concert, &[1], Some("a"), "201").await?;
    assert_eq!(world.hold(&ann, &concert, &[1], Some("a")).await.body, first.body);
    alike(&world, &ann, &concert, &[2], Some("a"), "422 idempotency_key_reused").await?;
    assert_eq!(world.send(cancel(&ann, first.text("reservationId"))).await.outcome(), "204");
    held(&world, &bob, &concert, &[1]).await;
    assert_eq!(world.hold(&ann, &concert, &[1], Some("a")).await.body, first.body, "also after another fan has it");
    Ok(())
}

#[tokio::test]
async fn a_copy_that_was_applied_between_the_reads_of_a_look_is_replayed() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let other = world.environment(&[]).await?;
    held(&world, &bob, &concert, &[1]).await;
    assert_eq!(world.hold(&bob, &concert, &[1], None).await.outcome(), lost());
    // The look finds no record of the key; the read of its seat is throttled, and is sent again behind the first copy.
    inject_where(&world, Fault::Throttled, 1, |call| {
        call.operation == "GetItem" && call.body["Key"]["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("SEAT#"))
    });
    let mut copy = pin!(world.send(hold(&ann, &concert, &[2], Some("a"))));
    until_sent(&world, copy.as_mut(), 4).await;
    let first = world.send_to(&other, hold(&ann, &concert, &[2], Some("a"))).await;
    assert_eq!(first.outcome(), "201");
    let copy = copy.await;
    assert_eq!((copy.outcome().as_str(), &copy.body), ("201", &first.body));
    Ok(())
}

#[tokio::test]
async fn a_hold_that_looks_claims_its_place() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let mut late = world.fan("late").await;
    world.set_capacity(0).await;
    world.join(&mut late).await;
    held(&world, &ann, &concert, &[1]).await;
    assert_eq!(world.hold(&bob, &concert, &[1], None).await.outcome(), lost());
    assert_eq!(world.hold(&late, &concert, &[1], None).await.outcome(), "403 not_active", "before the seats");
    world.set_capacity(10).await;
    world.tick().await;
    world.wait(1);
    assert_eq!(world.hold(&late, &concert, &[1], None).await.outcome(), lost());
    assert_eq!(world.hold(&late, &concert, &[2], None).await.outcome(), "201");
    Ok(())
}
