//! Everything that a run is made of.

use crate::{
    clock::SimClock,
    dice::Dice,
    fault::{Fault, Faults},
    functions::Pools,
    history::History,
    invariants::Oracle,
    log::{Keep, Log},
    messages::Messages,
    network::Network,
    plan::Plan,
};
use engine::Engine;
use shared::config::Config;
use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    ops::RangeInclusive,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use template::{Reference, Template};

/// A deployment under simulation.
pub struct World {
    /// What the run is about.
    pub plan: Plan,
    /// The true time.
    pub clock: SimClock,
    /// The tables.
    pub engine: Engine,
    /// Routes, triggers, queues.
    pub template: Arc<Template>,
    /// What functions are told.
    pub config: Config,
    /// The network between functions and tables.
    pub network: Network,
    /// The message queues.
    pub messages: Messages,
    /// Instances of functions.
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

/// A violation more than these is not worth its memory.
const MOST_VIOLATIONS: usize = 20;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// Empty tables and queues. Inside the run's runtime only.
    ///
    /// # Errors
    /// Where the template does not make a deployment.
    pub fn new(plan: Plan, template: Arc<Template>, keep: Keep) -> Result<Arc<Self>, Box<dyn Error + Send + Sync>> {
        let clock = SimClock::new();
        let engine = Engine::new(clock.clone());
        engine.create_tables(&template.tables);
        let config = config(&plan, &template)?;
        Ok(Arc::new(World {
            network: Network::new(),
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

    /// What breaks.
    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    /// What the tables hold, as the checks see it.
    pub fn oracle(&self) -> MutexGuard<'_, Oracle> {
        lock(&self.oracle)
    }

    /// What fans did and saw.
    pub fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }

    /// The trace.
    pub fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    /// Whether a fault should_inject now.
    pub fn should_inject(&self, fault: Fault) -> bool {
        self.faults().should_inject(fault)
    }

    /// How far a fault goes.
    pub fn extent(&self, fault: Fault, range: RangeInclusive<u64>) -> u64 {
        self.faults().extent(fault, range)
    }

    /// A number of a range, for what is no fault: latencies, phases.
    pub fn draw(&self, range: RangeInclusive<u64>) -> u64 {
        lock(&self.dice).within(range)
    }

    /// Waits, in simulated milliseconds.
    pub async fn sleep(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    /// Waits as long as a fault goes.
    pub async fn sleep_for(&self, fault: Fault, range: RangeInclusive<u64>) {
        let milliseconds = self.extent(fault, range);
        self.sleep(milliseconds).await;
    }

    /// Fans go home from now on, or come again.
    pub fn close(&self, closing: bool) {
        self.closing.store(closing, Ordering::SeqCst);
    }

    /// Whether fans go home.
    pub fn closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Stops the schedules and TTL, or starts them again.
    pub fn pause_schedules(&self, paused: bool) {
        self.schedules_paused.store(paused, Ordering::SeqCst);
    }

    /// Whether schedules and TTL stand still.
    pub fn schedules_paused(&self) -> bool {
        self.schedules_paused.load(Ordering::SeqCst)
    }

    /// Tells the story.
    pub fn tell(&self, text: fmt::Arguments<'_>) {
        self.log().line(Keep::Story, self.clock.elapsed_ms(), text);
    }

    /// Tells what went over the wire.
    pub fn trace(&self, text: fmt::Arguments<'_>) {
        self.log().line(Keep::Network, self.clock.elapsed_ms(), text);
    }

    /// Notes that something is wrong.
    pub fn violated(&self, what: impl Into<String>) {
        let what = what.into();
        self.tell(format_args!("VIOLATED: {what}"));
        let mut violations = lock(&self.violations);
        if violations.len() < MOST_VIOLATIONS {
            violations.push(what);
        }
    }

    /// Everything that was wrong so far.
    pub fn violations(&self) -> Vec<String> {
        lock(&self.violations).clone()
    }
}

/// The parameters of the functions: those of the template, with the plan's.
fn config(plan: &Plan, template: &Template) -> Result<Config, Box<dyn Error + Send + Sync>> {
    let function = template.function("create_reservation").ok_or("no such function")?;
    let table_or_queue = |reference: Reference<'_>| match reference {
        Reference::Resource(id) => Some(template.table(id).map_or(id, |table| &table.name).to_owned()),
        Reference::Secret(_) => Some("the simulator signs with this secret".to_owned()),
        Reference::Attribute(..) => None,
    };
    let environment = template.environment(function, &BTreeMap::new(), &table_or_queue)?;
    Ok(Config::from_lookup(|name| plan.variable(name).or_else(|| environment.get(name).cloned()))?)
}
