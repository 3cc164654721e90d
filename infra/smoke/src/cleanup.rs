//! Removes what a run created. Looks at what is there rather than at what the journey knows: a request may have taken
//! effect without an answer.

use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta};
use client::{Concert, Fan, Method};
use serde_json::json;
use tokio::time;

use crate::{
    answer::{Answer, Complaint, ask, expect},
    report::Report,
    stage::{PRICE, Stage},
};

/// How long the queue may take to notice that nobody is there any more.
const QUEUE_SETTLES: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_secs(1);

/// Takes every step, also where one fails. Notes what is left.
pub async fn run(report: &mut Report, stage: &mut Stage) {
    if !stage.queue_requested {
        return;
    }
    for fan in &stage.fans {
        let name = format!("clean-up of {}", fan.name);
        if report.step(&name, release(stage, fan)).await.is_err() {
            stage.left.push(format!("perhaps seats, or a place in the queue, of {}", fan.name));
        }
    }
    if stage.concert_requested {
        let closed = report.step("clean-up of the concert", close(stage)).await;
        stage.left.push(match closed {
            Ok(id) => format!("the concert {id}, which is closed and on no list that fans see"),
            Err(_) => format!("a concert of the queue {}, whose sale ends within two hours", stage.queue),
        });
    }
    if report.step("clean-up of the queue", delete_queue(stage)).await.is_err() {
        stage.left.push(format!("the queue {}: delete it with DELETE {}", stage.queue, stage.queue_path()));
    }
}

/// The fan leaves, which cancels open holds, and what was paid is refunded.
async fn release(stage: &Stage, fan: &Fan) -> Result<((), String), Complaint> {
    // With the access token: the answer with the queue token may be lost.
    let path = format!("/api/v1/tokens/{}?queueId={}", fan.id, stage.queue);
    let left = ask(stage.client.request(Method::DELETE, path).bearer(&fan.access)).await?;
    if ![404, 410].contains(&left.status) {
        left.expect(204)?;
    }
    let list = expect(fan.reservations(), 200).await?;
    let (mut cancelled, mut refunded) = (0, 0);
    for reservation in list.body["items"].as_array().into_iter().flatten() {
        match (reservation["status"].as_str(), reservation["reservationId"].as_str()) {
            (Some("PENDING"), Some(id)) => {
                gone(ask(fan.cancel(id)).await?)?;
                cancelled += 1;
            }
            (Some("CONFIRMED"), Some(_)) => {
                let payment = reservation["paymentId"].as_str().unwrap_or_default();
                expect(stage.refund(fan, payment), 200).await?;
                refunded += 1;
            }
            _ => {}
        }
    }
    let balance = expect(fan.balance(), 200).await?.body["currentBalance"].clone();
    Ok((
        (),
        format!("out of the queue, holds cancelled: {cancelled}, payments refunded: {refunded}, balance {balance}"),
    ))
}

/// Accepts that a hold has ended by itself.
fn gone(answer: Answer) -> Result<(), Complaint> {
    if answer.status == 410 { Ok(()) } else { answer.expect(204).map(|_| ()) }
}

/// Ends the sale, and returns the concert's id. The API cannot delete a concert.
async fn close(stage: &mut Stage) -> Result<(String, String), Complaint> {
    // The same request with the same key: the concert as it was created, or created now if the first did not arrive.
    let created = expect(stage.create_concert(), 201).await?;
    let id = created.text("concertId").to_owned();
    stage.concert = Some(Concert { id: id.clone(), queue: stage.queue.clone(), price: PRICE });
    // By the clock of the deployment: right after the opening, and so in the past.
    let opened = DateTime::parse_from_rfc3339(created.text("saleOpensAt"));
    let opened = opened.map_err(|error| created.complain(format!("saleOpensAt is no time: {error}")))?;
    let closes = (opened + TimeDelta::milliseconds(1)).to_rfc3339_opts(SecondsFormat::Millis, true);
    let change = json!({ "enabled": false, "saleClosesAt": closes });
    let path = format!("/api/v1/admin/concerts/{id}");
    let answer = expect(stage.office(Method::PATCH, path).json(&change), 200).await?;
    answer.check(answer.body["enabled"] == false, "the concert is disabled")?;
    Ok((id, "the sale is closed".to_owned()))
}

/// Deletes the queue as soon as it has noticed that it is empty.
async fn delete_queue(stage: &Stage) -> Result<((), String), Complaint> {
    let started = Instant::now();
    loop {
        let answer = ask(stage.office(Method::DELETE, stage.queue_path())).await?;
        match answer.status {
            404 => return Ok(((), "there is none".to_owned())),
            409 if started.elapsed() < QUEUE_SETTLES => time::sleep(PAUSE).await,
            _ => return answer.expect(204).map(|_| ((), format!("{} is deleted", stage.queue))),
        }
    }
}
