//! Helpers of the tests of seats and money: requests to any environment, interleavings, edited items, feeds.

use acceptance::{Fan, Reply, Request, World, functions};
use aws_sdk_dynamodb::types::AttributeValue;
use engine::{Call, Fault};
use futures_util::poll;
use serde_json::{Value, json};
use shared::app::App;
use std::{
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
};

pub use acceptance::{feed_stream, stream};

/// What a test returns.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The price of a seat of the default layout.
pub const PRICE: u64 = 50_000;

/// A world with a concert on sale; its queue has 100 slots unless `variables` sets a capacity.
pub async fn sale(variables: &[(&str, &str)]) -> Result<(World, Fan, String), Box<dyn std::error::Error>> {
    let set = |name: &str| variables.iter().any(|(variable, _)| *variable == name);
    let mut all = variables.to_vec();
    if !set("QUEUE_CAPACITY") {
        all.push(("QUEUE_CAPACITY", "100"));
    }
    let world = World::with(&all).await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    Ok((world, admin, concert))
}

/// A request to hold seats.
pub fn hold(fan: &Fan, concert: &str, seats: &[u32], key: Option<&str>) -> Request {
    post("/api/v1/reservations", &fan.queue, key, &json!({ "concertId": concert, "seatNumbers": seats }))
}

/// A request to pay.
pub fn pay(fan: &Fan, reservation: &str, amount: u64, key: Option<&str>) -> Request {
    let body = json!({ "reservationId": reservation, "amount": amount });
    post("/api/v1/payments/process", &fan.queue, key, &body)
}

/// A request to recharge.
pub fn recharge(fan: &Fan, amount: u64, key: Option<&str>) -> Request {
    let body = json!({ "userId": fan.user_id, "amount": amount });
    post("/api/v1/payments/recharge", &fan.access, key, &body)
}

/// A request to cancel a hold.
pub fn cancel(fan: &Fan, reservation: &str) -> Request {
    Request::new("DELETE", format!("/api/v1/reservations/{reservation}")).token(&fan.access)
}

/// A POST with a JSON body.
pub fn post(path: &str, token: &str, key: Option<&str>, body: &Value) -> Request {
    key.into_iter().fold(Request::new("POST", path).token(token), Request::key).json(body)
}

/// Holds seats and returns the reservation's id.
pub async fn held(world: &World, fan: &Fan, concert: &str, seats: &[u32]) -> String {
    let reply = world.hold(fan, concert, seats, None).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply.text("reservationId").to_owned()
}

/// The reservation as its fan reads it.
pub async fn reservation(world: &World, fan: &Fan, id: &str) -> Value {
    let reply = world.get(&format!("/api/v1/reservations/{id}"), &fan.access).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body
}

/// The fan's balance.
pub async fn balance(world: &World, fan: &Fan) -> u64 {
    let reply = world.get(&format!("/api/v1/payments/balance/{}", fan.user_id), &fan.access).await;
    reply.body["currentBalance"].as_u64().expect("a balance")
}

/// Polls `work` until it has sent this many requests; the last of them is under way and not applied yet.
pub async fn until_sent<F: Future>(world: &World, mut work: Pin<&mut F>, requests: u64) {
    let start = world.engine.meter().requests;
    while world.engine.meter().requests < start + requests {
        assert!(poll!(work.as_mut()).is_pending(), "it ended before it had sent {requests} requests");
        tokio::task::yield_now().await;
    }
}

/// Injects `fault` into the first `times` requests of `operation`; the others pass.
pub fn inject(world: &World, operation: &'static str, fault: Fault, times: u64) {
    inject_where(world, fault, times, move |call| call.operation == operation);
}

/// Injects `fault` into the first `times` requests that `chosen` picks; the others pass.
pub fn inject_where(world: &World, fault: Fault, times: u64, chosen: impl Fn(&Call<'_>) -> bool + Send + 'static) {
    let met = AtomicU64::new(0);
    world.engine.set_faults(move |call| {
        if chosen(call) && met.fetch_add(1, Ordering::Relaxed) < times { fault } else { Fault::None }
    });
}

/// The items of a table whose sort key starts with `prefix`.
pub fn items(world: &World, table: &str, prefix: &str) -> Vec<Value> {
    let starts = |item: &Value| item["sk"].as_str().is_some_and(|sk| sk.starts_with(prefix));
    world.engine.items(table).into_iter().filter(starts).collect()
}

/// The newest ledger entry of a fan.
pub fn newest_entry(world: &World, fan: &Fan) -> Value {
    let owner = format!("FAN#{}", fan.user_id);
    let entries = items(world, "Fans", "LEDGER#").into_iter().filter(|item| item["pk"] == owner);
    entries.max_by_key(|item| item["sk"].as_str().map(str::to_owned)).expect("a ledger entry")
}

/// Overwrites an attribute of an item in the table, past the product.
pub async fn tamper(world: &World, table: &str, item: &Value, attribute: &str, value: AttributeValue) {
    let key = |name: &str| AttributeValue::S(item[name].as_str().expect("a key").to_owned());
    aws_sdk_dynamodb::Client::new(&world.engine.sdk_config())
        .update_item()
        .table_name(table)
        .key("pk", key("pk"))
        .key("sk", key("sk"))
        .update_expression("SET #attribute = :value")
        .expression_attribute_names("#attribute", attribute)
        .expression_attribute_values(":value", value)
        .send()
        .await
        .expect("an edited item");
}

/// Deletes an item from the table, past the product.
pub async fn remove(world: &World, table: &str, item: &Value) {
    let key = |name: &str| AttributeValue::S(item[name].as_str().expect("a key").to_owned());
    aws_sdk_dynamodb::Client::new(&world.engine.sdk_config())
        .delete_item()
        .table_name(table)
        .key("pk", key("pk"))
        .key("sk", key("sk"))
        .send()
        .await
        .expect("a deleted item");
}

/// A number attribute.
pub fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Feeds messages to the expiry function; returns the ids that failed. The id of a message is its index in `bodies`.
pub async fn expire(app: &App, bodies: &[String]) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(i, body)| json!({ "messageId": i.to_string(), "body": body, "attributes": {}, "messageAttributes": {} }))
        .collect();
    let event = serde_json::from_value(json!({ "Records": records }))?;
    let response = functions::expire_holds(app, event).await.map_err(|error| error.to_string())?;
    Ok(response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect())
}

/// Takes the timers that were sent and returns their bodies.
pub fn take_timers(world: &World) -> Vec<String> {
    let messages = world.engine.take_messages(&world.app.config.timers_queue_url);
    messages.into_iter().map(|message| message.body).collect()
}

/// How many of the replies have this outcome.
pub fn count(replies: &[Reply], outcome: &str) -> usize {
    replies.iter().filter(|reply| reply.outcome() == outcome).count()
}

/// Every text that differs from a cursor in one character, lacks its last one, or has one more.
pub fn edits(cursor: &str) -> impl Iterator<Item = String> {
    let changed = (0..cursor.len()).map(move |at| {
        let other = if cursor.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &cursor[..at], &cursor[at + 1..])
    });
    changed.chain([cursor[..cursor.len() - 1].to_owned(), format!("{cursor}A"), format!("{cursor}=")])
}
