//! A failing, throttling or silent engine: 503 with Retry-After, nothing changed, and a retry that finds its own write.

use crate::support::purchases::{
    Outcome, PRICE, balance, cancel, expire, held, hold, inject, inject_where, items, pay, recharge, reservation, sale,
};
use acceptance::{Fan, Reply, Request, World};
use engine::Fault;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

const REFUSED: [Fault; 3] = [Fault::Throttled, Fault::InternalError, Fault::LostRequest];

fn everything(world: &World) -> Vec<Value> {
    ["Fans", "Concerts", "Queues"].iter().flat_map(|table| world.engine.items(table)).collect()
}

fn assert_unavailable(reply: &Reply, what: &str) {
    assert_eq!(reply.outcome(), "503 unavailable", "{what}");
    assert!(reply.headers.contains_key("retry-after"), "{what}");
    let text = reply.body.to_string().to_lowercase();
    for inside in ["dynamo", "throughput", "table", "transact", "connection"] {
        assert!(!text.contains(inside), "{what} shows internals: {text}");
    }
}

/// Operations of a fan and an admin that reach the tables.
fn operations(fan: &Fan, admin: &Fan, concert: &str, reservation: &str) -> Vec<(&'static str, Request)> {
    let get = |path: String, token: &str| Request::new("GET", path).token(token);
    let user = &fan.user_id;
    let draft = json!({ "concertName": "Day", "startsAt": "2027-06-01T19:00:00Z", "endsAt": "2027-06-01T22:00:00Z" });
    vec![
        ("hold", hold(fan, concert, &[9], None)),
        ("hold with a key", hold(fan, concert, &[9], Some("a"))),
        ("pay", pay(fan, reservation, PRICE, None)),
        ("pay with a key", pay(fan, reservation, PRICE, Some("b"))),
        ("recharge", recharge(fan, 5, None)),
        ("recharge with a key", recharge(fan, 5, Some("c"))),
        ("cancel", cancel(fan, reservation)),
        ("reservation", get(format!("/api/v1/reservations/{reservation}"), &fan.access)),
        ("balance", get(format!("/api/v1/payments/balance/{user}"), &fan.access)),
        ("history", get(format!("/api/v1/payments/history/{user}"), &fan.access)),
        ("dates", get("/api/v1/reservations/dates".to_owned(), "")),
        ("concert", get(format!("/api/v1/concerts/{concert}"), "")),
        ("seats", get(format!("/api/v1/reservations/{concert}/seats"), &fan.queue)),
        ("new concert", Request::new("POST", "/api/v1/admin/concerts").token(&admin.access).json(&draft)),
    ]
}

#[tokio::test]
async fn every_operation_is_503_and_changes_nothing_while_the_engine_fails() -> Outcome {
    for fault in REFUSED {
        let (world, admin, concert) = sale(&[]).await?;
        let fan = world.buyer("ann", 100_000).await;
        let id = held(&world, &fan, &concert, &[1]).await;
        let before = everything(&world);
        // Each operation has an environment of its own: otherwise the SDK's retry quota would be used up, and the later
        // operations would fail without retries.
        for (what, request) in operations(&fan, &admin, &concert, &id) {
            let app = world.environment(&[]).await?;
            world.engine.set_faults(move |_| fault);
            assert_unavailable(&world.send_to(&app, request).await, what);
            world.engine.clear_faults();
            assert_eq!(everything(&world), before, "{what} under {fault:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_operation_succeeds_after_one_failure() -> Outcome {
    for fault in [Fault::Throttled, Fault::InternalError, Fault::LostRequest, Fault::LostAnswer] {
        let (world, admin, concert) = sale(&[]).await?;
        let fan = world.buyer("ann", 500_000).await;
        for index in 0..operations(&fan, &admin, &concert, "").len() {
            let mut own = world.fan(&format!("fan{index}")).await;
            world.join(&mut own).await;
            world.recharge(&own, 500_000, None).await;
            let id = held(&world, &own, &concert, &[index as u32 + 20]).await;
            let (what, mut request) = operations(&own, &admin, &concert, &id).swap_remove(index);
            if what.starts_with("hold") {
                request = hold(&own, &concert, &[index as u32 + 1], what.contains("key").then_some("a"));
            }
            inject_where(&world, fault, 1, |_| true);
            let reply = world.send(request).await;
            assert!((200..=204).contains(&reply.status), "{what} under {fault:?}: {}", reply.body);
            world.engine.clear_faults();
        }
        crate::support::invariants::check(&world);
    }
    Ok(())
}

#[tokio::test]
async fn a_hold_whose_answers_were_all_lost_is_found_by_its_key_or_by_its_seat() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    for (seat, key) in [(1, Some("a")), (2, None)] {
        inject(&world, "TransactWriteItems", Fault::LostAnswer, u64::MAX);
        assert_unavailable(&world.hold(&fan, &concert, &[seat], key).await, "hold");
        world.engine.clear_faults();
        let again = world.hold(&fan, &concert, &[seat], key).await;
        let id = again.text("reservationId").to_owned();
        match key {
            Some(_) => {
                assert_eq!((again.outcome().as_str(), again.headers["idempotency-replayed"].as_str()), ("201", "true"))
            }
            None => assert_eq!(again.outcome(), "409 seat_unavailable"),
        }
        assert_eq!(reservation(&world, &fan, &id).await["status"], "PENDING");
    }
    assert_eq!(items(&world, "Fans", "RES#").len(), 2);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_payment_whose_answers_were_all_lost_is_found_by_its_key_or_by_its_reservation() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    for (name, seat, key) in [("ann", 1, Some("a")), ("bob", 2, None)] {
        let fan = world.buyer(name, 50_000).await;
        let id = held(&world, &fan, &concert, &[seat]).await;
        inject(&world, "TransactWriteItems", Fault::LostAnswer, u64::MAX);
        assert_unavailable(&world.pay(&fan, &id, PRICE, key).await, "pay");
        world.engine.clear_faults();
        let again = world.pay(&fan, &id, PRICE, key).await;
        match key {
            Some(_) => {
                assert_eq!((again.outcome().as_str(), again.headers["idempotency-replayed"].as_str()), ("200", "true"))
            }
            None => assert_eq!(again.outcome(), "409 payment_already_processed"),
        }
        assert_eq!(again.body["paymentId"], reservation(&world, &fan, &id).await["paymentId"]);
        assert_eq!(balance(&world, &fan).await, 0);
    }
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_recharge_whose_answers_were_all_lost_is_found_by_its_key() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    inject(&world, "TransactWriteItems", Fault::LostAnswer, u64::MAX);
    assert_unavailable(&world.recharge(&fan, 7, Some("a")).await, "recharge");
    world.engine.clear_faults();
    let again = world.recharge(&fan, 7, Some("a")).await;
    assert_eq!((again.outcome().as_str(), again.headers["idempotency-replayed"].as_str()), ("200", "true"));
    assert_eq!((balance(&world, &fan).await, items(&world, "Fans", "LEDGER#").len()), (7, 1));
    Ok(())
}

#[tokio::test]
async fn a_cancel_whose_answers_were_all_lost_succeeds_when_repeated() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    inject(&world, "TransactWriteItems", Fault::LostAnswer, u64::MAX);
    assert_unavailable(&world.send(cancel(&fan, &id)).await, "cancel");
    world.engine.clear_faults();
    assert_eq!(world.send(cancel(&fan, &id)).await.outcome(), "204");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn an_expiry_whose_answers_are_lost_recognizes_its_own_mark() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    world.wait(300);
    let timer = [json!({ "userId": fan.user_id, "reservationId": id }).to_string()];
    inject_where(&world, Fault::LostAnswer, 2, |call| call.operation != "GetItem");
    assert!(expire(&world.app, &timer).await?.is_empty(), "the SDK's own retries suffice");
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_payment_attempt_whose_answer_was_lost_is_recorded_once() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    inject(&world, "UpdateItem", Fault::LostAnswer, 1);
    assert_eq!(world.pay(&fan, &id, PRICE, None).await.outcome(), "409 insufficient_balance");
    assert_eq!(reservation(&world, &fan, &id).await["attempts"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_conflicts_on_any_item_is_retried() -> Outcome {
    let (world, _, concert) = sale(&[("SEATS_PER_SESSION", "8")]).await?;
    let conflict = |action| inject(&world, "TransactWriteItems", Fault::TransactionConflict { action }, 2);
    for action in 0..9 {
        let fan = world.buyer(&format!("fan{action}"), 100_000).await;
        let (one, two) = (action as u32 * 4 + 1, action as u32 * 4 + 2);
        conflict(action);
        let made = world.hold(&fan, &concert, &[one, two], Some("hold")).await;
        assert_eq!(made.outcome(), "201", "hold, action {action}");
        conflict(action);
        assert_eq!(world.recharge(&fan, 5, Some("recharge")).await.outcome(), "200", "recharge, action {action}");
        let dropped = held(&world, &fan, &concert, &[one + 2]).await;
        conflict(action);
        assert_eq!(world.send(cancel(&fan, &dropped)).await.outcome(), "204", "cancel, action {action}");
        conflict(action);
        let paid = world.pay(&fan, made.text("reservationId"), 100_000, Some("pay")).await;
        assert_eq!(paid.outcome(), "200", "pay, action {action}");
        world.engine.clear_faults();
    }
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_conflict_says_nothing_about_another_copy_of_the_same_transaction() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 100_000).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    // The first copy is applied and its answer lost; the next copies conflict with other transactions.
    let lost_then_refused = |times: usize| {
        let met = AtomicUsize::new(0);
        world.engine.set_faults(move |call| match call.operation {
            "TransactWriteItems" => match met.fetch_add(1, Ordering::Relaxed) {
                0 => Fault::LostAnswer,
                copy if copy <= times => Fault::TransactionConflict { action: 0 },
                _ => Fault::None,
            },
            _ => Fault::None,
        });
    };
    // Nine conflicts exceed `MAX_ATTEMPTS`, but the same transaction is sent up to twice as often.
    for (times, sum, key) in [(1, 100_005, "one"), (4, 100_010, "four"), (9, 100_015, "nine")] {
        lost_then_refused(times);
        let done = world.recharge(&fan, 5, Some(key)).await;
        assert_eq!(done.outcome(), "200", "{times}");
        assert!(!done.headers.contains_key("idempotency-replayed"), "not planned again, {times}");
        assert_eq!(balance(&world, &fan).await, sum, "money came in once, {times}");
    }
    // Sixteen conflicts use up all sends.
    lost_then_refused(16);
    let kept = world.recharge(&fan, 5, Some("sixteen")).await;
    assert_eq!((kept.outcome().as_str(), kept.headers["idempotency-replayed"].as_str()), ("200", "true"));
    assert_eq!(balance(&world, &fan).await, 100_020, "money came in once");
    lost_then_refused(1);
    let made = world.hold(&fan, &concert, &[2, 3], None).await;
    assert_eq!(made.outcome(), "201", "not refused because of its own seats");
    assert_eq!(reservation(&world, &fan, made.text("reservationId")).await["seatNumbers"], json!([2, 3]));
    lost_then_refused(9);
    assert_eq!(world.pay(&fan, &id, PRICE, None).await.outcome(), "200", "not refused because of its own payment");
    lost_then_refused(9);
    let bob = json!({ "username": "bob", "password": "a long enough one" });
    let joined = world.send(Request::new("POST", "/api/v1/users").json(&bob)).await;
    assert_eq!(joined.outcome(), "201", "not refused because of its own user name");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_conflict_on_a_taken_seat_is_409_at_once() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    held(&world, &ann, &concert, &[1]).await;
    inject(&world, "TransactWriteItems", Fault::TransactionConflict { action: 2 }, 1);
    let refused = world.hold(&bob, &concert, &[1, 2], None).await;
    assert_eq!((refused.outcome().as_str(), &refused.body["seatNumbers"]), ("409 seat_unavailable", &json!([1])));
    world.engine.clear_faults();
    world.wait(300);
    inject(&world, "TransactWriteItems", Fault::TransactionConflict { action: 2 }, 1);
    assert_eq!(world.hold(&bob, &concert, &[1, 2], None).await.outcome(), "201", "an expired hold keeps no seat");
    Ok(())
}

#[tokio::test]
async fn a_single_write_that_conflicts_with_a_transaction_is_retried() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    inject(&world, "UpdateItem", Fault::TransactionConflict { action: 0 }, 3);
    assert_eq!(world.pay(&fan, &id, PRICE, None).await.outcome(), "409 insufficient_balance");
    world.wait(300);
    inject_where(&world, Fault::TransactionConflict { action: 0 }, 3, |call| call.operation != "GetItem");
    let timer = [json!({ "userId": fan.user_id, "reservationId": id }).to_string()];
    assert!(expire(&world.app, &timer).await?.is_empty());
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    Ok(())
}
