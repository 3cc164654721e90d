//! Lambda's control plane: functions, their environments (processes) and invocations.
//!
//! `cargo lambda watch` has one too, but its scheduler does not start a function again whose process was killed; the
//! measurements are in `infra/adr/0007-own-runtime-api.md`. This one keeps Lambda's rules: one environment is one process
//! that handles one invocation at a time; more are started while invocations wait; one that overruns its time is killed;
//! one that died is replaced with the next invocation.

mod pool;
mod runtime_api;

use std::{
    collections::BTreeMap,
    fs::File,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::body::Bytes;
use futures_util::future;
use tokio::time;

use crate::failure::{Context, Failure};
use pool::Pool;

/// How an invocation can go wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The handler failed; Lambda's error object.
    #[error("{}", String::from_utf8_lossy(.0))]
    Function(Bytes),
    /// The process ended before it answered.
    #[error("the process ended: {0}")]
    Crashed(String),
    /// There was no answer in time.
    #[error("no answer in time")]
    TimedOut,
}

/// What a function's processes are started with.
pub struct Program {
    /// The function's name.
    pub name: String,
    /// The executable file.
    pub binary: PathBuf,
    /// Variables on top of those of this process.
    pub variables: BTreeMap<String, String>,
    /// What an invocation may take.
    pub timeout: Duration,
    /// Gets what the processes print.
    pub log: File,
}

/// All functions. Clones share them.
#[derive(Clone)]
pub struct Functions {
    pools: Arc<BTreeMap<String, Arc<Pool>>>,
}

impl Functions {
    /// Starts one environment of each function and waits until all of them have asked for work.
    ///
    /// # Errors
    /// When one ends instead.
    pub async fn start(programs: Vec<Program>) -> Result<Self, Failure> {
        let address = Arc::new(OnceLock::new());
        let pools = (programs.into_iter())
            .map(|program| (program.name.clone(), Arc::new(Pool::new(program, Arc::clone(&address)))))
            .collect();
        let functions = Self { pools: Arc::new(pools) };
        let served = runtime_api::serve(functions.clone()).await.context("runtime API")?;
        address.set(served).map_err(|_| Failure::new("runtime API started twice"))?;
        future::try_join_all(functions.pools.values().map(|pool| pool.warm())).await?;
        Ok(functions)
    }

    /// Gives the named functions other variables, as a deployment does: an environment with the old ones finishes what it
    /// works on and gets no more; what waits gets new ones.
    pub fn reconfigure(&self, variables: BTreeMap<String, BTreeMap<String, String>>) {
        for (function, variables) in variables {
            if let Some(pool) = self.pools.get(&function) {
                pool.reconfigure(variables);
            }
        }
    }

    /// Invokes `function` with `payload`. It is given its own timeout to run, and `patience` in all, waiting for a free
    /// environment included.
    ///
    /// Answers nothing if there is no such function.
    pub async fn invoke(
        &self,
        function: &str,
        payload: Bytes,
        patience: Duration,
    ) -> Option<Result<Bytes, InvokeError>> {
        let pool = self.pools.get(function)?;
        Some(pool.invoke(payload, patience).await)
    }

    /// What an invocation of `function` may take; nothing if there is no such function.
    pub fn timeout(&self, function: &str) -> Option<Duration> {
        self.pools.get(function).map(|pool| pool.timeout())
    }

    /// Kills all processes, starts no more, and waits until they are gone.
    pub async fn stop(&self) {
        self.pools.values().for_each(|pool| pool.stop());
        while self.pools.values().any(|pool| !pool.is_empty()) {
            time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn pool(&self, function: &str) -> Option<&Arc<Pool>> {
        self.pools.get(function)
    }
}

#[cfg(test)]
mod tests;
