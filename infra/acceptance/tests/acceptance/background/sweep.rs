//! `sweep_holds`: finds expired holds by their `DUE` items, and visits nothing else.

use crate::support::purchases::{
    Outcome, PRICE, cancel, feed_stream, held, inject_where, items, reservation, sale, take_timers, until_sent,
};
use acceptance::{Fan, START_MILLIS, World, functions};
use engine::Fault;
use serde_json::{Value, json};
use shared::{
    domain::{id::ConcertId, layout::Chunk},
    store::item_kind::ItemKind,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use sweep_holds::Swept;

/// The second from which sweeps visit minute 5 of the world, in which holds of 300 s end that were made at its start.
pub const SWEPT_FROM: u64 = 370;

/// Runs the function once.
pub async fn sweep(world: &World) -> Result<Swept, Box<dyn std::error::Error>> {
    Ok(functions::sweep_holds(&world.app, serde_json::from_value(json!({}))?).await.map_err(|e| e.to_string())?)
}

/// The result of a sweep that was not cut off.
pub fn swept(chunks: usize, expired: usize) -> Swept {
    Swept { chunks, expired, cut_off: false }
}

/// The minutes of the `DUE` items, counted from the start of the world, in ascending order.
pub fn due(world: &World) -> Vec<u64> {
    let start = START_MILLIS / 60_000;
    let items = world.engine.items("Concerts").into_iter();
    let mut due: Vec<u64> = items
        .filter(|item| item["pk"].as_str().is_some_and(|pk| pk.starts_with("DUE#")))
        .filter_map(|item| Some(item["minute"].as_u64()? - start))
        .collect();
    due.sort_unstable();
    due
}

/// Feeds the stream function, which counts the seats, and loses the timers that it sends.
async fn counted(world: &World) -> Outcome {
    feed_stream(world, &world.app).await?;
    take_timers(world);
    Ok(())
}

async fn available(world: &World, concert: &str) -> Value {
    let read = world.read(&format!("/api/v1/concerts/{concert}")).await;
    read.body["seatsAvailable"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_sweep_expires_holds_whose_timers_were_lost_once_their_minute_is_over() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    world.concert(&admin).await;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 50_000).await);
    let missed = held(&world, &ann, &concert, &[1, 2]).await;
    let paid = held(&world, &bob, &concert, &[3]).await;
    assert_eq!(world.pay(&bob, &paid, PRICE, None).await.outcome(), "200");
    counted(&world).await?;
    assert_eq!(due(&world), [5]);
    world.wait(SWEPT_FROM - 1);
    assert_eq!(sweep(&world).await?, swept(0, 0), "the timers have the minute to themselves");
    world.wait(1);
    assert_eq!(sweep(&world).await?, swept(1, 1));
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 1);
    assert_eq!(items(&world, "Fans", "RES#").iter().filter(|r| r["status"] == "EXPIRED").count(), 1);
    assert_eq!(reservation(&world, &ann, &missed).await["status"], "EXPIRED");
    assert_eq!(available(&world, &concert).await, 49);
    assert_eq!((sweep(&world).await?, due(&world)), (swept(0, 0), vec![]));
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_chunk_gets_one_due_item_for_each_minute_in_which_a_hold_ends() -> Outcome {
    let (world, _, concert) = sale(&[("SEATS_PER_SESSION", "8")]).await?;
    let fan = world.buyer("ann", 0).await;
    let put = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&put);
    inject_where(&world, Fault::None, 0, move |call| {
        let is_due = call.body["Item"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("DUE#"));
        seen.fetch_add(u64::from(is_due), Ordering::Relaxed);
        false
    });
    let mut dropped = String::new();
    for (seat, items) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
        dropped = held(&world, &fan, &concert, &[seat]).await;
        counted(&world).await?;
        assert_eq!(put.load(Ordering::Relaxed), items, "seat {seat}");
        world.wait(20);
    }
    world.send(cancel(&fan, &dropped)).await;
    counted(&world).await?;
    assert_eq!((put.load(Ordering::Relaxed), due(&world)), (2, vec![5, 6]), "a cancelled hold puts no due item");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_recount_that_is_cut_off_has_put_its_due_item() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1]).await;
    let (id, chunk) = (ConcertId(concert.parse()?), Chunk(0));
    {
        let mut recount = std::pin::pin!(world.app.store.recount(id, chunk));
        // Reads the count and the seats, puts the due item; the put of the new count is never applied.
        until_sent(&world, recount.as_mut(), 4).await;
    }
    assert_eq!((items(&world, "Concerts", "COUNT#").len(), due(&world)), (0, vec![5]));
    world.wait(SWEPT_FROM);
    assert_eq!(sweep(&world).await?, swept(1, 1));
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    Ok(())
}

/// Holds a seat with a clock that is behind, so that the hold ends in a minute that is being swept.
async fn hold_by_an_old_clock(world: &World, concert: &str, fan: &Fan) -> Outcome {
    let now = engine::Clock::now_ms(&world.clock);
    world.clock.set_ms(START_MILLIS + 20_000);
    held(world, fan, concert, &[9]).await;
    world.clock.set_ms(now);
    world.app.store.recount(ConcertId(concert.parse()?), Chunk(0)).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_due_item_that_is_put_again_during_a_visit_is_kept() -> Outcome {
    let (world, _, concert) = sale(&[("ACTIVE_SECONDS", "3600")]).await?;
    let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
    held(&world, &ann, &concert, &[1]).await;
    counted(&world).await?;
    world.wait(SWEPT_FROM);
    {
        let mut visit = std::pin::pin!(sweep(&world));
        // Four partitions, the count and the seats, three writes of the expiry, the count; then the due item's delete.
        until_sent(&world, visit.as_mut(), 11).await;
        assert_eq!(items(&world, "Concerts", "COUNT#")[0]["due"], 0, "the next recount puts a due item again");
        hold_by_an_old_clock(&world, &concert, &bob).await?;
        assert_eq!(visit.await?, swept(1, 1));
    }
    assert_eq!(due(&world), [5]);
    assert_eq!(sweep(&world).await?, swept(1, 1), "the sweep finds the hold by the due item alone");
    assert_eq!((due(&world).len(), items(&world, "Concerts", "SEAT#").len()), (0, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn seats_that_are_held_after_a_visit_are_found_by_a_later_sweep() -> Outcome {
    let (world, _, concert) = sale(&[("ACTIVE_SECONDS", "3600")]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1]).await;
    counted(&world).await?;
    world.wait(300);
    held(&world, &fan, &concert, &[2]).await;
    world.wait(SWEPT_FROM - 300);
    assert_eq!(due(&world), [5], "the second hold is not counted yet");
    assert_eq!(sweep(&world).await?, swept(1, 1));
    assert_eq!(due(&world), [10], "the visit counted it");
    world.wait(300);
    assert_eq!(sweep(&world).await?, swept(1, 1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_fails_is_left_to_the_next_sweep_and_the_others_are_swept() -> Outcome {
    let (world, admin, first) = sale(&[]).await?;
    let second = world.concert(&admin).await;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &first, &[1]).await;
    held(&world, &fan, &second, &[1]).await;
    counted(&world).await?;
    world.wait(SWEPT_FROM);
    let broken = first.clone();
    inject_where(&world, Fault::InternalError, u64::MAX, move |call| {
        call.operation == "Query" && call.body.to_string().contains(&format!("{broken}#0"))
    });
    assert!(sweep(&world).await.is_err(), "the failure is returned, so that Lambda records it");
    world.engine.clear_faults();
    let left = items(&world, "Concerts", "SEAT#");
    assert_eq!((left.len(), &left[0]["concertId"]), (1, &json!(first)));
    // The hold cannot be expired. Its chunk is counted all the same, and its due item stays.
    inject_where(&world, Fault::InternalError, u64::MAX, |call| call.operation == "UpdateItem");
    assert!(sweep(&world).await.is_err());
    world.engine.clear_faults();
    assert_eq!((available(&world, &first).await, due(&world)), (json!(50), vec![5]));
    assert_eq!(sweep(&world).await?, swept(1, 1), "the next sweep tries again");
    assert_eq!(items(&world, "Concerts", "SEAT#").len(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_stream_filters_pass_seats_and_drop_due_items() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1]).await;
    counted(&world).await?;
    world.wait(SWEPT_FROM);
    sweep(&world).await?;
    let template = template::Template::load(&template::locate()?)?;
    let filters: Vec<&Value> = template.stream_triggers.iter().flat_map(|trigger| &trigger.filters).collect();
    let passes = |record: &Value| {
        filters.iter().any(|filter| {
            ["pk", "sk"].iter().any(|name| {
                let value = record["dynamodb"]["Keys"][name]["S"].as_str().unwrap_or_default();
                let ways = filter["dynamodb"]["Keys"][name]["S"].as_array().into_iter().flatten();
                ways.into_iter().any(|way| {
                    way.as_str().is_some_and(|text| text == value)
                        || way["prefix"].as_str().is_some_and(|prefix| value.starts_with(prefix))
                })
            })
        })
    };
    let records = world.engine.stream_records("Concerts");
    let kinds = |record: &&Value| {
        let key = |name: &str| record["dynamodb"]["Keys"][name]["S"].as_str().unwrap_or_default().to_owned();
        ItemKind::of(&key("pk"), &key("sk"))
    };
    let (mut seats, mut items) = (0, 0);
    for record in &records {
        match kinds(&record) {
            ItemKind::Due => {
                items += 1;
                assert!(!passes(record), "{record}");
            }
            ItemKind::Seat => {
                seats += 1;
                assert!(passes(record), "{record}");
            }
            _ => {}
        }
    }
    assert!(seats > 0 && items > 0, "{seats} {items}");
    Ok(())
}
