//! What operators see of the last hour.

use acceptance::{Fan, Reply, Request, World};
use serde_json::{Value, json};
use shared::domain::account::Role;

use crate::Outcome;

async fn look(world: &World, fan: &Fan, query: &str) -> Reply {
    world.get(&format!("/api/v1/admin/ops{query}"), &fan.access).await
}

#[tokio::test]
async fn each_minute_in_which_somebody_looked_has_its_numbers() -> Outcome {
    let world = World::new().await?;
    let (admin, operator) = (world.admin().await, world.staff("opal", Role::Operator).await);
    let concert = world.concert(&admin).await;
    world.set_capacity(1).await;
    let ann = world.buyer("ann", 50_000).await;
    let query = format!("?concertId={concert}&minutes=4");
    look(&world, &operator, &query).await;
    world.wait(60);
    for name in ["bob", "cat"] {
        world.join(&mut world.fan(name).await).await;
    }
    world.hold(&ann, &concert, &[1, 2], None).await;
    acceptance::feed_stream(&world, &world.app).await?;
    look(&world, &operator, &query).await;
    world.wait(120);
    let seen = look(&world, &operator, &query).await;
    let minutes = seen.body["minutes"].as_array().expect("a list");
    let queue: Vec<&Value> = minutes.iter().map(|minute| &minute["queue"]).collect();
    assert_eq!(queue[0], &json!({ "joined": null, "admitted": null, "waiting": 0, "inside": 1 }));
    assert_eq!(queue[1], &json!({ "joined": 2, "admitted": 0, "waiting": 2, "inside": 1 }));
    assert_eq!(queue[2], &Value::Null, "nobody looked");
    assert_eq!(queue[3], &json!({ "joined": null, "admitted": null, "waiting": 2, "inside": 1 }));
    let seats: Vec<&Value> = minutes.iter().map(|minute| &minute["seats"]).collect();
    assert_eq!(seats[0], &json!({ "free": 50, "held": 0, "sold": 0 }));
    assert_eq!(seats[1], &json!({ "free": 48, "held": 2, "sold": 0 }));
    assert_eq!(minutes[3]["minute"], "2026-06-01T00:03:00.000Z");
    let whole = look(&world, &operator, "").await;
    assert_eq!(whole.body["minutes"].as_array().map(Vec::len), Some(60));
    assert_eq!(whole.body["minutes"][59]["seats"], Value::Null, "no concert was asked for");
    Ok(())
}

#[tokio::test]
async fn a_look_costs_little_and_a_second_one_writes_nothing() -> Outcome {
    let world = World::new().await?;
    let mut admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let query = format!("?concertId={concert}");
    world.join(&mut world.fan("ann").await).await;
    // A history of an hour is as large as it becomes.
    for minute in 0..70 {
        if minute == 40 {
            // The first token is about to expire.
            admin = world.staff("opal", Role::Admin).await;
        }
        assert_eq!(look(&world, &admin, &query).await.status, 200);
        world.wait(60);
    }
    world.engine.reset_meter();
    look(&world, &admin, &query).await;
    let meter = world.engine.meter();
    assert!(meter.read_units <= 10.0 && meter.write_units <= 8.0, "{meter:?}");
    assert!(meter.write_units > 0.0);
    world.wait(4);
    world.engine.reset_meter();
    look(&world, &admin, &query).await;
    assert_eq!(world.engine.meter().write_units, 0.0, "a sample of the last 5 s is enough");
    world.wait(10);
    world.engine.reset_meter();
    let head = world.send(Request::new("HEAD", "/api/v1/admin/ops").token(&admin.access)).await;
    assert_eq!((head.status, world.engine.meter().write_units), (200, 0.0), "HEAD changes nothing");
    Ok(())
}

#[tokio::test]
async fn a_query_beyond_the_hour_and_unknown_ids_are_refused() -> Outcome {
    let world = World::new().await?;
    let (admin, fan) = (world.admin().await, world.fan("ann").await);
    for query in ["?minutes=0", "?minutes=61", "?minutes=+5", "?minutes=x", "?minutes=1&minutes=2", "?queueId=A!"] {
        assert_eq!(look(&world, &admin, query).await.outcome(), "400 invalid_request", "{query}");
    }
    assert_eq!(look(&world, &admin, "?queueId=nowhere").await.outcome(), "404 queue_not_found");
    let unknown = "?concertId=01234567-89ab-7def-8123-456789abcdef";
    assert_eq!(look(&world, &admin, unknown).await.outcome(), "404 concert_not_found");
    assert_eq!(look(&world, &fan, "").await.outcome(), "403 forbidden");
    Ok(())
}
