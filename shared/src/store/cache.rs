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
        self.replace(key, now, |_| value);
    }

    /// Stores what `next` makes of the last value, whatever its age, as a value that was read at `now`, and returns it.
    /// No other caller stores a value in between. A full cache is cleared first.
    pub fn replace(&self, key: K, now: Timestamp, next: impl FnOnce(Option<&V>) -> V) -> V {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let value = next(entries.get(&key).map(|(_, last)| last));
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(&key) {
            entries.clear();
        }
        entries.insert(key, (now, value.clone()));
        value
    }
}

impl<K: Hash + Eq, V: Clone> Default for Cache<K, V> {
    fn default() -> Self {
        Self::new()
    }
}
