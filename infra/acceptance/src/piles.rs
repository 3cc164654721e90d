//! A thousand times too much, put into the tables directly: places that nobody has any more, and fans inside.

use crate::World;
use serde_json::{Value, json};
use shared::{
    domain::{
        id::{QueueId, UserId},
        session::{EndReason, Session},
        ticket::Place,
        time::{Seconds, Timestamp},
    },
    store::keys,
};
use std::{error::Error, fmt, time::Instant};

/// What the places of a pile are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pile {
    /// Drawn, and nothing else: no-shows once they are admitted, dead once their waiting time is over.
    Drawn,
    /// Drawn and left: each has a tombstone.
    Left,
    /// Admitted, each with a session that lives for ten minutes; to be piled up before any other.
    Inside,
}

impl World {
    /// Draws places of the main queue and makes them what `pile` says; the last one.
    ///
    /// # Panics
    /// Where the engine fails.
    pub fn pile_up(&self, count: u64, pile: Pile) -> u64 {
        let main = QueueId::main();
        let counter = keys::join_counter(&main);
        let drawn = self.execute(
            "UpdateItem",
            json!({
                "Key": { "pk": { "S": counter.pk }, "sk": { "S": counter.sk } }, "UpdateExpression": "ADD #last :count",
                "ExpressionAttributeNames": { "#last": "last" }, "ReturnValues": "UPDATED_NEW",
                "ExpressionAttributeValues": { ":count": { "N": count.to_string() } },
            }),
        );
        let last = drawn["Attributes"]["last"]["N"].as_str().and_then(|last| last.parse::<u64>().ok());
        let last = last.expect("a counter");
        for place in (last - count + 1..=last).map(Place::new).filter(|_| pile != Pile::Drawn) {
            self.put_session(&session(&main, place, pile, self.app.now()));
        }
        if pile == Pile::Inside {
            self.take_slots(&main, count, last);
        }
        last
    }

    fn put_session(&self, session: &Session) {
        let key = keys::session(&session.queue_id, session.place);
        let mut item = serde_json::to_value(session).expect("JSON");
        (item["pk"], item["sk"]) = (json!(key.pk), json!(key.sk));
        let item: Value =
            item.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), typed(value))).collect();
        self.execute("PutItem", json!({ "Item": item }));
    }

    fn take_slots(&self, queue: &QueueId, count: u64, served: u64) {
        let key = keys::queue_state(queue);
        self.execute(
            "UpdateItem",
            json!({
                "Key": { "pk": { "S": key.pk }, "sk": { "S": key.sk } },
                "UpdateExpression": "SET served = :served, occupied = :count, #free = #free - :count, admitted = :count",
                "ExpressionAttributeNames": { "#free": "free" },
                "ExpressionAttributeValues": { ":served": { "N": served.to_string() }, ":count": { "N": count.to_string() } },
            }),
        );
    }

    fn execute(&self, operation: &str, mut request: Value) -> Value {
        request["TableName"] = json!(self.app.config.queues_table);
        let answer = self.engine.execute(operation, request);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }
}

fn session(queue: &QueueId, place: Place, pile: Pile, now: Timestamp) -> Session {
    let user = UserId(uuid::Uuid::from_u128(u128::from(place.get())));
    match pile {
        Pile::Inside => Session::claimed(queue.clone(), place, user, now, Seconds(600), Seconds(300)),
        Pile::Drawn | Pile::Left => Session::tombstone(queue.clone(), place, Some(user), now, EndReason::Left),
    }
}

/// A value of an item in DynamoDB's JSON.
fn typed(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::Object(map) if map.is_empty() => json!({ "M": {} }),
        other => json!({ "S": other.as_str().unwrap_or_default() }),
    }
}

/// What it took until the living fan behind a pile was admitted.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was piled up.
    pub what: &'static str,
    /// Ticks.
    pub ticks: u32,
    /// Read units, write units and requests of all of them.
    pub read_units: f64,
    /// See `read_units`.
    pub write_units: f64,
    /// See `read_units`.
    pub requests: u64,
    /// The longest tick, in milliseconds.
    pub longest_millis: u128,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {:<52} | {:>5} | {:>10} | {:>11} | {:>8} | {:>12} |",
            self.what, self.ticks, self.read_units, self.write_units, self.requests, self.longest_millis
        )
    }
}

/// The heading of the figures.
pub const HEADING: &str = "| ahead of one living fan                              | ticks | read units | write units | requests | longest (ms) |";

const MANY: u64 = 50_000;
const SOME: u64 = 5_000;
const MOST_TICKS: u32 = 20;

/// Measures every pile, and hands each figure over.
///
/// # Errors
/// Where the living fan is not admitted.
pub async fn measure(print: impl Fn(Figure)) -> Result<(), Box<dyn Error>> {
    print(surveyed("10,000 inside, one of them over").await?);
    print(passed("50,000 whose waiting time is over", &[(MANY, Pile::Drawn)], true).await?);
    let mixed = [(SOME, Pile::Left), (SOME, Pile::Drawn)];
    print(passed("5,000 who left, 5,000 whose time is over", &mixed, true).await?);
    print(passed("50,000 who left", &[(MANY, Pile::Left)], false).await?);
    Ok(())
}

/// A queue of capacity 0 collects the dead; then there is room for one.
async fn passed(what: &'static str, piles: &[(u64, Pile)], old: bool) -> Result<Figure, Box<dyn Error>> {
    let world = World::with(&[("QUEUE_CAPACITY", "0"), ("WAITING_SECONDS", "600")]).await?;
    world.app.store.queue_state(&QueueId::main(), 0).await?;
    for (count, pile) in piles {
        world.pile_up(*count, *pile);
    }
    // A sample says how long ago all of them came.
    world.wait(11);
    if old {
        sample(&world).await?;
        world.wait(700);
    }
    until_admitted(&world, what, 1).await
}

/// A tick that finds nothing to do but writes down who came until now.
async fn sample(world: &World) -> Result<(), Box<dyn Error>> {
    let before = world.app.store.queue_view(&QueueId::main()).await?.state.sampled;
    for _ in 0..MOST_TICKS {
        world.tick().await;
        if world.app.store.queue_view(&QueueId::main()).await?.state.sampled > before {
            return Ok(());
        }
    }
    Err("no sample".into())
}

async fn surveyed(what: &'static str) -> Result<Figure, Box<dyn Error>> {
    let world = World::with(&[("QUEUE_CAPACITY", "10000")]).await?;
    world.app.store.queue_state(&QueueId::main(), 0).await?;
    world.pile_up(10_000, Pile::Inside);
    let over = UserId(uuid::Uuid::from_u128(77));
    let mut fan = world.fan("living").await;
    world.join(&mut fan).await;
    world.app.store.leave(&QueueId::main(), over, Place::new(77), EndReason::Left).await?;
    ticks(&world, what, 10_001).await
}

async fn until_admitted(world: &World, what: &'static str, capacity: u64) -> Result<Figure, Box<dyn Error>> {
    let mut fan = world.fan("living").await;
    world.join(&mut fan).await;
    world.set_capacity(capacity).await;
    let last = world.app.store.queue_view(&QueueId::main()).await?.last_place;
    ticks(world, what, last.get()).await
}

/// Ticks until the queue is served up to a place, and what that takes.
async fn ticks(world: &World, what: &'static str, place: u64) -> Result<Figure, Box<dyn Error>> {
    world.engine.reset_meter();
    let mut longest_millis = 0;
    for ticks in 1..=MOST_TICKS {
        let began = Instant::now();
        world.tick().await;
        longest_millis = longest_millis.max(began.elapsed().as_millis());
        let used = world.engine.meter();
        let state = world.app.store.queue_view(&QueueId::main()).await?.state;
        if state.served.get() == place {
            let (read_units, write_units) = (used.read_units, used.write_units + used.refused_write_units);
            return Ok(Figure { what, ticks, read_units, write_units, requests: used.requests, longest_millis });
        }
    }
    Err(format!("{what}: nobody is admitted").into())
}
