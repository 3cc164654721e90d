//! Webhooks: their routes, what is sent to them, and what is done when a receiver fails.

mod deliveries;
mod receiver;
mod routes;
mod targets;

use crate::support::purchases::{Outcome, PRICE, feed_stream, held, sale};
use acceptance::{Fan, Reply, Request, World, functions};
use receiver::Receiver;
use serde_json::{Value, json};
use shared::store::webhooks::WebhookSettings;

/// Lets webhooks be on this machine.
const LOOPBACK: (&str, &str) = ("WEBHOOKS_TO_LOOPBACK", "true");

async fn put(world: &World, admin: &Fan, id: &str, draft: &Value) -> Reply {
    let path = format!("/api/v1/admin/webhooks/{id}");
    world.send(Request::new("PUT", path).token(&admin.access).json(draft)).await
}

/// Adds a webhook on this machine, or puts it again. Not by its route, whose contract allows no such URL.
async fn add(world: &World, id: &str, url: &str) -> Outcome {
    world.app.webhooks.check(url).await?;
    let settings = WebhookSettings { url: url.to_owned(), types: None, enabled: true };
    world.app.store.put_webhook(&id.parse()?, settings).await?;
    Ok(())
}

async fn get(world: &World, admin: &Fan, id: &str) -> Value {
    world.get(&format!("/api/v1/admin/webhooks/{id}"), &admin.access).await.body
}

/// The deliveries of a webhook, newest first.
async fn deliveries(world: &World, admin: &Fan, id: &str) -> Vec<Value> {
    let path = format!("/api/v1/admin/webhooks/{id}/deliveries");
    world.get(&path, &admin.access).await.body["items"].as_array().cloned().unwrap_or_default()
}

/// A sale with a webhook at each of the receivers, `hook-0` and so on.
async fn with_webhooks(receivers: &[&Receiver]) -> Result<(World, Fan, String), Box<dyn std::error::Error>> {
    let (world, admin, concert) = sale(&[LOOPBACK]).await?;
    for (index, receiver) in receivers.iter().enumerate() {
        add(&world, &format!("hook-{index}"), &receiver.url()).await?;
    }
    Ok((world, admin, concert))
}

/// A fan buys a seat, and the streams are read.
async fn buy(world: &World, concert: &str, name: &str, seat: u32) -> Outcome {
    let fan = world.buyer(name, PRICE).await;
    let id = held(world, &fan, concert, &[seat]).await;
    assert_eq!(world.pay(&fan, &id, PRICE, None).await.status, 200);
    feed_stream(world, &world.app).await?;
    Ok(())
}

/// Hands all messages for webhooks to their function; returns how many there were.
async fn deliver(world: &World) -> Result<usize, Box<dyn std::error::Error>> {
    let messages = world.engine.take_messages(&world.app.config.webhooks_queue_url);
    let record = |(index, message): (usize, &engine::Message)| json!({ "messageId": index.to_string(), "body": message.body, "attributes": {}, "messageAttributes": {} });
    for batch in messages.chunks(10) {
        let records: Vec<Value> = batch.iter().enumerate().map(record).collect();
        let event = serde_json::from_value(json!({ "Records": records }))?;
        let answer = functions::deliver_webhooks(&world.app, event).await.map_err(|error| error.to_string())?;
        assert!(answer.batch_item_failures.is_empty(), "a message comes again");
    }
    Ok(messages.len())
}

/// Runs the schedule.
async fn retry(world: &World) -> Outcome {
    let event = serde_json::from_value(json!({ "source": "aws.events" }))?;
    functions::deliver_webhooks(&world.app, event).await.map_err(|error| error.to_string())?;
    Ok(())
}
