//! Every event in `events/`, sent to its function with `cargo lambda invoke`.

use std::{collections::BTreeMap, env, fs, path::Path, process::Command};

use e2e::{PASSWORD, Site, Stack, report_measurement, unique};
use serde_json::{Value, json};
use tokio::time::Instant;
use tools::python::PythonEnvironment;

use crate::{
    DEFAULT_SETTINGS, Stage,
    events::{answers, difference, filled_in, function_of, rendered},
};

#[tokio::test]
async fn every_event_gets_its_expected_answer() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let site = &stage.site;
    let values = values(site).await;
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let answers = answers();
    let started = Instant::now();
    let mut wrong = Vec::new();
    // One after the other, in the order of their names: some change state that later ones read.
    for (file, expected) in &answers {
        let event = rendered(file, &values);
        let path = directory.path().join(file);
        fs::write(&path, &event).expect("written");
        let expected = serde_json::from_str(&filled_in(&expected.to_string(), &values)).expect("JSON");
        let outcome = invoke(&stage.stack, function_of(file), &path);
        if let Some(why) = judge(&event, &expected, &outcome) {
            wrong.push(format!("{file}: {why}: {:.2000}", format!("{outcome:?}")));
        }
    }
    let took = started.elapsed().as_secs_f64();
    report_measurement(format!("{} events by cargo lambda invoke in {took:.1} s", answers.len()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Invokes a function as one does by hand, with the cargo-lambda that `cargo local` installs. Returns its answer, or the error that cargo-lambda printed.
fn invoke(stack: &Stack, function: &str, event: &Path) -> Result<Value, String> {
    let output = Command::new(PythonEnvironment::new("local").program("cargo-lambda"))
        .args(["lambda", "invoke", "--invoke-address", "127.0.0.1", "--invoke-port", &stack.port().to_string()])
        .args([function, "--data-file"])
        .arg(event)
        .output()
        .expect("cargo-lambda runs");
    if output.status.success() {
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Returns how an outcome differs from the expected one; `None` if it does not.
fn judge(event: &str, expected: &Value, outcome: &Result<Value, String>) -> Option<String> {
    match (expected, outcome) {
        (expected, Err(said)) => {
            let error = expected["error"].as_str().is_some_and(|error| said.contains(error));
            (!error).then(|| "another error".to_owned())
        }
        (expected, Ok(answer)) if expected.get("answer").is_some() => difference(&expected["answer"], answer),
        (expected, Ok(answer)) if expected.get("status").is_some() => judge_response(event, expected, answer),
        _ => Some("not a success".to_owned()),
    }
}

/// As [`judge`], for an answer to API Gateway.
fn judge_response(event: &str, expected: &Value, answer: &Value) -> Option<String> {
    let event: Value = serde_json::from_str(event).expect("JSON");
    let request_id = &event["requestContext"]["requestId"];
    let mut whole = json!({ "statusCode": expected["status"], "headers": { "x-request-id": request_id } });
    if let Some(code) = expected.get("code") {
        whole["headers"]["content-type"] = json!("application/problem+json");
        whole["body"] = json!({
            "code": code, "status": expected["status"], "instance": request_id,
            "type": "${any}", "title": "${any}", "detail": "${any}",
        });
    }
    for (name, value) in expected["headers"].as_object().into_iter().flatten() {
        whole["headers"][name] = value.clone();
    }
    match expected.get("body") {
        Some(Value::Object(members)) => members.iter().for_each(|(name, value)| whole["body"][name] = value.clone()),
        Some(other) => whole["body"] = other.clone(),
        None => {}
    }
    let mut answer = answer.clone();
    let body = answer["body"].as_str().unwrap_or_default();
    answer["body"] = serde_json::from_str(body).unwrap_or_default();
    difference(&whole, &answer)
}

/// The values of the placeholders in the events: see `events/README.md`.
async fn values(site: &Site) -> BTreeMap<&'static str, String> {
    let queue = site.queue(&json!({ "capacity": 10 })).await;
    let closed = site.queue(&json!({ "capacity": 0 })).await;
    let concert = site.concert(&queue, 10).await;
    let inside = site.fans_inside(&queue, 4).await;
    let [fan, leaver, gone, refunded] = &inside[..] else { panic!("four fans") };
    fan.recharge(200_000, None).send().await.expect(200);
    let mut reservations = Vec::new();
    for seat in [2, 3, 4, 5] {
        reservations.push(fan.hold_seats(&concert, &[seat]).await);
    }
    fan.pay(&reservations[3], concert.price, None).send().await.expect(200);
    gone.leave().send().await.expect(204);
    refunded.recharge(50_000, None).send().await.expect(200);
    let reservation = refunded.hold_seats(&concert, &[6]).await;
    let payment = refunded.pay(&reservation, concert.price, None).send().await.expect(200);
    let (webhook, unwanted) = (unique(), unique());
    for id in [&webhook, &unwanted] {
        let draft = json!({ "url": "https://hooks.example.com/", "enabled": false });
        let path = format!("/api/v1/admin/webhooks/{id}");
        site.client.request(hyper::Method::PUT, path).json(&draft).bearer(&site.admin).send().await.expect(200);
    }
    let newcomer = site.fan().await;
    let mut waiting = site.fan().await;
    waiting.join(&closed).await.expect(201);
    let [reservation, cancel, pay, paid] = reservations.try_into().expect("four");
    BTreeMap::from([
        ("username", unique()),
        ("fanName", fan.name.clone()),
        ("password", PASSWORD.to_owned()),
        ("userId", fan.id.clone()),
        ("accessToken", fan.access.clone()),
        ("queueToken", fan.token.clone()),
        ("reservationId", reservation),
        ("cancelId", cancel),
        ("payId", pay),
        ("paidId", paid),
        ("refundToken", refunded.access.clone()),
        ("refundPaymentId", payment.text("paymentId").to_owned()),
        ("newcomerToken", newcomer.access.clone()),
        ("leaverId", leaver.id.clone()),
        ("leaverToken", leaver.token.clone()),
        ("goneId", gone.id.clone()),
        ("goneToken", gone.token.clone()),
        ("waitingId", waiting.id.clone()),
        ("waitingToken", waiting.token.clone()),
        ("waitingQueueId", closed),
        ("adminToken", site.admin.clone()),
        ("queueId", queue),
        ("concertId", concert.id),
        ("webhookId", webhook),
        ("unwantedWebhookId", unwanted),
    ])
}
