//! A sold-out hall of the largest kind, over which `reconcile` goes once.

use super::{Figure, typed};
use crate::{World, functions, halls};
use serde_json::{Value, json};
use shared::domain::{
    id::ConcertId,
    layout::{Chunk, Layout, SEATS_PER_CHUNK},
};
use std::{error::Error, time::Instant};
use uuid::Uuid;

/// Seats of one purchase.
const SEATS: u32 = 2;
const PRICE: u32 = 90_000;
/// Items of one request.
const BATCH: usize = 25;
const MAX_RUNS: u32 = 1_000;

/// Measures a whole round over 100,000 sold seats, two to a fan.
pub(super) async fn round() -> Result<Figure, Box<dyn Error>> {
    let world = World::without_streams(&[]).await?;
    let concert = halls::largest(&world).await;
    let (mut fans, mut concerts) = (Vec::new(), Vec::new());
    for first in (1..=Layout::MAX_SEATS).step_by(SEATS as usize) {
        buy(&concert, first, &mut fans, &mut concerts);
    }
    put_all(&world, "Fans", &fans);
    put_all(&world, "Concerts", &concerts);
    for chunk in 0..Layout::MAX_SEATS.div_ceil(SEATS_PER_CHUNK) {
        world.app.store.recount(ConcertId(concert.parse()?), Chunk(chunk)).await?;
    }
    world.wait(61);
    world.engine.reset_meter();
    let mut longest_millis = 0;
    for runs in 1..=MAX_RUNS {
        let began = Instant::now();
        let run = functions::reconcile(&world.app, serde_json::from_value(json!({}))?).await;
        let run = run.map_err(|error| error.to_string())?;
        longest_millis = longest_millis.max(began.elapsed().as_millis());
        assert!(run.found.is_empty() && run.waiting == 0, "{run:?}");
        if run.round_over {
            let used = world.engine.meter();
            let (read_units, write_units) = (used.read_units, used.write_units);
            let what = "100,000 seats sold: one round of reconcile";
            return Ok(Figure { what, runs, read_units, write_units, requests: used.requests, longest_millis });
        }
        world.wait(60);
    }
    Err("the round does not end".into())
}

/// What the sign-up, the recharge, the hold and the payment of a fan leave.
fn buy(concert: &str, first: u32, fans: &mut Vec<Value>, concerts: &mut Vec<Value>) {
    let (fan, reservation) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let (pk, name, amount) = (format!("FAN#{fan}"), format!("a-fan-of-seat-{first}"), PRICE * SEATS);
    let hash = "x".repeat(97);
    fans.push(item(&pk, "PROFILE", &json!({ "userId": fan, "username": name, "passwordHash": hash, "role": "fan" })));
    fans.push(item(&format!("NAME#{name}"), "NAME", &json!({ "userId": fan })));
    let charge = json!({ "sequence": 1, "type": "CHARGE", "amount": amount, "balanceAfter": amount, "at": 1_780_272_000_000_u64 });
    fans.push(item(&pk, &format!("LEDGER#{:016}", 1), &charge));
    let payment = json!({
        "sequence": 2, "type": "PAYMENT", "amount": amount, "balanceAfter": 0, "at": 1_780_272_000_000_u64,
        "reservationId": reservation,
    });
    fans.push(item(&pk, &format!("LEDGER#{:016}", 2), &payment));
    let paid = json!({
        "reservationId": reservation, "userId": fan, "concertId": concert, "seatNumbers": [first, first + 1],
        "status": "CONFIRMED", "amount": amount, "reservedAt": 1_780_272_000_000_u64,
        "expiresAt": 1_780_272_300_000_u64, "paidAt": 1_780_272_000_000_u64, "sessionOver": true, "paymentEntry": 2,
        "queueId": "main", "place": first, "attempts": [],
    });
    fans.push(item(&pk, &format!("RES#{reservation}"), &paid));
    for seat in first..first + SEATS {
        let chunk = (seat - 1) / SEATS_PER_CHUNK;
        let sold = json!({
            "concertId": concert, "seatNumber": seat, "status": "SOLD", "userId": fan, "reservationId": reservation,
            "price": PRICE,
        });
        concerts.push(item(&format!("CONCERT#{concert}#{chunk}"), &format!("SEAT#{seat:06}"), &sold));
    }
}

fn item(pk: &str, sk: &str, attributes: &Value) -> Value {
    let mut item = attributes.clone();
    (item["pk"], item["sk"]) = (json!(pk), json!(sk));
    typed(&item)["M"].clone()
}

fn put_all(world: &World, table: &str, items: &[Value]) {
    for batch in items.chunks(BATCH) {
        let puts: Vec<Value> = batch.iter().map(|item| json!({ "PutRequest": { "Item": item } })).collect();
        let answer = world.engine.execute("BatchWriteItem", json!({ "RequestItems": { table: puts } }));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}
