//! What overload costs: piles that are put into the tables directly, a deployment at rest, and accounts that only
//! disturb.

mod crowd;
mod dead;
mod rest;
mod sold;

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
use std::{error::Error, fmt};

/// The kind of the places in a pile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pile {
    /// Drawn, and nothing else: no-shows once they are admitted, dead once their waiting time is over.
    Drawn,
    /// Drawn and left: each has a tombstone.
    Left,
    /// Admitted, each with a session of ten minutes. Must be the first pile, since it sets the queue's `served`.
    Inside,
}

impl World {
    /// Draws `count` places of the main queue and makes them what `pile` says; returns the last one.
    ///
    /// # Panics
    /// Where the engine fails.
    pub fn pile_up(&self, count: u64, pile: Pile) -> u64 {
        let main = QueueId::main();
        let counter = keys::join_counter(&main, 0);
        let drawn = self.execute(
            &self.app.config.joins_table,
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
        self.execute(&self.app.config.queues_table, "PutItem", json!({ "Item": item }));
    }

    fn take_slots(&self, queue: &QueueId, count: u64, served: u64) {
        let key = keys::queue_state(queue);
        self.execute(
            &self.app.config.queues_table,
            "UpdateItem",
            json!({
                "Key": { "pk": { "S": key.pk }, "sk": { "S": key.sk } },
                "UpdateExpression": "SET served = :served, occupied = :count, #free = #free - :count, admitted = :count",
                "ExpressionAttributeNames": { "#free": "free" },
                "ExpressionAttributeValues": { ":served": { "N": served.to_string() }, ":count": { "N": count.to_string() } },
            }),
        );
    }

    fn execute(&self, table: &str, operation: &str, mut request: Value) -> Value {
        request["TableName"] = json!(table);
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
        Value::Bool(flag) => json!({ "BOOL": flag }),
        Value::Array(values) => json!({ "L": values.iter().map(typed).collect::<Vec<_>>() }),
        Value::Object(map) => {
            let map: Value = map.iter().map(|(name, value)| (name.clone(), typed(value))).collect();
            json!({ "M": map })
        }
        other => json!({ "S": other.as_str().unwrap_or_default() }),
    }
}

/// What it took to work off a pile.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was piled up.
    pub what: &'static str,
    /// Ticks, minutes of a deployment at rest, or runs of `reconcile`.
    pub runs: u32,
    /// Read units of all runs.
    pub read_units: f64,
    /// Write units of all runs, those of refused writes included.
    pub write_units: f64,
    /// Requests of all runs.
    pub requests: u64,
    /// The longest run, in milliseconds on one thread.
    pub longest_millis: u128,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {:<52} | {:>5} | {:>10} | {:>11} | {:>8} | {:>12} |",
            self.what, self.runs, self.read_units, self.write_units, self.requests, self.longest_millis
        )
    }
}

/// The heading of the table. The runs are ticks until the living fan behind the pile is admitted, or minutes at rest.
const HEADING: &str = "| a thousand times too much                            |  runs | read units | write units | requests | longest (ms) |";

/// Measures everything and passes each line to `print`, the table first.
///
/// # Errors
/// Where a living fan is not admitted, or the engine fails.
pub async fn measure(print: impl Fn(String)) -> Result<(), Box<dyn Error>> {
    print(HEADING.to_owned());
    print(sold::round().await?.to_string());
    dead::measure(|report_measurement| print(report_measurement.to_string())).await?;
    print(rest::minute().await?.to_string());
    crowd::measure(&print).await
}
