//! Locks that a panic of one task does not poison for the others of its run.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, even after a task panicked while it held the lock.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
