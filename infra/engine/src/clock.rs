//! The clock of the engine.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;

/// Where the engine reads the time: for TTL, stream records, message timestamps and the SDK's request signatures.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
}

/// A clock that stands still until it is moved; clones share the time.
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    now_ms: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock at `now_ms` milliseconds since the Unix epoch.
    pub fn new(now_ms: u64) -> Self {
        Self { now_ms: Arc::new(AtomicU64::new(now_ms)) }
    }

    /// Moves the clock to `now_ms` milliseconds since the Unix epoch, backward too.
    pub fn set_ms(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::SeqCst);
    }

    /// Moves the clock forward by `by_ms` milliseconds.
    pub fn advance_ms(&self, by_ms: u64) {
        self.now_ms.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }
}

/// One clock in the shapes that the database and the SDK ask for.
#[derive(Debug, Clone)]
pub(crate) struct SharedClock(Arc<dyn Clock>);

impl SharedClock {
    pub(crate) fn new(clock: impl Clock + 'static) -> Self {
        Self(Arc::new(clock))
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }
}

impl dynoxide::storage_backend::Clock for SharedClock {
    fn now_unix_secs(&self) -> u64 {
        self.now_ms() / 1000
    }

    fn now_unix_secs_f64(&self) -> f64 {
        Duration::from_millis(self.now_ms()).as_secs_f64()
    }
}

impl TimeSource for SharedClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.now_ms())
    }
}
