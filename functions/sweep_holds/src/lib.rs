//! The one-minute safety net: expires holds whose timers were lost, and repeats counts that failed.

use lambda_runtime::Error;
use serde::{Deserialize, Serialize};
use shared::app::App;

/// The schedule's event; what it says does not matter.
#[derive(Deserialize)]
pub struct Scheduled {}

/// What a sweep did.
#[derive(Serialize, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
    /// Chunks visited to the end.
    pub chunks: usize,
    /// Holds expired that no timer had.
    pub expired: usize,
    /// Whether the time ran out first; the next minute goes on.
    pub cut_off: bool,
}

/// Sweeps the chunks whose minute is over. One that fails does not keep the others from being swept; the next minute
/// tries again.
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
