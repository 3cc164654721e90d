//! What becomes of a hold: its timer, its expiry with all that comes behind it, and holds that lose.

use super::{Result, Row, cost, must, used};
use crate::{Fan, World, feed_stream, functions};
use serde_json::{Value, json};

/// The length of a hold, in seconds.
const HOLD: u64 = 300;

/// Measures every step.
pub(super) async fn measure() -> Result<Vec<Row>> {
    let mut rows = hot_holds().await?;
    rows.extend([settled_timer().await?, expired_hold().await?]);
    Ok(rows)
}

/// A world with a concert that its function has in memory, and a fan who is inside.
async fn sale() -> Result<(World, String, Fan)> {
    let world = World::new().await?;
    let concert = world.concert(&world.admin().await).await;
    let fan = world.buyer("fan", 50_000).await;
    must("hold", &world.hold(&fan, &concert, &[51], None).await.outcome(), "404 seat_not_found")?;
    Ok((world, concert, fan))
}

/// Delivers the timers that were sent, and returns how many there were.
async fn deliver_timers(world: &World) -> Result<usize> {
    let timers = world.engine.take_messages(&world.app.config.timers_queue_url);
    let record = |body: &str| json!({ "messageId": "timer", "body": body, "attributes": {}, "messageAttributes": {} });
    let records: Vec<Value> = timers.iter().map(|timer| record(&timer.body)).collect();
    let event = serde_json::from_value(json!({ "Records": records }))?;
    let answer = functions::expire_holds(&world.app, event).await.map_err(|error| error.to_string())?;
    must("failed timers", &answer.batch_item_failures.len().to_string(), "0")?;
    Ok(timers.len())
}

/// Holds of a concert of which a seat was just refused.
async fn hot_holds() -> Result<Vec<Row>> {
    let (world, concert, winner) = sale().await?;
    let fan = world.buyer("another", 0).await;
    must("hold", &world.hold(&winner, &concert, &[1], None).await.outcome(), "201")?;
    must("hold", &world.hold(&fan, &concert, &[1], None).await.outcome(), "409 seat_unavailable")?;
    let mut rows = Vec::new();
    for (step, key, seat, budget, outcome) in [
        ("hold where a seat was just refused", None, 2, cost(6.0, 2.0, 2.0), "201"),
        ("the same, with a key", Some("a"), 3, cost(8.0, 3.0, 2.0), "201"),
        ("hold that loses there", None, 1, cost(0.0, 2.0, 1.0), "409 seat_unavailable"),
        ("the same, with a key", Some("b"), 1, cost(0.0, 3.0, 1.0), "409 seat_unavailable"),
    ] {
        world.engine.reset_meter();
        let reply = world.hold(&fan, &concert, &[seat], key).await;
        rows.push(Row { step, budget, measured: used(&world, 1) });
        must(step, &reply.outcome(), outcome)?;
    }
    Ok(rows)
}

/// The timer of a hold that was paid long before, as nearly every timer's was.
async fn settled_timer() -> Result<Row> {
    let (world, concert, fan) = sale().await?;
    let held = world.hold(&fan, &concert, &[1], None).await;
    must("pay", &world.pay(&fan, held.text("reservationId"), 50_000, None).await.outcome(), "200")?;
    feed_stream(&world, &world.app).await?;
    world.wait(HOLD);
    world.engine.reset_meter();
    must("timers", &deliver_timers(&world).await?.to_string(), "1")?;
    Ok(Row { step: "timer of a settled reservation", budget: cost(0.0, 1.0, 1.0), measured: used(&world, 1) })
}

/// A hold of one seat that nobody pays: the hold, its counts, its timer, and what these bring about.
async fn expired_hold() -> Result<Row> {
    let (world, concert, fan) = sale().await?;
    feed_stream(&world, &world.app).await?;
    world.engine.reset_meter();
    must("hold", &world.hold(&fan, &concert, &[1], None).await.outcome(), "201")?;
    feed_stream(&world, &world.app).await?;
    world.wait(HOLD);
    while deliver_timers(&world).await? > 0 {
        feed_stream(&world, &world.app).await?;
    }
    Ok(Row { step: "expired hold, with what comes behind", budget: cost(11.0, 5.5, 15.0), measured: used(&world, 1) })
}
