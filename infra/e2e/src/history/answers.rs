//! Checks that each answer is documented and in time, and that the same key gets the same answer.

use std::collections::BTreeMap;

use openapi::contract::Exchange;
use serde_json::Value;

use super::call::{Call, Op, Outcome};
use client::Reply;

/// The limit on the time of an answer (milliseconds).
const MAX_ANSWER_MS: u128 = 10_000;
/// Headers of the transport, which any server sends and the document leaves out.
const TRANSPORT: [&str; 2] = ["content-length", "date"];

/// Checks every answer by itself, and answers to the same key against each other.
pub fn check(calls: &[Call], wrong: &mut Vec<String>) {
    let mut first: BTreeMap<(&str, &Op, &str), (u16, &Value)> = BTreeMap::new();
    for call in calls {
        let reply = match &call.outcome {
            Outcome::Answer(reply) => reply,
            Outcome::GaveUp => continue,
            Outcome::Failed(error) => {
                wrong.push(format!("no answer ({error}): {call}"));
                continue;
            }
        };
        check_form(call, reply, wrong);
        if let (Some(key), Some(reply)) = (&call.key, call.granted()) {
            let answer = (reply.status, &reply.body);
            if *first.entry((&call.fan, &call.op, key)).or_insert(answer) != answer {
                wrong.push(format!("the same key got another answer before: {call}"));
            }
        }
    }
}

fn check_form(call: &Call, reply: &Reply, wrong: &mut Vec<String>) {
    if reply.took.as_millis() >= MAX_ANSWER_MS {
        wrong.push(format!("the answer took {:?}: {call}", reply.took));
    }
    if reply.status >= 500 && reply.outcome() != (503, "unavailable") {
        wrong.push(format!("a server error other than 503 unavailable: {call}: {}", reply.body));
    }
    if matches!(reply.status, 429 | 503) && reply.header("retry-after").is_empty() {
        wrong.push(format!("Retry-After is missing: {call}"));
    }
    if reply.status >= 400 && reply.text("instance") != reply.header("x-request-id") {
        wrong.push(format!("the problem's instance is not the request id: {call}"));
    }
    let headers = (reply.headers.iter())
        .filter(|(name, _)| !TRANSPORT.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    let exchange = Exchange {
        route: route(&call.op),
        asked: None,
        status: reply.status,
        headers: &headers,
        answered: &reply.body,
    };
    for fault in exchange.faults() {
        wrong.push(format!("not documented: {fault}: {call}"));
    }
}

/// The route as the OpenAPI document names it.
fn route(op: &Op) -> &'static str {
    match op {
        Op::Join => "POST /api/v1/tokens",
        Op::Poll => "GET /api/v1/tokens/{userId}",
        Op::Leave => "DELETE /api/v1/tokens/{userId}",
        Op::SeatMap => "GET /api/v1/reservations/{concertId}/seats",
        Op::Hold(_) => "POST /api/v1/reservations",
        Op::Cancel(_) => "DELETE /api/v1/reservations/{reservationId}",
        Op::Reservation(_) => "GET /api/v1/reservations/{reservationId}",
        Op::Reservations => "GET /api/v1/users/{userId}/reservations",
        Op::Recharge(_) => "POST /api/v1/payments/recharge",
        Op::Pay(_) => "POST /api/v1/payments/process",
        Op::Refund(_) => "POST /api/v1/payments/{paymentId}/cancel",
        Op::Balance => "GET /api/v1/payments/balance/{userId}",
        Op::Ledger => "GET /api/v1/payments/history/{userId}",
    }
}
