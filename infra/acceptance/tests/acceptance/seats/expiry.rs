//! A hold is over at its end in the same instant, whether or not anything has cleaned it up.

use crate::support::purchases::{
    Outcome, PRICE, balance, cancel, expire, held, hold, items, pay, reservation, sale, until_sent,
};
use acceptance::{Fan, World};
use engine::Fault;
use serde_json::json;
use std::pin::pin;

async fn over(world: &World, fan: &Fan, id: &str) {
    assert_eq!(reservation(world, fan, id).await["status"], "EXPIRED");
    assert_eq!(world.pay(fan, id, PRICE, None).await.outcome(), "410 reservation_expired");
    assert_eq!(world.send(cancel(fan, id)).await.outcome(), "410 reservation_expired");
    assert_eq!(balance(world, fan).await, 100_000, "the money is untouched");
}

fn timer(fan: &Fan, id: &str) -> String {
    json!({ "userId": fan.user_id, "reservationId": id }).to_string()
}

#[tokio::test]
async fn the_next_fan_can_hold_an_expired_seat_in_the_same_instant() -> Outcome {
    let (world, _, concert) = sale(&[("HOLD_SECONDS", "4")]).await?;
    let (ann, bob) = (world.buyer("ann", 100_000).await, world.buyer("bob", 0).await);
    let first = held(&world, &ann, &concert, &[7, 8]).await;
    world.clock.advance_ms(3_999);
    assert_eq!(world.hold(&bob, &concert, &[7], None).await.outcome(), "409 seat_unavailable");
    world.clock.advance_ms(1);
    assert_eq!(world.hold(&bob, &concert, &[7], None).await.outcome(), "201", "nothing was cleaned up");
    over(&world, &ann, &first).await;
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_late_payment_is_410_before_and_after_cleaning_up() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 100_000).await;
    let id = held(&world, &ann, &concert, &[7]).await;
    world.wait(300);
    over(&world, &ann, &id).await;
    assert!(expire(&world.app, &[timer(&ann, &id)]).await?.is_empty());
    over(&world, &ann, &id).await;
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_timer_marks_the_reservation_frees_its_own_seats_and_leaves_the_session() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let id = held(&world, &ann, &concert, &[7, 8]).await;
    world.wait(300);
    let taken_over = held(&world, &bob, &concert, &[8]).await;
    let sessions = world.engine.items("Queues");
    for _ in 0..2 {
        assert!(expire(&world.app, &[timer(&ann, &id)]).await?.is_empty());
        let seats = items(&world, "Concerts", "SEAT#");
        assert_eq!(seats.len(), 1, "the expired seat is free, the next fan's stays");
        assert_eq!(seats[0]["reservationId"], json!(taken_over));
        crate::support::invariants::check(&world);
    }
    assert_eq!(world.engine.items("Queues"), sessions, "the sessions judge their holds by time");
    Ok(())
}

#[tokio::test]
async fn a_timer_before_the_end_expires_nothing() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 50_000).await;
    let id = held(&world, &ann, &concert, &[7]).await;
    world.clock.advance_ms(299_999);
    assert!(expire(&world.app, &[timer(&ann, &id)]).await?.is_empty());
    assert_eq!(world.pay(&ann, &id, PRICE, None).await.outcome(), "200");
    Ok(())
}

#[tokio::test]
async fn a_timer_touches_nothing_that_is_paid_or_cancelled() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 50_000).await, world.buyer("bob", 0).await);
    let paid = held(&world, &ann, &concert, &[7]).await;
    assert_eq!(world.pay(&ann, &paid, PRICE, None).await.outcome(), "200");
    let dropped = held(&world, &bob, &concert, &[8]).await;
    assert_eq!(world.send(cancel(&bob, &dropped)).await.outcome(), "204");
    world.wait(300);
    assert!(expire(&world.app, &[timer(&ann, &paid), timer(&bob, &dropped)]).await?.is_empty());
    assert_eq!(reservation(&world, &ann, &paid).await["status"], "CONFIRMED");
    assert_eq!(reservation(&world, &bob, &dropped).await["status"], "CANCELLED");
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 1);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_hold_that_expired_counts_nowhere_in_its_session() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 200_000).await;
    let over = held(&world, &ann, &concert, &[1, 2]).await;
    world.wait(100);
    let open = held(&world, &ann, &concert, &[3]).await;
    world.wait(200);
    assert!(expire(&world.app, &[timer(&ann, &over)]).await?.is_empty());
    let refused = world.hold(&ann, &concert, &[4, 5, 6, 7], None).await;
    assert_eq!((refused.outcome().as_str(), &refused.body["held"]), ("409 seat_limit", &json!(1)));
    let paid = world.pay(&ann, &open, PRICE, None).await;
    assert_eq!((paid.status, &paid.body["sessionOver"]), (200, &json!(true)), "no other hold is open");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn leaving_reads_no_hold_that_is_over() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 0).await;
    let over = held(&world, &ann, &concert, &[1]).await;
    world.wait(100);
    let open = held(&world, &ann, &concert, &[2]).await;
    world.wait(200);
    crate::support::purchases::inject_where(&world, Fault::InternalError, u64::MAX, {
        let over = over.clone();
        move |call| {
            call.operation == "GetItem" && call.body["Key"]["sk"]["S"].as_str().is_some_and(|sk| sk.contains(&over))
        }
    });
    assert_eq!(world.delete(&format!("/api/v1/tokens/{}", ann.user_id), &ann.queue).await.outcome(), "204");
    world.engine.clear_faults();
    assert_eq!(reservation(&world, &ann, &open).await["status"], "CANCELLED");
    assert_eq!(reservation(&world, &ann, &over).await["status"], "EXPIRED");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn an_expiry_that_is_cut_off_is_finished_by_its_retry() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 0).await;
    let id = held(&world, &ann, &concert, &[7, 8]).await;
    world.wait(300);
    crate::support::purchases::inject(&world, "DeleteItem", Fault::LostRequest, 100);
    assert_eq!(expire(&world.app, &[timer(&ann, &id)]).await?, ["0"], "the message is delivered again");
    assert_eq!(reservation(&world, &ann, &id).await["status"], "EXPIRED");
    world.engine.clear_faults();
    assert!(expire(&world.app, &[timer(&ann, &id)]).await?.is_empty());
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_payment_under_way_is_refused_once_the_reservation_is_marked_expired() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 100_000).await;
    let id = held(&world, &ann, &concert, &[7]).await;
    world.clock.advance_ms(299_999);
    let mut payment = pin!(world.send(pay(&ann, &id, PRICE, None)));
    until_sent(&world, payment.as_mut(), 4).await;
    world.clock.advance_ms(1);
    // The expiry is cut off between the reservation and its seat: only the condition on the reservation can refuse.
    crate::support::purchases::inject(&world, "DeleteItem", Fault::LostRequest, 100);
    let other = world.environment(&[]).await?;
    assert_eq!(expire(&other, &[timer(&ann, &id)]).await?, ["0"]);
    world.engine.clear_faults();
    assert_eq!(payment.await.outcome(), "410 reservation_expired");
    over(&world, &ann, &id).await;
    Ok(())
}

#[tokio::test]
async fn a_payment_under_way_does_not_buy_a_seat_that_was_taken_over() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 100_000).await, world.buyer("bob", 50_000).await);
    let id = held(&world, &ann, &concert, &[7, 8]).await;
    world.clock.advance_ms(299_999);
    let mut payment = pin!(world.send(pay(&ann, &id, 100_000, None)));
    until_sent(&world, payment.as_mut(), 4).await;
    world.clock.advance_ms(1);
    let taken_over = held(&world, &bob, &concert, &[8]).await;
    assert_eq!(payment.await.outcome(), "410 reservation_expired");
    assert_eq!(balance(&world, &ann).await, 100_000);
    assert_eq!(world.pay(&bob, &taken_over, PRICE, None).await.outcome(), "200");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn an_expiry_under_way_does_not_undo_a_payment() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 50_000).await;
    let id = held(&world, &ann, &concert, &[7]).await;
    // The clock of the paying function is 1 ms behind that of the expiring one.
    world.clock.advance_ms(300_000);
    let other = world.environment(&[]).await?;
    let timers = [timer(&ann, &id)];
    let mut expiry = pin!(expire(&other, &timers));
    // The read, and the update that marks the reservation.
    until_sent(&world, expiry.as_mut(), 2).await;
    world.clock.set_ms(acceptance::START_MILLIS + 299_999);
    assert_eq!(world.pay(&ann, &id, PRICE, None).await.outcome(), "200");
    world.clock.advance_ms(1);
    assert!(expiry.await?.is_empty());
    assert_eq!(reservation(&world, &ann, &id).await["status"], "CONFIRMED");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn two_take_overs_at_once_make_one_holder() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob, carl) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await, world.buyer("carl", 0).await);
    held(&world, &ann, &concert, &[7]).await;
    world.wait(300);
    let mut second = pin!(world.send(hold(&carl, &concert, &[7], None)));
    until_sent(&world, second.as_mut(), 2).await;
    assert_eq!(world.hold(&bob, &concert, &[7], None).await.outcome(), "201");
    assert_eq!(second.await.outcome(), "409 seat_unavailable");
    crate::support::invariants::check(&world);
    Ok(())
}
