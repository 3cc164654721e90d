//! Processes that are killed in the middle of a sale.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use e2e::{Concert, Fan, Reply, Request, Stack, figure, unique};
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{self, Instant};

use crate::{Stage, USUAL};

const FANS: usize = 30;
const SEATS: u32 = 40;
/// The functions whose processes die.
const VICTIMS: [&str; 3] = ["process_payment", "create_reservation", "recharge_balance"];
/// Somebody who is sent away more often has met a function that does not come back.
const MOST_RETRIES: usize = 500;
/// Pause between two kills.
const BETWEEN_KILLS: Duration = Duration::from_millis(20);
/// A caller is never left waiting longer.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);

/// What the fans went through.
#[derive(Default)]
struct Log {
    /// Answers that asked to try again.
    retries: AtomicU64,
    /// Milliseconds that the longest answer took.
    longest: AtomicU64,
}

impl Log {
    fn note(&self, reply: &Reply) {
        let took = u64::try_from(reply.took.as_millis()).unwrap_or(u64::MAX);
        self.longest.fetch_max(took, Ordering::Relaxed);
        assert!(reply.took < LONGEST_ANSWER, "an answer took {:?}", reply.took);
    }

    /// Sends the same request until its answer is final.
    async fn insist<'a>(&self, request: impl Fn() -> Request<'a>) -> Reply {
        for _ in 0..MOST_RETRIES {
            let reply = request().send().await;
            self.note(&reply);
            if !reply.is_temporary() {
                return reply;
            }
            if reply.status >= 500 {
                reply.expect_problem(503, "unavailable");
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no final answer after {MOST_RETRIES} retries");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sale_survives_killed_processes() {
    let stage = Stage::alone(&USUAL).await;
    let site = &stage.site;
    let queue = site.queue(&json!({ "capacity": FANS })).await;
    let concert = site.concert(&queue, SEATS).await;
    let fans = site.fans_inside(&queue, FANS).await;
    let log = Log::default();
    let started = Instant::now();
    // The killer stops when this is dropped, also by a panic.
    let going_on = Arc::new(());
    let killer = tokio::task::spawn_blocking({
        let (stack, going_on) = (Arc::clone(&stage.stack), Arc::downgrade(&going_on));
        move || kill_at_random(&stack, &going_on)
    });
    let bought = join_all((0_u32..).zip(&fans).map(|(index, fan)| purchase(fan, &concert, index, &log))).await;
    drop(going_on);
    let took = started.elapsed();
    let killed = killer.await.expect("it does not panic");
    figure(format!(
        "{FANS} purchases in {:.1} s while {killed} processes were killed (-9): {} answers had to be asked for again, \
         the longest took {:.2} s",
        took.as_secs_f64(),
        log.retries.load(Ordering::Relaxed),
        log.longest.load(Ordering::Relaxed) as f64 / 1_000.0,
    ));
    assert!(killed >= 10, "{killed} is no test");

    let seats: BTreeSet<u64> = bought.iter().copied().collect();
    assert_eq!(seats.len(), FANS, "no seat twice: {bought:?}");
    for fan in &fans {
        let ledger = fan.ledger().await;
        ledger.assert_adds_up();
        assert_eq!((ledger.count("CHARGE"), ledger.count("PAYMENT"), ledger.balance), (1, 1, 0));
    }
    let mut witness = site.fan().await;
    witness.join(&queue).await;
    witness.wait_until_active(Duration::from_secs(10)).await;
    let map = witness.seats(&concert).await.expect(200);
    let taken = map.body.as_array().expect("a list").iter().filter(|seat| seat["status"] == "SOLD");
    let taken: BTreeSet<u64> = taken.filter_map(|seat| seat["seatNumber"].as_u64()).collect();
    assert_eq!(taken, seats, "what was sold is what was bought");
}

/// Recharges, holds a seat that is free, pays it; answers the seat.
async fn purchase(fan: &Fan<'_>, concert: &Concert, index: u32, log: &Log) -> u64 {
    let key = unique();
    log.insist(|| fan.recharge(concert.price, Some(&key))).await.expect(200);
    // All start close together, so that they get in each other's way.
    let mut seat = index / 3;
    let held = loop {
        seat = seat % SEATS + 1;
        let key = unique();
        let reply = log.insist(|| fan.hold(concert, &[seat], Some(&key))).await;
        if reply.status == 201 {
            break reply;
        }
        reply.expect_problem(409, "seat_unavailable");
    };
    let (id, key) = (held.text("reservationId"), unique());
    log.insist(|| fan.pay(id, concert.price, Some(&key))).await.expect(200);
    let kept = fan.reservation(id).await.expect(200);
    assert_eq!(kept.text("status"), "CONFIRMED");
    kept.body["seatNumbers"][0].as_u64().expect("a number")
}

/// Kills one of the victims' processes again and again, and answers how many.
fn kill_at_random(stack: &Stack, going_on: &Weak<()>) -> u64 {
    let mut killed = 0;
    while going_on.strong_count() > 0 {
        let processes: Vec<_> =
            stack.descendants().into_iter().filter(|process| VICTIMS.contains(&process.name.as_str())).collect();
        // The end of a fresh UUID is random enough to choose by.
        let choice = usize::from_str_radix(&unique()[12..], 16).expect("hexadecimal");
        if let Some(victim) = processes.get(choice % processes.len().max(1)) {
            victim.kill();
            killed += 1;
        }
        std::thread::sleep(BETWEEN_KILLS);
    }
    killed
}
