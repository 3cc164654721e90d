//! People without an account who watch which seats are free.

use crate::{
    change::{number, text},
    dice::Dice,
    functions::invoke,
    instances::Instance,
    world::World,
};
use acceptance::{Reply, Request, functions, route};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// How long an instance may answer from its memory, in milliseconds, and the skew that its clock may have.
const REMEMBERED_MS: u64 = 1_100;
/// How often a viewer asks again when there is no answer and no fault is injected any more.
const ATTEMPTS: u32 = 5;

/// Watches the availability of a concert until fans go home. What one instance shows never goes back, and changes only
/// with its version.
pub async fn watch(world: Arc<World>, concert: String) {
    let mut dice = Dice::of(world.plan.seed, "viewers", 0);
    let mut shown: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    while !world.closing() {
        world.sleep(dice.within(50..=1_500)).await;
        let Some((instance, document)) = read(&world, &concert).await else { continue };
        if let Some(last) = shown.get(&instance) {
            let order = |document: &Value| (number(document, "version"), text(document, "at").to_owned());
            let (before, now) = (order(last), order(&document));
            let went_back = now.0 < before.0 || now.1 < before.1;
            if went_back || now.0 == before.0 && *last != document {
                world.violated(format!("availability went back or changed with no version: {last} => {document}"));
            }
        }
        shown.insert(instance, document);
    }
}

/// Compares what everybody sees at quiescence with the seats.
pub async fn check(world: &Arc<World>, concert: &str) {
    for _ in 0..ATTEMPTS {
        world.sleep(REMEMBERED_MS).await;
        let Some((_, document)) = read(world, concert).await else { continue };
        let taken = world.oracle().seats.seats.keys().filter(|(of, _)| of == concert).count() as u64;
        let free = u64::from(world.plan.seats) - taken;
        if number(&document, "free") != free {
            world.violated(format!("stale availability: {} seats are shown free, not {free}", document["free"]));
        }
        // The layout has no gaps, so a seat's place is its number.
        if let Some(seat) = first_stale(world, concert, text(&document, "seats"), 1..=u64::from(world.plan.seats)) {
            world.violated(format!("stale availability: seat {seat} in {document}"));
        }
        return;
    }
    world.violated("liveness: nobody can see which seats are free");
}

/// The first of the seats `numbers` whose two bits in a bitmap differ from what it is; `None` if they all agree.
pub fn first_stale(world: &World, concert: &str, bitmap: &str, mut numbers: impl Iterator<Item = u64>) -> Option<u64> {
    let bytes = STANDARD.decode(bitmap).unwrap_or_default();
    let oracle = world.oracle();
    let mut bits = bytes.iter().flat_map(|byte| (0..4).map(move |place| byte >> (place * 2) & 3));
    numbers.find(|number| {
        let seat = oracle.seats.seats.get(&(concert.to_owned(), *number));
        let expected = match seat.map_or("", |seat| text(seat, "status")) {
            "HELD" => 1,
            "SOLD" => 2,
            _ => 0,
        };
        bits.next() != Some(expected)
    })
}

/// The instance that answered, and its answer; `None` if there is none.
async fn read(world: &Arc<World>, concert: &str) -> Option<(Arc<str>, Value)> {
    let request = Request::new("GET", format!("/api/v1/concerts/{concert}/availability"));
    let (key, function, parameters) = route(&world.template, &request);
    let event = request.event(&key, &parameters, "a viewer").to_string();
    let event = serde_json::from_str(&event).expect("a well-formed event");
    let request: lambda_http::Request = shared::http::event::sanitize(event).into();
    let work = async |instance: Arc<Instance>| {
        let answer = functions::call(&instance.app, function, request).await;
        (Arc::clone(&instance.name), answer)
    };
    let (instance, answer) = invoke(world, function, work).await.ok()?;
    let reply = Reply::of(answer?);
    match reply.status {
        200 => Some((instance, reply.body)),
        503 => None,
        _ => {
            world.violated(format!("a viewer is answered {}: {}", reply.outcome(), reply.body));
            None
        }
    }
}
