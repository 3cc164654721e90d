//! The log line of each request, which carries its metrics.

use acceptance::{Background, Request, START_MILLIS, World, functions};
use serde_json::{Value, json};
use shared::telemetry::line::Lines;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

use crate::Outcome;

/// The lines that a world's functions wrote.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn of(world: &mut World) -> Self {
        let log = Self::default();
        let lines = Arc::clone(&log.0);
        world.app.lines = Lines::to("a_function".to_owned(), "sale".to_owned(), move |line| {
            lines.lock().expect("no panic").push(line.to_owned());
        });
        log
    }

    /// Returns the lines so far, and forgets them.
    fn take(&self) -> Vec<Value> {
        let lines = std::mem::take(&mut *self.0.lock().expect("no panic"));
        lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The only line since the last call.
    fn one(&self) -> Value {
        let lines = self.take();
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.into_iter().next().unwrap_or_default()
    }
}

#[tokio::test]
async fn each_step_of_a_purchase_writes_one_line_with_its_metrics() -> Outcome {
    let mut world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let log = Log::of(&mut world);
    let mut fan = world.fan("ann").await;
    log.take();
    let joined = world.join(&mut fan).await;
    let line = log.one();
    assert_eq!(line["requestId"], joined.headers["x-request-id"]);
    assert_eq!((&line["route"], &line["status"]), (&json!("POST /api/v1/tokens"), &json!(201)));
    assert_eq!((&line["Joins"], &line["Admissions"]), (&json!(1.0), &json!(1.0)));
    assert_eq!(line["AdmissionWait"], 0.0);
    world.recharge(&fan, 100_000, None).await;
    log.take();
    let held = world.hold(&fan, &concert, &[1], Some("k")).await;
    let line = log.one();
    assert_eq!((&line["HoldsAttempted"], &line["HoldsWon"]), (&json!(1.0), &json!(1.0)));
    world.hold(&fan, &concert, &[1], Some("k")).await;
    let line = log.one();
    assert_eq!((&line["IdempotentReplays"], &line["HoldsAttempted"]), (&json!(1.0), &Value::Null));
    world.hold(&fan, &concert, &[1], None).await;
    let line = log.one();
    assert_eq!((&line["HoldsLost"], &line["code"]), (&json!(1.0), &json!("seat_unavailable")));
    let paid = world.pay(&fan, held.text("reservationId"), 50_000, None).await;
    assert_eq!(log.one()["Payments"], 1.0);
    world.pay(&fan, held.text("reservationId"), 50_000, None).await;
    let line = log.one();
    assert_eq!((&line["PaymentsRefused"], &line["code"]), (&json!(1.0), &json!("payment_already_processed")));
    let path = format!("/api/v1/payments/{}/cancel", paid.text("paymentId"));
    world.send(Request::new("POST", &path).token(&fan.access).json(&json!({}))).await;
    assert_eq!(log.one()["Refunds"], 1.0);
    Ok(())
}

#[tokio::test]
async fn a_line_has_the_units_that_dynamodb_reported() -> Outcome {
    let mut world = World::new().await?;
    let log = Log::of(&mut world);
    let fan = world.buyer("ann", 0).await;
    log.take();
    world.engine.reset_meter();
    world.recharge(&fan, 100, Some("key")).await;
    let (line, meter) = (log.one(), world.engine.meter());
    let units = line["units"].as_object().expect("an object");
    let sum = |which: usize| units.values().filter_map(|units| units[which].as_f64()).sum::<f64>();
    assert_eq!((sum(0), sum(1)), (meter.read_units, meter.write_units));
    assert!(sum(1) > 0.0 && line["WriteUnits"] == sum(1), "{line}");
    Ok(())
}

#[tokio::test]
async fn refusals_are_counted_by_their_kind() -> Outcome {
    let mut world = World::with(&[("JOINS_PER_FAN", "1")]).await?;
    world.fan_with_password("ann", "correct horse").await;
    let log = Log::of(&mut world);
    let login = json!({ "username": "ann", "password": "wrong horse" });
    world.send(Request::new("POST", "/api/v1/users/login").json(&login)).await;
    let line = log.one();
    assert_eq!((&line["LoginFailures"], &line["status"]), (&json!(1.0), &json!(401)));
    let mut fan = world.fan("bob").await;
    world.join(&mut fan).await;
    log.take();
    world.join(&mut fan).await;
    let line = log.one();
    assert_eq!((&line["LimitsHit"], &line["code"]), (&json!(1.0), &json!("too_many_requests")));
    Ok(())
}

#[tokio::test]
async fn a_tick_writes_who_waits_and_who_is_inside() -> Outcome {
    let mut world = World::new().await?;
    world.set_capacity(1).await;
    for name in ["ann", "bob", "cat"] {
        world.join(&mut world.fan(name).await).await;
    }
    let log = Log::of(&mut world);
    let message = json!({ "queueId": "main", "alarms": [{ "due": START_MILLIS, "id": Uuid::nil() }] });
    let batch = json!({ "Records": [{ "messageId": "1", "body": message.to_string() }] });
    world.wait(2);
    functions::promote_tokens(&world.app, serde_json::from_value(batch)?).await.expect("a batch");
    let lines = log.take();
    let [queue, batch] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&queue["queue"], &queue["Waiting"], &queue["Inside"]), (&json!("main"), &json!(2.0), &json!(1.0)));
    assert_eq!(queue["PromotionLag"], 2_000.0);
    assert_eq!(queue["_aws"]["CloudWatchMetrics"][0]["Namespace"], "sale");
    assert!(batch["WriteUnits"].as_f64() >= Some(1.0), "{batch}");
    let schedule = json!({ "source": "aws.events" });
    functions::promote_tokens(&world.app, serde_json::from_value(schedule)?).await.expect("a run");
    assert_eq!(log.one()["Heartbeat"], 1.0);
    Ok(())
}

#[tokio::test]
async fn an_expired_hold_and_its_changes_say_how_late_they_come() -> Outcome {
    let mut world = World::with(&[("HOLD_SECONDS", "10")]).await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let fan = world.buyer("ann", 0).await;
    world.hold(&fan, &concert, &[1], None).await;
    let mut background = Background::default();
    let log = Log::of(&mut world);
    let mut lines = Vec::new();
    for _ in 0..13 {
        background.second(&world).await?;
        lines.extend(log.take());
    }
    let expired: Vec<&Value> = lines.iter().filter(|line| line["HoldsExpired"] == 1.0).collect();
    let [expired] = &expired[..] else { panic!("{lines:?}") };
    assert!((0.0..=2_000.0).contains(&expired["TimerLag"].as_f64().unwrap_or(-1.0)), "{expired}");
    assert!(lines.iter().any(|line| !line["StreamLag"].is_null()), "{lines:?}");
    Ok(())
}

#[tokio::test]
async fn no_line_has_a_token_a_password_a_name_or_an_id_of_a_fan() -> Outcome {
    let mut world = World::new().await?;
    let log = Log::of(&mut world);
    let account = json!({ "username": "annabel", "password": "correct horse" });
    world.send(Request::new("POST", "/api/v1/users").json(&account)).await;
    world.send(Request::new("POST", "/api/v1/users/login").json(&account)).await;
    let fan = world.buyer("barbara", 100).await;
    world.get(&format!("/api/v1/payments/balance/{}?who=annabel", fan.user_id), &fan.access).await;
    let lines = log.take();
    assert!(lines.len() >= 4);
    let text = Value::Array(lines).to_string();
    for secret in ["annabel", "correct horse", "barbara", &fan.user_id, &fan.access, &fan.queue, "127.0.0.1"] {
        assert!(!text.contains(secret), "{secret} is in a line");
    }
    Ok(())
}
