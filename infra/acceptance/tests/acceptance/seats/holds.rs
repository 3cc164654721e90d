//! `POST /reservations`: what may be asked for, and who gets it.

use crate::support::purchases::{Outcome, count, held, hold, items, post, reservation, sale, until_sent};
use acceptance::{Fan, Reply, World};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::pin::pin;

async fn ask(world: &World, fan: &Fan, body: &Value) -> Reply {
    world.send(post("/api/v1/reservations", &fan.queue, None, body)).await
}

#[tokio::test]
async fn a_hold_is_a_pending_reservation_for_the_hold_time() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let made = ask(&world, &fan, &json!({ "concertId": concert, "seatNumber": 7, "userId": fan.user_id })).await;
    assert_eq!(made.outcome(), "201");
    let expected = json!({
        "reservationId": made.body["reservationId"], "userId": fan.user_id, "concertId": concert, "seatNumbers": [7],
        "status": "PENDING", "amount": 50_000, "reservedAt": "2026-06-01T00:00:00.000Z",
        "expiresAt": "2026-06-01T00:05:00.000Z", "cancelledAt": null, "cancelReason": null,
        "sessionEndsAt": "2026-06-01T00:10:00.000Z", "paymentId": null, "attempts": [],
    });
    assert_eq!(made.body, expected);
    assert_eq!(made.headers["location"], format!("/api/v1/reservations/{}", made.text("reservationId")));
    assert_eq!(reservation(&world, &fan, made.text("reservationId")).await, expected);
    Ok(())
}

#[tokio::test]
async fn several_seats_are_held_all_or_none() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let made = world.hold(&ann, &concert, &[10, 2, 30], None).await;
    assert_eq!(made.outcome(), "201");
    assert_eq!((&made.body["seatNumbers"], &made.body["amount"]), (&json!([10, 2, 30]), &json!(150_000)));
    let refused = world.hold(&bob, &concert, &[1, 2, 3, 30], None).await;
    assert_eq!(refused.outcome(), "409 seat_unavailable");
    assert_eq!(refused.body["seatNumbers"], json!([2, 30]));
    assert_eq!(refused.body.get("reservationId"), None, "the answer does not show whose seats they are");
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 3);
    assert_eq!(world.hold(&bob, &concert, &[1, 3], None).await.outcome(), "201");
    Ok(())
}

#[tokio::test]
async fn invalid_requests_for_seats_are_refused() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let cases = [
        json!({ "concertId": concert }),
        json!({ "concertId": concert, "seatNumber": 1, "seatNumbers": [2] }),
        json!({ "concertId": concert, "seatNumbers": [] }),
        json!({ "concertId": concert, "seatNumbers": [1, 2, 3, 4, 5, 6, 7, 8, 9] }),
        json!({ "concertId": concert, "seatNumbers": [1, 2, 1] }),
        json!({ "concertId": concert, "seatNumbers": [1, 0] }),
        json!({ "concertId": concert, "seatNumbers": 1 }),
        json!({ "concertId": concert, "seatNumber": 0 }),
        json!({ "concertId": concert, "seatNumber": -1 }),
        json!({ "concertId": concert, "seatNumber": 1.5 }),
        json!({ "concertId": concert, "seatNumber": "1" }),
        json!({ "concertId": concert, "seatNumber": 4_294_967_297u64 }),
        json!({ "concertId": concert, "seatNumber": null }),
        json!({ "concertId": "7", "seatNumber": 1 }),
        json!({ "seatNumber": 1 }),
        json!({ "concertId": concert, "seatNumber": 1, "price": 1 }),
        json!([]),
    ];
    for body in cases {
        let refused = ask(&world, &fan, &body).await;
        assert_eq!(refused.outcome(), "400 invalid_request", "{body}");
        assert!(refused.body["errors"][0]["pointer"].is_string(), "{}", refused.body);
    }
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    Ok(())
}

#[tokio::test]
async fn the_pointer_names_the_duplicate_or_invalid_seat() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let refused = ask(&world, &fan, &json!({ "concertId": concert, "seatNumbers": [1, 2, 1] })).await;
    assert_eq!(refused.body["errors"][0]["pointer"], "/seatNumbers/2");
    let refused = ask(&world, &fan, &json!({ "concertId": concert, "seatNumbers": [1, 0] })).await;
    assert_eq!(refused.body["errors"][0]["pointer"], "/seatNumbers/1");
    Ok(())
}

#[tokio::test]
async fn a_seat_outside_the_layout_is_404() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    assert_eq!(world.hold(&fan, &concert, &[51], None).await.outcome(), "404 seat_not_found");
    let mixed = world.hold(&fan, &concert, &[1, 51], None).await;
    assert_eq!(mixed.outcome(), "404 seat_not_found");
    assert_eq!(mixed.body["seatNumbers"], json!([51]));
    let block = |from: u32, to: u32| json!({ "section": "A", "from": from, "to": to, "seatType": "S", "price": 1 });
    let gap = world.concert_of(&admin, &json!({ "blocks": [block(1, 5), block(10, 12)] })).await;
    assert_eq!(world.hold(&fan, &gap, &[7], None).await.outcome(), "404 seat_not_found");
    assert_eq!(world.hold(&fan, &gap, &[12], None).await.outcome(), "201");
    let unknown = "0190a7c4-0000-7000-8000-000000000001";
    assert_eq!(world.hold(&fan, unknown, &[1], None).await.outcome(), "404 concert_not_found");
    Ok(())
}

#[tokio::test]
async fn a_refused_hold_names_the_reservation_only_to_its_own_fan() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let first = held(&world, &ann, &concert, &[7]).await;
    let own = world.hold(&ann, &concert, &[7, 8], None).await;
    assert_eq!(own.outcome(), "409 seat_unavailable");
    assert_eq!((&own.body["seatNumbers"], own.text("reservationId")), (&json!([7]), first.as_str()));
    let other = world.hold(&bob, &concert, &[7], None).await;
    assert_eq!((other.outcome().as_str(), other.body.get("reservationId")), ("409 seat_unavailable", None));
    Ok(())
}

#[tokio::test]
async fn holds_are_for_the_fan_of_the_token() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let forged = json!({ "concertId": concert, "seatNumber": 1, "userId": bob.user_id });
    assert_eq!(ask(&world, &ann, &forged).await.outcome(), "403 forbidden");
    let request = post("/api/v1/reservations", &ann.access, None, &json!({ "concertId": concert, "seatNumber": 1 }));
    assert_eq!(world.send(request).await.outcome(), "403 not_active");
    let path = format!("/api/v1/reservations/{}", held(&world, &ann, &concert, &[1]).await);
    assert_eq!(world.get(&path, &bob.access).await.outcome(), "404 reservation_not_found");
    assert_eq!(world.get(&path, &ann.queue).await.outcome(), "200", "a queue token proves who the fan is");
    let as_bob = format!("{path}?userId={}", ann.user_id);
    assert_eq!(world.get(&as_bob, &bob.access).await.outcome(), "403 forbidden");
    Ok(())
}

#[tokio::test]
async fn an_admin_reads_a_fans_reservation_by_naming_the_fan() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let path = format!("/api/v1/reservations/{}", held(&world, &fan, &concert, &[1]).await);
    assert_eq!(world.get(&path, &admin.access).await.outcome(), "404 reservation_not_found");
    assert_eq!(world.get(&format!("{path}?userId={}", fan.user_id), &admin.access).await.outcome(), "200");
    Ok(())
}

#[tokio::test]
async fn seats_are_held_only_during_the_sale_and_through_the_concerts_queue() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let later = world.concert_of(&admin, &json!({ "saleOpensAt": "2026-06-01T00:01:00Z" })).await;
    let past = world.concert_of(&admin, &json!({ "saleClosesAt": "2026-06-01T00:00:30Z" })).await;
    let elsewhere = world.concert_of(&admin, &json!({ "queueId": "other" })).await;
    let fan = world.buyer("ann", 0).await;
    assert_eq!(world.hold(&fan, &elsewhere, &[1], None).await.outcome(), "403 wrong_queue");
    assert_eq!(world.hold(&fan, &later, &[1], None).await.outcome(), "403 sale_closed");
    assert_eq!(world.hold(&fan, &past, &[1], None).await.outcome(), "201");
    world.wait(30);
    assert_eq!(world.hold(&fan, &past, &[2], None).await.outcome(), "403 sale_closed");
    world.wait(30);
    assert_eq!(world.hold(&fan, &later, &[1], None).await.outcome(), "201");
    Ok(())
}

#[tokio::test]
async fn of_64_fans_on_one_seat_one_gets_it() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let mut environments = Vec::new();
    for _ in 0..8 {
        environments.push(world.environment(&[("QUEUE_CAPACITY", "100")]).await?);
    }
    let mut fans = Vec::new();
    for i in 0..64 {
        fans.push(world.buyer(&format!("fan{i}"), 0).await);
    }
    let tries =
        fans.iter().enumerate().map(|(i, fan)| world.send_to(&environments[i % 8], hold(fan, &concert, &[7], None)));
    let replies = join_all(tries).await;
    assert_eq!((count(&replies, "201"), count(&replies, "409 seat_unavailable")), (1, 63));
    assert_eq!(items(&world, "Fans", "RES#").len(), 1);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn overlapping_holds_get_all_their_seats_or_none() -> Outcome {
    let (world, _, concert) = sale(&[("SEATS_PER_SESSION", "8")]).await?;
    let other = world.environment(&[("QUEUE_CAPACITY", "100"), ("SEATS_PER_SESSION", "8")]).await?;
    let mut fans = Vec::new();
    for i in 0..24 {
        fans.push(world.buyer(&format!("fan{i}"), 0).await);
    }
    // Four neighbouring seats of ten; half of the requests name them in descending order.
    let tries = fans.iter().enumerate().map(|(i, fan)| {
        let mut seats: Vec<u32> = (0..4).map(|step| (i as u32 + step) % 10 + 1).collect();
        if i % 2 == 0 {
            seats.reverse();
        }
        let app = if i % 3 == 0 { &other } else { &world.app };
        let request = hold(fan, &concert, &seats, None);
        world.send_to(app, request)
    });
    let replies = join_all(tries).await;
    let held = count(&replies, "201");
    assert_eq!(held + count(&replies, "409 seat_unavailable"), 24);
    assert!((1..=2).contains(&held), "{held} times four of ten seats");
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), held * 4);
    crate::support::invariants::check(&world);
    Ok(())
}

// Paused, so that a busy machine does not bring requests to the end of their function's time.
#[tokio::test(start_paused = true)]
async fn ten_seats_and_600_attempts_of_60_fans_make_ten_holds() -> Outcome {
    let (world, _, concert) = sale(&[("SEATS_PER_SESSION", "8")]).await?;
    let mut fans = Vec::new();
    for i in 0..60 {
        fans.push(world.buyer(&format!("fan{i}"), 0).await);
    }
    let tries = (0..600).map(|i| world.send(hold(&fans[i % 60], &concert, &[(i / 60) as u32 + 1], None)));
    let replies = join_all(tries).await;
    assert_eq!(count(&replies, "201"), 10);
    assert_eq!(count(&replies, "409 seat_unavailable") + count(&replies, "409 seat_limit"), 590);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_seat_that_is_sold_during_the_request_is_not_held() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 50_000).await, world.buyer("bob", 0).await);
    let paid = held(&world, &ann, &concert, &[7]).await;
    let mut late = pin!(world.send(hold(&bob, &concert, &[7], None)));
    until_sent(&world, late.as_mut(), 1).await;
    assert_eq!(world.pay(&ann, &paid, 50_000, None).await.outcome(), "200");
    assert_eq!(late.await.outcome(), "409 seat_unavailable");
    world.wait(7_200);
    let carl = world.buyer("carl", 0).await;
    assert_eq!(
        world.hold(&carl, &concert, &[7], None).await.outcome(),
        "409 seat_unavailable",
        "a sold seat stays sold"
    );
    crate::support::invariants::check(&world);
    Ok(())
}
