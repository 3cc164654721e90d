//! What an engine's clones and its HTTP clients share.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use aws_config::Region;
use template::Grant;

use crate::access::Access;
use crate::clock::SharedClock;
use crate::database::Tables;
use crate::fault::{Call, Fault};
use crate::meter::Metering;
use crate::queues::Queues;
use crate::secrets::Secrets;

/// Decides what happens to each request.
type Faults = Box<dyn FnMut(&Call<'_>) -> Fault + Send>;

/// Hears of each grant that a function uses, and of each request that its policy does not grant.
pub(crate) type AccessLog = Box<dyn Fn(&str, Result<&Grant, &str>) + Send + Sync>;

/// Tables, message queues, clock, meter, faults and policies.
pub(crate) struct World {
    pub(crate) clock: SharedClock,
    pub(crate) tables: Tables,
    pub(crate) queues: Queues,
    pub(crate) secrets: Secrets,
    pub(crate) metering: Metering,
    pub(crate) region: Region,
    pub(crate) access: OnceLock<(Access, AccessLog)>,
    faults: Mutex<Option<Faults>>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// A region for one engine alone: the SDK keeps one retry quota for each region in the whole process, and the faults of
/// one test must not use up the retries of another.
fn own_region() -> Region {
    static ENGINES: AtomicU64 = AtomicU64::new(0);
    Region::new(format!("embedded-{}", ENGINES.fetch_add(1, Ordering::Relaxed)))
}

impl World {
    /// An empty world on the given clock.
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self {
            tables: Tables::new(clock.clone()),
            clock,
            queues: Queues::default(),
            secrets: Secrets::default(),
            metering: Metering::default(),
            region: own_region(),
            access: OnceLock::new(),
            faults: Mutex::default(),
        }
    }

    fn faults(&self) -> MutexGuard<'_, Option<Faults>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the decision about faults; `None` for no faults.
    pub(crate) fn set_faults(&self, faults: Option<Faults>) {
        *self.faults() = faults;
    }

    pub(crate) fn next_fault(&self, call: &Call<'_>) -> Fault {
        self.faults().as_mut().map_or(Fault::None, |decide| decide(call))
    }
}
