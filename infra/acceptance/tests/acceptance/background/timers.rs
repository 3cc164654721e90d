//! `expire_holds`: the timers of holds.

use crate::support::purchases::{
    Outcome, PRICE, cancel, expire, feed_stream, held, inject_where, items, reservation, sale, take_timers,
};
use acceptance::{Fan, World};
use engine::{Fault, Meter};
use serde_json::json;

fn timer(fan: &Fan, id: &str) -> String {
    json!({ "userId": fan.user_id, "reservationId": id }).to_string()
}

/// What one timer uses; it must not fail.
async fn used(world: &World, timer: String) -> Result<Meter, Box<dyn std::error::Error>> {
    world.engine.reset_meter();
    assert!(expire(&world.app, &[timer]).await?.is_empty());
    let Meter { write_units, refused_write_units, .. } = world.engine.meter();
    Ok(Meter { write_units: write_units + refused_write_units, ..world.engine.meter() })
}

#[tokio::test]
async fn a_timer_of_a_settled_reservation_costs_one_read() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 50_000).await, world.buyer("bob", 0).await);
    let (paid, dropped) = (held(&world, &ann, &concert, &[1]).await, held(&world, &bob, &concert, &[2]).await);
    assert_eq!(world.pay(&ann, &paid, PRICE, None).await.outcome(), "200");
    assert_eq!(world.send(cancel(&bob, &dropped)).await.outcome(), "204");
    world.wait(300);
    for (fan, id) in [(&ann, &*paid), (&bob, &*dropped), (&bob, "0190a7c4-0000-7000-8000-000000000001")] {
        let used = used(&world, timer(fan, id)).await?;
        assert_eq!((used.write_units, used.read_units, used.requests), (0.0, 1.0, 1), "{id}");
    }
    Ok(())
}

#[tokio::test]
async fn a_timer_that_is_early_or_repeated_writes_nothing() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let id = held(&world, &fan, &concert, &[1, 2]).await;
    let early = used(&world, timer(&fan, &id)).await?;
    assert_eq!((early.write_units, early.read_units, early.requests), (0.0, 1.0, 2), "a read, and the next timer");
    world.wait(300);
    let due = used(&world, timer(&fan, &id)).await?;
    assert_eq!((due.write_units, due.read_units), (3.0, 1.0), "the reservation and its two seats");
    let repeated = used(&world, timer(&fan, &id)).await?;
    assert_eq!((repeated.write_units, repeated.round_trips), (0.0, 2), "the reservation, then its seats");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn only_a_seat_that_ttl_deleted_sends_a_second_timer() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    let (expired, dropped) = (held(&world, &ann, &concert, &[1]).await, held(&world, &ann, &concert, &[2]).await);
    let lost = held(&world, &bob, &concert, &[3]).await;
    feed_stream(&world, &world.app).await?;
    assert_eq!(take_timers(&world).len(), 3);
    assert_eq!(world.send(cancel(&ann, &dropped)).await.outcome(), "204");
    world.wait(300);
    assert!(expire(&world.app, &[timer(&ann, &expired)]).await?.is_empty());
    feed_stream(&world, &world.app).await?;
    assert_eq!(take_timers(&world), Vec::<String>::new(), "both reservations are settled");
    world.wait(900);
    assert_eq!(world.engine.sweep_ttl(), 1, "the seat of the hold whose timer is lost");
    feed_stream(&world, &world.app).await?;
    let timers = take_timers(&world);
    assert!(timers.len() == 1 && timers[0].contains(&lost), "{timers:?}");
    assert!(expire(&world.app, &timers).await?.is_empty());
    assert_eq!(items(&world, "Fans", "RES#").iter().filter(|found| found["status"] == "EXPIRED").count(), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_early_timer_is_sent_again_for_the_remaining_time() -> Outcome {
    let (world, _, concert) = sale(&[("HOLD_SECONDS", "2000"), ("ACTIVE_SECONDS", "4000")]).await?;
    let fan = world.buyer("ann", 0).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    feed_stream(&world, &world.app).await?;
    for expected in [900, 900, 200] {
        let timers = world.engine.take_messages(&world.app.config.timers_queue_url);
        assert_eq!(timers.iter().map(|timer| timer.delay_seconds).collect::<Vec<_>>(), [expected]);
        world.wait(expected);
        assert!(expire(&world.app, &[timers[0].body.clone()]).await?.is_empty());
    }
    assert_eq!(take_timers(&world).len(), 0);
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    assert_eq!(reservation(&world, &fan, &id).await["status"], "EXPIRED");
    Ok(())
}

#[tokio::test]
async fn a_duplicate_timer_does_no_harm() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    held(&world, &ann, &concert, &[1]).await;
    feed_stream(&world, &world.app).await?;
    let timer = take_timers(&world).remove(0);
    world.wait(300);
    assert!(expire(&world.app, &[timer.clone(), timer.clone()]).await?.is_empty());
    held(&world, &bob, &concert, &[1]).await;
    assert!(expire(&world.app, &[timer]).await?.is_empty());
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 1);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn bad_messages_of_a_batch_fail_alone() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    world.wait(300);
    let good = json!({ "userId": fan.user_id, "reservationId": id }).to_string();
    let unknown = json!({ "userId": fan.user_id, "reservationId": "0190a7c4-0000-7000-8000-000000000001" }).to_string();
    let odd = json!({ "userId": "7", "reservationId": id }).to_string();
    let bodies = ["junk".to_owned(), odd, unknown, good, String::new()];
    assert_eq!(expire(&world.app, &bodies).await?, ["0", "1", "4"]);
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    assert_eq!(items(&world, "Fans", "RES#").len(), 1, "an unknown reservation is not created");
    Ok(())
}

#[tokio::test]
async fn a_timer_that_cannot_be_sent_again_is_reported_as_failed() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    let timer = [json!({ "userId": fan.user_id, "reservationId": id }).to_string()];
    inject_where(&world, Fault::Throttled, u64::MAX, |call| call.operation.starts_with("SendMessage"));
    assert_eq!(expire(&world.app, &timer).await?, ["0"]);
    Ok(())
}
