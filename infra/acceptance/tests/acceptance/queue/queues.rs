//! The queue's figures, its settings, and the function that ticks.

use crate::{
    Outcome,
    support::{configure, leave, line_of, queue, statuses_and_positions},
};
use acceptance::{Request, World, functions};
use engine::Fault;
use promote_tokens::Trigger;
use serde_json::{Value, json};

#[tokio::test]
async fn a_queue_shows_its_figures() -> Outcome {
    let world = World::new().await?;
    let untouched = world.get("/api/v1/queues/main", "").await;
    assert_eq!(untouched.headers["cache-control"], "public, max-age=1");
    let empty = json!({
        "queueId": "main", "served": 0, "lastPlace": 0, "waiting": 0, "active": 0, "capacity": 10, "paused": false,
        "opensAt": null, "ratePerMinute": 0, "state": "OPEN", "message": null, "order": "arrival", "unclaimed": 0,
        "joined": 0,
        "claimWindowSeconds": 60, "activeSeconds": 600, "waitSecondsPerPlace": 30.0,
        "pollAfterSeconds": [
            { "position": 1, "seconds": 1 }, { "position": 6, "seconds": 2 }, { "position": 11, "seconds": 30 },
            { "position": 23, "seconds": 60 },
        ],
        "concertIds": [],
    });
    assert_eq!(untouched.body, empty);
    world.set_capacity(2).await;
    let fans = line_of(&world, 5).await;
    let figures =
        |body: Value| ["served", "lastPlace", "waiting", "active", "capacity"].map(|name| body[name].as_u64());
    assert_eq!(figures(queue(&world).await), [2, 5, 3, 2, 2].map(Some));
    statuses_and_positions(&world, &fans).await;
    leave(&world, &fans[0]).await;
    world.tick().await;
    let shown = queue(&world).await;
    assert_eq!(figures(shown.clone()), [3, 5, 2, 2, 2].map(Some), "an unclaimed place counts as active");
    assert_eq!(shown["unclaimed"], 1);
    statuses_and_positions(&world, &fans[2..3]).await;
    world.tick().await;
    assert_eq!(queue(&world).await["unclaimed"], 0);
    for fan in &fans {
        leave(&world, fan).await;
    }
    world.tick().await;
    world.tick().await;
    world.tick().await;
    assert_eq!(figures(queue(&world).await), [5, 5, 0, 0, 2].map(Some));
    Ok(())
}

#[tokio::test]
async fn the_rate_is_the_number_of_fans_admitted_in_the_last_minute() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(2).await;
    let fans = line_of(&world, 6).await;
    world.tick().await;
    let rate = async || queue(&world).await["ratePerMinute"].as_u64();
    assert_eq!(rate().await, Some(2));
    world.wait(30);
    leave(&world, &fans[0]).await;
    world.tick().await;
    assert_eq!(rate().await, Some(3));
    world.wait(31);
    assert_eq!(rate().await, Some(1));
    world.wait(30);
    assert_eq!(rate().await, Some(0));
    Ok(())
}

#[tokio::test]
async fn settings_are_validated_and_returned() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let set = json!({ "capacity": 7, "claimWindowSeconds": 5, "activeSeconds": 6, "waitingSeconds": 7 });
    let answer = configure(&world, &admin, &set).await;
    assert_eq!(answer.outcome(), "200");
    for (name, value) in set.as_object().into_iter().flatten() {
        assert_eq!(&answer.body[name], value);
    }
    let kept = configure(&world, &admin, &json!({ "paused": true })).await;
    assert_eq!((&kept.body["capacity"], &kept.body["activeSeconds"]), (&json!(7), &json!(6)), "the rest stays");
    for (body, pointer) in [
        (json!({ "capacity": -1 }), "/capacity"),
        (json!({ "capacity": 1_000_001 }), "/capacity"),
        (json!({ "capacity": 1.5 }), "/capacity"),
        (json!({ "capacity": "7" }), "/capacity"),
        (json!({ "claimWindowSeconds": 0 }), "/claimWindowSeconds"),
        (json!({ "activeSeconds": 31_536_001 }), "/activeSeconds"),
        (json!({ "waitingSeconds": 0 }), "/waitingSeconds"),
        (json!({ "paused": "yes" }), "/paused"),
        (json!({ "opensAt": "tomorrow" }), "/opensAt"),
        (json!({ "speed": 1 }), "/speed"),
    ] {
        let refused = configure(&world, &admin, &body).await;
        assert_eq!(refused.outcome(), "400 invalid_request", "{body}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(queue(&world).await["capacity"], 7, "a refused change changes nothing");
    Ok(())
}

#[tokio::test]
async fn concurrent_changes_of_settings_are_all_kept() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let elsewhere = world.environment(&[]).await?;
    let put = |body| Request::new("PUT", "/api/v1/admin/queues/main").token(&admin.access).json(&body);
    let (one, two) = futures_util::join!(
        world.send(put(json!({ "capacity": 3 }))),
        world.send_to(&elsewhere, put(json!({ "activeSeconds": 99 }))),
    );
    assert_eq!((one.status, two.status), (200, 200));
    let both = configure(&world, &admin, &json!({})).await;
    assert_eq!((&both.body["capacity"], &both.body["activeSeconds"]), (&json!(3), &json!(99)));
    Ok(())
}

async fn tick(world: &World, event: Value) -> Result<Value, Box<dyn std::error::Error>> {
    let trigger: Trigger = serde_json::from_value(event)?;
    let response = functions::promote_tokens(&world.app, trigger).await.map_err(|error| error.to_string())?;
    Ok(serde_json::to_value(response)?)
}

fn messages(bodies: &[&str]) -> Value {
    let record =
        |(i, body): (usize, &&str)| json!({ "messageId": format!("m{i}"), "body": body, "eventSource": "aws:sqs" });
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

#[tokio::test]
async fn each_message_is_a_tick_and_duplicates_do_no_harm() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(0).await;
    line_of(&world, 5).await;
    world.set_capacity(2).await;
    let main = r#"{"queueId":"main"}"#;
    let response = tick(&world, messages(&[main, main])).await?;
    assert_eq!(response, json!({ "batchItemFailures": [] }));
    tick(&world, messages(&[main])).await?;
    assert_eq!(queue(&world).await["served"], 2);
    Ok(())
}

#[tokio::test]
async fn bad_messages_are_reported_as_failed_and_the_others_are_processed() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(0).await;
    line_of(&world, 1).await;
    world.set_capacity(1).await;
    let bodies = ["nonsense", "{}", r#"{"queueId":"NOT A SLUG"}"#, r#"{"queueId":"nowhere"}"#, r#"{"queueId":"main"}"#];
    let response = tick(&world, messages(&bodies)).await?;
    let mut failed: Vec<&str> = response["batchItemFailures"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|f| f["itemIdentifier"].as_str())
        .collect();
    failed.sort_unstable();
    assert_eq!(failed, ["m0", "m1", "m2"], "a queue that does not exist needs no tick");
    assert_eq!(queue(&world).await["served"], 1);
    Ok(())
}

#[tokio::test]
async fn a_tick_that_fails_is_retried() -> Outcome {
    let world = World::new().await?;
    line_of(&world, 1).await;
    world.engine.set_faults(|_| Fault::Throttled);
    let main = r#"{"queueId":"main"}"#;
    let response = tick(&world, messages(&[main, main])).await?;
    assert_eq!(response["batchItemFailures"].as_array().map(Vec::len), Some(2), "{response}");
    let failed = tick(&world, json!({ "source": "aws.events" })).await;
    assert!(failed.is_err(), "the schedule is retried as a whole");
    Ok(())
}

#[tokio::test]
async fn an_opening_time_stays_until_it_is_changed_or_cleared() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let set = configure(&world, &admin, &json!({ "opensAt": "2026-06-01T01:00:00Z" })).await;
    assert_eq!(set.body["opensAt"], "2026-06-01T01:00:00.000Z");
    assert_eq!(configure(&world, &admin, &json!({ "capacity": 3 })).await.body["opensAt"], set.body["opensAt"]);
    let cleared = configure(&world, &admin, &json!({ "opensAt": null })).await;
    assert_eq!(cleared.body["opensAt"], json!(null));
    let mut fan = world.fan("ann").await;
    assert_eq!(world.join(&mut fan).await.text("status"), "ACTIVE");
    Ok(())
}
