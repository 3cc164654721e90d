//! One run: a sale under a seed, from the first account to the last message.

use crate::{
    admin::{ADMINS, Admin},
    fans::Desk,
    fault::Fault,
    functions, history,
    lock::lock,
    log::Keep,
    mutation::Guards,
    plan::{Overrides, Plan, SECTION},
    quiescence, signups, triggers, viewers,
    world::World,
};
use serde_json::json;
use shared::domain::account::Role;
use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Arc, Mutex},
    time::Duration,
};
use template::Template;
use tokio::task::JoinSet;

/// How long fans go on after fault injection has ended, in milliseconds.
const GRACE_MS: u64 = 15_000;
/// How long fans may take to go home after that, in seconds, beyond a hold that they may wait for.
const MAX_CLOSING_SECONDS: u64 = 400;

/// The result of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The plan in words.
    pub plan: String,
    /// The hash of the trace.
    pub hash: String,
    /// The violations, with names instead of ids.
    pub violations: Vec<String>,
    /// How often each fault was injected or counted.
    pub faults: BTreeMap<Fault, u64>,
    /// The mutations that the run's requests allow.
    pub guards: Guards,
    /// The lines of the trace that were kept.
    pub story: Vec<String>,
    /// How many requests functions sent to tables and message queues.
    pub requests: u64,
    /// How many requests fans and admins sent.
    pub calls: u64,
    /// How many payments were made.
    pub purchases: u64,
    /// How many refunds were made.
    pub refunds: u64,
    /// How many checks of invariants were made.
    pub checks: u64,
    /// How long the run took, in simulated milliseconds.
    pub simulated_ms: u64,
}

/// Runs a seed on a thread of its own, so that no state of another run is left in it. A run that panics is reported as
/// a violation.
///
/// # Panics
/// If the thread cannot be started.
pub fn run(seed: u64, cuts: &Overrides, template: &Arc<Template>, keep: Keep) -> Report {
    let (cuts, template) = (cuts.clone(), Arc::clone(template));
    let thread = std::thread::Builder::new().name(format!("seed {seed}"));
    let work = move || {
        // The SDK draws its jitter and its client tokens from this thread's generator.
        fastrand::seed(seed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(run_plan(Plan::of(seed, &cuts), template, keep))
    };
    thread.spawn(work).expect("a thread").join().unwrap_or_else(|_| Report {
        seed,
        violations: vec!["the run panicked".to_owned()],
        ..Report::default()
    })
}

async fn run_plan(plan: Plan, template: Arc<Template>, keep: Keep) -> Report {
    let (seed, text) = (plan.seed, plan.text());
    let world = match World::new(plan, template, keep) {
        Ok(world) => world,
        Err(error) => return Report { seed, violations: vec![error.to_string()], ..Report::default() },
    };
    world.story(format_args!("seed {seed}: {text}"));
    if let Err(error) = run_phases(&world).await {
        world.violated(format!("the run failed: {error}"));
    }
    let report = {
        let (oracle, history, faults, log) = (world.oracle(), world.history(), world.faults(), world.log());
        let entries = || oracle.money.ledgers.values().flatten();
        let count = |kind: &str| entries().filter(|entry| entry["type"] == kind).count() as u64;
        Report {
            seed,
            plan: text,
            hash: log.hash(),
            violations: world.violations().iter().map(|violation| log.named(violation)).collect(),
            faults: faults.counts().clone(),
            guards: lock(&world.network.guards).clone(),
            story: log.kept_lines(),
            requests: *lock(&world.network.requests),
            calls: history.calls.len() as u64,
            purchases: count("PAYMENT"),
            refunds: count("REFUND"),
            checks: oracle.checks,
            simulated_ms: world.clock.elapsed_ms(),
        }
    };
    // Idle instances own the world, and the world owns them: break the circle, or neither is ever dropped.
    world.pools.clear();
    report
}

pub(crate) async fn run_phases(world: &Arc<World>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let desk = Desk { instance: Arc::new(functions::start(world, "desk")?), leaked_ids: Arc::new(Mutex::default()) };
    let admin = admin(world, &desk).await?;
    // The first of these concurrent requests creates the queue.
    let settings = json!({ "capacity": world.plan.capacity });
    let (concert, ..) =
        tokio::join!(concert(world, &admin), admin.queue(world, &settings), admin.queue(world, &settings));
    let concert = concert?;
    let (mut fans, mut others) = (JoinSet::new(), JoinSet::new());
    let mut crowd = Vec::new();
    for number in 1..=world.plan.fans {
        crowd.push(desk.fan(world, &format!("fan {number}"), Role::Fan, &concert).await?);
    }
    triggers::start(world);
    world.story(format_args!("the sale begins"));
    world.faults().start();
    for fan in crowd {
        fans.spawn(fan.live());
    }
    if world.plan.admin {
        for with in 0..ADMINS {
            others.spawn(admin.clone().change_settings(Arc::clone(world), concert.clone(), with));
        }
    }
    others.spawn(signups::rush(Arc::clone(world)));
    others.spawn(viewers::watch(Arc::clone(world), concert.clone()));
    world.sleep(world.plan.chaos_ms).await;
    world.faults().heal();
    world.story(format_args!("fault injection ends"));
    world.sleep(GRACE_MS).await;
    world.close(true);
    world.story(format_args!("the sale is over"));
    let patience = Duration::from_secs(MAX_CLOSING_SECONDS + world.plan.hold_seconds);
    let mut home = Vec::new();
    let all = async {
        while let Some(fan) = fans.join_next().await {
            match fan {
                Ok(fan) => home.push(fan),
                Err(error) => world.violated(format!("a fan panicked: {error}")),
            }
        }
        while others.join_next().await.is_some() {}
    };
    if tokio::time::timeout(patience, all).await.is_err() {
        world.violated(format!("liveness: {} fans or admins never come to an end", fans.len() + others.len()));
    }
    admin.restore(world, &concert).await;
    quiescence::settle(world, &concert).await;
    quiescence::reconcile(world).await;
    let old_clocks = world.plan.rates.contains_key(&Fault::ClockOld);
    let found = history::check::unexplained_answers(&world.history(), &world.oracle(), old_clocks);
    found.into_iter().for_each(|violation| world.violated(violation));
    if !world.violations().is_empty() {
        // End the run here: a stream record that no function can handle would be retried five times a second for as
        // long as the simulated time goes on.
        return Ok(());
    }
    quiescence::sell_out(world, &desk, &concert).await?;
    if world.plan.quarter && world.violations().is_empty() {
        quiescence::quarter(world, home).await;
    }
    Ok(())
}

async fn admin(world: &Arc<World>, desk: &Desk) -> Result<Admin, Box<dyn Error + Send + Sync>> {
    let mut admin = desk.fan(world, "the admin", Role::Admin, "").await?;
    Ok(Admin { access: admin.access(), client: admin.client().clone() })
}

/// Makes the concert of the run, with sections of a thousand seats, and returns its id.
async fn concert(world: &Arc<World>, admin: &Admin) -> Result<String, Box<dyn Error + Send + Sync>> {
    let seats = u64::from(world.plan.seats);
    let sections = seats.div_ceil(SECTION);
    let block = |number: u64| {
        let (from, to) = (number * SECTION + 1, ((number + 1) * SECTION).min(seats));
        json!({ "section": format!("S{number}"), "from": from, "to": to, "seatType": "STANDARD", "price": world.plan.price })
    };
    let draft = json!({
        "concertName": "Night", "startsAt": "2027-06-01T19:00:00Z", "endsAt": "2027-06-01T22:00:00Z",
        "blocks": (0..sections).map(block).collect::<Vec<_>>(),
    });
    let made = admin.insist(world, "makes a concert", "POST", "/api/v1/admin/concerts", &draft).await;
    let made = made.filter(|reply| reply.status == 201).ok_or("no concert")?;
    let id = made.text("concertId").to_owned();
    world.log().name(&id, "the concert".to_owned());
    Ok(id)
}
