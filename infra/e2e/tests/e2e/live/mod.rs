//! A live sale under fault injection: function processes are killed and connections to the database are cut. The
//! history checker then judges the answers and the final state.
//!
//! The choices of fans, killer and proxy come from a seed, which is printed. The timing of real processes does not, so
//! a seed repeats a run only roughly.

mod chaos;
mod outcome;
mod player;

use std::{env, fs, path::Path, sync::Arc, time::Duration};

use e2e::{
    Concert, Proxy, Site, Stack, free_port,
    history::{self, Call, History},
    report_measurement,
};
use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::json;
use tokio::{
    task::spawn_blocking,
    time::{self, Instant},
};

use player::Player;

const FANS: usize = 24;
const SEATS: u64 = 40;
const CAPACITY: usize = 16;
const CLAIM_WINDOW: Duration = Duration::from_secs(2);
/// Times so short that the test can wait for the end of each. `QUEUE_CAPACITY` and `CLAIM_WINDOW_SECONDS` repeat the
/// constants above.
const VARIABLES: [(&str, &str); 5] = [
    ("HOLD_SECONDS", "3"),
    ("QUEUE_CAPACITY", "16"),
    ("CLAIM_WINDOW_SECONDS", "2"),
    ("ACTIVE_SECONDS", "3"),
    ("TICK_SECONDS", "1"),
];
/// How long fans buy, unless `LIVE_SALE_SECONDS` is set.
const DURATION: Duration = Duration::from_secs(10);
/// The limit on reported violations: one fault can cause hundreds.
const MAX_REPORTED: usize = 20;

/// A sale under way.
struct Sale<'a> {
    site: &'a Site,
    concert: Concert,
    history: History,
    /// When fans stop buying.
    ends: Instant,
}

fn variable(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sale_survives_killed_processes_and_cut_connections() {
    let _machine = crate::alone().await;
    let seed = variable("LIVE_SALE_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    let duration = variable("LIVE_SALE_SECONDS").map_or(DURATION, Duration::from_secs);
    report_measurement(format!("live sale with LIVE_SALE_SEED={seed}"));
    let mut dice = Rng::with_seed(seed);
    let database = free_port();
    let proxy = Proxy::start(database, dice.fork()).await;
    let port = proxy.port;
    let stack = spawn_blocking(move || Stack::start_behind(database, port, &VARIABLES)).await.expect("it starts");
    let stack = Arc::new(stack);
    let site = Site::open(&stack).await;
    let queue = site.queue(&json!({})).await;
    let concert = site.concert(&queue, u32::try_from(SEATS).expect("few")).await;
    let fans = site.fans(FANS).await;
    site.begin_minute().await;

    let started = Instant::now();
    let sale = Sale { site: &site, concert, history: History::default(), ends: started + duration };
    let players: Vec<_> = fans.into_iter().map(|fan| Player::new(&sale, fan, dice.fork())).collect();
    let killer = chaos::Killer::start(Arc::clone(&stack), dice.fork());
    proxy.cut(true);
    let mut players = join_all(players.into_iter().map(Player::play)).await;
    proxy.cut(false);
    let killed = killer.stop().await;

    outcome::settle(&sale).await;
    players.extend(outcome::sell_the_rest(&sale, &mut dice).await);
    let end = outcome::read(&sale, &players).await;
    let calls = sale.history.calls();
    report_measurement(outcome::summary(&calls, &killed, &proxy.cuts(), started.elapsed()));
    let wrong = history::check(&calls, &end);
    if !wrong.is_empty() {
        fail(seed, &calls, &wrong);
    }
    assert!(killed.values().sum::<u64>() >= 10 && proxy.cuts().len() >= 5, "too few faults: killed {killed:?}");
}

/// Writes the history to a file, and panics with the violations.
fn fail(seed: u64, calls: &[Call], wrong: &[String]) -> ! {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("live-sale-{seed}.txt"));
    let log: String = calls.iter().map(|call| format!("{call}\n")).collect();
    let log = match fs::write(&path, log) {
        Ok(()) => format!("every call is in {}", path.display()),
        Err(error) => format!("the history cannot be written: {error}"),
    };
    let reported: String = wrong.iter().take(MAX_REPORTED).map(|wrong| format!("  {wrong}\n")).collect();
    panic!("{} violations, seed {seed}; {log}\n{reported}", wrong.len());
}

impl Sale<'_> {
    fn goes_on(&self) -> bool {
        Instant::now() < self.ends
    }

    async fn pause(&self, dice: &mut Rng, milliseconds: std::ops::Range<u64>) {
        time::sleep(Duration::from_millis(dice.u64(milliseconds))).await;
    }
}
