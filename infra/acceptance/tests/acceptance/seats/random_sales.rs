//! Fans, timers, sweeps, TTL, clocks and faults in any order, on several environments at once: the invariants hold
//! after every step, and at the end every acknowledged write is there.

use crate::support::purchases::{Outcome, cancel, expire, feed_stream, hold, items, pay, recharge, sale, take_timers};
use acceptance::{Fan, Reply, World, functions};
use engine::Fault;
use futures_util::future::{BoxFuture, join_all};
use serde_json::json;
use shared::app::App;
use std::{collections::BTreeMap, sync::Mutex};

const FANS: usize = 6;
const SEATS: u64 = 10;
const STEPS: u64 = 40;
/// The number of seeds, unless `STAGEDOOR_SEEDS` gives another.
const SEEDS: u64 = 3;

/// Marsaglia's xorshift: a seed reproduces the requests, but not the back-off and the ids.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// The answers that fans got.
#[derive(Default)]
struct Answers {
    /// Reservations with their fan and amount.
    held: Mutex<BTreeMap<String, (usize, u64)>>,
    paid: Mutex<Vec<String>>,
    charged: Mutex<BTreeMap<String, u64>>,
    outcomes: Mutex<BTreeMap<String, u64>>,
}

impl Answers {
    fn note(&self, reply: &Reply) {
        *self.outcomes.lock().expect("no panic").entry(reply.outcome()).or_default() += 1;
        let known = ["200", "201", "204"].contains(&reply.outcome().as_str()) || reply.body["code"].is_string();
        assert!(known && reply.status != 500, "{}", reply.body);
    }
}

fn faults(world: &World, mut dice: Dice, per_mille: u64) {
    world.engine.set_faults(move |_| match (dice.below(1_000) < per_mille, dice.below(5)) {
        (false, _) => Fault::None,
        (true, 0) => Fault::LostRequest,
        (true, 1) => Fault::LostAnswer,
        (true, 2) => Fault::Throttled,
        (true, 3) => Fault::TransactionConflict { action: dice.below(5) as usize },
        (true, _) => Fault::InternalError,
    });
}

/// Yields to the scheduler up to five times, then performs one random action.
async fn act(world: &World, app: &App, fans: &[Fan], concert: &str, answers: &Answers, mut dice: Dice) {
    for _ in 0..dice.below(6) {
        tokio::task::yield_now().await;
    }
    let who = dice.below(FANS as u64) as usize;
    let fan = &fans[who];
    let key = format!("key-{}", dice.below(40));
    let key = (dice.below(2) == 0).then_some(key.as_str());
    let some_hold = |dice: &mut Dice, own: bool| {
        let held = answers.held.lock().expect("no panic");
        let mine: Vec<(String, u64)> = held
            .iter()
            .filter(|(_, (fan, _))| !own || *fan == who)
            .map(|(id, (_, amount))| (id.clone(), *amount))
            .collect();
        (!mine.is_empty()).then(|| mine[dice.below(mine.len() as u64) as usize].clone())
    };
    match dice.below(20) {
        0..7 => {
            let mut seats: Vec<u32> = (0..=dice.below(3)).map(|_| dice.below(SEATS) as u32 + 1).collect();
            seats.sort_unstable();
            seats.dedup();
            let reply = world.send_to(app, hold(fan, concert, &seats, key)).await;
            answers.note(&reply);
            if reply.status == 201 {
                let amount = reply.body["amount"].as_u64().unwrap_or_default();
                answers.held.lock().expect("no panic").insert(reply.text("reservationId").to_owned(), (who, amount));
            }
        }
        7..12 => {
            if let Some((id, amount)) = some_hold(&mut dice, true) {
                let reply = world.send_to(app, pay(fan, &id, amount, key)).await;
                answers.note(&reply);
                if reply.status == 200 {
                    answers.paid.lock().expect("no panic").push(reply.text("reservationId").to_owned());
                }
            }
        }
        // Fan 0 also tries to cancel the holds of others.
        12..14 => {
            if let Some((id, _)) = some_hold(&mut dice, who != 0) {
                answers.note(&world.send_to(app, cancel(fan, &id)).await);
            }
        }
        14..16 => {
            let (amount, once) = (dice.below(3) * 50_000 + 1, format!("charge-{}", dice.below(1_000_000)));
            let reply = world.send_to(app, recharge(fan, amount, Some(&once))).await;
            answers.note(&reply);
            if reply.status == 200 {
                answers.charged.lock().expect("no panic").insert(format!("{who} {once}"), amount);
            }
        }
        16 => answers.note(&world.delete(&format!("/api/v1/tokens/{}", fan.user_id), &fan.queue).await),
        17 => world.clock.advance_ms(dice.below(20_000)),
        18 => {
            let timers: Vec<String> = some_hold(&mut dice, false)
                .map(|(id, _)| json!({ "userId": fan.user_id, "reservationId": id }).to_string())
                .into_iter()
                .collect();
            expire(app, &timers).await.expect("a batch");
        }
        _ => {
            let _ = functions::sweep_holds(app, serde_json::from_value(json!({})).expect("an event")).await;
        }
    }
}

/// What runs between the steps, without faults: streams, timers, TTL, ticks, fans who join again.
async fn tidy(world: &World, app: &App, fans: &mut [Fan], dice: &mut Dice) -> Outcome {
    world.engine.clear_faults();
    if dice.below(2) == 0 {
        feed_stream(world, app).await?;
        expire(app, &take_timers(world)).await?;
    }
    if dice.below(6) == 0 {
        world.wait(dice.below(200));
    }
    if dice.below(8) == 0 {
        world.engine.sweep_ttl();
    }
    world.tick().await;
    for fan in fans {
        // An access token lasts an hour, a run may take longer.
        let role = shared::domain::account::Role::Fan;
        let access = world.app.tokens.sign_access(fan.user_id.parse()?, role, 0, &world.app.context);
        fan.access = access.map_err(|problem| problem.detail)?;
        let joined = world.join(fan).await;
        assert!([200, 201].contains(&joined.status), "{}", joined.body);
    }
    crate::support::invariants::check(world);
    Ok(())
}

async fn run(seed: u64) -> Result<BTreeMap<String, u64>, Box<dyn std::error::Error>> {
    let variables = [("HOLD_SECONDS", "60"), ("ACTIVE_SECONDS", "150"), ("CLAIM_WINDOW_SECONDS", "20")];
    let (world, admin, _) = sale(&variables).await?;
    let blocks = json!([{ "section": "A", "from": 1, "to": SEATS, "seatType": "S", "price": 50_000 }]);
    let concert = world.concert_of(&admin, &json!({ "blocks": blocks })).await;
    let mut fans = Vec::new();
    for i in 0..FANS {
        fans.push(world.buyer(&format!("fan{i}"), 0).await);
    }
    let mut environments = Vec::new();
    for _ in 0..3 {
        environments.push(world.environment(&variables).await?);
    }
    let (mut dice, answers) = (Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1), Answers::default());
    for _ in 0..STEPS {
        let rate = [0, 0, 100, 300][dice.below(4) as usize];
        faults(&world, Dice(dice.below(u64::MAX - 1) + 1), rate);
        let at_once: Vec<BoxFuture<'_, ()>> = (0..=dice.below(7))
            .map(|_| {
                let app = &environments[dice.below(3) as usize];
                let own = Dice(dice.below(u64::MAX - 1) + 1);
                Box::pin(act(&world, app, &fans, &concert, &answers, own)) as BoxFuture<'_, ()>
            })
            .collect();
        join_all(at_once).await;
        tidy(&world, &environments[0], &mut fans, &mut dice).await?;
    }
    assert_kept(&world, &answers);
    Ok(answers.outcomes.into_inner()?)
}

/// Invariant 6: what was acknowledged survives.
fn assert_kept(world: &World, answers: &Answers) {
    let reservations = items(world, "Fans", "RES#");
    for id in answers.paid.lock().expect("no panic").iter() {
        let kept = reservations.iter().any(|r| r["reservationId"] == json!(id) && r["status"] == "CONFIRMED");
        assert!(kept, "{id} was paid");
    }
    let charged: u64 = answers.charged.lock().expect("no panic").values().sum();
    let entries = items(world, "Fans", "LEDGER#");
    let booked: u64 =
        entries.iter().filter(|e| e["type"] == "CHARGE").map(|e| e["amount"].as_u64().unwrap_or_default()).sum();
    assert!(charged <= booked, "{charged} acknowledged, {booked} booked");
}

#[tokio::test(start_paused = true)]
async fn the_invariants_hold_under_random_interleavings_and_faults() -> Outcome {
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    let seeds = std::env::var("STAGEDOOR_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    for seed in 1..=seeds {
        for (outcome, times) in run(seed).await.map_err(|error| format!("seed {seed}: {error}"))? {
            *outcomes.entry(outcome).or_default() += times;
        }
    }
    for expected in [
        "200",
        "201",
        "204",
        "409 seat_unavailable",
        "409 payment_already_processed",
        "410 reservation_expired",
        "503 unavailable",
    ] {
        assert!(outcomes.contains_key(expected), "no {expected} in {outcomes:?}");
    }
    Ok(())
}
