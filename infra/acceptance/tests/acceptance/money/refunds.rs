//! `POST /payments/{paymentId}/cancel`.

use crate::{
    support::invariants,
    support::purchases::{
        Outcome, PRICE, balance, count, feed_stream, held, inject, items, newest_entry, number, post, recharge,
        reservation, sale, tamper, until_sent,
    },
};
use acceptance::{Fan, Request, World};
use aws_sdk_dynamodb::types::AttributeValue;
use engine::Fault;
use futures_util::future::join_all;
use serde_json::json;
use shared::domain::account::Role;
use std::pin::pin;

fn refund(fan: &Fan, payment: &str, key: Option<&str>) -> Request {
    post(&format!("/api/v1/payments/{payment}/cancel"), &fan.access, key, &json!({}))
}

/// Creates a fan who paid seats 7 and 8 and has 20,000 left; returns also the reservation's and the payment's id.
async fn paid(world: &World, concert: &str) -> (Fan, String, String) {
    let fan = world.buyer("ann", 2 * PRICE + 20_000).await;
    let id = held(world, &fan, concert, &[7, 8]).await;
    let payment = world.pay(&fan, &id, 2 * PRICE, None).await.text("paymentId").to_owned();
    (fan, id, payment)
}

#[tokio::test]
async fn a_refund_gives_money_and_seats_back_at_once() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let (ann, id, payment) = paid(&world, &concert).await;
    world.wait(1);
    let done = world.send(refund(&ann, &payment, None)).await;
    assert_eq!(done.outcome(), "200", "{}", done.body);
    assert_eq!((&done.body["status"], &done.body["sessionOver"]), (&json!("cancelled"), &json!(true)));
    assert_eq!((&done.body["amount"], &done.body["newBalance"]), (&json!(100_000), &json!(120_000)));
    assert_eq!((done.text("paymentId"), done.text("reservationId")), (payment.as_str(), id.as_str()));
    assert_eq!(done.body["cancelledAt"], "2026-06-01T00:00:01.000Z");
    let read = reservation(&world, &ann, &id).await;
    assert_eq!((&read["status"], &read["paymentId"]), (&json!("CANCELLED"), &json!(payment)));
    let ledger = world.get(&format!("/api/v1/payments/history/{}", ann.user_id), &ann.access).await;
    assert_eq!((&ledger.body["items"][0]["type"], &ledger.body["items"][0]["sequence"]), (&json!("REFUND"), &json!(3)));
    let bob = world.buyer("bob", 0).await;
    assert_eq!(world.hold(&bob, &concert, &[7, 8], None).await.outcome(), "201");
    feed_stream(&world, &world.app).await?;
    let sales = world.get(&format!("/api/v1/admin/concerts/{concert}/sales"), &admin.access).await;
    assert_eq!(sales.body, json!({ "sold": 0, "held": 2, "free": 48, "revenue": 0 }));
    invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_refund_happens_once_and_every_repeat_gets_the_same_answer() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, _, payment) = paid(&world, &concert).await;
    let first = world.send(refund(&ann, &payment, Some("r"))).await;
    let replayed = world.send(refund(&ann, &payment, Some("r"))).await;
    assert_eq!((replayed.status, &replayed.body), (200, &first.body));
    assert_eq!(replayed.headers["idempotency-replayed"], "true");
    let again = world.send(refund(&ann, &payment, None)).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert!(!again.headers.contains_key("idempotency-replayed"));
    assert_eq!(balance(&world, &ann).await, 120_000);
    let other = json!({ "reason": "another" });
    let reused = post(&format!("/api/v1/payments/{payment}/cancel"), &ann.access, Some("r"), &other);
    assert_eq!(world.send(reused).await.outcome(), "422 idempotency_key_reused");
    invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn fifty_refunds_at_once_refund_once() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, _, payment) = paid(&world, &concert).await;
    let other = world.environment(&[]).await?;
    let requests = (0..50).map(|i| {
        let app = if i % 2 == 0 { &world.app } else { &other };
        world.send_to(app, refund(&ann, &payment, (i % 3 == 0).then_some("r")))
    });
    let replies = join_all(requests).await;
    assert_eq!(count(&replies, "200"), 50);
    assert_eq!(balance(&world, &ann).await, 120_000);
    invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_retry_after_a_lost_answer_gets_the_refund() -> Outcome {
    for key in [None, Some("r")] {
        let (world, _, concert) = sale(&[]).await?;
        let (ann, _, payment) = paid(&world, &concert).await;
        inject(&world, "TransactWriteItems", Fault::LostAnswer, 10);
        assert_eq!(world.send(refund(&ann, &payment, key)).await.outcome(), "503 unavailable");
        world.engine.clear_faults();
        assert_eq!(world.send(refund(&ann, &payment, key)).await.outcome(), "200");
        assert_eq!(balance(&world, &ann).await, 120_000);
        invariants::check(&world);
    }
    Ok(())
}

#[tokio::test]
async fn a_refund_under_way_takes_no_seat_from_its_new_holder() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, _, payment) = paid(&world, &concert).await;
    let bob = world.buyer("bob", 0).await;
    let mut late = pin!(world.send(refund(&ann, &payment, None)));
    until_sent(&world, late.as_mut(), 3).await;
    assert_eq!(world.send(refund(&ann, &payment, None)).await.outcome(), "200");
    assert_eq!(world.hold(&bob, &concert, &[7], None).await.outcome(), "201");
    assert_eq!(late.await.outcome(), "200");
    assert_eq!(balance(&world, &ann).await, 120_000);
    invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn neither_a_recharge_during_a_refund_nor_the_refund_is_lost() -> Outcome {
    for key in [None, Some("k")] {
        let (world, _, concert) = sale(&[]).await?;
        let (ann, _, payment) = paid(&world, &concert).await;
        let mut late = pin!(world.send(refund(&ann, &payment, key)));
        until_sent(&world, late.as_mut(), 3).await;
        assert_eq!(world.send(recharge(&ann, 7, key)).await.body["newBalance"], 20_007);
        let refunded = late.await;
        assert_eq!((refunded.outcome().as_str(), &refunded.body["newBalance"]), ("200", &120_007.into()));
        assert_eq!(balance(&world, &ann).await, 120_007);
        invariants::check(&world);
    }
    Ok(())
}

#[tokio::test]
async fn only_the_fan_or_an_admin_refunds_and_only_what_was_paid() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let (ann, _, payment) = paid(&world, &concert).await;
    let bob = world.buyer("bob", 0).await;
    let open = held(&world, &bob, &concert, &[1]).await;
    let of_open = format!("{}8{}", &open[..14], &open[15..]);
    for unknown in [payment.as_str(), &of_open, "00000000-0000-8000-8000-000000000000", &open] {
        let refused = world.send(refund(&bob, unknown, None)).await;
        assert_eq!(refused.outcome(), "404 payment_not_found", "{unknown}");
    }
    assert_eq!(world.send(refund(&bob, "7", None)).await.outcome(), "400 invalid_request");
    let path = format!("/api/v1/payments/{payment}/cancel?userId={}", ann.user_id);
    assert_eq!(world.send(post(&path, &bob.access, None, &json!({}))).await.outcome(), "403 forbidden");
    assert_eq!(world.send(Request::new("POST", &path).token(&admin.access)).await.outcome(), "200", "no body needed");
    assert_eq!(balance(&world, &ann).await, 120_000);
    Ok(())
}

#[tokio::test]
async fn paying_a_refunded_reservation_is_409_with_the_payment_id_in_any_session() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (mut ann, id, payment) = paid(&world, &concert).await;
    assert_eq!(world.send(refund(&ann, &payment, None)).await.outcome(), "200");
    for session in ["the old session", "a new session"] {
        let again = world.pay(&ann, &id, PRICE, None).await;
        assert_eq!(again.outcome(), "409 payment_already_processed", "{session}");
        assert_eq!(again.text("paymentId"), payment, "{session}");
        world.join(&mut ann).await;
    }
    assert_eq!(balance(&world, &ann).await, 120_000);
    Ok(())
}

#[tokio::test]
async fn after_the_concert_has_started_only_an_admin_refunds() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let soon = json!({ "startsAt": "2026-06-01T00:01:00Z", "endsAt": "2026-06-01T02:00:00Z" });
    let concert = world.concert_of(&admin, &soon).await;
    let (ann, _, payment) = paid(&world, &concert).await;
    world.wait(60);
    let late = world.send(refund(&ann, &payment, None)).await;
    assert_eq!((late.outcome().as_str(), late.body.get("paymentId")), ("409 not_cancellable", None));
    assert!(late.text("detail").starts_with("the concert has started"));
    assert_eq!(balance(&world, &ann).await, 20_000);
    world.wait(3 * 3_600);
    let admin = Fan { access: fresh_access(&world, &admin, Role::Admin), ..admin };
    let path = format!("/api/v1/payments/{payment}/cancel?userId={}", ann.user_id);
    assert_eq!(world.send(post(&path, &admin.access, None, &json!({}))).await.outcome(), "200");
    let ann = Fan { access: fresh_access(&world, &ann, Role::Fan), ..ann };
    assert_eq!(balance(&world, &ann).await, 120_000);
    invariants::check(&world);
    Ok(())
}

fn fresh_access(world: &World, fan: &Fan, role: Role) -> String {
    let user = fan.user_id.parse().expect("an id");
    world.app.tokens.sign_access(user, role, 0, &world.app.context).expect("a token")
}

#[tokio::test]
async fn a_refund_may_exceed_the_maximum_balance() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, _, payment) = paid(&world, &concert).await;
    let full = 9_007_199_254_740_991u64;
    tamper(&world, "Fans", &newest_entry(&world, &ann), "balanceAfter", number(full)).await;
    assert_eq!(world.recharge(&ann, 1, None).await.outcome(), "400 invalid_request");
    let done = world.send(refund(&ann, &payment, None)).await;
    assert_eq!((done.outcome().as_str(), &done.body["newBalance"]), ("200", &json!(full + 2 * PRICE)));
    assert_eq!(balance(&world, &ann).await, full + 2 * PRICE);
    let history = world.get(&format!("/api/v1/payments/history/{}", ann.user_id), &ann.access).await;
    assert_eq!(history.body["items"][0]["balanceAfter"], full + 2 * PRICE);
    Ok(())
}

#[tokio::test]
async fn a_refund_under_way_pays_nothing_once_the_reservation_is_not_confirmed() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, _, payment) = paid(&world, &concert).await;
    let mut late = pin!(world.send(refund(&ann, &payment, None)));
    until_sent(&world, late.as_mut(), 3).await;
    // The reservation's status decides, however it was cancelled and whether or not money was paid back.
    let item = items(&world, "Fans", "RES#").remove(0);
    tamper(&world, "Fans", &item, "status", AttributeValue::S("CANCELLED".to_owned())).await;
    assert_eq!(late.await.outcome(), "200", "answered as already refunded");
    assert_eq!(balance(&world, &ann).await, 20_000);
    Ok(())
}
