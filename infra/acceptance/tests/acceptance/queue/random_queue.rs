//! Random work in several environments at once, with lost and throttled requests. Checks in the tables: invariants 4
//! and 5, and never two live places for a fan.

use crate::{
    Outcome,
    support::{items, sessions, state},
};
use acceptance::{Fan, Request, START_MILLIS, World, functions};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use engine::{Clock, Fault};
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::{app::App, domain::id::QueueId};
use std::collections::BTreeMap;

const WAITING_SECONDS: u64 = 60;
const RULES: &[(&str, &str)] =
    &[("CLAIM_WINDOW_SECONDS", "8"), ("ACTIVE_SECONDS", "20"), ("WAITING_SECONDS", "60"), ("HOLD_SECONDS", "6")];
const FANS: u64 = 9;
const ENVIRONMENTS: u64 = 3;

/// A small random generator (xorshift), so that a seed repeats the same rolls.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// One random action: a request of a fan, or a tick.
struct Deed {
    fan: usize,
    environment: usize,
    kind: u64,
    seat: u64,
}

struct Run {
    world: World,
    environments: Vec<App>,
    fans: Vec<Fan>,
    /// For each fan: every place that the fan was ever given, with the second of its issue.
    given: Vec<BTreeMap<u64, u64>>,
    concert: String,
    dice: Dice,
    capacity: u64,
}

impl Run {
    async fn new(seed: u64) -> Result<Self, Box<dyn std::error::Error>> {
        let world = World::with(RULES).await?;
        let admin = world.admin().await;
        let concert = world.concert(&admin).await;
        let mut environments = Vec::new();
        for _ in 0..ENVIRONMENTS {
            environments.push(world.environment(RULES).await?);
        }
        let mut fans = Vec::new();
        for number in 0..FANS {
            fans.push(world.fan(&format!("fan-{number}")).await);
        }
        world.set_capacity(3).await;
        let given = vec![BTreeMap::new(); fans.len()];
        let dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        Ok(Run { world, environments, fans, given, concert, dice, capacity: 3 })
    }

    fn roll_deeds(&mut self) -> Vec<Deed> {
        let dice = &mut self.dice;
        let count = 2 + dice.roll(5);
        let mut roll = |sides| dice.roll(sides);
        (0..count)
            .map(|_| Deed {
                fan: roll(FANS) as usize,
                environment: roll(ENVIRONMENTS) as usize,
                kind: roll(12),
                seat: 1 + roll(6),
            })
            .collect()
    }

    /// Performs an action; returns the fan and the queue token of the answer, if it has one.
    async fn perform(&self, deed: &Deed) -> Option<(usize, String)> {
        let (app, fan) = (&self.environments[deed.environment], &self.fans[deed.fan]);
        let path = format!("/api/v1/tokens/{}", fan.user_id);
        let request = match deed.kind {
            0..=3 => Request::new("POST", "/api/v1/tokens").token(&fan.access).json(&json!({})),
            4 | 5 => Request::new("GET", path).token(&fan.queue),
            6 => Request::new("GET", path).token(&fan.access),
            7 => Request::new("DELETE", path).token(&fan.queue),
            8 | 9 => {
                let order = json!({ "concertId": self.concert, "seatNumbers": [deed.seat] });
                Request::new("POST", "/api/v1/reservations").token(&fan.queue).json(&order)
            }
            _ => {
                // A tick that fails may have done half of its work, which must not break an invariant.
                let _ = functions::tick(app, &QueueId::main(), &[]).await;
                return None;
            }
        };
        let reply = self.world.send_to(app, request).await;
        assert_ne!(reply.status, 500, "{}", reply.body);
        let token = reply.text("token").to_owned();
        (!token.is_empty()).then_some((deed.fan, token))
    }

    fn keep(&mut self, fan: usize, token: String) {
        let claims = token.split('.').nth(1).and_then(|part| BASE64.decode(part).ok()).unwrap_or_default();
        let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
        let number = |name: &str| claims[name].as_u64().unwrap_or_default();
        self.given[fan].insert(number("place"), number("iat"));
        self.fans[fan].queue = token;
    }

    /// Injects a fault into about one request in twenty.
    fn break_some(&mut self) {
        let mut dice = Dice(self.dice.roll(u64::MAX) | 1);
        self.world.engine.set_faults(move |_| match dice.roll(60) {
            0 => Fault::LostAnswer,
            1 => Fault::LostRequest,
            2 => Fault::Throttled,
            _ => Fault::None,
        });
    }

    async fn step(&mut self) -> Outcome {
        self.break_some();
        let deeds = self.roll_deeds();
        let tokens = join_all(deeds.iter().map(|deed| self.perform(deed))).await;
        self.world.engine.clear_faults();
        for (fan, token) in tokens.into_iter().flatten() {
            self.keep(fan, token);
        }
        Ok(())
    }

    async fn change_capacity(&mut self) {
        self.capacity = self.dice.roll(5);
        self.world.set_capacity(self.capacity).await;
    }
}

/// The tables at a moment.
struct Picture {
    now: u64,
    state: Value,
    sessions: BTreeMap<u64, Value>,
    last: u64,
}

impl Picture {
    fn of(world: &World) -> Self {
        let last = items(world, "JOIN#main").first().map_or(0, |counter| counter["last"].as_u64().unwrap_or(0));
        Picture { now: world.clock.now_ms(), state: state(world), sessions: sessions(world), last }
    }

    fn served(&self) -> u64 {
        self.state["served"].as_u64().unwrap_or_default()
    }

    fn deadline(&self, place: u64) -> u64 {
        let buckets = self.state["buckets"].as_array().map(Vec::as_slice).unwrap_or_default();
        let bucket = buckets.iter().find(|bucket| bucket[0].as_u64() >= Some(place));
        match (Some(place) < self.state["floor"].as_u64(), bucket) {
            (true, _) => 0,
            (false, Some(bucket)) => bucket[1].as_u64().unwrap_or_default(),
            (false, None) => self.state["walkInDeadline"].as_u64().unwrap_or_default(),
        }
    }

    /// Whether the place takes a slot: its session lives, or it is admitted and can still be claimed.
    fn inside(&self, place: u64) -> bool {
        match self.sessions.get(&place) {
            Some(session) => {
                let until = session["activeUntil"].as_u64().max(session["holdUntil"].as_u64());
                session["ended"].is_null() && until > Some(self.now)
            }
            None => place <= self.served() && self.now < self.deadline(place),
        }
    }

    fn inside_count(&self) -> u64 {
        (1..=self.last).filter(|place| self.inside(*place)).count() as u64
    }

    fn waiting(&self, place: u64, issued: u64) -> bool {
        place > self.served() && !self.sessions.contains_key(&place) && self.now < (issued + WAITING_SECONDS) * 1000
    }
}

fn check(before: &Picture, after: &Picture, run: &Run, trace: &str) {
    assert!(
        before.served() <= after.served() && after.served() <= after.last,
        "{trace}: served went back or past the last place"
    );
    let (was, is) = (before.inside_count(), after.inside_count());
    assert!(is <= run.capacity.max(was), "{trace}: {is} inside, {was} before, capacity {}", run.capacity);
    for (place, session) in &after.sessions {
        let claimed = session["activeUntil"].as_u64() > Some(0);
        assert!(!claimed || *place <= after.served(), "{trace}: place {place} was claimed before it was served");
    }
    for (fan, given) in run.given.iter().enumerate() {
        let live: Vec<&u64> = given
            .iter()
            .filter(|(place, issued)| after.inside(**place) || after.waiting(**place, **issued))
            .map(|(place, _)| place)
            .collect();
        assert!(live.len() <= 1, "{trace}: fan {fan} has more than one live place: {live:?}");
    }
}

#[tokio::test]
async fn capacity_and_order_hold_under_random_interleavings() -> Outcome {
    let (mut claimed, mut admitted) = (0, 0);
    for seed in 1..=4 {
        let mut run = Run::new(seed).await?;
        let mut before = Picture::of(&run.world);
        for step in 0..50 {
            if run.dice.roll(12) == 0 {
                run.change_capacity().await;
            }
            run.step().await?;
            let after = Picture::of(&run.world);
            check(&before, &after, &run, &format!("seed {seed}, step {step}"));
            run.world.clock.advance_ms(run.dice.roll(4_000));
            before = Picture::of(&run.world);
        }
        claimed += before.sessions.values().filter(|s| s["activeUntil"].as_u64() > Some(0)).count();
        admitted += before.served();
        assert!(before.now > START_MILLIS);
    }
    assert!(admitted > 30 && claimed > 15, "too little happened: {admitted} admitted, {claimed} claimed");
    Ok(())
}
