//! A deployment in which nothing happens.

use super::Figure;
use crate::{Request, World, functions};
use serde_json::{Value, json};
use shared::domain::time::Seconds;
use std::{error::Error, time::Instant};
use uuid::Uuid;

const CONCERTS: u32 = 1_000;
const QUEUES: u32 = 10_000;
const MINUTES: u32 = 10;

/// Measures ten minutes of the schedules with a thousand concerts and ten thousand queues at rest.
pub(super) async fn minute() -> Result<Figure, Box<dyn Error>> {
    let world = World::without_streams(&[]).await?;
    let admin = world.admin().await;
    let queue = "q-00000";
    let put = Request::new("PUT", format!("/api/v1/admin/queues/{queue}")).token(&admin.access).json(&json!({}));
    world.send(put).await;
    let concert = world.concert_of(&admin, &json!({ "queueId": queue, "blocks": blocks() })).await;
    // Ticks until the queue sleeps.
    for _ in 0..5 {
        world.wait(30);
        let due: Vec<_> = world.app.store.alarms_due(Seconds(0)).await?.iter().map(|alarm| alarm.alarm).collect();
        functions::tick(&world.app, &queue.parse()?, &due).await.map_err(|failure| failure.to_string())?;
    }
    assert!(world.app.store.alarms_due(Seconds(3_600)).await?.is_empty(), "the queue sleeps");
    copy(&world, "Queues", queue, (1..QUEUES).map(|number| format!("q-{number:05}")));
    copy(&world, "Concerts", &concert, (1..CONCERTS).map(|_| Uuid::new_v4().to_string()));
    let mut longest_millis = 0;
    world.engine.reset_meter();
    for _ in 0..MINUTES {
        let began = Instant::now();
        run_schedules(&world).await?;
        longest_millis = longest_millis.max(began.elapsed().as_millis());
        world.wait(60);
    }
    let used = world.engine.meter();
    Ok(Figure {
        what: "1,000 concerts, 10,000 queues at rest: 10 minutes",
        runs: MINUTES,
        read_units: used.read_units,
        write_units: used.write_units + used.refused_write_units,
        requests: used.requests,
        longest_millis,
    })
}

fn blocks() -> Value {
    json!([{ "section": "A", "from": 1, "to": 20_000, "seatType": "STANDARD", "price": 50_000 }])
}

async fn run_schedules(world: &World) -> Result<(), Box<dyn Error>> {
    let schedule = || json!({ "source": "aws.events" });
    let ticked = functions::promote_tokens(&world.app, serde_json::from_value(schedule())?).await;
    ticked.map_err(|error| error.to_string())?;
    let swept = functions::sweep_holds(&world.app, serde_json::from_value(schedule())?).await;
    swept.map_err(|error| error.to_string())?;
    Ok(())
}

/// Copies a table's items that contain `id`, once for each of the other ids.
fn copy(world: &World, table: &str, id: &str, others: impl Iterator<Item = String>) {
    let execute = |operation, request| {
        let answer = world.engine.execute(operation, request);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    let scanned = execute("Scan", json!({ "TableName": table }));
    let texts: Vec<String> = scanned["Items"].as_array().into_iter().flatten().map(Value::to_string).collect();
    for other in others {
        for text in texts.iter().filter(|text| text.contains(id)) {
            let item: Value = serde_json::from_str(&text.replace(id, &other)).expect("JSON");
            execute("PutItem", json!({ "TableName": table, "Item": item }));
        }
    }
}
