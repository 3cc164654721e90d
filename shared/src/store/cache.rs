//! A small cache in a function's memory that knows the age of its values.

use crate::domain::time::Timestamp;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

const MAX_ENTRIES: usize = 1_000;

/// Values with the times at which they were read.
pub struct Cache<K, V> {
    entries: Mutex<HashMap<K, (Timestamp, V)>>,
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// An empty cache.
    pub fn new() -> Self {
        Cache { entries: Mutex::new(HashMap::new()) }
    }

    /// Returns the value if it was read less than `max_age_millis` before `now`. After the clock went back it is stale
    /// too.
    pub fn get(&self, key: &K, now: Timestamp, max_age_millis: i64) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, value) = entries.get(key)?;
        (0..max_age_millis).contains(&(now.millis() - read_at.millis())).then(|| value.clone())
    }

    /// Forgets a value.
    pub fn remove(&self, key: &K) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Stores a value that was read at `now`. A full cache is cleared first.
    pub fn put(&self, key: K, value: V, now: Timestamp) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert(key, (now, value));
    }
}

impl<K: Hash + Eq, V: Clone> Default for Cache<K, V> {
    fn default() -> Self {
        Self::new()
    }
}
