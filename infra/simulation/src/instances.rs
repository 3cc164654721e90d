//! The instances of functions: which are idle, and how many were started.

use crate::{clock::InstanceClock, lock::lock};
use shared::app::App;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

/// One process of a function.
pub struct Instance {
    /// The app that its handler gets.
    pub app: App,
    /// Its clock.
    pub clock: Arc<InstanceClock>,
    /// Its name in the story: the function and a number.
    pub name: Arc<str>,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The idle instances of each function, and how many instances were started.
#[derive(Debug, Default)]
pub struct Pools {
    idle: Mutex<BTreeMap<String, Vec<Arc<Instance>>>>,
    started: Mutex<u64>,
}

impl Pools {
    /// The number of an instance that starts now, from 1 on.
    pub fn number(&self) -> u64 {
        let mut started = lock(&self.started);
        *started += 1;
        *started
    }

    /// Takes the idle instance of a function that `pick` chooses by the count of idle ones; `None` if it chooses none.
    pub fn take(&self, function: &str, pick: impl FnOnce(usize) -> Option<usize>) -> Option<Arc<Instance>> {
        let mut idle = lock(&self.idle);
        let idle = idle.entry(function.to_owned()).or_default();
        pick(idle.len()).map(|index| idle.swap_remove(index))
    }

    /// Puts an instance back: it is idle again.
    pub fn put(&self, function: &str, instance: Arc<Instance>) {
        lock(&self.idle).entry(function.to_owned()).or_default().push(instance);
    }

    /// Drops all idle instances.
    pub fn clear(&self) {
        lock(&self.idle).clear();
    }
}
