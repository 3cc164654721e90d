//! `Idempotency-Key`.

use crate::support::purchases::{
    Outcome, PRICE, balance, cancel, count, held, hold, inject_where, items, post, recharge, sale, until_sent,
};
use acceptance::{Reply, Request, World};
use engine::Fault;
use futures_util::future::join_all;
use serde_json::json;
use std::pin::pin;

fn replayed(reply: &Reply) -> bool {
    reply.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
}

fn assert_replay(first: &Reply, again: &Reply) {
    assert!(!replayed(first) && replayed(again), "{}", again.body);
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!(first.headers.get("location"), again.headers.get("location"));
}

#[tokio::test]
async fn the_first_success_is_replayed_with_status_and_body() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let charged = world.recharge(&fan, 100_000, Some("a")).await;
    let made = world.hold(&fan, &concert, &[7], Some("b")).await;
    assert_eq!(made.outcome(), "201");
    let id = made.text("reservationId");
    world.wait(5);
    let paid = world.pay(&fan, id, PRICE, Some("c")).await;
    assert_eq!(paid.outcome(), "200");
    for seconds in [0, 3_000] {
        world.wait(seconds);
        assert_replay(&charged, &world.send(recharge(&fan, 100_000, Some("a"))).await);
        assert_replay(&made, &world.hold(&fan, &concert, &[7], Some("b")).await);
        assert_replay(&paid, &world.pay(&fan, id, PRICE, Some("c")).await);
    }
    assert_eq!(balance(&world, &fan).await, 50_000);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn the_same_body_written_differently_is_the_same_request() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let first = world.recharge(&fan, 100, Some("a")).await;
    let text = json!({ "amount": "100", "userId": fan.user_id.to_uppercase() });
    assert_replay(&first, &world.send(post("/api/v1/payments/recharge", &fan.access, Some("a"), &text)).await);
    let one = json!({ "seatNumber": 7, "concertId": concert, "userId": fan.user_id });
    let first = world.send(post("/api/v1/reservations", &fan.queue, Some("b"), &one)).await;
    assert_replay(&first, &world.hold(&fan, &concert, &[7], Some("b")).await);
    Ok(())
}

#[tokio::test]
async fn another_body_under_a_used_key_is_422_and_another_route_is_another_key() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    world.recharge(&fan, 100_000, Some("a")).await;
    assert_eq!(world.recharge(&fan, 100_001, Some("a")).await.outcome(), "422 idempotency_key_reused");
    let made = world.hold(&fan, &concert, &[7], Some("a")).await;
    assert_eq!((made.outcome().as_str(), replayed(&made)), ("201", false));
    assert_eq!(world.hold(&fan, &concert, &[8], Some("a")).await.outcome(), "422 idempotency_key_reused");
    assert_eq!(world.hold(&fan, &concert, &[99], Some("a")).await.outcome(), "422 idempotency_key_reused");
    let id = made.text("reservationId");
    let paid = world.pay(&fan, id, PRICE, Some("a")).await;
    assert_eq!((paid.outcome().as_str(), replayed(&paid)), ("200", false));
    assert_eq!(world.pay(&fan, id, PRICE + 1, Some("a")).await.outcome(), "422 idempotency_key_reused");
    assert_replay(&paid, &world.pay(&fan, id, PRICE, Some("a")).await);
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 1);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn refusals_are_not_stored() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let other = held(&world, &bob, &concert, &[7]).await;
    assert_eq!(world.hold(&ann, &concert, &[7], Some("a")).await.outcome(), "409 seat_unavailable");
    assert_eq!(world.send(cancel(&bob, &other)).await.outcome(), "204");
    let made = world.hold(&ann, &concert, &[7], Some("a")).await;
    assert_eq!((made.outcome().as_str(), replayed(&made)), ("201", false));
    let id = made.text("reservationId");
    assert_eq!(world.pay(&ann, id, PRICE, Some("b")).await.outcome(), "409 insufficient_balance");
    world.recharge(&ann, 50_000, None).await;
    assert_eq!(world.pay(&ann, id, PRICE, Some("b")).await.outcome(), "200", "the fan has recharged");
    Ok(())
}

#[tokio::test]
async fn a_refusal_may_be_followed_by_another_body_under_its_key() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    assert_eq!(world.hold(&fan, &concert, &[51], Some("a")).await.outcome(), "404 seat_not_found");
    assert_eq!(world.hold(&fan, &concert, &[50], Some("a")).await.outcome(), "201");
    Ok(())
}

#[tokio::test]
async fn a_record_expires_after_24_hours_by_its_condition() -> Outcome {
    let (world, _, _) = sale(&[]).await?;
    let fan = world.fan("ann").await;
    world.recharge(&fan, 100, Some("a")).await;
    world.wait(24 * 3_600 - 1);
    let access = |world: &acceptance::World| {
        let user = fan.user_id.parse().expect("an id");
        world.app.tokens.sign_access(user, shared::domain::account::Role::Fan, 0, &world.app.context).expect("a token")
    };
    let later = acceptance::Fan { access: access(&world), ..fan.clone() };
    assert!(replayed(&world.recharge(&later, 100, Some("a")).await));
    world.wait(1);
    let renewed = world.recharge(&later, 100, Some("a")).await;
    assert_eq!((renewed.outcome().as_str(), replayed(&renewed)), ("200", false), "although nothing deleted the record");
    assert_eq!(renewed.body["newBalance"], 200);
    assert!(replayed(&world.recharge(&later, 100, Some("a")).await), "the new record is replayed");
    Ok(())
}

#[tokio::test]
async fn an_expired_record_is_not_replayed_in_place_of_a_refusal() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let mut fan = world.buyer("ann", 0).await;
    let made = world.hold(&fan, &concert, &[7], Some("a")).await;
    assert_eq!(made.outcome(), "201");
    world.wait(24 * 3_600);
    let user = fan.user_id.parse()?;
    let role = shared::domain::account::Role::Fan;
    fan.access = world.app.tokens.sign_access(user, role, 0, &world.app.context).map_err(|p| p.detail)?;
    assert_eq!(world.join(&mut fan).await.outcome(), "201");
    assert_eq!(
        world.pay(&fan, made.text("reservationId"), PRICE, Some("a")).await.outcome(),
        "410 reservation_expired"
    );
    Ok(())
}

#[tokio::test]
async fn keys_are_1_to_255_visible_ascii_characters() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 100_000).await;
    for odd in ["", " ", "a b", "ключ", &"k".repeat(256)] {
        let refused = world.recharge(&fan, 1, Some(odd)).await;
        assert_eq!(refused.outcome(), "400 invalid_request", "{odd:?}");
        assert_eq!(world.hold(&fan, &concert, &[1], Some(odd)).await.outcome(), "400 invalid_request", "{odd:?}");
        let some = "0190a7c4-0000-7000-8000-000000000001";
        assert_eq!(world.pay(&fan, some, 1, Some(odd)).await.outcome(), "400 invalid_request", "{odd:?}");
    }
    assert_eq!(balance(&world, &fan).await, 100_000);
    for fine in ["!", "~#/PROFILE", &"k".repeat(255)] {
        assert_eq!(world.recharge(&fan, 1, Some(fine)).await.outcome(), "200", "{fine}");
        assert!(replayed(&world.recharge(&fan, 1, Some(fine)).await), "{fine}");
    }
    Ok(())
}

#[tokio::test]
async fn another_fans_key_is_another_key() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let (ann, bob) = (world.fan("ann").await, world.fan("bob").await);
    world.recharge(&ann, 100, Some("a")).await;
    let other = world.recharge(&bob, 200, Some("a")).await;
    assert_eq!((other.outcome().as_str(), replayed(&other)), ("200", false));
    let by_admin = |amount: u64| {
        let body = json!({ "userId": ann.user_id, "amount": amount });
        world.send(post("/api/v1/payments/recharge", &admin.access, Some("a"), &body))
    };
    let credited = by_admin(100).await;
    assert_eq!((credited.outcome().as_str(), replayed(&credited)), ("200", false), "the key belongs to its caller");
    assert_eq!(credited.body["newBalance"], 200);
    assert_replay(&credited, &by_admin(100).await);
    assert_eq!(by_admin(101).await.outcome(), "422 idempotency_key_reused");
    let for_bob = json!({ "userId": bob.user_id, "amount": 100 });
    let for_bob = world.send(post("/api/v1/payments/recharge", &admin.access, Some("a"), &for_bob)).await;
    assert_eq!(for_bob.outcome(), "422 idempotency_key_reused", "another fan is another request");
    assert_eq!((balance(&world, &ann).await, balance(&world, &bob).await), (200, 200));
    Ok(())
}

#[tokio::test]
async fn path_and_query_are_part_of_a_keys_request_and_the_order_of_seats_is_not() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 200_000).await, world.buyer("bob", 0).await);
    let made = world.hold(&ann, &concert, &[8, 7], Some("a")).await;
    assert_replay(&made, &world.hold(&ann, &concert, &[7, 8], Some("a")).await);
    let (second, third) = (held(&world, &ann, &concert, &[1]).await, held(&world, &ann, &concert, &[2]).await);
    let mut payments = Vec::new();
    for id in [&second, &third] {
        payments.push(world.pay(&ann, id, PRICE, None).await.text("paymentId").to_owned());
    }
    let refund = |payment: &str, user: &str| {
        let path = format!("/api/v1/payments/{payment}/cancel?userId={user}");
        world.send(post(&path, &admin.access, Some("a"), &json!({})))
    };
    let done = refund(&payments[0], &ann.user_id).await;
    assert_eq!((done.outcome().as_str(), replayed(&done)), ("200", false));
    assert_replay(&done, &refund(&payments[0], &ann.user_id).await);
    assert_eq!(refund(&payments[1], &ann.user_id).await.outcome(), "422 idempotency_key_reused", "another payment");
    assert_eq!(refund(&payments[0], &bob.user_id).await.outcome(), "422 idempotency_key_reused", "another fan");
    let by_fan = post(&format!("/api/v1/payments/{}/cancel", payments[0]), &ann.access, Some("a"), &json!({}));
    assert!(!replayed(&world.send(by_fan).await), "the fan's key is not the admin's");
    crate::support::invariants::check(&world);
    Ok(())
}

/// Above a kilobyte, the record would cost another write unit.
#[tokio::test]
async fn the_record_of_the_longest_answer_is_below_a_kilobyte() -> Outcome {
    let (world, admin, _) = sale(&[("SEATS_PER_SESSION", "8")]).await?;
    let block = json!({ "section": "A", "from": 99_993, "to": 100_000, "seatType": "S", "price": 125_000_000_000u64 });
    let concert = world.concert_of(&admin, &json!({ "blocks": [block] })).await;
    let fan = world.buyer("ann", 0).await;
    let seats: Vec<u32> = (99_993..=100_000).collect();
    assert_eq!(world.hold(&fan, &concert, &seats, Some(&"k".repeat(255))).await.outcome(), "201");
    let records = items(&world, "Fans", "IDEM#");
    let [record] = &records[..] else { panic!("one record: {records:?}") };
    let size: usize = record
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| name.len() + value.as_str().map_or(21, str::len))
        .sum();
    assert!(size < 1_024, "{size}: {record}");
    Ok(())
}

#[tokio::test]
async fn simultaneous_holds_with_one_key_are_one_hold() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let other = world.environment(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let tries = (0..20).map(|i| {
        let app = if i % 2 == 0 { &other } else { &world.app };
        world.send_to(app, hold(&fan, &concert, &[7, 8], Some("once")))
    });
    let replies = join_all(tries).await;
    assert_eq!(count(&replies, "201"), 20);
    assert_eq!(replies.iter().filter(|reply| !replayed(reply)).count(), 1);
    assert!(replies.iter().all(|reply| reply.body == replies[0].body));
    assert_eq!(items(&world, "Fans", "RES#").len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_duplicate_that_conflicts_with_the_first_request_gets_its_answer() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    for action in 0..4 {
        let (seat, key) = (action as u32 + 1, format!("key-{action}"));
        assert_eq!(world.hold(&fan, &concert, &[99], None).await.outcome(), "404 seat_not_found");
        let mut second = pin!(world.send(hold(&fan, &concert, &[seat], Some(&key))));
        until_sent(&world, second.as_mut(), 1).await;
        let first = world.hold(&fan, &concert, &[seat], Some(&key)).await;
        assert_eq!(first.outcome(), "201");
        inject_where(&world, Fault::TransactionConflict { action }, 1, |call| call.operation == "TransactWriteItems");
        assert_replay(&first, &second.await);
        world.engine.clear_faults();
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn endless_conflicts_are_409_on_the_keys_record_and_503_elsewhere() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 100_000).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    let done = world.recharge(&fan, 5, Some("done")).await;
    // With a key, the first write of each is the key's record.
    for (action, key) in [(0, Some("a")), (1, Some("a")), (0, None)] {
        inject_where(&world, Fault::TransactionConflict { action }, u64::MAX, |call| {
            matches!(call.operation, "TransactWriteItems" | "PutItem")
        });
        let same = action == 0 && key.is_some();
        let expected = if same { "409 request_in_progress" } else { "503 unavailable" };
        for reply in [
            world.hold(&fan, &concert, &[7], key).await,
            world.pay(&fan, &id, PRICE, key).await,
            world.recharge(&fan, 5, key).await,
        ] {
            assert_eq!(reply.outcome(), expected);
            assert!(reply.headers.contains_key("retry-after"));
        }
        assert_replay(&done, &world.recharge(&fan, 5, Some("done")).await);
        world.engine.clear_faults();
    }
    assert_eq!(balance(&world, &fan).await, 100_005);
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_concert_is_created_once_per_key() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let draft = |name: &str| json!({ "concertName": name, "startsAt": "2027-06-01T19:00:00Z", "endsAt": "2027-06-01T22:00:00Z" });
    let create = async |name: &str, key: &str| {
        let request = Request::new("POST", "/api/v1/admin/concerts").token(&admin.access).key(key);
        world.send(request.json(&draft(name))).await
    };
    let first = create("Night", "key-1").await;
    world.wait(1_800);
    let again = create("Night", "key-1").await;
    assert_eq!((again.status, &again.body, replayed(&again)), (201, &first.body, true));
    assert_eq!(again.headers["location"], first.headers["location"]);
    assert_eq!(create("Another night", "key-1").await.outcome(), "422 idempotency_key_reused");
    assert_ne!(create("Night", "key-2").await.body["concertId"], first.body["concertId"]);
    Ok(())
}
