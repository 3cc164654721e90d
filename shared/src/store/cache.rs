//! A small cache in the memory of a function, with the age of what it holds.

use crate::domain::time::Timestamp;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

const MAX_ENTRIES: usize = 1_000;

/// Values with the time they were read at.
pub struct Cache<K, V> {
    entries: Mutex<HashMap<K, (Timestamp, V)>>,
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// An empty cache.
    pub fn new() -> Self {
        Cache { entries: Mutex::new(HashMap::new()) }
    }

    /// The value, if it was read less than `max_age_millis` before `now`. A clock that went back makes it stale.
    pub fn get(&self, key: &K, now: Timestamp, max_age_millis: i64) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, value) = entries.get(key)?;
        (0..max_age_millis).contains(&(now.millis() - read_at.millis())).then(|| value.clone())
    }

    /// Forgets a value.
    pub fn remove(&self, key: &K) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Keeps what was read at `now`. A full cache starts anew.
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
