//! Dead places ahead of one living fan.

use super::{Figure, Pile};
use crate::World;
use shared::domain::{
    id::{QueueId, TicketId, UserId},
    session::EndReason,
    ticket::{Place, Spot},
};
use std::{error::Error, time::Instant};

const MANY: u64 = 50_000;
const SOME: u64 = 5_000;
const MAX_TICKS: u32 = 20;

/// Measures every pile.
pub(super) async fn measure(print: impl Fn(Figure)) -> Result<(), Box<dyn Error>> {
    print(surveyed("10,000 inside, one of them over").await?);
    print(passed("50,000 whose waiting time is over", &[(MANY, Pile::Drawn)], true).await?);
    print(passed("50,000 who left", &[(MANY, Pile::Left)], false).await?);
    let mixed = [(SOME, Pile::Left), (SOME, Pile::Drawn)];
    print(passed("5,000 who left, 5,000 whose time is over", &mixed, true).await?);
    Ok(())
}

/// Piles up dead places in a queue of capacity 0, then measures the ticks until a slot goes to the living fan behind.
async fn passed(what: &'static str, piles: &[(u64, Pile)], old: bool) -> Result<Figure, Box<dyn Error>> {
    let world = World::without_streams(&[("QUEUE_CAPACITY", "0"), ("WAITING_SECONDS", "600")]).await?;
    world.app.store.configure_queue(&QueueId::main(), |_| {}).await?;
    for (count, pile) in piles {
        world.pile_up(*count, *pile);
    }
    // The sample records that all of them were drawn by now; without it no tick passes them by time.
    world.wait(11);
    if old {
        sample(&world).await?;
        world.wait(700);
    }
    until_admitted(&world, what, 1).await
}

/// Ticks until one writes a sample, which records the last place that is drawn by now.
async fn sample(world: &World) -> Result<(), Box<dyn Error>> {
    let before = world.app.store.queue_snapshot(&QueueId::main()).await?.state.sampled;
    for _ in 0..MAX_TICKS {
        world.tick().await;
        if world.app.store.queue_snapshot(&QueueId::main()).await?.state.sampled > before {
            return Ok(());
        }
    }
    Err("no sample".into())
}

async fn surveyed(what: &'static str) -> Result<Figure, Box<dyn Error>> {
    let world = World::without_streams(&[("QUEUE_CAPACITY", "10000")]).await?;
    world.app.store.configure_queue(&QueueId::main(), |_| {}).await?;
    world.pile_up(10_000, Pile::Inside);
    let over = UserId(uuid::Uuid::from_u128(77));
    let mut fan = world.fan("living").await;
    world.join(&mut fan).await;
    let gone = TicketId(uuid::Uuid::from_u128(77));
    world.app.store.leave(&QueueId::main(), over, gone, Spot::Place(Place::new(77)), EndReason::Left).await?;
    ticks(&world, what, 10_001).await
}

async fn until_admitted(world: &World, what: &'static str, capacity: u64) -> Result<Figure, Box<dyn Error>> {
    let mut fan = world.fan("living").await;
    world.join(&mut fan).await;
    world.set_capacity(capacity).await;
    let last = world.app.store.queue_snapshot(&QueueId::main()).await?.last_place;
    ticks(world, what, last.get()).await
}

/// Ticks until `served` is `place`; returns what the ticks took.
async fn ticks(world: &World, what: &'static str, place: u64) -> Result<Figure, Box<dyn Error>> {
    world.engine.reset_meter();
    let mut longest_millis = 0;
    for runs in 1..=MAX_TICKS {
        let began = Instant::now();
        world.tick().await;
        longest_millis = longest_millis.max(began.elapsed().as_millis());
        let used = world.engine.meter();
        let state = world.app.store.queue_snapshot(&QueueId::main()).await?.state;
        if state.served.get() == place {
            let (read_units, write_units) = (used.read_units, used.write_units + used.refused_write_units);
            return Ok(Figure { what, runs, read_units, write_units, requests: used.requests, longest_millis });
        }
    }
    Err(format!("{what}: nobody is admitted").into())
}
