//! The journey: two fans, one after the other through a queue with room for one.

mod expiry;
mod purchase;
mod refusals;
mod setup;
mod waiting;

use std::time::{Duration, Instant};

use tokio::time;

use crate::{
    answer::Complaint,
    report::{Failed, Report},
    stage::Stage,
};

/// Takes all steps, to the first that fails.
///
/// # Errors
/// When a step failed. It is printed.
pub async fn run(report: &mut Report, stage: &mut Stage, expiry: bool) -> Result<(), Failed> {
    refusals::check_strangers(report, stage).await?;
    setup::create(report, stage).await?;
    waiting::join(report, stage).await?;
    let sale = purchase::buy(report, stage).await?;
    waiting::admit_next(report, stage).await?;
    refusals::check_sold_seat(report, stage).await?;
    purchase::refund(report, stage, &sale).await?;
    if expiry {
        expiry::wait(report, stage).await?;
    }
    Ok(())
}

/// Repeats `look` until it finds something, for at most `most`.
///
/// # Errors
/// The last complaint of `look`, or `what` if it found nothing in time.
async fn until<T>(
    what: &str,
    most: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>, Complaint>,
) -> Result<T, Complaint> {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if started.elapsed() > most {
            return Err(Complaint::plain(format!("{what}: not within {} s", most.as_secs())));
        }
        time::sleep(Duration::from_millis(500)).await;
    }
}
