//! What is written on a fan's path stays under 1 KB: DynamoDB counts a write by the kilobyte.

use crate::{
    Outcome,
    support::purchases::{expire, feed_stream, post},
};
use acceptance::{Fan, Request, World};
use serde_json::{Value, json};
use shared::store::item_kind::ItemKind;
use std::collections::BTreeMap;

const KILOBYTE: usize = 1_024;
/// A slug of the longest kind.
const QUEUE: &str = "a-queue-with-the-longest-name-00";
/// Kinds of items that only administrators and schedules write.
const OF_THE_OFFICE: [ItemKind; 6] =
    [ItemKind::Concert, ItemKind::Layout, ItemKind::Listing, ItemKind::Sale, ItemKind::RegistryEntry, ItemKind::Line];

/// The size of a value as DynamoDB counts it, at its largest: a number takes a byte for two digits and one more.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Number(number) => number.to_string().len().div_ceil(2) + 2,
        Value::String(text) => text.len(),
        Value::Array(values) => 3 + values.iter().map(|value| 1 + size(value)).sum::<usize>(),
        Value::Object(values) => 3 + values.iter().map(|(name, value)| 1 + name.len() + size(value)).sum::<usize>(),
    }
}

/// The largest item of each kind in the tables.
fn largest(world: &World) -> BTreeMap<ItemKind, usize> {
    let mut largest = BTreeMap::new();
    for item in ["Fans", "Concerts", "Queues", "Limits", "Joins"].iter().flat_map(|table| world.engine.items(table)) {
        let text = |name: &str| item[name].as_str().unwrap_or_default();
        let kind = ItemKind::of(text("pk"), text("sk"));
        let most = largest.entry(kind).or_default();
        *most = size(&item).max(*most);
    }
    largest.retain(|kind, _| !OF_THE_OFFICE.contains(kind));
    largest
}

/// The bodies of the messages that were sent.
fn messages(world: &World) -> Vec<String> {
    let config = &world.app.config;
    let queues = [&config.timers_queue_url, &config.events_queue_url, &config.ticks_queue_url];
    queues.iter().flat_map(|url| world.engine.take_messages(url)).map(|message| message.body).collect()
}

/// A fan who is inside the queue with the long name.
async fn fan(world: &World, name: &str) -> Fan {
    let mut fan = world.fan(name).await;
    let join = Request::new("POST", "/api/v1/tokens").token(&fan.access).json(&json!({ "queueId": QUEUE }));
    world.send(join).await.text("token").clone_into(&mut fan.queue);
    fan
}

#[tokio::test(start_paused = true)]
async fn items_and_messages_of_a_fan_stay_under_a_kilobyte_at_their_largest() -> Outcome {
    let seats: Vec<u32> = (49_993..=50_000).collect();
    let world = World::with(&[("SEATS_PER_SESSION", "8"), ("QUEUE_CAPACITY", "100")]).await?;
    let admin = world.admin().await;
    let blocks = json!([{ "section": "A", "from": 1, "to": 50_000, "seatType": "VIP", "price": 10_000_000 }]);
    let concert = world.concert_of(&admin, &json!({ "blocks": blocks, "queueId": QUEUE })).await;
    let many = fan(&world, "another-name-of-thirty-two-chars").await;
    for seat in 1..=8 {
        assert_eq!(world.hold(&many, &concert, &[seat], None).await.status, 201);
    }
    let fan = fan(&world, "a-name-of-thirty-two-characters-").await;
    let held = world.hold(&fan, &concert, &seats, Some("a")).await;
    assert_eq!(held.status, 201, "{}", held.body);
    let id = held.text("reservationId");
    for _ in 0..10 {
        assert_eq!(world.pay(&fan, id, 80_000_000, None).await.outcome(), "409 insufficient_balance");
    }
    let mut found = largest(&world);
    assert_eq!(world.recharge(&fan, 99_000_000, Some("b")).await.status, 200);
    let paid = world.pay(&fan, id, 80_000_000, Some("c")).await;
    assert_eq!(paid.status, 200, "{}", paid.body);
    let refund = format!("/api/v1/payments/{}/cancel", paid.text("paymentId"));
    assert_eq!(world.send(post(&refund, &fan.access, Some("d"), &json!({}))).await.status, 200);
    feed_stream(&world, &world.app).await?;
    world.wait(300);
    let sent = messages(&world);
    let timers: Vec<String> = sent.iter().filter(|body| body.starts_with("{\"userId\"")).cloned().collect();
    assert!(expire(&world.app, &timers).await?.is_empty());
    for (kind, most) in largest(&world) {
        let before = found.entry(kind).or_default();
        *before = most.max(*before);
    }
    assert!(found.len() >= 10 && found[&ItemKind::IdempotencyRecord] > 500, "{found:?}");
    assert!(found.values().all(|size| *size < KILOBYTE), "{found:?}");
    let longest = sent.iter().map(String::len).max();
    assert!(sent.len() > 10 && longest.is_some_and(|length| length < KILOBYTE), "{sent:?}");
    Ok(())
}
