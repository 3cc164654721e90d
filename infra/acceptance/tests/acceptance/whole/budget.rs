//! The budget of infra/docs/ARCHITECTURE.md.

use crate::{
    Outcome,
    support::{configure, leave, line_of, state},
};
use acceptance::{
    World,
    budget::{self, Prices, totals},
};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn every_step_stays_within_its_budget() -> Outcome {
    let rows = budget::measure().await?;
    assert!(rows.iter().all(budget::Row::is_kept), "\n{}", budget::table(&rows));
    Ok(())
}

#[tokio::test]
async fn every_total_stays_within_its_budget() -> Outcome {
    let totals = totals::measure().await?;
    assert!(totals.iter().all(totals::Total::is_kept), "\n{}", totals::table(&totals, &Prices::default()));
    Ok(())
}

#[tokio::test]
async fn the_state_of_a_busy_queue_stays_under_a_kilobyte() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let settings = json!({
        "capacity": 20, "claimWindowSeconds": 120, "activeSeconds": 6_000, "waitingSeconds": 7_000, "paused": false,
        "opensAt": "2026-05-01T00:00:00Z",
    });
    configure(&world, &admin, &settings).await;
    let fans = line_of(&world, 60).await;
    for fan in &fans[..36] {
        leave(&world, fan).await;
        world.wait(7);
        world.tick().await;
        let size = state(&world).to_string().len();
        assert!(size < 1_000, "{size}: {}", state(&world));
    }
    let state = state(&world);
    assert!(state["buckets"].as_array().is_some_and(|buckets| buckets.len() >= 8), "{state}");
    assert!(state["marks"].as_array().is_some_and(|marks| marks.len() >= 4), "{state}");
    Ok(())
}
