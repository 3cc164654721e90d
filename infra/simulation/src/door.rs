//! The door stands for API Gateway, between fans and functions. Requests and answers get lost, and some requests are
//! delivered twice.

use crate::{
    fault::Fault,
    functions::{Died, invoke},
    history::{Op, Outcome},
    instances::Instance,
    world::World,
};
use acceptance::{Reply, Request, functions, route};
use lambda_http::{Body, Response};
use serde_json::json;
use std::sync::Arc;

/// A client gives up after this many milliseconds without an answer.
const PATIENCE_MS: u64 = 3_000;

/// A sender of requests.
#[derive(Debug, Clone)]
pub struct Client {
    /// The name in the story.
    pub name: String,
    /// The account; empty if there is none.
    pub user_id: String,
    /// The address that requests come from.
    pub address: String,
}

/// Sends a request as a client, and records its outcome in the history. A 500 is a violation.
pub async fn send(world: &Arc<World>, client: &Client, op: Op, request: Request) -> Outcome {
    let start_ms = world.clock.now_ms();
    world.story(format_args!("{} {op}", client.name));
    let number = world.history().begin(&client.user_id, op, start_ms);
    let outcome = exchange(world, client, number, request).await;
    if let Outcome::Answer(reply) = &outcome {
        let replayed = if reply.headers.contains_key("idempotency-replayed") { " (replayed)" } else { "" };
        world.story(format_args!("{} is answered {}{replayed}{}", client.name, reply.outcome(), brief(reply)));
        if reply.status == 500 {
            world.violated(format!("status 500: {} is answered {}", client.name, reply.body));
        }
    } else {
        world.story(format_args!("{} gets no answer", client.name));
    }
    let end_ms = world.clock.now_ms();
    world.history().end(number, &outcome, end_ms);
    outcome
}

/// The fields of an answer that the story shows.
fn brief(reply: &Reply) -> String {
    const SHOWN: &[&str] =
        &["status", "queuePosition", "reservationId", "seatNumbers", "expiresAt", "currentBalance", "newBalance"];
    let shown = SHOWN.iter().filter(|name| !reply.body[**name].is_null() && reply.body["code"].is_null());
    shown.map(|name| format!(", {name} {}", reply.body[*name])).collect()
}

async fn exchange(world: &Arc<World>, client: &Client, number: usize, request: Request) -> Outcome {
    world.sleep(world.draw(1..=30)).await;
    if world.should_inject(Fault::DoorLost) {
        world.story(format_args!("  request of {} lost", client.name));
        world.sleep(PATIENCE_MS).await;
        return Outcome::Unknown;
    }
    let (function, event) = event(world, client, number, &request);
    if world.should_inject(Fault::Doubled) {
        world.story(format_args!("  request of {} delivered twice", client.name));
        world.history().again(number);
        let (world, function, event) = (Arc::clone(world), function.clone(), event.clone());
        tokio::spawn(async move {
            world.sleep_for(Fault::Doubled, 0..=3_000).await;
            run(&world, &function, &event).await
        });
    }
    let answer = run(world, &function, &event).await;
    if world.should_inject(Fault::DoorAnswerLost) {
        world.story(format_args!("  answer to {} lost", client.name));
        world.sleep(PATIENCE_MS).await;
        return Outcome::Unknown;
    }
    world.sleep(world.draw(1..=30)).await;
    match answer {
        Ok(response) => Outcome::Answer(Reply::of(response)),
        Err(Died(_)) => Outcome::Unknown,
    }
}

/// The function of the request's route, and the event that it gets.
fn event(world: &World, client: &Client, number: usize, request: &Request) -> (String, String) {
    let (key, function, parameters) = route(&world.template, request);
    let mut event = request.event(&key, &parameters, &format!("request-{number}"));
    event["requestContext"]["http"]["sourceIp"] = json!(client.address);
    (function.to_owned(), event.to_string())
}

async fn run(world: &Arc<World>, function: &str, event: &str) -> Result<Response<Body>, Died> {
    let event = serde_json::from_str(event).expect("a well-formed event");
    let request: lambda_http::Request = shared::http::event::sanitize(event).into();
    let work = async |instance: Arc<Instance>| functions::call(&instance.app, function, request).await;
    invoke(world, function, work).await?.ok_or(Died("is not there"))
}
