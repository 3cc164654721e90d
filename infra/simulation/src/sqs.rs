//! The simulated SQS: what it answers to functions, with fault injection.

use crate::{fault::Fault, world::World};
use engine::{Answer, error};
use serde_json::{Value, json};

/// The largest batch that SQS accepts, in messages.
const MAX_BATCH: usize = 10;
/// The longest delay that SQS accepts, in seconds.
const MAX_DELAY_SECONDS: u64 = 900;
/// The message queue of expiry timers.
const TIMERS: &str = "TimersQueue";

/// Answers `SendMessageBatch`, the only SQS operation that functions use.
pub fn send(world: &World, request: &Value) -> Answer {
    let refuse = |kind: &str| error(400, &format!("com.amazonaws.sqs#{kind}"), kind);
    let queue = request["QueueUrl"].as_str().unwrap_or_default();
    let known = world.messages.has_queue(queue);
    let entries = request["Entries"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    match entries.len() {
        _ if !known => return refuse("QueueDoesNotExist"),
        0 => return refuse("EmptyBatchRequest"),
        1..=MAX_BATCH => {}
        _ => return refuse("TooManyEntriesInBatchRequest"),
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        let delay = entry["DelaySeconds"].as_u64().unwrap_or(0);
        if delay > MAX_DELAY_SECONDS {
            failed.push(json!({ "Id": entry["Id"], "SenderFault": true, "Code": "InvalidParameterValue" }));
            continue;
        }
        if world.should_inject(Fault::BatchRefused) {
            failed.push(json!({ "Id": entry["Id"], "SenderFault": false, "Code": "InternalError" }));
            continue;
        }
        let late =
            if world.should_inject(Fault::MessageLate) { world.extent(Fault::MessageLate, 500..=20_000) } else { 0 };
        let visible_ms = world.clock.elapsed_ms() + delay * 1_000 + late;
        let body = entry["MessageBody"].as_str().unwrap_or_default();
        if queue == TIMERS && world.messages.lose_timer(body, || world.should_inject(Fault::TimerLost)) {
            successful.push(json!({ "Id": entry["Id"], "MessageId": "lost", "MD5OfMessageBody": "" }));
            continue;
        }
        let id = world.messages.put(queue, body, visible_ms);
        let handled = world.template.queue_triggers.iter().any(|trigger| trigger.queue == queue);
        if handled && world.should_inject(Fault::MessagePoisoned) {
            world.messages.put(queue, r#"{"nobody":"understands this"}"#, visible_ms);
        }
        successful.push(json!({ "Id": entry["Id"], "MessageId": id, "MD5OfMessageBody": "" }));
    }
    Answer { status: 200, body: json!({ "Successful": successful, "Failed": failed }) }
}
