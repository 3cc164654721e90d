//! Limits of addresses that are large enough to be sampled. A test fails by chance less than once in a billion runs.

use crate::Outcome;
use acceptance::{Fan, Request, World};
use serde_json::json;

fn join(fan: &Fan) -> Request {
    Request::new("POST", "/api/v1/tokens").token(&fan.access).json(&json!({}))
}

fn counted(world: &World) -> u64 {
    world.engine.items("Limits").iter().filter_map(|item| item["counted"].as_u64()).sum()
}

#[tokio::test]
async fn a_large_limit_of_an_address_is_written_for_few_requests() -> Outcome {
    let world = World::with(&[("JOINS_PER_ADDRESS", "1000")]).await?;
    let fan = world.fan("ann").await;
    for _ in 0..310 {
        assert!(world.send(join(&fan)).await.status < 300);
    }
    // One request in 31 writes: ten on average.
    assert!(counted(&world).is_multiple_of(31) && counted(&world) / 31 < 45, "{}", counted(&world));
    Ok(())
}

#[tokio::test]
async fn a_sampled_limit_is_reached_within_bounds_and_then_costs_no_request() -> Outcome {
    let world = World::with(&[("JOINS_PER_ADDRESS", "64")]).await?;
    let fan = world.fan("ann").await;
    let mut passed = 0;
    while world.send(join(&fan)).await.status < 300 {
        passed += 1;
        assert!(passed < 200, "no request is refused");
    }
    // 32 samples, each counting 2, reach the limit.
    assert!(passed > 32, "refused after {passed}");
    assert_eq!(counted(&world), 64);
    world.engine.reset_meter();
    for _ in 0..50 {
        assert_eq!(world.send(join(&fan)).await.outcome(), "429 too_many_requests");
    }
    assert_eq!(world.engine.meter().requests, 0);
    world.wait(60);
    assert_eq!(world.send(join(&fan)).await.outcome(), "200", "the next minute");
    Ok(())
}

#[tokio::test]
async fn another_environment_passes_few_requests_of_a_full_counter_and_counts_none() -> Outcome {
    let variables = [("JOINS_PER_ADDRESS", "64")];
    let world = World::with(&variables).await?;
    let fan = world.fan("ann").await;
    while world.send(join(&fan)).await.status < 300 {}
    let elsewhere = world.environment(&variables).await?;
    let mut passed = 0;
    while world.send_to(&elsewhere, join(&fan)).await.status < 300 {
        passed += 1;
        assert!(passed < 40, "one request in two is a sample, and each sample is refused");
    }
    assert_eq!(counted(&world), 64, "a full counter is not written");
    Ok(())
}

#[tokio::test]
async fn a_fan_and_a_name_are_counted_exactly_whatever_the_limit() -> Outcome {
    let world = World::with(&[("JOINS_PER_FAN", "100"), ("LOGINS_PER_USERNAME", "100")]).await?;
    let fan = world.fan("ann").await;
    for _ in 0..100 {
        assert!(world.send(join(&fan)).await.status < 300);
    }
    assert_eq!(world.send(join(&fan)).await.outcome(), "429 too_many_requests");
    assert_eq!(counted(&world), 100);
    Ok(())
}
