//! A hold that nobody pays.

use std::time::Duration;

use super::until;
use crate::{
    answer::{Complaint, expect},
    report::{Failed, Report, say},
    stage::Stage,
};

/// How much later than its end a hold may expire: lost timers are left to the sweep.
const LATE: Duration = Duration::from_secs(120);
/// The longest hold that is waited for: the access tokens last an hour.
const LONGEST_HOLD_SECONDS: u64 = 2_700;

/// The second fan holds a seat and does not pay.
pub async fn wait(report: &mut Report, stage: &Stage) -> Result<(), Failed> {
    report.step("a hold expires", expires(stage)).await
}

async fn expires(stage: &Stage) -> Result<((), String), Complaint> {
    let (fan, concert) = (&stage.fans[1], stage.concert());
    let shown = expect(stage.client.get(format!("/api/v1/concerts/{}", concert.id)), 200).await?;
    let seconds = shown.body["holdSeconds"].as_u64().unwrap_or(u64::MAX);
    shown.check(seconds <= LONGEST_HOLD_SECONDS, "holds are short enough to wait for one")?;
    let held = expect(fan.hold(concert, &[1], Some(&stage.key("expiry"))), 201).await?;
    let id = held.text("reservationId");
    say(format!("                  waiting for a hold to expire: {seconds} s"));
    until("the hold is EXPIRED", Duration::from_secs(seconds) + LATE, async || {
        let now = expect(fan.reservation(id), 200).await?;
        Ok((now.text("status") == "EXPIRED").then_some(()))
    })
    .await?;
    let again = expect(fan.hold(concert, &[1], Some(&stage.key("after-expiry"))), 201).await?;
    expect(fan.cancel(again.text("reservationId")), 204).await?;
    Ok(((), format!("after {seconds} s, and its seat can be held again")))
}
