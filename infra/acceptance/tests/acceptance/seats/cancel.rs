//! `DELETE /reservations/{reservationId}`.

use crate::support::purchases::{Outcome, PRICE, cancel, held, items, pay, remove, reservation, sale, until_sent};
use acceptance::Request;
use futures_util::future::join_all;
use std::pin::pin;

#[tokio::test]
async fn a_cancelled_hold_frees_its_seats_at_once_and_stays_cancelled() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let id = held(&world, &ann, &concert, &[7, 8]).await;
    world.wait(1);
    let done = world.send(cancel(&ann, &id)).await;
    assert_eq!((done.outcome().as_str(), &done.body), ("204", &serde_json::Value::Null));
    assert_eq!(world.hold(&bob, &concert, &[7, 8], None).await.outcome(), "201");
    let read = reservation(&world, &ann, &id).await;
    assert_eq!((&read["status"], &read["cancelledAt"]), (&"CANCELLED".into(), &"2026-06-01T00:00:01.000Z".into()));
    world.wait(300);
    assert_eq!(world.send(cancel(&ann, &id)).await.outcome(), "204", "a repeat succeeds, even after the hold's end");
    assert_eq!(reservation(&world, &ann, &id).await["cancelledAt"], "2026-06-01T00:00:01.000Z");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_paid_reservation_cannot_be_cancelled_as_a_hold() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 50_000).await;
    let id = held(&world, &ann, &concert, &[7]).await;
    let payment = world.pay(&ann, &id, PRICE, None).await;
    let refused = world.send(cancel(&ann, &id)).await;
    assert_eq!(refused.outcome(), "409 not_cancellable");
    assert_eq!(refused.body["paymentId"], payment.body["paymentId"], "the payment, which can be cancelled instead");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn somebody_elses_reservation_is_not_found() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let id = held(&world, &ann, &concert, &[7]).await;
    assert_eq!(world.send(cancel(&bob, &id)).await.outcome(), "404 reservation_not_found");
    let path = format!("/api/v1/reservations/{id}?userId={}", ann.user_id);
    assert_eq!(world.delete(&path, &bob.access).await.outcome(), "403 forbidden");
    assert_eq!(world.delete("/api/v1/reservations/7", &ann.access).await.outcome(), "400 invalid_request");
    assert_eq!(world.send(Request::new("DELETE", &path)).await.outcome(), "401 unauthenticated");
    assert_eq!(reservation(&world, &ann, &id).await["status"], "PENDING");
    assert_eq!(world.delete(&path, &admin.access).await.outcome(), "204", "an admin names the fan");
    Ok(())
}

#[tokio::test]
async fn a_hold_whose_session_is_gone_can_be_cancelled() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 0).await;
    let id = held(&world, &ann, &concert, &[7, 8]).await;
    let sessions = world.engine.items("Queues");
    for session in sessions.iter().filter(|item| item["seatsTaken"] == 2) {
        remove(&world, "Queues", session).await;
    }
    assert_eq!(world.send(cancel(&ann, &id)).await.outcome(), "204");
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_queue_token_cancels_too_and_the_session_goes_on() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 0).await;
    let id = held(&world, &ann, &concert, &[1, 2, 3, 4]).await;
    assert_eq!(world.delete(&format!("/api/v1/reservations/{id}"), &ann.queue).await.outcome(), "204");
    assert_eq!(world.hold(&ann, &concert, &[1, 2, 3, 4], None).await.outcome(), "201");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn simultaneous_cancels_release_the_seats_once() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 0).await;
    held(&world, &ann, &concert, &[1, 2]).await;
    let id = held(&world, &ann, &concert, &[3, 4]).await;
    for reply in join_all((0..8).map(|_| world.send(cancel(&ann, &id)))).await {
        assert_eq!(reply.outcome(), "204");
    }
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_cancel_under_way_does_not_undo_a_payment() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 50_000).await;
    let id = held(&world, &ann, &concert, &[7]).await;
    let mut late = pin!(world.send(cancel(&ann, &id)));
    until_sent(&world, late.as_mut(), 2).await;
    assert_eq!(world.pay(&ann, &id, PRICE, None).await.outcome(), "200");
    assert_eq!(late.await.outcome(), "409 not_cancellable");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_payment_under_way_does_not_undo_a_cancel() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 50_000).await, world.buyer("bob", 0).await);
    let id = held(&world, &ann, &concert, &[7]).await;
    let mut late = pin!(world.send(pay(&ann, &id, PRICE, None)));
    until_sent(&world, late.as_mut(), 4).await;
    assert_eq!(world.send(cancel(&ann, &id)).await.outcome(), "204");
    held(&world, &bob, &concert, &[7]).await;
    assert_eq!(late.await.outcome(), "410 reservation_cancelled");
    assert_eq!(crate::support::purchases::balance(&world, &ann).await, 50_000);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_cancel_under_way_does_not_free_a_seat_that_was_taken_over() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let id = held(&world, &ann, &concert, &[7]).await;
    world.clock.advance_ms(299_999);
    let mut late = pin!(world.send(cancel(&ann, &id)));
    until_sent(&world, late.as_mut(), 2).await;
    world.clock.advance_ms(1);
    held(&world, &bob, &concert, &[7]).await;
    assert_eq!(late.await.outcome(), "410 reservation_expired");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_cancel_under_way_does_not_undo_an_expiry() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 0).await;
    let id = held(&world, &ann, &concert, &[7]).await;
    // The session is gone and the seat not yet freed: only the condition on the reservation can refuse.
    for session in world.engine.items("Queues").iter().filter(|item| item["seatsTaken"] == 1) {
        remove(&world, "Queues", session).await;
    }
    world.clock.advance_ms(299_999);
    let mut late = pin!(world.send(cancel(&ann, &id)));
    until_sent(&world, late.as_mut(), 4).await;
    world.clock.advance_ms(1);
    crate::support::purchases::inject(&world, "DeleteItem", engine::Fault::LostRequest, 100);
    let timer = serde_json::json!({ "userId": ann.user_id, "reservationId": id }).to_string();
    assert_eq!(crate::support::purchases::expire(&world.app, &[timer]).await?, ["0"]);
    world.engine.clear_faults();
    assert_eq!(late.await.outcome(), "410 reservation_expired");
    assert_eq!(items(&world, "Fans", "RES#")[0]["status"], "EXPIRED");
    Ok(())
}
