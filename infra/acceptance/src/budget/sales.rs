//! Sales as a deployment runs them, with streams, ticks, timers and schedules, and what they use.

use super::{Result, Usage, must};
use crate::{Background, Fan, Request, World, functions};
use engine::Clock;
use futures_util::future::try_join_all;
use serde_json::json;

/// Seats of a concert.
pub(super) const SEATS: usize = 50;
/// Fans of a rush.
pub(super) const RUSH: usize = 400;
/// Environments that answer a rush. Each answers one request at a time, as Lambda has it.
const ENVIRONMENTS: usize = 20;
/// The price of a seat.
const PRICE: u64 = 50_000;
/// How long a sale runs before it is measured, in seconds: until all that its first purchase set off is done.
const WARM_UP: usize = 720;
/// How long a sale is measured, in seconds: until the session of every fan is over, and a tick has noticed.
const MEASURED: usize = 1_000;

/// How far a fan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visit {
    /// Does nothing.
    StaysAway,
    /// Walks in, and lets the session end.
    Joins,
    /// Walks in, and lets a hold expire and the session end.
    LetsHoldExpire,
    /// Walks in, cancels a hold, and lets the session end.
    CancelsHold,
    /// Walks in, holds a seat and pays, which ends the session.
    Buys,
    /// Buys, and takes the money back a minute later.
    BuysAndReturns,
}

/// A deployment with a concert on sale.
struct Sale {
    world: World,
    background: Background,
    concert: String,
}

/// A fan with a seat in mind.
struct Visitor {
    fan: Fan,
    seat: u32,
    reservation: String,
    payment: String,
}

impl Sale {
    /// A sale whose functions are warm and whose queue sleeps.
    async fn new(capacity: usize) -> Result<Self> {
        let world = World::with(&[("QUEUE_CAPACITY", &capacity.to_string())]).await?;
        world.set_capacity(capacity as u64).await;
        let concert = world.concert(&world.admin().await).await;
        Ok(Sale { world, background: Background::default(), concert })
    }

    async fn visitor(&self, name: &str, seat: u32) -> Result<Visitor> {
        let fan = self.world.fan(name).await;
        must("recharge", &self.world.recharge(&fan, PRICE, None).await.outcome(), "200")?;
        Ok(Visitor { fan, seat, reservation: String::new(), payment: String::new() })
    }

    /// Lets a second pass, with the schedules at the beginning of a minute.
    async fn second(&mut self) -> Result<()> {
        let app = &self.world.app;
        if self.world.clock.now_ms().is_multiple_of(60_000) {
            let schedule = json!({ "source": "aws.events" });
            let ticked = functions::promote_tokens(app, serde_json::from_value(schedule.clone())?).await;
            ticked.map_err(|error| error.to_string())?;
            let swept = functions::sweep_holds(app, serde_json::from_value(schedule)?).await;
            swept.map_err(|error| error.to_string())?;
        }
        self.background.second(&self.world).await?;
        Ok(())
    }

    /// What was used since the meter was reset, when `batches` of messages had been delivered.
    fn used(&self, batches: u64) -> Usage {
        let meter = self.world.engine.meter();
        Usage {
            write_units: meter.write_units + meter.refused_write_units,
            read_units: meter.read_units,
            dynamodb_requests: (meter.requests - meter.sqs_requests) as f64,
            sqs_requests: (meter.sqs_requests + 2 * (self.background.batches() - batches)) as f64,
        }
    }

    /// Does what a fan does in this second of a visit.
    async fn act(&self, visit: Visit, visitor: &mut Visitor, second: usize) -> Result<()> {
        use Visit::{Buys, BuysAndReturns, CancelsHold, Joins, StaysAway};
        let Visitor { fan, seat, reservation, payment } = visitor;
        let world = &self.world;
        match (second, visit) {
            (_, StaysAway) => Ok(()),
            (0, _) => must("join", world.join(fan).await.text("status"), "ACTIVE"),
            (5, visit) if visit != Joins => {
                let held = world.hold(fan, &self.concert, &[*seat], None).await;
                held.text("reservationId").clone_into(reservation);
                must("hold", &held.outcome(), "201")
            }
            (25, CancelsHold) => {
                let path = format!("/api/v1/reservations/{reservation}");
                must("cancel", &world.delete(&path, &fan.access).await.outcome(), "204")
            }
            (25, Buys | BuysAndReturns) => {
                let paid = world.pay(fan, reservation, PRICE, None).await;
                paid.text("paymentId").clone_into(payment);
                must("pay", &paid.outcome(), "200")
            }
            (85, BuysAndReturns) => {
                let refund = Request::new("POST", format!("/api/v1/payments/{payment}/cancel")).token(&fan.access);
                must("refund", &world.send(refund.json(&json!({}))).await.outcome(), "200")
            }
            _ => Ok(()),
        }
    }

    /// Checks that nothing is left to do.
    fn must_be_quiet(&self) -> Result<()> {
        let items = ["Concerts", "Queues"].into_iter().flat_map(|table| self.world.engine.items(table));
        let partitions = items.filter_map(|item| item["pk"].as_str().map(str::to_owned));
        let left: Vec<_> = partitions.filter(|pk| pk.starts_with("DUE#") || pk.starts_with("ALARM#")).collect();
        must("what is left to do", &left.join(" "), "")?;
        must("the messages are delivered", &self.background.is_idle().to_string(), "true")
    }
}

/// Measures a sale in which a fan begins a visit each second, until nothing is left to do.
pub(super) async fn visits(visit: Visit, fans: usize) -> Result<Usage> {
    let mut sale = Sale::new(2 * fans).await?;
    // One seat is sold before, so that the functions know the concert and the items that all purchases share exist.
    let mut first = sale.visitor("first", SEATS as u32).await?;
    let mut visitors = Vec::new();
    for seat in 1..=fans {
        visitors.push(sale.visitor(&format!("fan-{seat}"), seat as u32).await?);
    }
    for second in 0..WARM_UP {
        sale.act(Visit::Buys, &mut first, second).await?;
        sale.second().await?;
    }
    sale.must_be_quiet()?;
    sale.world.engine.reset_meter();
    let batches = sale.background.batches();
    for second in 0..MEASURED {
        for (begins, visitor) in visitors.iter_mut().enumerate().take(second + 1) {
            sale.act(visit, visitor, second - begins).await?;
        }
        sale.second().await?;
    }
    sale.must_be_quiet()?;
    Ok(sale.used(batches))
}

/// Measures the second in which the first `holding` of [`RUSH`] fans hold a seat each, at once: as many fans win as
/// there are seats, all others lose.
pub(super) async fn rush(holding: usize) -> Result<Usage> {
    let mut sale = Sale::new(RUSH).await?;
    let mut fans = Vec::new();
    for number in 0..RUSH {
        fans.push(sale.world.buyer(&format!("fan-{number}"), 0).await);
    }
    for _ in 0..10 {
        sale.second().await?;
    }
    sale.world.engine.reset_meter();
    let batches = sale.background.batches();
    let outcomes = try_join_all((0..ENVIRONMENTS).map(|number| hold_in_turn(&sale, &fans[..holding], number))).await?;
    let won = outcomes.iter().flatten().filter(|outcome| *outcome == "201").count();
    let lost = outcomes.iter().flatten().filter(|outcome| *outcome == "409 seat_unavailable").count();
    must("won and lost", &format!("{won} {lost}"), &format!("{SEATS} {}", holding - SEATS))?;
    for _ in 0..10 {
        sale.second().await?;
    }
    Ok(sale.used(batches))
}

/// Lets an environment answer every twentieth fan, each of whom wants one seat; returns the outcomes.
async fn hold_in_turn(sale: &Sale, fans: &[Fan], environment: usize) -> Result<Vec<String>> {
    let app = sale.world.environment(&[]).await?;
    let mut outcomes = Vec::new();
    for (number, fan) in fans.iter().enumerate().skip(environment).step_by(ENVIRONMENTS) {
        let order = json!({ "concertId": sale.concert, "seatNumbers": [number % SEATS + 1] });
        let hold = Request::new("POST", "/api/v1/reservations").token(&fan.queue).json(&order);
        outcomes.push(sale.world.send_to(&app, hold).await.outcome());
    }
    Ok(outcomes)
}
