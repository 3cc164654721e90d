//! What the API must refuse.

use client::Method;
use serde_json::json;

use crate::{
    answer::expect_problem,
    report::{Failed, Report},
    stage::Stage,
};

/// Requests of nobody: bad input, and a token that is none.
pub async fn check_strangers(report: &mut Report, stage: &Stage) -> Result<(), Failed> {
    let bad_input = async {
        let answer = expect_problem(stage.client.sign_up("a", "long enough"), 400, "invalid_request").await?;
        answer.check(answer.body["errors"][0]["pointer"] == "/username", "the problem points at /username")?;
        Ok(((), "400 invalid_request".to_owned()))
    };
    report.step("bad input", bad_input).await?;
    let wrong_token = async {
        let request = stage.client.request(Method::GET, stage.queue_path()).bearer("not.a.token");
        expect_problem(request, 401, "unauthenticated").await?;
        Ok(((), "401 unauthenticated".to_owned()))
    };
    report.step("a wrong token", wrong_token).await
}

/// A fan on a route of administrators.
pub async fn check_fan_in_the_office(report: &mut Report, stage: &Stage) -> Result<(), Failed> {
    let step = async {
        let request = stage.client.request(Method::PUT, stage.queue_path()).bearer(&stage.fans[0].access);
        expect_problem(request.json(&json!({ "capacity": 2 })), 403, "forbidden").await?;
        Ok(((), "403 forbidden".to_owned()))
    };
    report.step("a fan on an admin route", step).await
}

/// A hold of a seat that is sold, by the second fan.
pub async fn check_sold_seat(report: &mut Report, stage: &Stage) -> Result<(), Failed> {
    let step = async {
        let request = stage.fans[1].hold(stage.concert(), &[1], Some(&stage.key("sold")));
        let answer = expect_problem(request, 409, "seat_unavailable").await?;
        answer.check(answer.body["seatNumbers"] == json!([1]), "the refusal names seat 1")?;
        Ok(((), "409 seat_unavailable".to_owned()))
    };
    report.step("a seat that is sold", step).await
}
