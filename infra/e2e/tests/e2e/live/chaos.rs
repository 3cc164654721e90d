//! Fault injection: kills processes of functions at random.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use e2e::Stack;
use fastrand::Rng;
use tokio::task::{JoinHandle, spawn_blocking};

/// Every function that a sale uses once the fans have accounts.
const VICTIMS: [&str; 17] = [
    "cancel_payment",
    "cancel_reservation",
    "create_reservation",
    "expire_holds",
    "get_balance",
    "get_reservation",
    "get_token",
    "issue_token",
    "leave_queue",
    "list_ledger",
    "list_reservations",
    "list_seats",
    "process_payment",
    "promote_tokens",
    "recharge_balance",
    "stream_changes",
    "sweep_holds",
];
/// Pause between two kills, in milliseconds.
const BETWEEN_KILLS: std::ops::Range<u64> = 20..70;

/// Kills (-9) a process of a random function again and again, until stopped or dropped.
pub struct Killer {
    going_on: Arc<AtomicBool>,
    killed: JoinHandle<BTreeMap<&'static str, u64>>,
}

impl Killer {
    pub fn start(stack: Arc<Stack>, dice: Rng) -> Self {
        let going_on = Arc::new(AtomicBool::new(true));
        let killed = spawn_blocking({
            let going_on = Arc::clone(&going_on);
            move || kill_at_random(&stack, dice, &going_on)
        });
        Self { going_on, killed }
    }

    /// Stops the killing, and returns how many processes of each function were killed.
    pub async fn stop(mut self) -> BTreeMap<&'static str, u64> {
        self.going_on.store(false, Ordering::Relaxed);
        (&mut self.killed).await.expect("the killer does not panic")
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        self.going_on.store(false, Ordering::Relaxed);
    }
}

fn kill_at_random(stack: &Stack, mut dice: Rng, going_on: &AtomicBool) -> BTreeMap<&'static str, u64> {
    let mut killed = BTreeMap::new();
    while going_on.load(Ordering::Relaxed) {
        let function = VICTIMS[dice.usize(..VICTIMS.len())];
        let processes = stack.processes_of(function);
        if let Some(victim) = dice.choice(&processes) {
            victim.kill();
            *killed.entry(function).or_default() += 1;
        }
        thread::sleep(Duration::from_millis(dice.u64(BETWEEN_KILLS)));
    }
    killed
}
