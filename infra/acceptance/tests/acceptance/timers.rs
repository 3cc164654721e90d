//! `expire_holds` and `sweep_holds`.

use crate::purchases::{
    Outcome, PRICE, expire, feed_stream, held, inject_where, items, number, remove, reservation, sale, take_timers,
    tamper,
};
use acceptance::{Request, World};
use engine::Fault;
use serde_json::json;

async fn sweep(world: &World) -> Result<(usize, usize), Box<dyn std::error::Error>> {
    let swept = sweep_holds::handle(&world.app, serde_json::from_value(json!({}))?).await.map_err(|e| e.to_string())?;
    Ok((swept.concerts, swept.expired))
}

async fn sweep_for_16_minutes(world: &World) -> Result<(), Box<dyn std::error::Error>> {
    for _ in 0..16 {
        world.wait(60);
        sweep(world).await?;
    }
    Ok(())
}

async fn available(world: &World, concert: &str) -> serde_json::Value {
    let read = world.send(Request::new("GET", format!("/api/v1/concerts/{concert}"))).await;
    read.body["seatsAvailable"].clone()
}

#[tokio::test]
async fn an_early_timer_is_armed_again_for_the_rest() -> Outcome {
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
async fn a_doubled_timer_does_no_harm() -> Outcome {
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
    crate::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn one_bad_message_of_a_batch_fails_alone() -> Outcome {
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
    assert_eq!(items(&world, "Fans", "RES#").len(), 1, "an unknown one is not made");
    Ok(())
}

#[tokio::test]
async fn a_timer_that_cannot_be_armed_again_comes_again() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    let id = held(&world, &fan, &concert, &[1]).await;
    let timer = [json!({ "userId": fan.user_id, "reservationId": id }).to_string()];
    inject_where(&world, Fault::Throttled, u64::MAX, |call| call.operation.starts_with("SendMessage"));
    assert_eq!(expire(&world.app, &timer).await?, ["0"]);
    Ok(())
}

#[tokio::test]
async fn a_sweep_expires_what_timers_missed() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    world.concert(&admin).await;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 50_000).await);
    let missed = held(&world, &ann, &concert, &[1, 2]).await;
    let paid = held(&world, &bob, &concert, &[3]).await;
    assert_eq!(world.pay(&bob, &paid, PRICE, None).await.outcome(), "200");
    feed_stream(&world, &world.app).await?;
    take_timers(&world);
    assert_eq!(sweep(&world).await?, (2, 0), "nothing is over yet");
    world.wait(300);
    assert_eq!(sweep(&world).await?, (2, 1));
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 1);
    assert_eq!(items(&world, "Fans", "RES#").iter().filter(|r| r["status"] == "EXPIRED").count(), 1);
    assert_eq!(reservation(&world, &ann, &missed).await["status"], "EXPIRED");
    assert_eq!(sweep(&world).await?, (2, 0));
    crate::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_sweep_mends_counts() -> Outcome {
    let (world, _, concert) = sale(&[("HOLD_SECONDS", "3600")]).await?;
    let fan = world.buyer("ann", 50_000).await;
    let paid = held(&world, &fan, &concert, &[1]).await;
    held(&world, &fan, &concert, &[2, 3]).await;
    assert_eq!(world.pay(&fan, &paid, PRICE, None).await.outcome(), "200");
    feed_stream(&world, &world.app).await?;
    let count = items(&world, "Concerts", "COUNT#").remove(0);
    assert_eq!(available(&world, &concert).await, 47);
    world.wait(60);
    for (name, wrong) in [("held", 9), ("sold", 9)] {
        tamper(&world, "Concerts", &count, name, number(wrong)).await;
        assert_ne!(available(&world, &concert).await, 47);
        sweep(&world).await?;
        assert_eq!(available(&world, &concert).await, 47, "{name} was {wrong}");
    }
    tamper(&world, "Concerts", &count, "held", number(0)).await;
    sweep_for_16_minutes(&world).await?;
    assert_eq!(available(&world, &concert).await, 47, "holds that were never counted");
    remove(&world, "Concerts", &count).await;
    sweep_for_16_minutes(&world).await?;
    assert_eq!(available(&world, &concert).await, 47, "a count that was never written");
    Ok(())
}

#[tokio::test]
async fn a_sweep_that_fails_at_one_concert_goes_on_with_the_others() -> Outcome {
    let (world, admin, first) = sale(&[]).await?;
    let second = world.concert(&admin).await;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &first, &[1]).await;
    held(&world, &fan, &second, &[1]).await;
    feed_stream(&world, &world.app).await?;
    world.wait(300);
    let broken = first.clone();
    inject_where(&world, Fault::InternalError, u64::MAX, move |call| {
        call.operation == "Query" && call.body.to_string().contains(&format!("{broken}#0"))
    });
    assert!(sweep(&world).await.is_err(), "the schedule hears of it");
    world.engine.clear_faults();
    let left = items(&world, "Concerts", "SEAT#");
    assert_eq!((left.len(), &left[0]["concertId"]), (1, &json!(first)));
    assert_eq!(sweep(&world).await?, (2, 1), "the next minute tries again");
    Ok(())
}
