//! The requests that fans send.

use super::Fan;
use crate::{
    door,
    history::{Op, Outcome},
    lock::lock,
    plan::SECTION,
};
use acceptance::{Reply, Request};
use futures_util::future::join;
use serde_json::{Value, json};
use shared::domain::time::Timestamp;

/// How often a fan asks after fault injection has ended, before the lack of an answer is a violation.
const ATTEMPTS_WHEN_HEALED: u32 = 40;

/// The longest `Retry-After` that a fan waits for, in seconds. A fan who has drawn all places of an hour gives up.
const LONGEST_PAUSE: u64 = 120;

impl Fan {
    /// The HTTP request for an operation, with the token that its route needs. `token` is the queue token, or empty.
    pub(super) fn request(&mut self, op: &Op, token: &str) -> Request {
        let (access, user) = (self.access(), self.client.user_id.clone());
        let get = |path: String| Request::new("GET", path);
        let with = |request: Request, key: &Option<String>| key.iter().fold(request, |request, key| request.key(key));
        let post = |path: &str, key: &Option<String>, body: &Value| with(Request::new("POST", path), key).json(body);
        match op {
            Op::Join => post("/api/v1/tokens", &None, &json!({})).token(&access),
            Op::Poll if token.is_empty() => get(format!("/api/v1/tokens/{user}")).token(&access),
            Op::Poll => get(format!("/api/v1/tokens/{user}")).token(token),
            Op::Leave if token.is_empty() => Request::new("DELETE", format!("/api/v1/tokens/{user}")).token(&access),
            Op::Leave => Request::new("DELETE", format!("/api/v1/tokens/{user}")).token(token),
            Op::SeatMap => {
                let section = self.section();
                get(format!("/api/v1/reservations/{}/seats?section={section}", self.concert)).token(token)
            }
            Op::Hold(seats, key) => {
                let body = json!({ "concertId": self.concert, "seatNumbers": seats });
                post("/api/v1/reservations", key, &body).token(token)
            }
            Op::Cancel(id) => Request::new("DELETE", format!("/api/v1/reservations/{id}")).token(&access),
            Op::Reservation(id) => get(format!("/api/v1/reservations/{id}")).token(&access),
            Op::Recharge(amount, key) => {
                post("/api/v1/payments/recharge", key, &json!({ "userId": user, "amount": amount })).token(&access)
            }
            Op::Pay(id, key) => {
                let amount = self.price_of(id);
                post("/api/v1/payments/process", key, &json!({ "reservationId": id, "amount": amount })).token(token)
            }
            Op::Refund(id, key) => {
                let path = format!("/api/v1/payments/{}/cancel", payment_of(id));
                post(&path, key, &json!({})).token(&access)
            }
            Op::Balance => get(format!("/api/v1/payments/balance/{user}")).token(&access),
            Op::Ledger => get(format!("/api/v1/payments/history/{user}?limit=100")).token(&access),
            Op::Other(_) | Op::Forbidden(_) => get("/health".to_owned()),
        }
    }

    /// The price of a reservation, which its fan was shown.
    fn price_of(&self, id: &str) -> u64 {
        let oracle = self.world.oracle();
        oracle.seats.reservations.get(id).and_then(|found| found["amount"].as_u64()).unwrap_or(self.world.plan.price)
    }

    /// One of the first two sections.
    fn section(&mut self) -> String {
        let sections = u64::from(self.world.plan.seats).div_ceil(SECTION);
        format!("S{}", self.dice.below(sections.min(2)))
    }

    /// Sends a request once, or twice at the same moment.
    pub(super) async fn ask(&mut self, op: Op) -> Outcome {
        let queue_token = self.queue_token.clone();
        let request = self.request(&op, &queue_token);
        let twice = self.chance(self.profile.double_clicks);
        let one = door::send(&self.world, &self.client, op.clone(), request.clone());
        let outcome = if twice {
            let (one, two) = join(one, door::send(&self.world, &self.client, op.clone(), request)).await;
            // Of two answers a fan believes the better one.
            let success = |outcome: &Outcome| outcome.reply().is_some_and(|reply| reply.status < 300);
            if success(&two) || one == Outcome::Unknown { two } else { one }
        } else {
            one.await
        };
        self.remember(&op, &outcome);
        outcome
    }

    /// Sends a request until its answer is definite; `None` if the fan loses patience. No such answer long after fault
    /// injection has ended is a violation.
    pub(super) async fn insist(&mut self, op: Op) -> Option<Reply> {
        let mut healed = 0;
        loop {
            let outcome = self.ask(op.clone()).await;
            if outcome.definite() {
                return outcome.reply().cloned();
            }
            let later =
                outcome.reply().filter(|reply| reply.status == 429).and_then(|reply| reply.headers.get("retry-after"));
            if let Some(seconds) = later.and_then(|seconds| seconds.parse::<u64>().ok()) {
                if seconds > LONGEST_PAUSE {
                    return None;
                }
                self.world.sleep(seconds * 1_000).await;
            }
            if self.world.faults().active() {
                if !self.profile.careful && self.chance(4_000) {
                    return None;
                }
            } else {
                healed += 1;
                if healed > ATTEMPTS_WHEN_HEALED {
                    let name = &self.client.name;
                    self.world.violated(format!("liveness: {name} {op} and gets no definite answer: {outcome:?}"));
                    return None;
                }
            }
            self.think(100, 2_000).await;
        }
    }

    /// Keeps the token, the session's end and the reservation of an answer.
    fn remember(&mut self, op: &Op, outcome: &Outcome) {
        let Some(reply) = outcome.reply() else { return };
        if matches!(op, Op::Join | Op::Poll) && reply.text("status") == "ACTIVE" {
            self.session_ends_ms = millis(&reply.body["expiresAt"]);
        }
        match op {
            Op::Join | Op::Poll if reply.status < 300 && reply.text("token") != self.queue_token => {
                let old = std::mem::replace(&mut self.queue_token, reply.text("token").to_owned());
                if !old.is_empty() {
                    self.old_queue_tokens.push(old);
                }
            }
            Op::Hold(..) if reply.status == 201 => {
                let id = reply.text("reservationId").to_owned();
                let mut leaked_ids = lock(&self.others);
                let number = leaked_ids.reservations.len() + 1;
                if !leaked_ids.reservations.iter().any(|(known, _)| *known == id) {
                    self.world.log().name(&id, format!("#{number}"));
                    leaked_ids.reservations.push((id, self.client.user_id.clone()));
                }
            }
            _ => {}
        }
    }
}

/// A time of an answer, in milliseconds since the Unix epoch; 0 if it is missing.
pub fn millis(time: &Value) -> u64 {
    let at = time.as_str().and_then(Timestamp::parse_rfc3339);
    at.map_or(0, |at| u64::try_from(at.millis()).unwrap_or(0))
}

/// The payment id of a reservation: the same id with UUID version 8.
pub fn payment_of(reservation: &str) -> String {
    let mut id = reservation.to_owned();
    if id.len() == 36 {
        id.replace_range(14..15, "8");
    }
    id
}
