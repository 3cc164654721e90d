//! A client that backs off, against a gateway that answers errors of its own.

use std::collections::BTreeSet;

use e2e::{Client, PASSWORD, Reply, Stack, report_measurement, unique};
use serde_json::{Value, json};

use crate::alone;

/// Of a hundred requests, how many fail.
const PERCENT: &str = "30";
const ATTEMPTS: usize = 40;

/// Sends a request until the gateway lets it through, as the contract asks of clients, but without their pauses.
async fn send(client: &Client, path: &str, token: &str, key: &str, body: &Value, errors: &mut BTreeSet<u16>) -> Reply {
    for _ in 0..ATTEMPTS {
        let reply = client.post(path, body).bearer(token).key(Some(key)).send().await;
        if reply.body["message"].is_null() {
            return reply;
        }
        assert_eq!((reply.header("content-type"), reply.header("retry-after")), ("application/json", ""));
        errors.insert(reply.status);
    }
    panic!("{path}: no answer in {ATTEMPTS} attempts");
}

#[tokio::test]
async fn a_fan_who_repeats_what_the_gateway_refused_pays_once() {
    let _machine = alone().await;
    let stack = Stack::start_with(&["--gateway-errors", PERCENT]);
    let (client, mut errors) = (stack.client(), BTreeSet::new());
    let account = json!({ "username": unique(), "password": PASSWORD });
    // The first sign-up may have succeeded without an answer.
    assert!([201, 409].contains(&send(&client, "/api/v1/users", "", "", &account, &mut errors).await.status));
    let login = send(&client, "/api/v1/users/login", "", "", &account, &mut errors).await.expect(200);
    let (access, user) = (login.text("accessToken"), login.text("userId"));
    let place = send(&client, "/api/v1/tokens", access, "join", &json!({}), &mut errors).await;
    let queue = place.text("token");
    let money = json!({ "userId": user, "amount": 50_000 });
    send(&client, "/api/v1/payments/recharge", access, "money", &money, &mut errors).await.expect(200);
    let dates = loop {
        let dates = client.get("/api/v1/reservations/dates").send().await;
        if dates.body.is_array() {
            break dates;
        }
    };
    let seat = json!({ "concertId": dates.body[0]["concertId"], "seatNumber": 1 });
    let hold = send(&client, "/api/v1/reservations", queue, "hold", &seat, &mut errors).await.expect(201);
    let order = json!({ "reservationId": hold.text("reservationId"), "amount": 50_000 });
    send(&client, "/api/v1/payments/process", queue, "pay", &order, &mut errors).await.expect(200);
    let history = loop {
        let history = client.get(format!("/api/v1/payments/history/{user}")).bearer(access).send().await;
        if history.status == 200 {
            break history;
        }
    };
    let types: Vec<_> = (0..3).map(|index| history.body["items"][index]["type"].clone()).collect();
    assert_eq!(types, [json!("PAYMENT"), json!("CHARGE"), json!(null)], "charged once, paid once");
    report_measurement(format!("errors of the gateway that the fan met: {errors:?}"));
}
