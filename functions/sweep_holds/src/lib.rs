//! The one-minute safety net: expires holds whose timers were lost and mends seat counts.

use lambda_runtime::Error;
use serde::{Deserialize, Serialize};
use shared::{app::App, domain::time::Seconds};

/// Concerts that started longer ago have no holds left, and their counts matter to nobody.
const PAST: Seconds = Seconds(2 * 24 * 3600);

/// The schedule's event; what it says does not matter.
#[derive(Deserialize)]
pub struct Scheduled {}

/// What a sweep did.
#[derive(Serialize, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Concerts looked at.
    pub concerts: usize,
    /// Holds expired that no timer had.
    pub expired: usize,
}

/// Sweeps every concert. One that fails does not keep the others from being swept; the next minute tries again.
pub async fn handle(app: &App, _event: Scheduled) -> Result<Swept, Error> {
    let concerts = app.store.concerts_from(app.now() - PAST).await?;
    let (mut expired, mut failure) = (0, None);
    for concert in &concerts {
        match app.store.sweep(concert).await {
            Ok(holds) => expired += holds,
            Err(error) => failure = Some(error),
        }
    }
    if expired > 0 {
        tracing::warn!(expired, "holds expired without their timer");
    }
    match failure {
        Some(error) => Err(error.into()),
        None => Ok(Swept { concerts: concerts.len(), expired }),
    }
}
