//! The budget table of infra/ARCHITECTURE.md, measured: what each step of a purchase costs in a warm function.

use crate::{Fan, Request, World};
use serde_json::json;
use shared::domain::id::QueueId;
use std::{error::Error, fmt};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const POLLS: u32 = 1_000;
const PROMOTED: u64 = 100;
const RECLAIMED: u64 = 20;

/// What a step uses: DynamoDB's write and read request units, and waits for the network.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Write request units, those of refused writes included.
    pub write_units: f64,
    /// Read request units.
    pub read_units: f64,
    /// Round trips; requests that overlap are one.
    pub round_trips: f64,
}

/// A step with what it may use and what it used.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The step.
    pub step: &'static str,
    /// What is allowed.
    pub budget: Cost,
    /// What was measured.
    pub measured: Cost,
}

impl Row {
    /// Whether no figure exceeds the budget.
    pub fn is_kept(&self) -> bool {
        let (used, allowed) = (self.measured, self.budget);
        used.write_units <= allowed.write_units
            && used.read_units <= allowed.read_units
            && used.round_trips <= allowed.round_trips
    }
}

impl fmt::Display for Row {
    /// A row of the table; figures are measured / budget.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { step, budget, measured } = self;
        let figure = |used: f64, allowed: f64| format!("{used} / {allowed}");
        write!(
            f,
            "| {step:<46} | {:>11} | {:>13} | {:>13} | {} |",
            figure(measured.write_units, budget.write_units),
            figure(measured.read_units, budget.read_units),
            figure(measured.round_trips, budget.round_trips),
            if self.is_kept() { "ok      " } else { "EXCEEDED" },
        )
    }
}

/// The table as text, a heading and a line for each step.
pub fn table(rows: &[Row]) -> String {
    let mut lines = vec![
        format!(
            "| {:<46} | {:>11} | {:>13} | {:>13} |          |",
            "step (measured / budget)", "write units", "read units", "round trips"
        ),
        format!("|{:-<48}|{:-<13}|{:-<15}|{:-<15}|----------|", "", "", "", ""),
    ];
    lines.extend(rows.iter().map(Row::to_string));
    lines.join("\n")
}

const fn cost(write_units: f64, read_units: f64, round_trips: f64) -> Cost {
    Cost { write_units, read_units, round_trips }
}

/// Measures every step.
///
/// # Errors
/// Where a step does not give what it should: then its cost says nothing.
pub async fn measure() -> Result<Vec<Row>> {
    let mut rows = line().await?;
    rows.extend(purchase().await?);
    rows.extend(promotion().await?);
    rows.extend(limits().await?);
    Ok(rows)
}

/// What was used since the meter was reset, over a number of repetitions.
fn used(world: &World, repetitions: u32) -> Cost {
    let meter = world.engine.meter();
    let each = f64::from(repetitions);
    let round_trips = meter.round_trips as f64;
    cost((meter.write_units + meter.refused_write_units) / each, meter.read_units / each, round_trips / each)
}

fn must(what: &str, is: &str, should: &str) -> Result<()> {
    if is == should { Ok(()) } else { Err(format!("{what}: {is}, not {should}").into()) }
}

async fn joined(world: &World, count: u64) -> Result<Vec<Fan>> {
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

/// The next fan's join. Whoever joined just before has left the queue's state in the function's memory.
async fn one_join(world: &World, name: &str, status: &str) -> Result<Cost> {
    let mut fan = world.fan(name).await;
    world.engine.reset_meter();
    let reply = world.join(&mut fan).await;
    must("join", reply.text("status"), status)?;
    Ok(used(world, 1))
}

/// As many polls as a busy function answers in a second.
async fn polls(world: &World, fan: &Fan) -> Result<Cost> {
    world.wait(5);
    world.engine.reset_meter();
    for _ in 0..POLLS {
        poll(world, fan, "WAITING").await?;
        world.clock.advance_ms(1);
    }
    Ok(used(world, POLLS))
}

async fn line() -> Result<Vec<Row>> {
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
    let [far, front] = [polls(&world, &waiting[3]).await?, polls(&world, &waiting[0]).await?];
    for fan in &fans {
        world.delete(&format!("/api/v1/tokens/{}", fan.user_id), &fan.queue).await;
    }
    // The promotion happens in another function; another fan's poll brings its state into this one's memory.
    let elsewhere = world.environment(&[]).await?;
    elsewhere.store.promote(&QueueId::main()).await?;
    world.wait(1);
    poll(&world, &waiting[1], "ACTIVE").await?;
    world.engine.reset_meter();
    poll(&world, &waiting[0], "ACTIVE").await?;
    let claim = used(&world, 1);
    let poll_budget = cost(0.0, 0.01, 0.01);
    Ok(vec![
        Row { step: "join", budget: cost(2.0, 1.0, 3.0), measured: join },
        // Walking in adds one of each, and the join claims the place at once: one write, one round trip.
        Row { step: "join, walking in, and claim", budget: cost(4.0, 2.0, 5.0), measured: walk_in },
        Row { step: "poll while waiting (of 1,000)", budget: poll_budget, measured: far },
        Row { step: "poll while waiting at position 1 (of 1,000)", budget: poll_budget, measured: front },
        Row { step: "claim", budget: cost(1.0, 0.0, 1.0), measured: claim },
    ])
}

/// What limits add to an act, beside what it costs without any.
async fn limits() -> Result<Vec<Row>> {
    let limited = [
        ("SIGN_UPS_PER_ADDRESS", "2"),
        ("LOGINS_PER_ADDRESS", "2"),
        ("LOGINS_PER_USERNAME", "2"),
        ("JOINS_PER_ADDRESS", "2"),
        ("JOINS_PER_FAN", "2"),
    ];
    let account = json!({ "username": "ann", "password": "correct horse" });
    let mut acts = Vec::new();
    for limits in [&[][..], &limited[..]] {
        let world = World::with(limits).await?;
        joined(&world, 1).await?;
        let newcomer = world.fan("newcomer").await;
        let post = |path: &str| Request::new("POST", path).from_address(Some("192.0.2.1")).json(&account);
        let join = Request::new("POST", "/api/v1/tokens").from_address(Some("192.0.2.1")).token(&newcomer.access);
        let mut costs = Vec::new();
        for (request, expected) in
            [(post("/api/v1/users"), "201"), (post("/api/v1/users/login"), "200"), (join.json(&json!({})), "201")]
        {
            world.engine.reset_meter();
            must("limited act", &world.send(request).await.outcome(), expected)?;
            costs.push(used(&world, 1));
        }
        acts.push(costs);
    }
    let added = |act: usize| {
        let (without, with): (&Cost, &Cost) = (&acts[0][act], &acts[1][act]);
        let round_trips = with.round_trips - without.round_trips;
        cost(with.write_units - without.write_units, with.read_units - without.read_units, round_trips)
    };
    Ok(vec![
        Row { step: "limits of a sign-up, beside it", budget: cost(1.0, 0.0, 1.0), measured: added(0) },
        Row { step: "limits of a login, beside it", budget: cost(2.0, 0.0, 1.0), measured: added(1) },
        // They are counted while the ticket is read.
        Row { step: "limits of a join, beside it", budget: cost(2.0, 0.0, 0.0), measured: added(2) },
    ])
}

async fn purchase() -> Result<Vec<Row>> {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let (warm, fan) = (world.buyer("warm", 0).await, world.buyer("fan", 500_000).await);
    // The concert is in the function's memory, and some of its seats are held.
    must("hold", &world.hold(&warm, &concert, &[1, 2, 3], None).await.outcome(), "201")?;
    let mut rows = Vec::new();
    world.engine.reset_meter();
    let seats = world.get(&format!("/api/v1/reservations/{concert}/seats"), &fan.queue).await;
    rows.push(Row { step: "seat map of 50", budget: cost(0.0, 3.0, 1.0), measured: used(&world, 1) });
    must("seat map", &seats.body.as_array().map_or(0, Vec::len).to_string(), "50")?;
    let mut held = Vec::new();
    for (step, key, writes, seat) in
        [("hold, one seat", None, 6.0, 11), ("hold, one seat, with a key", Some("h"), 8.0, 12)]
    {
        world.engine.reset_meter();
        let reply = world.hold(&fan, &concert, &[seat], key).await;
        rows.push(Row { step, budget: cost(writes, 0.0, 1.0), measured: used(&world, 1) });
        must(step, &reply.outcome(), "201")?;
        held.push(reply.text("reservationId").to_owned());
    }
    for (step, key, writes) in [("recharge", None, 4.0), ("recharge, with a key", Some("r"), 6.0)] {
        world.engine.reset_meter();
        let reply = world.recharge(&fan, 1_000, key).await;
        rows.push(Row { step, budget: cost(writes, 1.0, 2.0), measured: used(&world, 1) });
        must(step, &reply.outcome(), "200")?;
    }
    for (step, key, writes, reservation) in
        [("pay, one seat", None, 10.0, &held[0]), ("pay, one seat, with a key", Some("p"), 12.0, &held[1])]
    {
        world.engine.reset_meter();
        let reply = world.pay(&fan, reservation, 50_000, key).await;
        rows.push(Row { step, budget: cost(writes, 3.0, 2.0), measured: used(&world, 1) });
        must(step, &reply.outcome(), "200")?;
    }
    Ok(rows)
}

/// One tick that lets in [`PROMOTED`] fans, with the sessions that it has to read for it.
async fn one_promotion(world: &World) -> Result<(Cost, f64)> {
    let floor = |item: &serde_json::Value| item["pk"] == "QUEUE#main";
    let items = world.engine.items("Queues");
    let floor = items.iter().find(|item| floor(item)).and_then(|state| state["floor"].as_u64()).unwrap_or_default();
    let above = |item: &&serde_json::Value| {
        item["pk"].as_str().is_some_and(|pk| pk.starts_with("SESSION#")) && item["place"].as_u64() >= Some(floor)
    };
    let sessions = items.iter().filter(above).count() as f64;
    world.engine.reset_meter();
    let let_in = world.tick().await;
    must("promotion", &let_in.to_string(), &PROMOTED.to_string())?;
    Ok((used(world, 1), sessions))
}

async fn promotion() -> Result<Vec<Row>> {
    let world = World::new().await?;
    world.set_capacity(PROMOTED).await;
    let fans = joined(&world, 3 * PROMOTED).await?;
    let path = |fan: &Fan| format!("/api/v1/tokens/{}", fan.user_id);
    let (first, rest) = fans.split_at(PROMOTED as usize);
    for fan in first {
        must("leave", &world.delete(&path(fan), &fan.queue).await.outcome(), "204")?;
    }
    let (clean, clean_sessions) = one_promotion(&world).await?;
    // Of the second hundred some never show up, as many stay until their time is over, all others leave.
    let second = &rest[..PROMOTED as usize];
    let (no_shows, others) = second.split_at((RECLAIMED / 2) as usize);
    let (stay, leave) = others.split_at((RECLAIMED - RECLAIMED / 2) as usize);
    must("no-shows", &no_shows.len().to_string(), "10")?;
    for fan in stay {
        poll(&world, fan, "ACTIVE").await?;
    }
    for fan in leave {
        let left = world.delete(&path(fan), &fan.queue).await;
        must("leave", &left.outcome(), "204")?;
    }
    world.wait(603);
    let (fencing, fencing_sessions) = one_promotion(&world).await?;
    Ok(vec![
        Row { step: "promote 100 fans, 0 reclaimed", budget: cost(1.0, clean_sessions, 2.0), measured: clean },
        // The fences are one more round trip: no slot may be used again before its owner is out.
        Row {
            step: "promote 100 fans, 20 reclaimed",
            budget: cost(1.0 + RECLAIMED as f64, fencing_sessions, 3.0),
            measured: fencing,
        },
    ])
}
