//! Lambda's control plane: functions, their environments (processes) and invocations.
//!
//! `cargo lambda watch` has a control plane too, but does not restart a function whose process was killed; the
//! measurements are in `infra/adr/0007-own-runtime-api.md`. This one keeps Lambda's rules: an environment is one
//! process that handles one invocation at a time; more environments start while invocations wait; an environment whose
//! invocation exceeds the timeout is killed; a dead environment is replaced when the next invocation comes.

mod invocation;
mod pool;
mod runtime_api;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::body::Bytes;
use futures_util::future;
use tokio::time;

use crate::failure::{Context, Failure};
use pool::{Pool, Pools};

pub use invocation::InvokeError;
pub use pool::Program;

/// All functions. Clones share them.
#[derive(Clone)]
pub struct Functions {
    pools: Arc<Pools>,
}

impl Functions {
    /// Starts one environment of each function and waits until all have asked for their first invocation.
    ///
    /// # Errors
    /// When a process ends before that.
    pub async fn start(programs: Vec<Program>) -> Result<Self, Failure> {
        let address = Arc::new(OnceLock::new());
        let pools: Pools = (programs.into_iter())
            .map(|program| (program.name.clone(), Arc::new(Pool::new(program, Arc::clone(&address)))))
            .collect();
        let functions = Self { pools: Arc::new(pools) };
        let served = runtime_api::serve(Arc::clone(&functions.pools)).await.context("runtime API")?;
        address.set(served).map_err(|_| Failure::new("runtime API started twice"))?;
        future::try_join_all(functions.pools.values().map(|pool| pool.warm())).await?;
        Ok(functions)
    }

    /// Invokes `function` with `payload`. The function's own timeout limits the run; `patience` limits the whole,
    /// including the wait for a free environment.
    ///
    /// Returns `None` if there is no such function.
    pub async fn invoke(
        &self,
        function: &str,
        payload: Bytes,
        patience: Duration,
    ) -> Option<Result<Bytes, InvokeError>> {
        let pool = self.pools.get(function)?;
        Some(pool.invoke(payload, patience).await)
    }

    /// The timeout of `function`; `None` if there is no such function.
    pub fn timeout(&self, function: &str) -> Option<Duration> {
        self.pools.get(function).map(|pool| pool.timeout())
    }

    /// Kills all processes, starts no more, and waits until they have ended.
    pub async fn stop(&self) {
        self.pools.values().for_each(|pool| pool.stop());
        while self.pools.values().any(|pool| !pool.is_empty()) {
            time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[cfg(test)]
mod tests;
