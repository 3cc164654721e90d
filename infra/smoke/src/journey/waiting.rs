//! The queue, as both fans see it.

use std::time::{Duration, Instant};

use client::{Fan, Reply};
use tokio::time;

use crate::{
    answer::{Answer, Complaint, expect_problem},
    report::{Failed, Report},
    stage::Stage,
};

/// How long the first fan in a queue may wait for a free slot: the schedules of a new queue may take a minute to begin.
const LONGEST_WAIT: Duration = Duration::from_secs(150);
/// The pause between two polls where the answer names none, and the longest.
const POLL_AFTER: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Both fans join: the first is admitted, the second waits.
pub async fn join(report: &mut Report, stage: &mut Stage) -> Result<(), Failed> {
    let [first, second] = &mut stage.fans[..] else { unreachable!("two fans") };
    let queue = stage.queue.as_str();
    let place = report
        .step("fan 1 joins", async {
            let joined = join_queue(first, queue).await?;
            let place = joined.body["place"].as_u64();
            let polls = poll_until_admitted(first, joined).await?;
            Ok((place, format!("place {}, ACTIVE after {polls} polls", place.unwrap_or_default())))
        })
        .await?;
    report
        .step("fan 2 joins", async {
            let joined = join_queue(second, queue).await?;
            joined.check(joined.text("status") == "WAITING", "the second fan waits")?;
            joined.check(joined.body["place"].as_u64() > place, "the place is behind that of the first fan")?;
            joined.check(joined.retry_after().is_some(), "the answer has Retry-After")?;
            // The position of the first answer may come from a state that is a second old.
            time::sleep(pause(&joined)).await;
            let polled = poll(second).await?;
            polled.check(polled.text("status") == "WAITING", "the second fan still waits")?;
            polled.check(polled.body["queuePosition"] == 1, "the second fan is next")?;
            Ok(((), format!("place {}, WAITING at position 1", polled.body["place"])))
        })
        .await?;
    let concert = stage.concert.as_ref().expect("created");
    report
        .step("a seat map for a fan who waits", async {
            expect_problem(second.seats(concert), 403, "not_active").await?;
            Ok(((), "403 not_active".to_owned()))
        })
        .await
}

/// The second fan is admitted, now that the first session is over.
pub async fn admit_next(report: &mut Report, stage: &mut Stage) -> Result<(), Failed> {
    let fan = &mut stage.fans[1];
    let step = async {
        let answer = poll(fan).await?;
        let polls = poll_until_admitted(fan, answer).await?;
        Ok(((), format!("ACTIVE after {} polls", polls + 1)))
    };
    report.step("fan 2 is admitted", step).await
}

async fn join_queue(fan: &mut Fan, queue: &str) -> Result<Answer, Complaint> {
    let answer = Answer::new("POST /api/v1/tokens".to_owned(), fan.try_join(queue).await)?;
    // The first attempt may have joined without an answer.
    if answer.status == 200 && answer.attempts > 1 { Ok(answer) } else { answer.expect(201) }
}

async fn poll(fan: &mut Fan) -> Result<Answer, Complaint> {
    let name = format!("GET /api/v1/tokens/{}", fan.id);
    Answer::new(name, fan.try_poll().await)?.expect(200)
}

/// Polls until the fan is inside, as often as the answers ask for. Returns the number of polls.
async fn poll_until_admitted(fan: &mut Fan, mut answer: Answer) -> Result<usize, Complaint> {
    let (started, mut polls) = (Instant::now(), 0);
    loop {
        match answer.text("status") {
            "ACTIVE" => return Ok(polls),
            "WAITING" if started.elapsed() < LONGEST_WAIT => {}
            status => return Err(answer.complain(format!("{status:?} after {} s", started.elapsed().as_secs()))),
        }
        time::sleep(pause(&answer)).await;
        answer = poll(fan).await?;
        polls += 1;
    }
}

/// The pause before the next poll: `pollAfterSeconds`, which `Retry-After` repeats.
fn pause(answer: &Reply) -> Duration {
    let seconds = answer.body["pollAfterSeconds"].as_u64().map(Duration::from_secs);
    seconds.or_else(|| answer.retry_after()).unwrap_or(POLL_AFTER).min(LONGEST_PAUSE)
}
