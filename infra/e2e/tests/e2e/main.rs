//! End to end: real function processes, the real SDK, a real `cargo local`.
//!
//! Most tests share a stack; a test with other variables has another. Measurements are printed with their units, and
//! asserted only where the contract has a limit.
//!
//! The harness runs tests in the order of their names. The tests of one module share a stack, so each stack starts
//! about once.

mod crowd;
mod default_settings;
mod events;
mod gateway_errors;
mod live;
mod restart;
mod rotation;
mod short_timeouts;
mod smoke;
mod tls;
mod tours;
mod webhooks;

use std::{
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use e2e::{Data, Site, Stack, report_measurement};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How late a payment may show in the list of dates: the seats are counted within two seconds, and the list may be five
/// seconds old.
const DATES_AGE: Duration = Duration::from_secs(7);

/// The stack that most tests share, with the template's parameters.
static DEFAULT_SETTINGS: Shared = Shared::new("the stack with default settings", &[]);
/// A stack with short timeouts.
static SHORT_TIMEOUTS: Shared = Shared::new(
    "the stack with short timeouts",
    &[("HOLD_SECONDS", "4"), ("QUEUE_CAPACITY", "5"), ("CLAIM_WINDOW_SECONDS", "3"), ("JOINS_PER_FAN", "20")],
);

/// A stack that the first test starts and the last one stops, so that none is left when the test process ends.
struct Shared {
    name: &'static str,
    variables: &'static [(&'static str, &'static str)],
    running: Mutex<Weak<Stack>>,
}

impl Shared {
    const fn new(name: &'static str, variables: &'static [(&'static str, &'static str)]) -> Self {
        Self { name, variables, running: Mutex::new(Weak::new()) }
    }

    /// The running stack.
    fn lease(&self) -> Arc<Stack> {
        let mut running = self.running.lock().expect("no start panicked");
        running.upgrade().unwrap_or_else(|| {
            let stack = Arc::new(Stack::start(Data::Ephemeral, self.variables));
            report_measurement(format!("{} was ready after {:.1} s", self.name, stack.ready_after().as_secs_f64()));
            *running = Arc::downgrade(&stack);
            stack
        })
    }
}

/// Tests that load the machine run alone: otherwise all measurements would be meaningless.
static MACHINE: RwLock<()> = RwLock::const_new(());

/// Returns the lock for a test that needs the machine to itself.
async fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().await
}

/// A test's stack, and its share of the machine.
struct Stage<M> {
    site: Site,
    stack: Arc<Stack>,
    _machine: M,
}

impl Stage<RwLockReadGuard<'static, ()>> {
    /// For a test that may run beside others.
    async fn together(shared: &Shared) -> Self {
        // Lease first: the stack must not stop while this test waits for the machine.
        let stack = shared.lease();
        let machine = MACHINE.read().await;
        Self { site: Site::open(&stack).await, stack, _machine: machine }
    }
}

impl Stage<RwLockWriteGuard<'static, ()>> {
    /// For a test that runs alone.
    async fn alone(shared: &Shared) -> Self {
        let stack = shared.lease();
        let machine = alone().await;
        Self { site: Site::open(&stack).await, stack, _machine: machine }
    }
}

impl<M> Drop for Stage<M> {
    fn drop(&mut self) {
        // The last test stops the stack, which then prints these lines itself.
        if std::thread::panicking() && Arc::strong_count(&self.stack) > 1 {
            eprintln!("the last lines of the stack:\n{}", self.stack.tail());
        }
    }
}
