//! What runs without a fan: schedules, message queues and streams, which invoke functions, and TTL.

use crate::{
    fault::Fault,
    functions::{Died, invoke},
    instances::Instance,
    messages::{Message, SHARDS},
    network,
    world::World,
};
use serde_json::{Value, json};
use shared::{app::App, telemetry::meter::metered};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use template::{QueueTrigger, StreamTrigger};

/// The message queue of domain events. No function reads it: they wait for their consumers.
const EVENTS: &str = "EventsQueue";
/// Batches of one message queue that are handled at the same time.
const CONCURRENCY: u32 = 2;
/// How long a reader of a stream waits before it retries a batch, in milliseconds.
const BACK_OFF_MS: u64 = 200;
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
/// The function that compares seats and money. Its schedule is off by default, and always on here.
pub const RECONCILE: &str = "reconcile";

/// Starts all triggers and TTL, which go on until the run ends.
pub fn start(world: &Arc<World>) {
    for trigger in world.template.queue_triggers.clone() {
        tokio::spawn(drain(Arc::clone(world), trigger));
    }
    for trigger in world.template.stream_triggers.clone() {
        for shard in 0..SHARDS {
            tokio::spawn(follow(Arc::clone(world), trigger.clone(), shard));
        }
    }
    for schedule in world.template.schedules.iter().filter(|schedule| schedule.enabled).cloned() {
        tokio::spawn(fire(Arc::clone(world), schedule.function, schedule.every));
    }
    tokio::spawn(fire(Arc::clone(world), RECONCILE.to_owned(), Duration::from_millis(MINUTE_MS)));
    tokio::spawn(expire(Arc::clone(world)));
}

/// Runs the function of a trigger on an event and returns its answer.
pub async fn run(world: &Arc<World>, function: &str, event: Value) -> Result<Value, String> {
    let work = async |instance: Arc<Instance>| metered(handle(&instance.app, function, event)).await.0;
    match invoke(world, function, work).await {
        Ok(answer) => answer,
        Err(Died(why)) => Err(why.to_owned()),
    }
}

async fn handle(app: &App, function: &str, event: Value) -> Result<Value, String> {
    macro_rules! handled {
        ($function:ident) => {{
            let event = serde_json::from_value(event).map_err(|error| format!("{function}: event: {error}"))?;
            let answer = $function::handle(app, event).await.map_err(|error| error.to_string())?;
            serde_json::to_value(answer).map_err(|error| error.to_string())
        }};
    }
    match function {
        "deliver_webhooks" => handled!(deliver_webhooks),
        "expire_holds" => handled!(expire_holds),
        "promote_tokens" => handled!(promote_tokens),
        "reconcile" => handled!(reconcile),
        "seal_intervals" => handled!(seal_intervals),
        "stream_changes" => handled!(stream_changes),
        "sweep_holds" => handled!(sweep_holds),
        other => Err(format!("no function {other}")),
    }
}

/// The ids of the items that an answer reports as failed.
fn failures(answer: &Value) -> Vec<String> {
    let failures = answer["batchItemFailures"].as_array().into_iter().flatten();
    failures.filter_map(|failure| failure["itemIdentifier"].as_str().map(str::to_owned)).collect()
}

/// Fires a schedule again and again, starting at a random phase.
async fn fire(world: Arc<World>, function: String, every: Duration) {
    world.sleep(world.draw(0..=MINUTE_MS / 4)).await;
    let event = json!({ "source": "aws.events" });
    loop {
        let mut times = 1;
        if world.schedules_paused() {
            times = 0;
        } else if world.should_inject(Fault::TickSkipped) {
            world.story(format_args!("  schedule of {function} skipped"));
            times = 0;
        } else if world.should_inject(Fault::TickDoubled) {
            world.story(format_args!("  schedule of {function} doubled"));
            times = 2;
        }
        for _ in 0..times {
            let (world, function, event) = (Arc::clone(&world), function.clone(), event.clone());
            tokio::spawn(async move {
                let answer = run(&world, &function, event).await.unwrap_or_default();
                for found in answer["found"].as_array().into_iter().flatten() {
                    world.violated(format!("{function} reports {found}"));
                }
            });
        }
        tokio::time::sleep(every).await;
    }
}

/// The event source mapping of a message queue: delivers batches as long as the run goes on.
async fn drain(world: Arc<World>, trigger: QueueTrigger) {
    let busy = Arc::new(AtomicU32::new(0));
    loop {
        let batch = if busy.load(Ordering::SeqCst) < CONCURRENCY { receive(&world, &trigger) } else { Vec::new() };
        if batch.is_empty() {
            wait(&world, &trigger.queue).await;
            continue;
        }
        busy.fetch_add(1, Ordering::SeqCst);
        let (world, trigger, busy) = (Arc::clone(&world), trigger.clone(), Arc::clone(&busy));
        tokio::spawn(async move {
            deliver(&world, &trigger, &batch).await;
            busy.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Waits until a message is sent, or may have become visible.
async fn wait(world: &World, queue: &str) {
    let now = world.clock.elapsed_ms();
    let next = world.messages.queue(queue, |queue| queue.messages.iter().map(|message| message.visible_ms).min());
    let pause = next.map_or(10_000, |next| next.saturating_sub(now).clamp(20, 10_000));
    tokio::select! {
        biased;
        () = world.messages.news() => {}
        () = world.sleep(pause) => {}
    }
}

/// Receives at most a batch of visible messages. Those that were received too often go to the dead letters instead.
fn receive(world: &World, trigger: &QueueTrigger) -> Vec<Message> {
    let now = world.clock.elapsed_ms();
    let due = |message: &Message| message.visible_ms <= now;
    let several = world.messages.queue(&trigger.queue, |queue| queue.messages.iter().filter(|m| due(m)).count() > 1);
    let reorder = several && world.should_inject(Fault::MessageReordered);
    let (batch, dead, target) = world.messages.queue(&trigger.queue, |queue| {
        let hidden_ms = u64::from(queue.queue.visibility_timeout_seconds) * 1_000;
        let redrive = queue.queue.redrive.clone();
        let mut due: Vec<usize> = (0..queue.messages.len()).filter(|i| due(&queue.messages[*i])).collect();
        if reorder {
            due.reverse();
        }
        due.truncate(trigger.batch_size as usize);
        let mut dead = Vec::new();
        let mut batch = Vec::new();
        for index in due {
            let message = &mut queue.messages[index];
            message.received += 1;
            message.visible_ms = now + hidden_ms;
            if redrive.as_ref().is_some_and(|redrive| message.received > redrive.max_receive_count) {
                dead.push(message.clone());
            } else {
                batch.push(message.clone());
            }
        }
        queue.messages.retain(|message| !dead.iter().any(|gone| gone.id == message.id));
        (batch, dead, redrive.map(|redrive| redrive.target))
    });
    for message in dead {
        world.story(format_args!("  message to the dead letters: {}", message.body));
        if let Some(target) = &target {
            world.messages.put(target, &message.body, now);
        }
    }
    batch
}

async fn deliver(world: &Arc<World>, trigger: &QueueTrigger, batch: &[Message]) {
    let record = |message: &Message| {
        json!({
            "messageId": message.id, "receiptHandle": message.id, "body": message.body, "md5OfBody": "",
            "attributes": { "ApproximateReceiveCount": message.received.to_string() }, "messageAttributes": {},
            "eventSource": "aws:sqs", "eventSourceARN": trigger.queue, "awsRegion": "simulated",
        })
    };
    let event = json!({ "Records": batch.iter().map(record).collect::<Vec<_>>() });
    let failed = match run(world, &trigger.function, event).await {
        Ok(answer) => failures(&answer),
        Err(_) => return,
    };
    for message in batch.iter().filter(|message| !failed.contains(&message.id)) {
        if world.should_inject(Fault::MessageRepeated) {
            let again = world.clock.elapsed_ms() + world.extent(Fault::MessageRepeated, 1..=30_000);
            let reset = |known: &mut Message| {
                if known.id == message.id {
                    (known.visible_ms, known.received) = (again, 0);
                }
            };
            world.messages.queue(&trigger.queue, |queue| queue.messages.iter_mut().for_each(reset));
        } else {
            world.messages.queue(&trigger.queue, |queue| queue.messages.retain(|known| known.id != message.id));
        }
    }
}

/// Reads one shard of a table's stream in order, a batch at a time, and retries a batch until it is handled.
async fn follow(world: Arc<World>, trigger: StreamTrigger, shard: u64) {
    let table = world.template.table(&trigger.table).map_or(trigger.table.clone(), |table| table.name.clone());
    loop {
        let start = world.messages.shard(&table, shard, |shard| shard.done.get(&trigger.name).copied().unwrap_or(0));
        let mut most = trigger.batch_size as usize;
        if world.should_inject(Fault::ChangesSplit) {
            most = world.extent(Fault::ChangesSplit, 1..=3) as usize;
        }
        let records: Vec<Arc<Value>> =
            world.messages.shard(&table, shard, |shard| shard.records[start..].iter().take(most).cloned().collect());
        if records.is_empty() {
            tokio::select! {
                biased;
                () = world.messages.news() => {}
                () = world.sleep(10_000) => {}
            }
            continue;
        }
        if world.should_inject(Fault::ChangesLate) {
            world.sleep_for(Fault::ChangesLate, 500..=20_000).await;
        }
        let wanted: Vec<&Value> = records.iter().map(|r| &**r).filter(|r| wants(&trigger, r)).collect();
        let handled =
            if wanted.is_empty() { records.len() } else { hand_over(&world, &trigger, &records, &wanted).await };
        let repeated = handled > 0 && world.should_inject(Fault::ChangesRepeated);
        if !repeated {
            world.messages.shard(&table, shard, |shard| shard.done.insert(trigger.name.clone(), start + handled));
        }
        if handled == 0 {
            world.sleep(BACK_OFF_MS).await;
        }
    }
}

/// Hands a batch to the function and returns how many records from its start are handled.
async fn hand_over(world: &Arc<World>, trigger: &StreamTrigger, all: &[Arc<Value>], wanted: &[&Value]) -> usize {
    match run(world, &trigger.function, json!({ "Records": wanted })).await {
        Ok(answer) => {
            let failed = failures(&answer);
            let number = |record: &Value| record["dynamodb"]["SequenceNumber"].as_str().map(str::to_owned);
            all.iter().position(|record| number(record).is_some_and(|n| failed.contains(&n))).unwrap_or(all.len())
        }
        Err(_) => 0,
    }
}

/// Whether a record passes the trigger's filters, which are values and prefixes of its keys.
fn wants(trigger: &StreamTrigger, record: &Value) -> bool {
    let matches = |pattern: &Value| {
        let keys = pattern["dynamodb"]["Keys"].as_object().into_iter().flatten();
        let mut each = keys.map(|(name, typed)| {
            let value = record["dynamodb"]["Keys"][name]["S"].as_str().unwrap_or_default();
            let mut ways = typed["S"].as_array().into_iter().flatten();
            ways.any(|way| match way {
                Value::String(text) => text == value,
                way => way["prefix"].as_str().is_some_and(|prefix| value.starts_with(prefix)),
            })
        });
        each.all(|met| met)
    };
    trigger.filters.is_empty() || trigger.filters.iter().any(matches)
}

/// Sweeps TTL again and again, at once or up to two days late.
async fn expire(world: Arc<World>) {
    loop {
        world.sleep(world.draw(1_000..=40_000)).await;
        // The quarter of a year at the end has a sweep of its own, at the moment in which fans come back.
        if world.schedules_paused() {
            continue;
        }
        if world.should_inject(Fault::TtlAtOnce) {
            sweep(&world, 0);
        } else if world.faults().active() {
            sweep(&world, world.draw(0..=2 * DAY_MS));
        } else {
            sweep(&world, 0);
        }
    }
}

/// Sweeps TTL once, with the database's clock `lag_ms` behind.
pub fn sweep(world: &Arc<World>, lag_ms: u64) {
    if world.clock.with_ttl_lag(lag_ms, || world.engine.sweep_ttl()) > 0 {
        let tables: Vec<String> = world.template.tables.iter().map(|table| table.name.clone()).collect();
        network::observe(world, &tables, "TTL");
    }
}

/// The bodies of the domain events that were sent.
pub fn events(world: &World) -> Vec<Value> {
    world.messages.queue(EVENTS, |queue| {
        queue.messages.iter().filter_map(|message| serde_json::from_str(&message.body).ok()).collect()
    })
}
