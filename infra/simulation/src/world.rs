//! The world of a run: one simulated deployment, with its fault injection, history and violations.

use crate::{
    clock::SimClock,
    dice::Dice,
    fault::{Fault, Faults},
    history::History,
    instances::Pools,
    invariants::Oracle,
    lock::lock,
    log::{Keep, Log},
    messages::Messages,
    network,
    network_state::NetworkState,
    plan::Plan,
};
use engine::{Access, Engine};
use shared::config::Config;
use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    ops::RangeInclusive,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use template::{Reference, Template};

/// A simulated deployment.
pub struct World {
    /// The sizes, times and fault rates of the run.
    pub plan: Plan,
    /// The true time.
    pub clock: SimClock,
    /// The tables.
    pub engine: Engine,
    /// What each function may do.
    pub access: Access,
    /// Routes, triggers and message queues.
    pub template: Arc<Template>,
    /// The configuration of the functions.
    pub config: Config,
    /// What the network between functions and tables knows.
    pub network: NetworkState,
    /// The message queues.
    pub messages: Messages,
    /// The idle instances of functions.
    pub pools: Pools,
    faults: Mutex<Faults>,
    dice: Mutex<Dice>,
    log: Mutex<Log>,
    oracle: Mutex<Oracle>,
    history: Mutex<History>,
    violations: Mutex<Vec<String>>,
    closing: AtomicBool,
    schedules_paused: AtomicBool,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("seed", &self.plan.seed).finish_non_exhaustive()
    }
}

/// Violations that a run keeps: where something is wrong, each further write may report one.
const MAX_VIOLATIONS: usize = 20;

impl World {
    /// A world with empty tables and message queues. Must be made inside the run's runtime, whose clock it reads.
    ///
    /// # Errors
    /// If template and plan make no configuration.
    pub fn new(plan: Plan, template: Arc<Template>, keep: Keep) -> Result<Arc<Self>, Box<dyn Error + Send + Sync>> {
        let clock = SimClock::new();
        let engine = Engine::new(clock.clone());
        let mut tables = template.tables.clone();
        // The oracle sees the changes of join counters in a stream of its own.
        let streamed = tables.iter().find_map(|table| table.stream_view.clone());
        tables.iter_mut().filter(|t| t.name == network::OBSERVED).for_each(|t| t.stream_view.clone_from(&streamed));
        engine.create_tables(&tables);
        let config = config(&plan, &template)?;
        Ok(Arc::new(World {
            network: NetworkState::default(),
            access: Access::of(&template),
            messages: Messages::new(&template),
            pools: Pools::default(),
            faults: Mutex::new(Faults::new(plan.seed, plan.rates.clone())),
            dice: Mutex::new(Dice::of(plan.seed, "world", 0)),
            log: Mutex::new(Log::new(keep)),
            oracle: Mutex::new(Oracle::new(&config)),
            history: Mutex::default(),
            violations: Mutex::default(),
            closing: AtomicBool::new(false),
            schedules_paused: AtomicBool::new(false),
            plan,
            clock,
            engine,
            template,
            config,
        }))
    }

    /// The fault injection, locked.
    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    /// The mirror of the tables that the invariants are checked on, locked.
    pub fn oracle(&self) -> MutexGuard<'_, Oracle> {
        lock(&self.oracle)
    }

    /// What fans requested and were answered, locked.
    pub fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }

    /// The trace, locked.
    pub fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    /// Whether to inject a fault now; counts it if so.
    pub fn should_inject(&self, fault: Fault) -> bool {
        self.faults().should_inject(fault)
    }

    /// Draws the extent of a fault, such as its delay, from a range.
    pub fn extent(&self, fault: Fault, range: RangeInclusive<u64>) -> u64 {
        self.faults().extent(fault, range)
    }

    /// Draws a number from a range for what is no fault: latencies, phases.
    pub fn draw(&self, range: RangeInclusive<u64>) -> u64 {
        lock(&self.dice).within(range)
    }

    /// Sleeps for this many simulated milliseconds.
    pub async fn sleep(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    /// Sleeps for the extent of a fault, drawn from a range of milliseconds.
    pub async fn sleep_for(&self, fault: Fault, range: RangeInclusive<u64>) {
        let milliseconds = self.extent(fault, range);
        self.sleep(milliseconds).await;
    }

    /// Sets whether the sale is closing. Fans go home then.
    pub fn close(&self, closing: bool) {
        self.closing.store(closing, Ordering::SeqCst);
    }

    /// Whether the sale is closing.
    pub fn closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Stops the schedules and TTL, or starts them again.
    pub fn pause_schedules(&self, paused: bool) {
        self.schedules_paused.store(paused, Ordering::SeqCst);
    }

    /// Whether schedules and TTL are stopped.
    pub fn schedules_paused(&self) -> bool {
        self.schedules_paused.load(Ordering::SeqCst)
    }

    /// Adds a line to the story.
    pub fn story(&self, text: fmt::Arguments<'_>) {
        self.log().line(Keep::Story, self.clock.elapsed_ms(), text);
    }

    /// Adds a line about a request to a table or message queue, shown with `--network` only.
    pub fn trace(&self, text: fmt::Arguments<'_>) {
        self.log().line(Keep::Network, self.clock.elapsed_ms(), text);
    }

    /// Records a violation, in the story as well.
    pub fn violated(&self, what: impl Into<String>) {
        let what = what.into();
        self.story(format_args!("VIOLATED: {what}"));
        let mut violations = lock(&self.violations);
        if violations.len() < MAX_VIOLATIONS {
            violations.push(what);
        }
    }

    /// The violations so far, as many as are kept.
    pub fn violations(&self) -> Vec<String> {
        lock(&self.violations).clone()
    }
}

/// The configuration of the functions: the template's environment, with the variables of the plan in its place.
fn config(plan: &Plan, template: &Template) -> Result<Config, Box<dyn Error + Send + Sync>> {
    let function = template.function("create_reservation").ok_or("the template has no create_reservation")?;
    let table_or_queue = |reference: Reference<'_>| match reference {
        Reference::Resource(id) => Some(template.table(id).map_or(id, |table| &table.name).to_owned()),
        Reference::Attribute(..) => None,
    };
    let environment = template.environment(function, &BTreeMap::new(), &table_or_queue)?;
    Ok(Config::from_lookup(|name| plan.variable(name).or_else(|| environment.get(name).cloned()))?)
}
