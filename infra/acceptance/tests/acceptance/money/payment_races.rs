//! Payments that race with payments, holds, recharges and the end of the session: conditions decide.

use crate::support::purchases::{
    Outcome, PRICE, balance, count, held, hold, inject_where, items, number, pay, recharge, reservation, sale, tamper,
    until_sent,
};
use futures_util::future::join_all;
use std::pin::pin;

#[tokio::test]
async fn forty_simultaneous_payments_pay_once() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let other = world.environment(&[]).await?;
    let fan = world.buyer("ann", 200_000).await;
    let id = held(&world, &fan, &concert, &[7]).await;
    let tries = (0..40).map(|i| {
        let app = if i % 2 == 0 { &other } else { &world.app };
        world.send_to(app, pay(&fan, &id, PRICE, None))
    });
    let replies = join_all(tries).await;
    assert_eq!((count(&replies, "200"), count(&replies, "409 payment_already_processed")), (1, 39));
    assert_eq!(balance(&world, &fan).await, 150_000);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn forty_simultaneous_payments_with_one_key_get_one_answer() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 200_000).await;
    let id = held(&world, &fan, &concert, &[7]).await;
    let replies = join_all((0..40).map(|_| world.send(pay(&fan, &id, PRICE, Some("once"))))).await;
    assert_eq!(count(&replies, "200"), 40);
    assert_eq!(replies.iter().filter(|r| !r.headers.contains_key("idempotency-replayed")).count(), 1);
    assert!(replies.iter().all(|reply| reply.body == replies[0].body));
    crate::support::invariants::check(&world);
    Ok(())
}

/// The late payment reads the reservation before the other payment, and the balance or the session after it. Neither
/// the low balance nor the ended session is the reason to answer.
#[tokio::test]
async fn a_payment_between_the_reads_of_another_makes_that_one_already_processed() -> Outcome {
    for (operation, read_late) in [("Query", "LEDGER#"), ("GetItem", "SESSION#")] {
        let (world, _, concert) = sale(&[("RELEASE_HOLD_ON_INSUFFICIENT_BALANCE", "true")]).await?;
        let fan = world.buyer("ann", PRICE).await;
        let id = held(&world, &fan, &concert, &[7]).await;
        inject_where(&world, engine::Fault::LostRequest, 1, move |call| {
            call.operation == operation && call.body.to_string().contains(read_late)
        });
        let mut late = pin!(world.send(pay(&fan, &id, PRICE, None)));
        until_sent(&world, late.as_mut(), 4).await;
        assert_eq!(world.pay(&fan, &id, PRICE, None).await.outcome(), "200");
        assert_eq!(late.await.outcome(), "409 payment_already_processed", "{read_late}");
        assert_eq!(reservation(&world, &fan, &id).await["attempts"], serde_json::json!([]), "{read_late}");
        crate::support::invariants::check(&world);
    }
    Ok(())
}

#[tokio::test]
async fn two_concurrent_payments_with_money_for_one_pay_one() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 50_000).await;
    let (first, second) = (held(&world, &fan, &concert, &[1]).await, held(&world, &fan, &concert, &[2]).await);
    let mut late = pin!(world.send(pay(&fan, &second, PRICE, None)));
    until_sent(&world, late.as_mut(), 4).await;
    assert_eq!(world.pay(&fan, &first, PRICE, None).await.outcome(), "200");
    assert_eq!(late.await.outcome(), "409 insufficient_balance");
    assert_eq!(balance(&world, &fan).await, 0);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_recharge_during_a_payment_is_not_lost() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 50_000).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    let mut late = pin!(world.send(pay(&fan, &id, PRICE, None)));
    until_sent(&world, late.as_mut(), 4).await;
    assert_eq!(world.recharge(&fan, 7, None).await.outcome(), "200");
    let paid = late.await;
    assert_eq!((paid.outcome().as_str(), &paid.body["newBalance"]), ("200", &7.into()));
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_payment_during_a_recharge_is_not_lost() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 50_000).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    let mut late = pin!(world.send(recharge(&fan, 7, None)));
    until_sent(&world, late.as_mut(), 2).await;
    let mut with_a_key = pin!(world.send(recharge(&fan, 5, Some("k"))));
    until_sent(&world, with_a_key.as_mut(), 2).await;
    assert_eq!(world.pay(&fan, &id, PRICE, None).await.outcome(), "200");
    let recharged = late.await;
    assert_eq!((&recharged.body["currentBalance"], &recharged.body["newBalance"]), (&0.into(), &7.into()));
    let recharged = with_a_key.await;
    assert_eq!((&recharged.body["currentBalance"], &recharged.body["newBalance"]), (&7.into(), &12.into()));
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_hold_during_a_payment_keeps_the_session_alive() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 100_000).await;
    let first = held(&world, &fan, &concert, &[1]).await;
    let mut late = pin!(world.send(pay(&fan, &first, PRICE, None)));
    until_sent(&world, late.as_mut(), 4).await;
    let second = held(&world, &fan, &concert, &[2]).await;
    assert_eq!(late.await.outcome(), "200");
    assert_eq!(
        world.pay(&fan, &second, PRICE, None).await.outcome(),
        "200",
        "the session did not end with an open hold"
    );
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_hold_under_way_is_refused_after_the_payment_that_ends_the_session() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 100_000).await;
    let first = held(&world, &fan, &concert, &[1]).await;
    let mut late = pin!(world.send(hold(&fan, &concert, &[2], None)));
    until_sent(&world, late.as_mut(), 1).await;
    assert_eq!(world.pay(&fan, &first, PRICE, None).await.outcome(), "200");
    assert_eq!(late.await.outcome(), "401 session_over");
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_payment_under_way_is_refused_after_leaving() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 50_000).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    let mut late = pin!(world.send(pay(&fan, &id, PRICE, None)));
    until_sent(&world, late.as_mut(), 4).await;
    // Leaving is cut off between the session and its holds: only the condition on the session can refuse.
    crate::support::purchases::inject(&world, "TransactWriteItems", engine::Fault::InternalError, 3);
    let left = world.delete(&format!("/api/v1/tokens/{}", fan.user_id), &fan.queue).await;
    assert_eq!(left.outcome(), "503 unavailable");
    world.engine.clear_faults();
    assert_eq!(late.await.outcome(), "401 session_over");
    assert_eq!(balance(&world, &fan).await, 50_000);
    assert_eq!(world.delete(&format!("/api/v1/tokens/{}", fan.user_id), &fan.queue).await.outcome(), "204");
    assert_eq!(reservation(&world, &fan, &id).await["status"], "CANCELLED");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn leaving_cancels_unpaid_holds_and_keeps_paid_reservations() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 50_000).await;
    let (first, second) = (held(&world, &fan, &concert, &[1]).await, held(&world, &fan, &concert, &[2]).await);
    assert_eq!(world.pay(&fan, &first, PRICE, None).await.outcome(), "200");
    assert_eq!(world.delete(&format!("/api/v1/tokens/{}", fan.user_id), &fan.queue).await.outcome(), "204");
    assert_eq!(reservation(&world, &fan, &first).await["status"], "CONFIRMED");
    assert_eq!(reservation(&world, &fan, &second).await["status"], "CANCELLED");
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 1);
    crate::support::invariants::check(&world);
    Ok(())
}

/// A seat of another reservation, a sold seat and an expired seat: none is sold, however it came to be so.
#[tokio::test]
async fn a_payment_sells_no_seat_that_it_does_not_hold() -> Outcome {
    let edits = [
        (
            "reservationId",
            aws_sdk_dynamodb::types::AttributeValue::S("0190a7c4-0000-7000-8000-000000000001".to_owned()),
        ),
        ("status", aws_sdk_dynamodb::types::AttributeValue::S("SOLD".to_owned())),
        ("heldUntil", number(acceptance::START_MILLIS)),
    ];
    for (attribute, value) in edits {
        let (world, _, concert) = sale(&[]).await?;
        let fan = world.buyer("ann", 50_000).await;
        let id = held(&world, &fan, &concert, &[1]).await;
        tamper(&world, "Concerts", &items(&world, "Concerts", "SEAT#")[0], attribute, value).await;
        assert_eq!(world.pay(&fan, &id, PRICE, None).await.outcome(), "503 unavailable", "{attribute}");
        assert_eq!(balance(&world, &fan).await, 50_000, "{attribute}");
        assert_eq!(reservation(&world, &fan, &id).await["status"], "PENDING", "{attribute}");
    }
    Ok(())
}

/// A sold seat stays sold whatever else its item says.
#[tokio::test]
async fn a_sold_seat_is_never_taken_over() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 50_000).await, world.buyer("bob", 0).await);
    let id = held(&world, &ann, &concert, &[1]).await;
    assert_eq!(world.pay(&ann, &id, PRICE, None).await.outcome(), "200");
    tamper(&world, "Concerts", &items(&world, "Concerts", "SEAT#")[0], "heldUntil", number(1)).await;
    assert_eq!(world.hold(&bob, &concert, &[1], None).await.outcome(), "409 seat_unavailable");
    Ok(())
}

#[tokio::test]
async fn a_failed_payment_does_not_erase_attempts_recorded_meanwhile() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    let mut late = pin!(world.send(pay(&fan, &id, PRICE, None)));
    until_sent(&world, late.as_mut(), 4).await;
    for _ in 0..2 {
        assert_eq!(world.pay(&fan, &id, PRICE, None).await.outcome(), "409 insufficient_balance");
    }
    assert_eq!(late.await.outcome(), "409 insufficient_balance");
    assert_eq!(reservation(&world, &fan, &id).await["attempts"].as_array().map(Vec::len), Some(2));
    Ok(())
}
