//! Helpers of the tests of queues.

pub mod invariants;
pub mod purchases;

use acceptance::{Fan, Reply, Request, World, functions};
use serde_json::{Value, json};

/// Fans who joined the main queue one after the other.
pub async fn line_of(world: &World, count: usize) -> Vec<Fan> {
    let mut fans = Vec::new();
    for number in 0..count {
        let mut fan = world.fan(&format!("fan-{number}")).await;
        assert!(world.join(&mut fan).await.status < 300);
        fans.push(fan);
    }
    fans
}

/// The fan's poll with the queue token.
pub async fn poll(world: &World, fan: &Fan) -> Reply {
    world.get(&format!("/api/v1/tokens/{}", fan.user_id), &fan.queue).await
}

/// The fan's request to leave, with the queue token.
pub async fn leave(world: &World, fan: &Fan) -> Reply {
    world.delete(&format!("/api/v1/tokens/{}", fan.user_id), &fan.queue).await
}

/// Status and position in an answer, such as `WAITING 3` or `ACTIVE 0`; the outcome of a refusal.
pub fn status_and_position(reply: &Reply) -> String {
    match reply.status {
        200 | 201 => format!("{} {}", reply.text("status"), reply.body["queuePosition"]),
        _ => reply.outcome(),
    }
}

/// Polls for each fan; returns their statuses and positions.
pub async fn statuses_and_positions(world: &World, fans: &[Fan]) -> Vec<String> {
    let mut shown = Vec::new();
    for fan in fans {
        shown.push(status_and_position(&poll(world, fan).await));
    }
    shown
}

/// The fan's request for the seat map, which needs a live session.
pub async fn seats(world: &World, fan: &Fan, concert: &str) -> Reply {
    world.get(&format!("/api/v1/reservations/{concert}/seats"), &fan.queue).await
}

/// The admin's `PUT` of the main queue.
pub async fn configure(world: &World, admin: &Fan, settings: &Value) -> Reply {
    world.send(Request::new("PUT", "/api/v1/admin/queues/main").token(&admin.access).json(settings)).await
}

/// The main queue as everybody can read it.
pub async fn queue(world: &World) -> Value {
    world.read("/api/v1/queues/main").await.body
}

/// A run of the sequencer for the main queue, asked to make room for so many joins a second; whether it was handled.
pub async fn sequence(world: &World, joins: u64) -> bool {
    let body = json!({ "queueId": "main", "joins": joins }).to_string();
    let record = json!({ "messageId": "m", "body": body, "eventSource": "aws:sqs" });
    let event = serde_json::from_value(json!({ "Records": [record] })).expect("an event");
    functions::seal_intervals(&world.app, event).await.expect("an answer").batch_item_failures.is_empty()
}

/// `POST /tokens` with any body.
pub async fn join_with(world: &World, token: &str, body: &Value) -> Reply {
    world.send(Request::new("POST", "/api/v1/tokens").token(token).json(body)).await
}

/// The state item of the main queue.
pub fn state(world: &World) -> Value {
    items(world, "QUEUE#main").pop().unwrap_or(json!(null))
}

/// The items of the queues table, or of the table of join counters, whose partition key starts with `partition`.
pub fn items(world: &World, partition: &str) -> Vec<Value> {
    let starts = |item: &Value| item["pk"].as_str().is_some_and(|pk| pk.starts_with(partition));
    let table = if partition.starts_with("JOIN#") { "Joins" } else { "Queues" };
    world.engine.items(table).into_iter().filter(starts).collect()
}

/// The sessions and tombstones of the main queue, by place.
pub fn sessions(world: &World) -> std::collections::BTreeMap<u64, Value> {
    let number = |item: &Value| item["place"].as_u64().unwrap_or_default();
    items(world, "SESSION#main#").into_iter().map(|item| (number(&item), item)).collect()
}
