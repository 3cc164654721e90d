//! Simulated time: the runtime's paused clock, which jumps to the next time that a task waits for.

use crate::{dice::Dice, lock::lock};
use shared::{context, domain::time::Timestamp};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::time::Instant;

/// When every run begins: 2026-06-01T00:00:00Z.
const START_MS: u64 = 1_780_272_000_000;
/// How far the clock of a function can be ahead of the true time, in milliseconds. An old clock is behind.
pub const AHEAD_MS: u64 = 1_000;

/// The true time of a run. Works inside the run's runtime only.
#[derive(Debug, Clone)]
pub struct SimClock {
    start: Instant,
    skipped_ms: Arc<AtomicU64>,
    ttl_lag_ms: Arc<AtomicU64>,
}

impl SimClock {
    /// A clock that begins now.
    pub fn new() -> Self {
        SimClock { start: Instant::now(), skipped_ms: Arc::default(), ttl_lag_ms: Arc::default() }
    }

    /// Milliseconds since the run began.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        START_MS + self.elapsed_ms() + self.skipped_ms.load(Ordering::SeqCst)
    }

    /// Moves the date forward without waking any task that waits: for months in which nothing happens.
    pub fn skip(&self, milliseconds: u64) {
        self.skipped_ms.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// Calls `work` while the database's clock is `lag_ms` behind, so that its TTL deletes late.
    pub fn with_ttl_lag<T>(&self, lag_ms: u64, work: impl FnOnce() -> T) -> T {
        self.ttl_lag_ms.store(lag_ms, Ordering::SeqCst);
        let result = work();
        self.ttl_lag_ms.store(0, Ordering::SeqCst);
        result
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self::new()
    }
}

impl engine::Clock for SimClock {
    fn now_ms(&self) -> u64 {
        SimClock::now_ms(self) - self.ttl_lag_ms.load(Ordering::SeqCst)
    }
}

impl aws_smithy_async::time::TimeSource for SimClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.now_ms())
    }
}

/// The clock of one instance of a function: with a constant skew, and now and then old.
#[derive(Debug)]
pub struct InstanceClock {
    /// The true time.
    pub base: SimClock,
    /// The constant clock skew, in milliseconds; positive means ahead.
    pub skew_ms: i64,
    /// How far it is behind at the moment, as after a thaw, in milliseconds.
    pub lag_ms: AtomicI64,
}

impl context::Clock for InstanceClock {
    fn now(&self) -> Timestamp {
        let now = i64::try_from(self.base.now_ms()).unwrap_or(i64::MAX);
        Timestamp::from_millis(now + self.skew_ms - self.lag_ms.load(Ordering::SeqCst))
    }
}

/// The randomness of one instance.
#[derive(Debug)]
pub struct InstanceEntropy(pub Mutex<Dice>);

impl context::Entropy for InstanceEntropy {
    fn bits(&self) -> u128 {
        lock(&self.0).bits()
    }
}
