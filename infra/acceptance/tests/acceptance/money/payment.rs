//! `POST /payments/process`: who may pay what, and what a payment changes.

use crate::support::purchases::{Outcome, PRICE, balance, held, items, pay, post, reservation, sale};
use acceptance::{Fan, Reply, Request, World};
use serde_json::{Value, json};

async fn process(world: &World, fan: &Fan, body: &Value) -> Reply {
    world.send(post("/api/v1/payments/process", &fan.queue, None, body)).await
}

#[tokio::test]
async fn a_payment_confirms_the_reservation_and_sells_its_seats() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 120_000).await;
    let id = held(&world, &fan, &concert, &[7, 8]).await;
    world.wait(10);
    let body = json!({ "reservationId": id, "userId": fan.user_id, "amount": "100000" });
    let paid = process(&world, &fan, &body).await;
    assert_eq!(paid.outcome(), "200", "a numeric string is an amount");
    let payment = paid.text("paymentId").to_owned();
    let expected = json!({
        "paymentId": payment, "status": "success", "reservationId": id, "userId": fan.user_id, "amount": 100_000,
        "paidAt": "2026-06-01T00:00:10.000Z", "cancelledAt": null, "newBalance": 20_000, "sessionOver": true,
    });
    assert_eq!(paid.body, expected);
    let read = reservation(&world, &fan, &id).await;
    assert_eq!((&read["status"], &read["paymentId"]), (&json!("CONFIRMED"), &json!(payment)));
    let seats = items(&world, "Concerts", "SEAT#");
    assert!(seats.iter().all(|s| s["status"] == "SOLD" && s.get("ttl").is_none() && s.get("heldUntil").is_none()));
    let history = world.get(&format!("/api/v1/payments/history/{}", fan.user_id), &fan.access).await;
    let entry = &history.body["items"][0];
    assert_eq!(
        (&entry["type"], &entry["amount"], &entry["balanceAfter"]),
        (&json!("PAYMENT"), &json!(100_000), &json!(20_000))
    );
    assert_eq!((&entry["paymentId"], &entry["reservationId"]), (&json!(payment), &json!(id)));
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_payments_id_is_its_reservations_id_as_a_version_8_uuid() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 50_000).await;
    let id = held(&world, &fan, &concert, &[7]).await;
    let paid = world.pay(&fan, &id, PRICE, None).await;
    assert_eq!((&id[14..15], &paid.text("paymentId")[14..15]), ("7", "8"));
    assert_eq!((&id[..14], &id[15..]), (&paid.text("paymentId")[..14], &paid.text("paymentId")[15..]));
    Ok(())
}

#[tokio::test]
async fn an_amount_is_a_whole_number_and_equals_the_price() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 100_000).await;
    let id = held(&world, &fan, &concert, &[7]).await;
    let odd = [
        json!(0),
        json!("0"),
        json!(-50_000),
        json!("-50000"),
        json!(50_000.5),
        json!("50000.0"),
        json!(50_000.0),
        json!(""),
        json!(" 50000"),
        json!("5e4"),
        json!("+50000"),
        json!(null),
        json!([50_000]),
        json!(true),
        json!(1_000_000_000_001u64),
        json!("99999999999999999999999"),
        json!(1e30),
        json!(u64::MAX),
    ];
    for amount in odd {
        let refused = process(&world, &fan, &json!({ "reservationId": id, "amount": amount })).await;
        assert_eq!(refused.outcome(), "400 invalid_request", "{amount}");
        assert_eq!(refused.body["errors"][0]["pointer"], "/amount", "{amount}");
    }
    for amount in [json!(1), json!(49_999), json!(50_001), json!("100000"), json!(1_000_000_000_000u64)] {
        let refused = process(&world, &fan, &json!({ "reservationId": id, "amount": amount })).await;
        assert_eq!((refused.outcome().as_str(), &refused.body["amount"]), ("409 amount_mismatch", &json!(PRICE)));
    }
    assert_eq!(balance(&world, &fan).await, 100_000);
    let attempts = reservation(&world, &fan, &id).await["attempts"].as_array().cloned().unwrap_or_default();
    assert_eq!(attempts.len(), 5, "an invalid amount is not recorded as an attempt");
    assert!(attempts.iter().all(|attempt| attempt["code"] == "amount_mismatch"), "{attempts:?}");
    assert_eq!(process(&world, &fan, &json!({ "reservationId": id, "amount": "050000" })).await.outcome(), "200");
    Ok(())
}

#[tokio::test]
async fn bodies_of_another_shape_are_refused() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 50_000).await;
    let id = held(&world, &fan, &concert, &[7]).await;
    for body in [
        json!({ "amount": 50_000 }),
        json!({ "reservationId": id }),
        json!({ "reservationId": "7", "amount": 50_000 }),
        json!({ "reservationId": id, "amount": 50_000, "currency": "KRW" }),
        json!({ "reservationId": id, "amount": 50_000, "userId": "me" }),
        json!("pay"),
    ] {
        assert_eq!(process(&world, &fan, &body).await.outcome(), "400 invalid_request", "{body}");
    }
    let twice = format!(r#"{{"reservationId":"{id}","amount":1,"amount":50000}}"#);
    let twice = Request::new("POST", "/api/v1/payments/process").token(&fan.queue).text("application/json", twice);
    assert_eq!(world.send(twice).await.outcome(), "400 invalid_request");
    Ok(())
}

#[tokio::test]
async fn only_the_fan_pays_and_only_in_a_session() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 50_000).await, world.buyer("bob", 50_000).await);
    let id = held(&world, &ann, &concert, &[7]).await;
    assert_eq!(world.pay(&bob, &id, PRICE, None).await.outcome(), "404 reservation_not_found");
    let forged = json!({ "reservationId": id, "amount": 50_000, "userId": bob.user_id });
    assert_eq!(process(&world, &ann, &forged).await.outcome(), "403 forbidden");
    for access in [&ann.access, &admin.access] {
        let body = json!({ "reservationId": id, "amount": 50_000 });
        let refused = world.send(post("/api/v1/payments/process", access, None, &body)).await;
        assert_eq!(refused.outcome(), "403 not_active");
    }
    world.set_capacity(0).await;
    let mut waiting = world.fan("carl").await;
    world.join(&mut waiting).await;
    let refused = world.pay(&waiting, &id, PRICE, None).await;
    assert_eq!(refused.outcome(), "403 not_active");
    assert!(refused.headers.contains_key("retry-after"));
    world.wait(600);
    assert_eq!(world.pay(&ann, &id, PRICE, None).await.outcome(), "401 session_over");
    assert_eq!(world.pay(&bob, &id, PRICE, None).await.outcome(), "401 session_over");
    Ok(())
}

#[tokio::test]
async fn an_insufficient_balance_keeps_the_hold_and_records_the_attempt() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 49_999).await;
    let id = held(&world, &fan, &concert, &[7]).await;
    for second in 0..12u64 {
        let refused = world.pay(&fan, &id, PRICE, None).await;
        assert_eq!(refused.outcome(), "409 insufficient_balance");
        let attempts = reservation(&world, &fan, &id).await["attempts"].as_array().cloned().unwrap_or_default();
        assert_eq!(attempts.len() as u64, (second + 1).min(10), "the newest 10");
        let newest = json!({ "at": format!("2026-06-01T00:00:{second:02}.000Z"), "code": "insufficient_balance" });
        assert_eq!(attempts[0], newest, "newest first");
        world.wait(1);
    }
    assert_eq!(reservation(&world, &fan, &id).await["status"], "PENDING");
    assert_eq!(world.recharge(&fan, 1, None).await.outcome(), "200");
    assert_eq!(world.pay(&fan, &id, PRICE, None).await.outcome(), "200");
    assert_eq!(reservation(&world, &fan, &id).await["attempts"].as_array().map(Vec::len), Some(10));
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn the_session_ends_only_when_its_last_open_hold_is_paid() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 150_000).await;
    let (first, second) = (held(&world, &fan, &concert, &[1]).await, held(&world, &fan, &concert, &[2]).await);
    let paid = world.pay(&fan, &first, PRICE, None).await;
    assert_eq!((paid.outcome().as_str(), &paid.body["sessionOver"]), ("200", &json!(false)));
    assert_eq!(world.hold(&fan, &concert, &[1], None).await.outcome(), "409 seat_unavailable", "the session goes on");
    let paid = world.pay(&fan, &second, PRICE, None).await;
    assert_eq!((paid.outcome().as_str(), &paid.body["sessionOver"]), ("200", &json!(true)));
    assert_eq!(world.hold(&fan, &concert, &[3], None).await.outcome(), "401 session_over");
    let token = world.get(&format!("/api/v1/tokens/{}", fan.user_id), &fan.queue).await;
    assert_eq!(token.outcome(), "410 session_over");
    Ok(())
}

#[tokio::test]
async fn an_expired_hold_does_not_keep_the_session_alive() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 50_000).await;
    held(&world, &fan, &concert, &[1]).await;
    world.wait(200);
    let second = held(&world, &fan, &concert, &[2]).await;
    world.wait(100);
    assert_eq!(world.pay(&fan, &second, PRICE, None).await.outcome(), "200");
    assert_eq!(world.hold(&fan, &concert, &[3], None).await.outcome(), "401 session_over");
    Ok(())
}

#[tokio::test]
async fn paying_again_is_409_with_the_payment_id_long_after_the_session() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 50_000).await;
    let id = held(&world, &fan, &concert, &[7]).await;
    let paid = world.pay(&fan, &id, PRICE, None).await;
    for seconds in [0, 700, 2_000] {
        world.wait(seconds);
        let again = world.pay(&fan, &id, PRICE, None).await;
        assert_eq!(again.outcome(), "409 payment_already_processed");
        assert_eq!(again.body["paymentId"], paid.body["paymentId"]);
    }
    let mut fan = fan;
    assert_eq!(world.join(&mut fan).await.outcome(), "201", "a new place");
    assert_eq!(world.pay(&fan, &id, PRICE, None).await.outcome(), "409 payment_already_processed");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_reservation_cannot_be_paid() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 50_000).await;
    let id = held(&world, &fan, &concert, &[7]).await;
    assert_eq!(world.send(crate::support::purchases::cancel(&fan, &id)).await.outcome(), "204");
    for seconds in [0, 300] {
        world.wait(seconds);
        assert_eq!(world.pay(&fan, &id, PRICE, None).await.outcome(), "410 reservation_cancelled");
    }
    assert_eq!(reservation(&world, &fan, &id).await["attempts"], json!([]));
    assert_eq!(balance(&world, &fan).await, 50_000);
    Ok(())
}

#[tokio::test]
async fn a_session_in_another_queue_does_not_pay() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    world.concert_of(&admin, &json!({ "queueId": "other" })).await;
    let fan = world.buyer("ann", 50_000).await;
    let id = held(&world, &fan, &concert, &[7]).await;
    let join = Request::new("POST", "/api/v1/tokens").token(&fan.access).json(&json!({ "queueId": "other" }));
    let joined = world.send(join).await;
    assert_eq!(joined.text("status"), "ACTIVE", "{}", joined.body);
    let elsewhere = Fan { queue: joined.text("token").to_owned(), ..fan.clone() };
    let refused = world.send(pay(&elsewhere, &id, PRICE, None)).await;
    assert_eq!(refused.outcome(), "403 wrong_queue", "both places are number 1");
    assert_eq!(world.pay(&fan, &id, PRICE, None).await.outcome(), "200");
    assert_eq!(world.pay(&elsewhere, &id, PRICE, None).await.outcome(), "409 payment_already_processed");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_payment_by_a_fan_who_was_just_admitted_claims_the_place() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(1).await;
    let bob = world.buyer("bob", 0).await;
    let mut ann = world.fan("ann").await;
    assert_eq!(world.join(&mut ann).await.text("status"), "WAITING");
    let left = world.delete(&format!("/api/v1/tokens/{}", bob.user_id), &bob.queue).await;
    assert_eq!((left.status, world.tick().await), (204, 1));
    let paid = world.pay(&ann, "01234567-89ab-7def-8123-456789abcdef", PRICE, None).await;
    assert_eq!(paid.outcome(), "404 reservation_not_found");
    world.wait(61);
    let place = world.get(&format!("/api/v1/tokens/{}", ann.user_id), &ann.queue).await;
    assert_eq!(place.text("status"), "ACTIVE", "the claim window is over, but the place was claimed");
    Ok(())
}
