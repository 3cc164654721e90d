//! What the administrator and the fans set up.

use std::time::Duration;

use client::{Concert, Fan, Method};
use serde_json::json;
use uuid::Uuid;

use super::{refusals, until};
use crate::{
    answer::{Complaint, ask, expect},
    report::{Failed, Report},
    stage::{PRICE, SEATS, Stage},
};

/// How old the list of dates may be, and some more.
const DATES_AGE: Duration = Duration::from_secs(15);

/// Creates a queue with room for one, a concert behind it, and two fans.
pub async fn create(report: &mut Report, stage: &mut Stage) -> Result<(), Failed> {
    report.step("queue", create_queue(stage)).await?;
    report.step("concert", create_concert(stage)).await?;
    for number in 1..=2 {
        report.step(&format!("fan {number}"), sign_up_fan(stage, number)).await?;
    }
    refusals::check_fan_in_the_office(report, stage).await?;
    report.step("list of dates", find_in_dates(stage)).await
}

/// Its settings do not depend on the parameters of the deployment.
async fn create_queue(stage: &mut Stage) -> Result<((), String), Complaint> {
    let settings = json!({ "capacity": 1, "claimWindowSeconds": 120, "activeSeconds": 3_600, "waitingSeconds": 3_600 });
    stage.queue_requested = true;
    let answer = expect(stage.office(Method::PUT, stage.queue_path()).json(&settings), 200).await?;
    answer
        .check(answer.body["capacity"] == 1 && answer.text("state") == "OPEN", "the queue is open, with capacity 1")?;
    Ok(((), format!("{}, room for one", stage.queue)))
}

async fn create_concert(stage: &mut Stage) -> Result<((), String), Complaint> {
    stage.concert_requested = true;
    let answer = expect(stage.create_concert(), 201).await?;
    let id = answer.text("concertId").to_owned();
    answer.check(!id.is_empty(), "the concert has an id")?;
    answer.check(answer.header("location").ends_with(&id), "Location names the concert")?;
    stage.concert = Some(Concert { id: id.clone(), queue: stage.queue.clone(), price: PRICE });
    let shown = expect(stage.client.get(format!("/api/v1/concerts/{id}")), 200).await?;
    shown.check(
        shown.body["seatsTotal"] == SEATS && shown.body["enabled"] == true,
        "the concert has four seats on sale",
    )?;
    Ok(((), format!("{id}, {SEATS} seats")))
}

async fn sign_up_fan(stage: &mut Stage, number: u32) -> Result<((), String), Complaint> {
    let (name, password) = (format!("smoke-{}-{number}", stage.run), Uuid::new_v4().to_string());
    stage.names.push(name.clone());
    let account = ask(stage.client.sign_up(&name, &password)).await?;
    // The name is taken where the answer to the first attempt was lost.
    if account.attempts == 1 || account.outcome() != (409, "username_taken") {
        account.expect(201)?;
    }
    let login = expect(stage.client.log_in(&name, &password), 200).await?;
    login.check(!login.text("accessToken").is_empty(), "the login has an access token")?;
    stage.fans.push(Fan::new(&stage.client, name.clone(), &login));
    Ok(((), format!("{name} signed up and logged in")))
}

/// The list from the day of the concert on. With the fan's token, since a deployment may ask for one.
async fn find_in_dates(stage: &Stage) -> Result<((), String), Complaint> {
    let id = &stage.concert().id;
    let from = stage.draft["startsAt"].as_str().unwrap_or_default();
    let path = format!("/api/v1/reservations/dates?category=SMOKE-TEST&from={from}&limit=100");
    until("the concert is listed", DATES_AGE, async || {
        let answer = expect(stage.client.get(&path).bearer(&stage.fans[0].access), 200).await?;
        let listed = answer.body.as_array().is_some_and(|dates| dates.iter().any(|date| date["concertId"] == **id));
        Ok(listed.then_some(()))
    })
    .await?;
    Ok(((), "has the concert, where one asks for its start".to_owned()))
}
