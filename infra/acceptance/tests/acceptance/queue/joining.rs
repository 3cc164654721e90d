//! Joining under contention, crashes and lost answers: never two live places for a fan.

use crate::{
    Outcome,
    support::{items, join_with, leave, line_of, poll, queue, sessions, state, status_and_position},
};
use acceptance::{Fan, World, functions};
use engine::Fault;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::app::App;

async fn environments(
    world: &World,
    count: usize,
    variables: &[(&str, &str)],
) -> Result<Vec<App>, Box<dyn std::error::Error>> {
    let mut apps = Vec::new();
    for _ in 0..count {
        apps.push(world.environment(variables).await?);
    }
    Ok(apps)
}

async fn join_at(world: &World, app: &App, fan: &Fan) -> acceptance::Reply {
    let request = acceptance::Request::new("POST", "/api/v1/tokens").token(&fan.access).json(&json!({}));
    world.send_to(app, request).await
}

/// The places up to the last one drawn that have neither a ticket nor a session or tombstone.
fn holes(world: &World) -> Vec<u64> {
    let last = items(world, "JOIN#main").first().map_or(0, |counter| counter["last"].as_u64().unwrap_or(0));
    let tickets: Vec<u64> = items(world, "TICKET#main#").iter().filter_map(|t| t["place"].as_u64()).collect();
    let sessions = sessions(world);
    (1..=last).filter(|place| !tickets.contains(place) && !sessions.contains_key(place)).collect()
}

#[tokio::test]
async fn a_double_click_gives_one_place_and_the_others_get_tombstones() -> Outcome {
    for capacity in [0, 1, 5] {
        let world = World::new().await?;
        world.set_capacity(capacity).await;
        let apps = environments(&world, 4, &[]).await?;
        let fan = world.fan("ann").await;
        let replies = join_all(apps.iter().map(|app| join_at(&world, app, &fan))).await;
        let new = replies.iter().filter(|reply| reply.status == 201).count();
        assert_eq!(new, 1, "{:?}", replies.iter().map(status_and_position).collect::<Vec<_>>());
        assert!(replies.iter().all(|reply| reply.status < 300));
        assert_eq!(queue(&world).await["lastPlace"], 4, "all four drew a place");
        assert_eq!(holes(&world), [] as [u64; 0], "the other places have tombstones");
        let shut = sessions(&world).values().filter(|s| s["endReason"] == "SUPERSEDED").count();
        assert_eq!(shut, 3);
        // The state in memory may be a second old.
        world.wait(1);
        for reply in &replies {
            let same = Fan { queue: reply.text("token").to_owned(), ..fan.clone() };
            assert_eq!(
                status_and_position(&poll(&world, &same).await),
                if capacity == 0 { status_and_position(reply) } else { "ACTIVE 0".to_owned() }
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_double_click_after_waiting_too_long_gives_one_new_place() -> Outcome {
    let variables = [("WAITING_SECONDS", "60")];
    let world = World::with(&variables).await?;
    world.set_capacity(0).await;
    let apps = environments(&world, 3, &variables).await?;
    let fans = line_of(&world, 1).await;
    world.wait(61);
    let replies = join_all(apps.iter().map(|app| join_at(&world, app, &fans[0]))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    let tickets = items(&world, "TICKET#main#");
    assert_eq!(tickets.len(), 1);
    let live = (1..=4).filter(|place| !sessions(&world).contains_key(place)).collect::<Vec<u64>>();
    assert_eq!(json!(live), json!([tickets[0]["place"]]), "every place but the winner's has a tombstone");
    Ok(())
}

#[tokio::test]
async fn concurrent_joins_get_distinct_places_and_walk_ins_stay_within_the_capacity() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(5).await;
    let apps = environments(&world, 4, &[]).await?;
    let mut fans = Vec::new();
    for number in 0..40 {
        fans.push(world.fan(&format!("fan-{number}")).await);
    }
    let joins = fans.iter().enumerate().map(|(i, fan)| join_at(&world, &apps[i % 4], fan));
    let replies = join_all(joins).await;
    assert!(replies.iter().all(|reply| reply.status == 201));
    let mut places: Vec<u64> = items(&world, "TICKET#main#").iter().filter_map(|t| t["place"].as_u64()).collect();
    places.sort_unstable();
    assert_eq!(places, (1..=40).collect::<Vec<u64>>());
    world.tick().await;
    assert_eq!(state(&world)["served"], 5);
    assert!(sessions(&world).keys().all(|place| *place <= 5), "nobody was overtaken");
    Ok(())
}

/// Loses every request from the nth put or update on, as a crash at this write would.
fn crash_at_write(world: &World, nth: u32) {
    let mut writes = 0;
    world.engine.set_faults(move |call| {
        writes += u32::from(["PutItem", "UpdateItem"].contains(&call.operation));
        if writes >= nth { Fault::LostRequest } else { Fault::None }
    });
}

#[tokio::test]
async fn a_crash_between_the_draw_and_the_ticket_leaves_a_hole_that_is_passed_as_a_no_show() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(1).await;
    let fans = line_of(&world, 1).await;
    let crashed = world.fan("crashed").await;
    crash_at_write(&world, 2);
    assert_eq!(join_with(&world, &crashed.access, &json!({})).await.outcome(), "503 unavailable");
    world.engine.clear_faults();
    assert_eq!(holes(&world), [2]);
    world.wait(2);
    let mut behind = world.fan("behind").await;
    assert_eq!(status_and_position(&world.join(&mut behind).await), "WAITING 2");
    let again = join_with(&world, &crashed.access, &json!({})).await;
    assert_eq!((again.outcome().as_str(), status_and_position(&again).as_str()), ("201", "WAITING 3"));
    leave(&world, &fans[0]).await;
    assert_eq!(world.tick().await, 1, "the hole is admitted");
    world.wait(70);
    assert_eq!(world.tick().await, 1, "the hole is a no-show: fenced and passed");
    assert_eq!(status_and_position(&poll(&world, &behind).await), "ACTIVE 0");
    assert_eq!(sessions(&world)[&2]["endReason"], "NO_SHOW");
    Ok(())
}

#[tokio::test]
async fn a_join_after_a_crash_at_any_write_gives_one_live_place() -> Outcome {
    for nth in 1..=4 {
        let world = World::new().await?;
        world.set_capacity(3).await;
        let fan = world.fan("ann").await;
        crash_at_write(&world, nth);
        assert_eq!(join_with(&world, &fan.access, &json!({})).await.outcome(), "503 unavailable", "{nth}");
        world.engine.clear_faults();
        world.wait(2);
        let mut fan = fan;
        let joined = world.join(&mut fan).await;
        assert!(joined.status < 300, "{nth}: {}", joined.body);
        world.tick().await;
        world.wait(1);
        assert_eq!(status_and_position(&poll(&world, &fan).await), "ACTIVE 0", "{nth}");
        assert_eq!(items(&world, "TICKET#main#").len(), 1);
        let live = sessions(&world).values().filter(|s| s["ended"].is_null()).count();
        assert_eq!(live, 1, "{nth}");
    }
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_on_any_request_of_a_join_changes_nothing_for_the_fan() -> Outcome {
    for lost in 0..8 {
        let world = World::new().await?;
        world.set_capacity(3).await;
        world.wait(2);
        let fan = world.fan("ann").await;
        let mut seen = 0;
        world.engine.set_faults(move |_| {
            seen += 1;
            if seen == lost + 1 { Fault::LostAnswer } else { Fault::None }
        });
        let joined = join_with(&world, &fan.access, &json!({})).await;
        world.engine.clear_faults();
        assert_eq!(joined.outcome(), "201", "{lost}: {}", joined.body);
        let again = join_with(&world, &fan.access, &json!({})).await;
        assert_eq!(again.outcome(), "200", "{lost}");
        assert!(
            status_and_position(&joined) == "ACTIVE 0" || holes(&world).len() == 1,
            "{lost}: {}",
            status_and_position(&joined)
        );
        world.tick().await;
        world.wait(1);
        assert_eq!(status_and_position(&join_with(&world, &fan.access, &json!({})).await), "ACTIVE 0", "{lost}");
        let live = sessions(&world).values().filter(|s| s["ended"].is_null()).count() as u64;
        assert!(live + holes(&world).len() as u64 <= 3 && live == 1, "{lost}");
    }
    Ok(())
}

#[tokio::test]
async fn a_walk_in_that_is_fenced_before_its_claim_gets_another_place() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(1).await;
    let fan = world.fan("ann").await;
    let clock = world.clock.clone();
    // Conflicts delay the environment between the walk-in and the claim for longer than the claim window, while ticks
    // go on elsewhere.
    let mut attempts = 0;
    world.engine.set_faults(move |call| {
        let partition = call.body["Item"]["pk"]["S"].as_str().unwrap_or_default();
        let claims = partition.starts_with("SESSION#") && call.body["Item"]["ended"].is_null();
        attempts += u32::from(claims);
        match (claims, attempts) {
            (true, 1) => clock.advance_ms(100_000),
            (true, 2..=6) => {}
            _ => return Fault::None,
        }
        Fault::TransactionConflict { action: 0 }
    });
    let elsewhere = world.environment(&[]).await?;
    let main = shared::domain::id::QueueId::main();
    let promoted = async {
        for _ in 0..20 {
            functions::tick(&elsewhere, &main, &[]).await?;
        }
        Ok::<_, shared::store::Failure>(())
    };
    let (joined, promoted) = futures_util::join!(join_at(&world, &world.app, &fan), promoted);
    promoted?;
    let session = sessions(&world).remove(&1).unwrap_or(Value::Null);
    assert_eq!(session["endReason"], "NO_SHOW", "the fence came before the claim");
    assert_eq!(
        (joined.status, status_and_position(&joined).as_str(), &joined.body["place"]),
        (201, "ACTIVE 0", &json!(2))
    );
    Ok(())
}
