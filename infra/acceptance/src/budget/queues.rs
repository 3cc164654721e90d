//! What queues cost: joins, polls, claims and ticks; and queues at rest.

use super::{Cost, Result, Row, cost, must, used};
use crate::{Fan, World, functions};
use serde_json::{Value, json};
use shared::domain::id::QueueId;

const POLLS: u32 = 1_000;
const PROMOTED: u64 = 100;
const RECLAIMED: u64 = 20;

/// Measures every step.
pub(super) async fn measure() -> Result<Vec<Row>> {
    // Boxed, so that the futures of callers stay small.
    let mut rows = Box::pin(joins()).await?;
    rows.extend(Box::pin(ticks()).await?);
    rows.extend(Box::pin(rest()).await?);
    rows.extend(Box::pin(wide()).await?);
    rows.extend(watching().await?);
    Ok(rows)
}

/// A run of the sequencer for the main queue.
async fn sequence(world: &World, joins: u64) -> Result<()> {
    let body = json!({ "queueId": "main", "joins": joins }).to_string();
    let record = json!({ "messageId": "m", "body": body, "eventSource": "aws:sqs" });
    let event = serde_json::from_value(json!({ "Records": [record] }))?;
    let answer = functions::seal_intervals(&world.app, event).await.map_err(|error| error.to_string())?;
    must("sequencer", &answer.batch_item_failures.len().to_string(), "0")
}

/// Joins and polls of a wide queue, and the sealing of an interval. A seal writes each shard, the record and the line, and
/// reads three items and where the VOIDs are.
async fn wide() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (step, joins, shards, kilobytes) in
        [("seal an interval of 64 shards", 16_000, 64.0, 1.0), ("seal an interval of 400 shards", 100_000, 400.0, 2.0)]
    {
        let world = World::new().await?;
        world.set_capacity(0).await;
        sequence(&world, joins).await?;
        // An interval in which fans join, so that the next one is cut without a look at every shard.
        let fans = joined(&world, 3).await?;
        world.wait(1);
        sequence(&world, 0).await?;
        world.wait(1);
        // Another join reads the state and the line, which are a second old.
        world.join(&mut world.fan("warm").await).await;
        let join = one_join(&world, "wide", "WAITING").await?;
        world.engine.reset_meter();
        sequence(&world, 0).await?;
        let measured = used(&world, 1);
        world.wait(1);
        let hand_over = polls(&world, &fans[1]).await?;
        // The last one is the message for a tick.
        let trips = if shards < 100.0 { 7.0 } else { 10.0 };
        rows.push(Row { step, budget: cost(shards + kilobytes + 1.0, 19.0, trips), measured });
        if shards < 100.0 {
            rows.push(Row { step: "join of a wide queue", budget: cost(2.0, 1.0, 3.0), measured: join });
            let budget = cost(0.0, 1.02, 1.02);
            rows.push(Row { step: "poll that learns the place", budget, measured: hand_over });
        }
    }
    Ok(rows)
}

/// What everybody may read of a queue: from the tables once a second, else from memory.
async fn watching() -> Result<Vec<Row>> {
    let world = World::new().await?;
    joined(&world, 1).await?;
    let mut rows = Vec::new();
    for (step, units, trips) in [("queue, for everybody", 2.0, 3.0), ("the queue again within a second", 0.0, 0.0)] {
        world.engine.reset_meter();
        must(step, &world.get("/api/v1/queues/main", "").await.outcome(), "200")?;
        rows.push(Row { step, budget: cost(0.0, units, trips), measured: used(&world, 1) });
    }
    Ok(rows)
}

/// Lets `count` fans join one after the other.
pub(super) async fn joined(world: &World, count: u64) -> Result<Vec<Fan>> {
    let mut fans = Vec::new();
    for number in 0..count {
        let mut fan = world.fan(&format!("fan-{number}")).await;
        must("join", &world.join(&mut fan).await.outcome(), "201")?;
        fans.push(fan);
    }
    Ok(fans)
}

async fn poll(world: &World, fan: &Fan, status: &str) -> Result<()> {
    let reply = world.get(&format!("/api/v1/tokens/{}", fan.user_id), &fan.queue).await;
    must("poll", reply.text("status"), status)
}

/// Measures the next fan's join. The queue's state is in the function's memory since the join before.
async fn one_join(world: &World, name: &str, status: &str) -> Result<Cost> {
    let mut fan = world.fan(name).await;
    world.engine.reset_meter();
    let reply = world.join(&mut fan).await;
    must("join", reply.text("status"), status)?;
    Ok(used(world, 1))
}

/// Measures as many polls as a busy function answers in a second.
async fn polls(world: &World, fan: &Fan) -> Result<Cost> {
    world.wait(5);
    world.engine.reset_meter();
    for _ in 0..POLLS {
        poll(world, fan, "WAITING").await?;
        world.clock.advance_ms(1);
    }
    Ok(used(world, POLLS))
}

async fn joins() -> Result<Vec<Row>> {
    let world = World::new().await?;
    world.set_capacity(3).await;
    let fans = joined(&world, 2).await?;
    let walk_in = one_join(&world, "walks-in", "ACTIVE").await?;
    let mut waiting = Vec::new();
    for name in ["first", "second", "third", "fourth"] {
        let mut fan = world.fan(name).await;
        world.join(&mut fan).await;
        waiting.push(fan);
    }
    let join = one_join(&world, "waits", "WAITING").await?;
    world.engine.reset_meter();
    must("join again", &world.join(&mut waiting[3].clone()).await.outcome(), "200")?;
    let again = used(&world, 1);
    let [far, front] = [polls(&world, &waiting[3]).await?, polls(&world, &waiting[0]).await?];
    for fan in &fans {
        world.delete(&format!("/api/v1/tokens/{}", fan.user_id), &fan.queue).await;
    }
    // Another function runs the tick; another fan's poll loads the new state into this function's memory.
    let elsewhere = world.environment(&[]).await?;
    functions::tick(&elsewhere, &QueueId::main(), &[]).await?;
    world.wait(1);
    poll(&world, &waiting[1], "ACTIVE").await?;
    world.engine.reset_meter();
    poll(&world, &waiting[0], "ACTIVE").await?;
    let claim = used(&world, 1);
    let poll_budget = cost(0.0, 0.01, 0.01);
    Ok(vec![
        Row { step: "join", budget: cost(2.0, 1.0, 3.0), measured: join },
        Row { step: "join of a fan who has a place", budget: cost(0.0, 1.0, 1.0), measured: again },
        // Beside the join: one of each to walk in, and a write and a round trip to claim the place at once.
        Row { step: "join, walking in, and claim", budget: cost(4.0, 2.0, 5.0), measured: walk_in },
        Row { step: "poll while waiting (of 1,000)", budget: poll_budget, measured: far },
        Row { step: "poll while waiting at position 1 (of 1,000)", budget: poll_budget, measured: front },
        Row { step: "claim", budget: cost(1.0, 0.0, 1.0), measured: claim },
    ])
}

/// Measures one tick that admits [`PROMOTED`] fans; also returns the number of sessions from the floor on, which is the
/// budget of its read units.
async fn one_tick(world: &World) -> Result<(Cost, f64)> {
    let items = world.engine.items("Queues");
    let floor = items.iter().find(|item| item["pk"] == "QUEUE#main").and_then(|state| state["floor"].as_u64());
    let above = |item: &&Value| {
        item["pk"].as_str().is_some_and(|pk| pk.starts_with("SESSION#")) && item["place"].as_u64() >= floor
    };
    let sessions = items.iter().filter(above).count() as f64;
    world.engine.reset_meter();
    must("tick", &world.tick().await.to_string(), &PROMOTED.to_string())?;
    Ok((used(world, 1), sessions))
}

async fn ticks() -> Result<Vec<Row>> {
    let world = World::new().await?;
    world.set_capacity(PROMOTED).await;
    let fans = joined(&world, 3 * PROMOTED).await?;
    let path = |fan: &Fan| format!("/api/v1/tokens/{}", fan.user_id);
    let (first, rest) = fans.split_at(PROMOTED as usize);
    // Puts this minute's alarm, so that the measured tick does not.
    must("tick", &world.tick().await.to_string(), "0")?;
    for fan in first {
        must("leave", &world.delete(&path(fan), &fan.queue).await.outcome(), "204")?;
    }
    let (clean, clean_sessions) = one_tick(&world).await?;
    // Of the second hundred, ten never claim, ten stay until their sessions are over, all others leave.
    let second = &rest[..PROMOTED as usize];
    let (no_shows, others) = second.split_at((RECLAIMED / 2) as usize);
    let (stay, leave) = others.split_at((RECLAIMED - RECLAIMED / 2) as usize);
    must("no-shows", &no_shows.len().to_string(), "10")?;
    for fan in stay {
        poll(&world, fan, "ACTIVE").await?;
    }
    for fan in leave {
        must("leave", &world.delete(&path(fan), &fan.queue).await.outcome(), "204")?;
    }
    world.wait(603);
    let (fencing, fencing_sessions) = one_tick(&world).await?;
    Ok(vec![
        Row { step: "tick that admits 100 fans", budget: cost(1.0, clean_sessions, 2.0), measured: clean },
        // Two more round trips: the fences, since no slot is used again before its owner is fenced, and the next
        // minute's alarm. A sample is written in parallel with the fences.
        Row {
            step: "the same, 20 reclaimed, alarm and sample put",
            budget: cost(3.0 + RECLAIMED as f64, fencing_sessions, 4.0),
            measured: fencing,
        },
    ])
}

/// What queues cost when there is nothing to do.
async fn rest() -> Result<Vec<Row>> {
    let world = World::new().await?;
    world.set_capacity(1).await;
    joined(&world, 3).await?;
    must("tick", &world.tick().await.to_string(), "0")?;
    world.wait(1);
    world.engine.reset_meter();
    must("tick", &world.tick().await.to_string(), "0")?;
    let full = used(&world, 1);
    let idle = World::new().await?;
    for number in 0..300 {
        let queue: QueueId = format!("queue-{number}").parse()?;
        idle.app.store.configure_queue(&queue, |_| {}).await?;
        // The change put the queue's only alarm; the tick handles it.
        let alarms = idle.app.store.alarms_due(shared::domain::time::Seconds(1)).await?;
        let ids: Vec<_> = alarms.iter().map(|alarm| alarm.alarm).collect();
        functions::tick(&idle.app, &queue, &ids).await?;
    }
    idle.engine.reset_meter();
    let schedule = serde_json::from_value(json!({ "source": "aws.events" }))?;
    functions::promote_tokens(&idle.app, schedule).await.map_err(|error| error.to_string())?;
    Ok(vec![
        Row { step: "tick of a full queue, nothing to do", budget: cost(0.0, 10.0, 1.0), measured: full },
        Row { step: "the schedule, 300 queues at rest", budget: cost(0.0, 10.0, 1.0), measured: used(&idle, 1) },
    ])
}
