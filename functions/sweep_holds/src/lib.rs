//! The sweep, every minute: expires holds whose timers were lost, and repeats recounts that failed.

use lambda_runtime::Error;
use serde::{Deserialize, Serialize};
use shared::app::App;
use shared::bootstrap;

/// The schedule's event. Its content is ignored.
#[derive(Deserialize)]
pub struct Scheduled {}

/// What a sweep did.
#[derive(Serialize, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
    /// Chunks visited to the end.
    pub chunks: usize,
    /// Holds that it expired because no timer had.
    pub expired: usize,
    /// Whether the time ran out first. The next sweep visits the rest.
    pub cut_off: bool,
}

/// Sweeps the chunks whose minute is over. A chunk that fails does not stop the others; the next sweep tries it again.
///
/// # Errors
/// The last failure of the sweep, if there was one.
pub async fn handle(app: &App, _event: Scheduled) -> Result<Swept, Error> {
    let sweep = app.store.sweep().await;
    let swept = Swept { chunks: sweep.chunks, expired: sweep.expired, cut_off: sweep.cut_off };
    if swept.expired > 0 {
        tracing::warn!(expired = swept.expired, "holds expired without their timer");
    }
    if swept.cut_off {
        tracing::warn!(chunks = swept.chunks, "sweep cut off");
    }
    match sweep.failure {
        Some(error) => Err(error.into()),
        None => Ok(swept),
    }
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::consume(|app, event| Box::pin(handle(app, event)))
}
