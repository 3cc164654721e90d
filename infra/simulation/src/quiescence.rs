//! Checks at quiescence: nothing stays open, every free seat can be sold, and TTL deletes all that it should.

use crate::{
    change::{number, text},
    fans::{Desk, Fan},
    messages::SHARDS,
    triggers, viewers,
    world::World,
};
use futures_util::future::{join, join_all};
use serde_json::Value;
use shared::{
    domain::{account::Role, layout::SEATS_PER_CHUNK},
    store::{item_kind::ItemKind, keys},
};
use std::{collections::BTreeSet, error::Error, sync::Arc};

/// How long cleaning up may take beyond the longest hold, in milliseconds: the sweep finds a hold up to two minutes
/// after its end, and a message that fails is received again after a minute, up to five times.
const SETTLE_MS: u64 = 8 * 60_000;
const LOOK_EVERY_MS: u64 = 5_000;
/// How long a no-show takes a slot, in milliseconds: the longest claim window, the margin, the longest tick.
const NO_SHOW_MS: u64 = 65_000;
/// Seats of a large concert that the last fan buys.
const LAST_SEATS: usize = 12;
/// A quarter of a year, in milliseconds. No TTL is longer than 90 days.
const QUARTER_MS: u64 = 91 * 24 * 60 * 60_000;
/// How long a tick message may be overdue, in milliseconds: a message that fails is received again after a minute, and
/// the schedule always sends the ticks of the coming minute.
const MESSAGE_MS: u64 = 10 * 60_000;

/// How long `reconcile` may take, in milliseconds: the second look at a count comes after ten minutes.
const RECONCILE_MS: u64 = 13 * 60_000;

/// Fans who come back after the quarter do so within this many milliseconds.
const LAST_LOOK_MS: u64 = 80;

/// Waits until nothing is left open, and reports what still is after the longest time that it may take. Then checks the
/// events, the limits, and what everybody sees of the seats.
pub async fn settle(world: &Arc<World>, concert: &str) {
    let end = world.clock.elapsed_ms() + SETTLE_MS + world.plan.hold_seconds * 1_000 + no_shows_ms(world);
    let mut left = left(world, concert);
    while !left.is_empty() && world.clock.elapsed_ms() < end {
        world.sleep(LOOK_EVERY_MS).await;
        left = self::left(world, concert);
    }
    for thing in left {
        world.violated(format!("liveness: left behind: {thing}"));
    }
    world.story(format_args!("quiescence"));
    events(world);
    viewers::check(world, concert).await;
    for counter in world.engine.items("Limits").iter().filter(|item| text(item, "pk").starts_with("JOIN#FAN#")) {
        if number(counter, "counted") > world.plan.joins_per_fan {
            world.violated(format!("a limit was passed: {} is allowed: {counter}", world.plan.joins_per_fan));
        }
    }
}

/// Lets `reconcile` go over the tables until each second look is over. What it reports is a violation, and at quiescence
/// it suspects nothing any more.
pub async fn reconcile(world: &World) {
    world.sleep(RECONCILE_MS).await;
    let items = world.engine.items("Queues");
    let cursor = items.iter().find(|item| text(item, "pk") == keys::RECONCILE_PARTITION);
    match cursor.map(|cursor| cursor["suspects"].as_array().map_or(0, Vec::len)) {
        Some(0) => {}
        Some(_) => world.violated(format!("reconcile still suspects what settled long ago: {cursor:?}")),
        None => world.violated("reconcile never ran"),
    }
}

/// How long it may take until all fans who went home without leaving were admitted and passed as no-shows.
fn no_shows_ms(world: &World) -> u64 {
    world.oracle().queues.owners.len() as u64 / world.plan.capacity * NO_SHOW_MS
}

/// What is still open: it must settle before quiescence.
fn left(world: &Arc<World>, concert: &str) -> Vec<String> {
    let mut left = Vec::new();
    let oracle = world.oracle();
    for seat in oracle.seats.seats.values().filter(|seat| text(seat, "status") == "HELD") {
        left.push(format!("a held seat {seat}"));
    }
    for reservation in oracle.seats.reservations.values().filter(|found| text(found, "status") == "PENDING") {
        left.push(format!("a pending reservation {reservation}"));
    }
    for session in oracle.queues.sessions.values().filter(|session| session["ended"].is_null()) {
        left.push(format!("a session {session}"));
    }
    left.extend(oracle.queues.awake());
    for (queue, state) in &oracle.queues.states {
        if number(state, "occupied") > 0 || oracle.queues.inside(queue) > 0 {
            left.push(format!("occupied slots or fans inside {state}"));
        }
    }
    let sold = oracle.seats.seats.values().filter(|seat| text(seat, "status") == "SOLD").count() as u64;
    drop(oracle);
    let alarms = world.engine.items("Queues").into_iter();
    let alarms = alarms.filter(|item| ItemKind::of(text(item, "pk"), text(item, "sk")) == ItemKind::Alarm);
    left.extend(alarms.map(|alarm| format!("an alarm {alarm}")));
    let (mut counted, mut summed, mut due) = (Vec::new(), Vec::new(), Vec::new());
    for item in world.engine.items("Concerts") {
        match ItemKind::of(text(&item, "pk"), text(&item, "sk")) {
            ItemKind::SeatCount => counted.push(item),
            ItemKind::SeatSum => summed.push(item),
            ItemKind::Due => due.push(item),
            _ => {}
        }
    }
    left.extend(due.iter().map(|item| format!("a chunk to be swept {item}")));
    let sum = |name: &str| {
        counted.iter().filter(|item| text(item, "pk").contains(concert)).map(|item| number(item, name)).sum::<u64>()
    };
    if (sum("sold"), sum("held")) != (sold, 0) {
        left.push(format!("counts {counted:?} of {sold} seats sold"));
    }
    left.extend(counted.iter().filter_map(|item| stale_bitmap(world, concert, item)));
    if summed.iter().any(|item| (number(item, "sold"), number(item, "held")) != (sold, 0)) {
        left.push(format!("sums {summed:?} of {sold} seats sold"));
    }
    left.extend(messages(world));
    left
}

/// A seat of a chunk that its bitmap shows as it is not.
fn stale_bitmap(world: &World, concert: &str, count: &Value) -> Option<String> {
    let chunk: u64 = text(count, "sk").trim_start_matches(keys::COUNT_PREFIX).parse().ok()?;
    let size = u64::from(SEATS_PER_CHUNK);
    let seats = chunk * size + 1..=(chunk + 1) * size;
    let stale = viewers::first_stale(world, concert, text(count, "seats"), seats)?;
    Some(format!("a stale bitmap: seat {stale} in {count}"))
}

/// Messages and stream records that no function has handled.
fn messages(world: &World) -> Vec<String> {
    let mut left: Vec<String> = Vec::new();
    let now = world.clock.elapsed_ms();
    for trigger in &world.template.queue_triggers {
        let waiting = world.messages.queue(&trigger.queue, |queue| queue.messages.clone());
        let poison = |body: &str| body.contains("nobody");
        let ticks = trigger.function == "promote_tokens";
        for message in waiting.iter().filter(|message| !poison(&message.body)) {
            if !ticks || message.visible_ms + MESSAGE_MS < now {
                left.push(format!("a message of {}: {}", trigger.queue, message.body));
            }
        }
    }
    for trigger in &world.template.stream_triggers {
        let table = world.template.table(&trigger.table).map_or(trigger.table.as_str(), |table| &table.name);
        for shard in 0..SHARDS {
            let (done, all) = world.messages.shard(table, shard, |shard| {
                (shard.done.get(&trigger.name).copied().unwrap_or(0), shard.records.len())
            });
            if done < all {
                left.push(format!("{} changes for {}", all - done, trigger.name));
            }
        }
    }
    left
}

/// Invariant 7: every expected event was sent at least once, and no event was sent without a change.
fn events(world: &World) {
    let sent = triggers::events(world);
    let seen: BTreeSet<&str> = sent.iter().map(|event| text(event, "id")).collect();
    let expected = world.oracle().expected_events.clone();
    for missing in expected.iter().filter(|id| !seen.contains(id.as_str())) {
        world.violated(format!("invariant 7: no event {missing}"));
    }
    for phantom in seen.iter().filter(|id| !expected.contains(**id)) {
        world.violated(format!("invariant 7: an event without a change: {phantom}"));
    }
}

/// One more fan buys the free seats, in a large concert the first dozen of them. Each must sell.
///
/// # Errors
/// If the fan gets no account.
pub async fn sell_out(world: &Arc<World>, desk: &Desk, concert: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let taken: BTreeSet<u64> = world.oracle().seats.seats.keys().map(|(_, seat)| *seat).collect();
    let free = (1..=u64::from(world.plan.seats)).filter(|seat| !taken.contains(seat));
    let seats: Vec<u64> = free.take(LAST_SEATS).collect();
    if seats.is_empty() {
        return Ok(());
    }
    world.close(false);
    let mut fan = desk.fan(world, "the last fan", Role::Fan, concert).await?;
    if let Err(what) = fan.buy(&seats).await {
        world.violated(format!("liveness: free seats cannot be sold: {what}"));
    }
    settle(world, concert).await;
    Ok(())
}

/// Lets a quarter of a year pass. TTL deletes what is due at the moment in which fans come back to leave the queue.
/// After another quarter TTL must have deleted what they wrote then as well.
pub async fn quarter(world: &Arc<World>, fans: Vec<Fan>) {
    world.story(format_args!("a quarter of a year passes"));
    world.pause_schedules(true);
    world.clock.skip(QUARTER_MS);
    let sweep = async {
        world.sleep(LAST_LOOK_MS / 2).await;
        triggers::sweep(world, 0);
    };
    join(sweep, join_all(fans.into_iter().map(|fan| fan.leave_late(LAST_LOOK_MS)))).await;
    world.clock.skip(QUARTER_MS);
    triggers::sweep(world, 0);
    world.pause_schedules(false);
    for table in &world.template.tables {
        for item in world.engine.items(&table.name) {
            let due = item["ttl"].as_u64().is_some_and(|ttl| ttl * 1_000 < world.clock.now_ms());
            if due {
                world.violated(format!("liveness: TTL never deletes: {item}"));
            }
        }
    }
    let oracle = world.oracle();
    if !oracle.queues.sessions.is_empty() {
        let session = oracle.queues.sessions.values().next().cloned().unwrap_or_default();
        drop(oracle);
        world.violated(format!("liveness: a session outlives its time: {session}"));
    }
}
