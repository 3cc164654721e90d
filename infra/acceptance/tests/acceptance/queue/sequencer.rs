//! The sequencer of wide queues: the settings that it follows, what brings it back, and what it makes of a state that lags.

use crate::{
    Outcome,
    support::{configure, items, join_with, poll, sequence, sessions},
};
use acceptance::{Background, World, feed_stream, functions};
use promote_tokens::Trigger;
use serde_json::{Value, json};

/// A world whose main queue is wide and admits nobody.
async fn wide() -> Result<World, Box<dyn std::error::Error>> {
    let world = World::new().await?;
    world.set_capacity(0).await;
    assert!(sequence(&world, 4_000).await);
    Ok(world)
}

/// The item of the line, in DynamoDB's JSON.
fn line(world: &World) -> Value {
    let key = json!({ "pk": { "S": "LINE#main" }, "sk": { "S": "LINE" } });
    world.engine.execute("GetItem", json!({ "TableName": "Queues", "Key": key })).body["Item"].clone()
}

#[tokio::test]
async fn a_line_that_lags_follows_the_records() -> Outcome {
    let world = wide().await?;
    let before = line(&world);
    let mut fans = Vec::new();
    for name in ["ann", "bob", "cat"] {
        let mut fan = world.fan(name).await;
        world.join(&mut fan).await;
        fans.push(fan);
        world.wait(1);
        assert!(sequence(&world, 0).await);
    }
    let put = world.engine.execute("PutItem", json!({ "TableName": "Queues", "Item": before }));
    assert_eq!(put.status, 200);
    world.wait(1);
    assert!(sequence(&world, 0).await);
    assert_eq!(items(&world, "LINE#main")[0]["places"]["end"], 3);
    world.wait(1);
    for (fan, place) in fans.iter().zip(1..) {
        assert_eq!(poll(&world, fan).await.body["place"], place);
    }
    Ok(())
}

#[tokio::test]
async fn a_lost_message_of_the_sequencer_is_sent_again_by_the_schedule() -> Outcome {
    let (world, mut background) = (World::new().await?, Background::default());
    let admin = world.admin().await;
    configure(&world, &admin, &json!({ "capacity": 0, "expectedJoinsPerSecond": 1_000 })).await;
    feed_stream(&world, &world.app).await?;
    assert_eq!(world.engine.take_messages(&world.app.config.sequencer_queue_url).len(), 1, "lost");
    world.wait(40);
    functions::promote_tokens(&world.app, Trigger::Schedule { source: "aws.events".to_owned() })
        .await
        .map_err(|error| error.to_string())?;
    background.second(&world).await?;
    assert_eq!(items(&world, "JOIN#main").len(), 4);
    Ok(())
}

#[tokio::test]
async fn polls_ask_for_a_place_that_is_late() -> Outcome {
    let (world, mut background) = (wide().await?, Background::default());
    let mut fan = world.fan("ann").await;
    world.join(&mut fan).await;
    // As if all messages and alarms were lost.
    background.second(&world).await?;
    world.engine.take_messages(&world.app.config.sequencer_queue_url);
    let before = items(&world, "ALARM#").len();
    for _ in 0..200 {
        world.wait(4);
        assert_eq!(poll(&world, &fan).await.body["positionFinal"], false);
    }
    let asked = items(&world, "ALARM#").len() - before;
    assert!((1..60).contains(&asked), "one poll in twenty asks: {asked}");
    background.second(&world).await?;
    world.wait(1);
    assert_eq!(poll(&world, &fan).await.body["place"], 1);
    Ok(())
}

#[tokio::test]
async fn a_fan_is_removed_before_the_place_is_known() -> Outcome {
    let world = wide().await?;
    let admin = world.admin().await;
    let mut fan = world.fan("ann").await;
    world.join(&mut fan).await;
    let path = format!("/api/v1/admin/queues/main/sessions/{}", fan.user_id);
    assert_eq!(world.delete(&path, &admin.access).await.status, 204);
    world.wait(1);
    assert!(sequence(&world, 0).await);
    world.wait(1);
    assert_eq!(sessions(&world)[&1]["endReason"], "REMOVED");
    assert_eq!(poll(&world, &fan).await.body["reason"], "REMOVED");
    assert_eq!(join_with(&world, &fan.access, &json!({})).await.status, 201, "a new number");
    Ok(())
}

#[tokio::test]
async fn settings_of_wide_queues_have_bounds() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    for (field, value) in [
        ("expectedJoinsPerSecond", json!(0)),
        ("expectedJoinsPerSecond", json!(200_001)),
        ("expectedJoinsPerSecond", json!("many")),
        ("admitPerMinute", json!(0)),
        ("admitPerMinute", json!(1_000_001)),
    ] {
        let reply = configure(&world, &admin, &json!({ field: value })).await;
        assert_eq!(reply.outcome(), "400 invalid_request");
        assert_eq!(reply.body["errors"][0]["pointer"], format!("/{field}"));
    }
    let set = json!({ "expectedJoinsPerSecond": 200_000, "admitPerMinute": 1_000_000 });
    let both = |body: &Value| [body["expectedJoinsPerSecond"].clone(), body["admitPerMinute"].clone()];
    assert_eq!(both(&configure(&world, &admin, &set).await.body), [json!(200_000), json!(1_000_000)]);
    assert_eq!(both(&configure(&world, &admin, &json!({})).await.body), [json!(200_000), json!(1_000_000)]);
    let unset = json!({ "expectedJoinsPerSecond": null, "admitPerMinute": null });
    assert_eq!(both(&configure(&world, &admin, &unset).await.body), [Value::Null, Value::Null]);
    Ok(())
}
