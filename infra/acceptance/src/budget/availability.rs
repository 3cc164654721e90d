//! What the availability of a concert costs its readers, and what a recount costs that it is made of.

use super::{Result, Row, cost, must, used};
use crate::{Request, World, halls};
use shared::domain::{
    id::ConcertId,
    layout::{Chunk, Layout, SEATS_PER_CHUNK, SeatNumber},
};

/// Measures every step.
pub(super) async fn measure() -> Result<Vec<Row>> {
    let world = World::without_streams(&halls::ROOMY).await?;
    let small = world.concert(&world.admin().await).await;
    let mut rows = vec![read(&world, &small, "availability of 50, first read", (1.5, 2.0)).await?];
    rows.push(read(&world, &small, "the same again within a second", (0.0, 0.0)).await?);
    world.wait(1);
    rows.push(read(&world, &small, "the same after a second", (1.0, 1.0)).await?);

    let mut world = World::without_streams(&halls::ROOMY).await?;
    let large = halls::largest(&world).await;
    halls::held_everywhere(&world, &large).await;
    let (id, last) = (ConcertId(large.parse()?), SeatNumber::new(Layout::MAX_SEATS).ok_or("a seat")?.chunk());
    for chunk in 0..=last.0 {
        world.app.store.recount(id, Chunk(chunk)).await?;
    }
    world.start_cold(&halls::ROOMY).await?;
    rows.push(read(&world, &large, "availability of 100,000, first read", (10.0, 2.0)).await?);
    world.wait(1);
    rows.push(read(&world, &large, "the same after a second", (10.0, 1.0)).await?);

    let fan = world.buyer("ann", 0).await;
    must("hold", &world.hold(&fan, &large, &[Layout::MAX_SEATS], None).await.outcome(), "201")?;
    world.engine.reset_meter();
    let held = world.hold(&fan, &large, &[2], None).await;
    rows.push(Row { step: "hold, one seat of 100,000", budget: cost(6.0, 0.0, 1.0), measured: used(&world, 1) });
    must("hold", &held.outcome(), "201")?;
    rows.push(full_chunk().await?);
    Ok(rows)
}

/// A read of the availability; `most` is what it may use of read units and of round trips.
async fn read(world: &World, concert: &str, step: &'static str, most: (f64, f64)) -> Result<Row> {
    world.engine.reset_meter();
    let reply = world.send(Request::new("GET", format!("/api/v1/concerts/{concert}/availability"))).await;
    must(step, &reply.outcome(), "200")?;
    Ok(Row { step, budget: cost(0.0, most.0, most.1), measured: used(world, 1) })
}

/// A recount of a chunk in which every seat is held, behind a change that puts no due item.
async fn full_chunk() -> Result<Row> {
    let world = World::without_streams(&halls::ROOMY).await?;
    let concert = halls::largest(&world).await;
    halls::hold_all(&world, &concert, 1..=SEATS_PER_CHUNK).await;
    let id = ConcertId(concert.parse()?);
    world.app.store.recount(id, Chunk(0)).await?;
    world.engine.reset_meter();
    world.app.store.recount(id, Chunk(0)).await?;
    Ok(Row { step: "count of a chunk of 256 held seats", budget: cost(1.0, 17.0, 3.0), measured: used(&world, 1) })
}
