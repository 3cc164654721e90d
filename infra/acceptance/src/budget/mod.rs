//! The budget tables of infra/docs/ARCHITECTURE.md, measured: what each step of a purchase costs in a warm function, and
//! what acts cost with all that comes behind them.

mod availability;
mod bill;
mod dates;
mod holds;
mod queues;
mod sales;
pub mod totals;

pub use bill::{Prices, Usage};

use crate::{Request, World};
use queues::joined;
use serde_json::json;
use std::{error::Error, fmt};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What a step uses: DynamoDB's write and read request units, and network round trips.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Write request units, those of refused writes included.
    pub write_units: f64,
    /// Read request units.
    pub read_units: f64,
    /// Round trips; overlapping requests count as one.
    pub round_trips: f64,
}

/// A step with what it may use and what it used.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The step.
    pub step: &'static str,
    /// The most that the step may use.
    pub budget: Cost,
    /// What was measured.
    pub measured: Cost,
}

impl Row {
    /// Whether no part of the measured cost exceeds the budget.
    pub fn is_kept(&self) -> bool {
        let (used, allowed) = (self.measured, self.budget);
        used.write_units <= allowed.write_units
            && used.read_units <= allowed.read_units
            && used.round_trips <= allowed.round_trips
    }
}

impl fmt::Display for Row {
    /// Writes a row of the table; its cells are measured / budget.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { step, budget, measured } = self;
        let report_measurement = |used: f64, allowed: f64| format!("{used} / {allowed}");
        write!(
            f,
            "| {step:<46} | {:>11} | {:>13} | {:>13} | {} |",
            report_measurement(measured.write_units, budget.write_units),
            report_measurement(measured.read_units, budget.read_units),
            report_measurement(measured.round_trips, budget.round_trips),
            if self.is_kept() { "ok      " } else { "EXCEEDED" },
        )
    }
}

/// Formats the table: a heading and a line for each step.
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
/// Where a step does not answer as expected: then its cost means nothing.
pub async fn measure() -> Result<Vec<Row>> {
    let mut rows = queues::measure().await?;
    rows.extend(purchase().await?);
    rows.push(cut_hold().await?);
    rows.extend(holds::measure().await?);
    rows.extend(limits().await?);
    rows.extend(dates::measure().await?);
    rows.extend(availability::measure().await?);
    Ok(rows)
}

/// The average use of one repetition since the meter was reset.
fn used(world: &World, repetitions: u32) -> Cost {
    let meter = world.engine.meter();
    let each = f64::from(repetitions);
    let round_trips = meter.round_trips as f64;
    cost((meter.write_units + meter.refused_write_units) / each, meter.read_units / each, round_trips / each)
}

fn must(what: &str, is: &str, should: &str) -> Result<()> {
    if is == should { Ok(()) } else { Err(format!("{what}: {is}, not {should}").into()) }
}

/// What limits add to the cost of a request: the difference between a world with limits and one without.
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
            must("limited request", &world.send(request).await.outcome(), expected)?;
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
        // Counted while the ticket is read, hence no further round trip.
        Row { step: "limits of a join, beside it", budget: cost(2.0, 0.0, 0.0), measured: added(2) },
    ])
}

/// A hold that is shortened to the end of its session. The first attempt is refused and returns that end; the second is
/// shortened.
async fn cut_hold() -> Result<Row> {
    let world = World::new().await?;
    let concert = world.concert(&world.admin().await).await;
    let fan = world.buyer("fan", 0).await;
    world.wait(599);
    must("hold", &world.hold(&fan, &concert, &[1], None).await.outcome(), "201")?;
    world.wait(100);
    // Loads the concert into the function's memory.
    must("hold", &world.hold(&fan, &concert, &[51], None).await.outcome(), "404 seat_not_found")?;
    world.engine.reset_meter();
    let reply = world.hold(&fan, &concert, &[2], None).await;
    let row = Row { step: "hold that its session's end cuts", budget: cost(12.0, 0.0, 2.0), measured: used(&world, 1) };
    must(row.step, reply.text("expiresAt"), "2026-06-01T00:15:00.000Z")?;
    Ok(row)
}

async fn purchase() -> Result<Vec<Row>> {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let (warm, fan) = (world.buyer("warm", 0).await, world.buyer("fan", 500_000).await);
    // Loads the concert into the function's memory, and holds some of its seats.
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
    for (step, key, writes) in [("recharge", None, 1.0), ("recharge, with a key", Some("r"), 4.0)] {
        world.engine.reset_meter();
        let reply = world.recharge(&fan, 1_000, key).await;
        rows.push(Row { step, budget: cost(writes, 1.0, 2.0), measured: used(&world, 1) });
        must(step, &reply.outcome(), "200")?;
    }
    let mut paid = Vec::new();
    for (step, key, writes, reservation) in
        [("pay, one seat", None, 8.0, &held[0]), ("pay, one seat, with a key", Some("p"), 10.0, &held[1])]
    {
        world.engine.reset_meter();
        let reply = world.pay(&fan, reservation, 50_000, key).await;
        rows.push(Row { step, budget: cost(writes, 3.0, 2.0), measured: used(&world, 1) });
        must(step, &reply.outcome(), "200")?;
        paid.push(format!("/api/v1/payments/{}/cancel", reply.text("paymentId")));
    }
    for (step, key, writes, path) in
        [("refund, one seat", None, 6.0, &paid[0]), ("refund, one seat, with a key", Some("c"), 8.0, &paid[1])]
    {
        let request = key.into_iter().fold(Request::new("POST", path).token(&fan.access), Request::key);
        world.engine.reset_meter();
        let reply = world.send(request.json(&json!({}))).await;
        rows.push(Row { step, budget: cost(writes, 3.0, 2.0), measured: used(&world, 1) });
        must(step, &reply.outcome(), "200")?;
    }
    Ok(rows)
}
