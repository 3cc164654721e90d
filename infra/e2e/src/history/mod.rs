//! The history checker: records the calls of clients with their answers, and finds what no correct system can answer.
//!
//! The checker sees only HTTP: the calls with their times, and the final state. An answer proves that the effect took
//! place between the call's start and its end. A call without an answer may take effect at any later time, once or
//! never.

mod answers;
mod call;
mod end;
mod json;
mod line;
mod money;
mod seats;
#[cfg(test)]
mod tests;

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time;

pub use call::{Call, Op, Outcome};
pub use end::{Account, End};
pub use line::place;

use client::{Reply, Request};

/// All calls, in the order of sending.
#[derive(Debug, Default)]
pub struct History {
    calls: Mutex<Vec<Call>>,
}

impl History {
    /// Sends a request and records the call with its times and outcome. Hangs up after `patience`. Returns `None`
    /// without an answer.
    pub async fn call(&self, mut call: Call, request: Request, patience: Duration) -> Option<Reply> {
        call.start_ms = now_ms();
        let index = {
            let mut calls = self.lock();
            calls.push(call);
            calls.len() - 1
        };
        let outcome = match time::timeout(patience, request.try_send()).await {
            Ok(Ok(reply)) => Outcome::Answer(reply),
            Ok(Err(failure)) => Outcome::Failed(failure.to_string()),
            Err(_) => Outcome::GaveUp,
        };
        let end_ms = now_ms();
        let call = &mut self.lock()[index];
        call.outcome = outcome;
        if call.reply().is_some() {
            call.end_ms = end_ms;
        }
        call.reply().cloned()
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns every violation that the history proves, in words.
pub fn check(calls: &[Call], end: &End) -> Vec<String> {
    let mut wrong = Vec::new();
    answers::check(calls, &mut wrong);
    seats::check(calls, end, &mut wrong);
    money::check(calls, end, &mut wrong);
    line::check(calls, end, &mut wrong);
    wrong
}

/// Milliseconds since the epoch.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
