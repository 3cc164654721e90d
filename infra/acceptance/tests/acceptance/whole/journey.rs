//! One fan, from the queue to a paid seat.

use acceptance::World;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::test]
async fn a_fan_gets_from_the_queue_to_a_paid_seat() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let fan = world.buyer("ann", 120_000).await;
    let held = world.hold(&fan, &concert, &[7, 8], None).await;
    assert_eq!(held.outcome(), "201", "{}", held.body);
    assert_eq!(held.body["amount"], 100_000);
    let paid = world.pay(&fan, held.text("reservationId"), 100_000, None).await;
    assert_eq!(paid.outcome(), "200", "{}", paid.body);
    assert_eq!(paid.body["newBalance"], 20_000);
    let again = world.pay(&fan, held.text("reservationId"), 100_000, None).await;
    assert_eq!(again.outcome(), "409 payment_already_processed");
    assert_eq!(again.body["paymentId"], paid.body["paymentId"]);
    let seats = world.get(&format!("/api/v1/reservations/{concert}/seats"), &fan.queue).await;
    assert_eq!(seats.outcome(), "401 session_over", "paying the last hold ends the session");
    let ledger = world.get(&format!("/api/v1/payments/history/{}", fan.user_id), &fan.access).await;
    assert_eq!(ledger.body["items"][0]["sequence"], 2);
    Ok(())
}
