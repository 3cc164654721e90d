//! Looks for differences between the items of seats and money, as often as `ReconcileEvery` says. Repairs nothing.

use lambda_runtime::Error;
use serde::{Deserialize, Serialize};
use shared::{app::App, bootstrap, domain::reconcile::Difference};

/// The schedule's event. Its content is ignored.
#[derive(Deserialize)]
pub struct Scheduled {}

/// What a run did.
#[derive(Serialize, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Reconciled {
    /// Items that it compared with others.
    pub compared: usize,
    /// The differences that were seen twice. They are in the log.
    pub found: Vec<Found>,
    /// Differences that wait for their second look.
    pub waiting: usize,
    /// Whether it came to the end of the tables. The next run begins again.
    pub round_over: bool,
}

/// A difference that was seen twice.
#[derive(Serialize, Debug, PartialEq, Eq)]
pub struct Found {
    /// What does not fit.
    pub kind: Difference,
    /// The partition key of the item at which it shows.
    pub pk: String,
    /// The sort key of that item.
    pub sk: String,
}

/// Looks again at what was suspected, reports what is still different, and goes on through the tables.
///
/// # Errors
/// The last failure of the run, if there was one. What it did until then is saved.
pub async fn handle(app: &App, _event: Scheduled) -> Result<Reconciled, Error> {
    let run = app.store.reconcile().await?;
    if run.round_over {
        tracing::info!(waiting = run.waiting, "a round of reconcile is over");
    }
    if let Some(error) = run.failure {
        return Err(error.into());
    }
    let found = run.found.into_iter().map(|it| Found { kind: it.difference, pk: it.key.pk, sk: it.key.sk });
    Ok(Reconciled { compared: run.compared, found: found.collect(), waiting: run.waiting, round_over: run.round_over })
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::consume(|app, event| Box::pin(handle(app, event)))
}
