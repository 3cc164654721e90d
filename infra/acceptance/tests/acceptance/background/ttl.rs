//! TTL deletes items that are no longer needed, and never a sold seat, money or a paid reservation.

use crate::support::purchases::{Outcome, PRICE, cancel, feed_stream, held, items, reservation, sale, take_timers};
use acceptance::{Request, World};
use serde_json::{Value, json};

/// Seconds after which every token, hold and key is long over.
const FOR_EVER: u64 = 400 * 24 * 3_600;

fn ttl(item: &Value) -> Option<u64> {
    item["ttl"].as_u64()
}

fn seconds(world: &World) -> u64 {
    engine::Clock::now_ms(&world.clock) / 1_000
}

#[tokio::test]
async fn only_temporary_items_have_a_ttl() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    world.recharge(&ann, 50_000, Some("a")).await;
    let paid = held(&world, &ann, &concert, &[1]).await;
    world.pay(&ann, &paid, PRICE, Some("b")).await;
    held(&world, &bob, &concert, &[2]).await;
    let with_ttl = |table: &str| {
        let mut kinds: Vec<String> =
            world.engine.items(table).iter().filter(|item| ttl(item).is_some()).map(kind).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    fn kind(item: &Value) -> String {
        let part =
            |name: &str| item[name].as_str().and_then(|key| key.split('#').next()).unwrap_or_default().to_owned();
        format!("{} {}", part("pk"), if part("sk").parse::<u64>().is_ok() { "place".to_owned() } else { part("sk") })
    }
    assert_eq!(with_ttl("Fans"), ["FAN IDEM", "FAN RES"]);
    assert_eq!(with_ttl("Concerts"), ["CONCERT SEAT", "SALES place"]);
    assert_eq!(with_ttl("Queues"), ["SESSION place", "TICKET TICKET"]);
    Ok(())
}

#[tokio::test]
async fn no_ttl_ends_while_its_item_is_needed() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    world.recharge(&fan, 50_000, Some("a")).await;
    held(&world, &fan, &concert, &[1]).await;
    let now = seconds(&world);
    let after = |table: &str, prefix: &str, life: u64| {
        let found = items(&world, table, prefix);
        assert_eq!(found.iter().filter(|item| ttl(item).is_some()).count(), 1, "{prefix}");
        assert!(found.iter().filter_map(ttl).all(|ttl| ttl > now + life), "{prefix} {found:?}");
    };
    after("Fans", "IDEM#", 24 * 3_600);
    after("Concerts", "SEAT#", 300);
    after("Fans", "RES#", 300 + 30 * 24 * 3_600 - 1);
    // Waiting, claim window, session and hold: the longest life of a token.
    after("Queues", "TICKET", 7_200 + 60 + 600 + 300);
    after("Queues", "0000", 7_200 + 60 + 600 + 300);
    Ok(())
}

#[tokio::test]
async fn ttl_never_deletes_sold_seats_and_paid_reservations() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 100_000).await;
    let paid = held(&world, &fan, &concert, &[1, 2]).await;
    assert_eq!(world.pay(&fan, &paid, 100_000, Some("a")).await.outcome(), "200");
    let kept = |world: &World| {
        let all = ["Concerts", "Fans"].into_iter().flat_map(|table| world.engine.items(table));
        // An item with a TTL is no loss: a concert's entry among its queue's sales has one, a day after the sale's end.
        all.filter(|item| ttl(item).is_none()).collect::<Vec<_>>()
    };
    let seats = items(&world, "Concerts", "SEAT#");
    assert!(seats.len() == 2 && seats.iter().all(|seat| ttl(seat).is_none()));
    let before = kept(&world);
    world.wait(FOR_EVER);
    assert!(world.engine.sweep_ttl() >= 3, "idempotency record, ticket, session");
    assert_eq!(kept(&world), before);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_ttl_removed_expires_its_reservation_through_the_stream() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    feed_stream(&world, &world.app).await?;
    take_timers(&world);
    world.wait(3_600);
    world.engine.sweep_ttl();
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    feed_stream(&world, &world.app).await?;
    let timers = take_timers(&world);
    assert_eq!(timers.len(), 1);
    assert!(crate::support::purchases::expire(&world.app, &timers).await?.is_empty());
    assert_eq!(items(&world, "Fans", "RES#")[0]["status"], "EXPIRED");
    assert_eq!(items(&world, "Concerts", "COUNT#")[0]["held"], 0);
    assert!(!id.is_empty());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn ttl_deletes_a_reservation_thirty_days_after_its_hold_unless_it_was_ever_paid() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob, carl) =
        (world.buyer("ann", PRICE).await, world.buyer("bob", PRICE).await, world.buyer("carl", 0).await);
    let paid = held(&world, &ann, &concert, &[1]).await;
    world.pay(&ann, &paid, PRICE, None).await;
    let refunded = held(&world, &bob, &concert, &[2]).await;
    let payment = world.pay(&bob, &refunded, PRICE, None).await.text("paymentId").to_owned();
    let path = format!("/api/v1/payments/{payment}/cancel");
    assert_eq!(world.send(Request::new("POST", path).token(&bob.access).json(&json!({}))).await.status, 200);
    let cancelled = held(&world, &carl, &concert, &[3]).await;
    world.send(cancel(&carl, &cancelled)).await;
    held(&world, &carl, &concert, &[4]).await;
    feed_stream(&world, &world.app).await?;
    world.wait(300);
    assert!(crate::support::purchases::expire(&world.app, &take_timers(&world)).await?.is_empty());
    let left = || items(&world, "Fans", "RES#").len();
    world.wait(30 * 24 * 3_600 - 1);
    world.engine.sweep_ttl();
    assert_eq!(left(), 4, "not a second earlier");
    world.wait(2);
    world.engine.sweep_ttl();
    let mut ids: Vec<Value> =
        items(&world, "Fans", "RES#").into_iter().map(|mut found| found["reservationId"].take()).collect();
    ids.sort_by_key(Value::to_string);
    let mut kept = [json!(paid), json!(refunded)];
    kept.sort_by_key(Value::to_string);
    assert_eq!(ids, kept, "only those that were never paid are deleted");
    feed_stream(&world, &world.app).await?;
    assert_eq!(items(&world, "Fans", "RES#").len(), 2, "the stream function creates none again");
    Ok(())
}

#[tokio::test]
async fn ttl_does_not_delete_a_seat_while_it_is_held() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 50_000).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    world.wait(299);
    world.engine.sweep_ttl();
    assert_eq!(reservation(&world, &fan, &id).await["status"], "PENDING");
    assert_eq!(world.pay(&fan, &id, PRICE, None).await.outcome(), "200");
    Ok(())
}
