//! The budget of infra/ARCHITECTURE.md.

use crate::{
    Outcome,
    support::{configure, leave, line_of, state},
};
use acceptance::{World, budget};
use serde_json::json;

#[tokio::test]
async fn budget_is_kept() -> Outcome {
    let rows = budget::measure().await?;
    assert!(rows.iter().all(budget::Row::is_kept), "\n{}", budget::table(&rows));
    Ok(())
}

#[tokio::test]
async fn the_state_of_a_busy_queue_stays_within_one_write_unit() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let settings = json!({
        "capacity": 20, "claimWindowSeconds": 120, "activeSeconds": 6_000, "waitingSeconds": 7_000, "paused": false,
        "opensAt": "2026-05-01T00:00:00Z",
    });
    configure(&world, &admin, &settings).await;
    let fans = line_of(&world, 40).await;
    for fan in &fans[..18] {
        leave(&world, fan).await;
        world.wait(5);
        world.engine.reset_meter();
        assert_eq!(world.tick().await, 1);
        let used = world.engine.meter();
        assert_eq!(used.write_units, 1.0, "{}", state(&world));
    }
    let state = state(&world);
    assert_eq!(state["buckets"].as_array().map(Vec::len), Some(7), "one for each eighth of the window");
    assert!(state["marks"].as_array().is_some_and(|marks| marks.len() > 10));
    Ok(())
}
