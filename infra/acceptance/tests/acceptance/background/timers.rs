//! `expire_holds`: the timers of holds.

use crate::support::purchases::{
    Outcome, expire, feed_stream, held, inject_where, items, reservation, sale, take_timers,
};
use engine::Fault;
use serde_json::json;

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
