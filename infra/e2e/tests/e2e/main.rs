//! End to end: real function processes, the real SDK, a real `cargo local`.
//!
//! Most tests share a stack; further ones run only where variables differ. A report_measurement is printed with its unit and not
//! judged, unless the contract does.
//!
//! The harness takes tests in the order of their names: those of a module share its stack, so that each stack is
//! started about once.

mod default_settings;
mod events;
mod live;
mod restart;
mod rotation;
mod short_timeouts;

use std::{
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use e2e::{Data, Site, Stack, report_measurement};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// What the contract allows the list of dates to be behind.
const DATES_AGE: Duration = Duration::from_secs(5);

/// The stack that most tests share, with the template's parameters.
static DEFAULT_SETTINGS: Shared = Shared::new("the usual stack", &[]);
/// A stack in which time flies.
static SHORT_TIMEOUTS: Shared = Shared::new(
    "the brisk stack",
    &[("HOLD_SECONDS", "4"), ("QUEUE_CAPACITY", "5"), ("CLAIM_WINDOW_SECONDS", "3"), ("JOINS_PER_FAN", "20")],
);

/// A stack that is started by the first test that needs it, and ended by the last one that has done with it: nothing
/// is left when the test process ends.
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
        let mut running = self.running.lock().expect("it started before");
        running.upgrade().unwrap_or_else(|| {
            let stack = Arc::new(Stack::start(Data::Ephemeral, self.variables));
            report_measurement(format!("{} was ready after {:.1} s", self.name, stack.ready_after().as_secs_f64()));
            *running = Arc::downgrade(&stack);
            stack
        })
    }
}

/// Tests that load the machine run alone, so that the others' times and their own mean something.
static MACHINE: RwLock<()> = RwLock::const_new(());

/// Held by a test that wants the machine to itself.
async fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().await
}

/// What a test plays on.
struct Stage<M> {
    site: Site,
    stack: Arc<Stack>,
    _machine: M,
}

impl Stage<RwLockReadGuard<'static, ()>> {
    /// For a test that leaves the machine to others, too.
    async fn together(shared: &Shared) -> Self {
        // First, so that the stack goes on while this test waits for its turn.
        let stack = shared.lease();
        let machine = MACHINE.read().await;
        Self { site: Site::open(&stack).await, stack, _machine: machine }
    }
}

impl Stage<RwLockWriteGuard<'static, ()>> {
    /// For a test that loads the machine.
    async fn alone(shared: &Shared) -> Self {
        let stack = shared.lease();
        let machine = alone().await;
        Self { site: Site::open(&stack).await, stack, _machine: machine }
    }
}

impl<M> Drop for Stage<M> {
    fn drop(&mut self) {
        // The last one ends the stack, which says it then.
        if std::thread::panicking() && Arc::strong_count(&self.stack) > 1 {
            eprintln!("the end of what the stack said:\n{}", self.stack.tail());
        }
    }
}
