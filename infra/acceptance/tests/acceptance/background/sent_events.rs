//! The events that the deployment sends: CloudEvents with a schema and an example for each type. Every event that any
//! acceptance test sends is validated when it is sent.

use crate::support::purchases::{Outcome, PRICE, cancel, expire, feed_stream, held, sale, take_timers};
use acceptance::{Request, World, sent_events};
use serde_json::{Value, json};
use shared::domain::event::EventType;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

#[test]
fn each_type_has_a_schema_and_an_example_that_follows_it() -> Outcome {
    let mut files = BTreeSet::new();
    for kind in EventType::ALL {
        let (schema, example) = (sent_events::schema(kind), sent_events::example(kind));
        assert_eq!(sent_events::faults(&example), Vec::<String>::new(), "{kind}");
        assert_eq!((&example["type"], &schema["title"]), (&json!(kind.name()), &json!(kind.name())));
        assert_eq!(serde_json::to_value(kind)?, kind.name(), "one name, whoever writes it");
        files.extend([format!("{kind}.schema.json"), format!("{kind}.json")]);
    }
    let found = fs::read_dir(sent_events::folder())?.map(|file| file.map(|file| file.file_name()));
    let found: BTreeSet<String> =
        found.map(|name| Ok(name?.to_string_lossy().into_owned())).collect::<Result<_, std::io::Error>>()?;
    assert_eq!(found, files, "a file of no type, or a type without its files");
    Ok(())
}

#[test]
fn an_event_that_is_not_as_its_schema_says_is_refused() {
    for kind in EventType::ALL {
        let example = sent_events::example(kind);
        let changed = |path: &str, value: Value| {
            let mut event = example.clone();
            *event.pointer_mut(path).expect("a member of the example") = value;
            event
        };
        for wrong in [
            changed("/specversion", json!("0.3")),
            changed("/time", json!("yesterday")),
            changed("/source", json!("")),
            changed("/id", json!("1")),
            changed("/data", json!({})),
            changed("/type", json!("stagedoor.unknown")),
        ] {
            assert!(!sent_events::faults(&wrong).is_empty(), "{wrong}");
        }
    }
}

/// A sale in which everything happens that is an event; returns the events.
async fn whole_sale() -> Result<(World, Vec<Value>), Box<dyn std::error::Error>> {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 2 * PRICE).await, world.buyer("bob", 0).await);
    let paid = held(&world, &ann, &concert, &[1]).await;
    let payment = world.pay(&ann, &paid, PRICE, None).await.text("paymentId").to_owned();
    let refund = Request::new("POST", format!("/api/v1/payments/{payment}/cancel")).token(&ann.access);
    assert_eq!(world.send(refund.json(&json!({}))).await.status, 200);
    let given_back = held(&world, &bob, &concert, &[2]).await;
    assert_eq!(world.send(cancel(&bob, &given_back)).await.status, 204);
    held(&world, &bob, &concert, &[3]).await;
    feed_stream(&world, &world.app).await?;
    world.wait(301);
    assert!(expire(&world.app, &take_timers(&world)).await?.is_empty());
    feed_stream(&world, &world.app).await?;
    let sent = world.engine.take_messages(&world.app.config.events_queue_url).into_iter();
    let events = sent.map(|message| serde_json::from_str(&message.body)).collect::<Result<_, _>>()?;
    Ok((world, events))
}

#[tokio::test(start_paused = true)]
async fn a_sale_sends_every_type_and_each_change_has_an_id_of_its_own() -> Outcome {
    let (world, events) = whole_sale().await?;
    let source = format!("urn:stagedoor:{}", world.app.config.metrics_namespace);
    let mut by_id: BTreeMap<String, Value> = BTreeMap::new();
    for event in &events {
        assert_eq!((&event["specversion"], &event["source"]), (&json!("1.0"), &json!(source)));
        assert_eq!(by_id.insert(event["id"].to_string(), event.clone()), None, "an id that is used twice");
    }
    let seen: BTreeSet<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(seen, EventType::ALL.iter().map(|kind| kind.name()).collect::<BTreeSet<_>>());
    for event in &events {
        let example = sent_events::example(serde_json::from_value(event["type"].clone())?);
        let members = |value: &Value| value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>());
        assert_eq!(members(event), members(&example));
        assert_eq!(members(&event["data"]), members(&example["data"]), "{event}");
    }
    Ok(())
}
