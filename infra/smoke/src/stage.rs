//! What a run creates. The journey fills it and the clean-up empties it, whatever came in between.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use client::{Client, Concert, Fan, Method, Request};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::report::say;

/// The number of seats.
pub const SEATS: u32 = 4;
/// The price of a seat, in the currency's minor unit.
pub const PRICE: u64 = 100;
/// How long ago the concert starts: the list of dates that fans see goes back 24 h.
const STARTED_AGO: Duration = Duration::from_secs(26 * 3_600);
/// How long the sale may last: longer than the access tokens.
const SALE: Duration = Duration::from_secs(2 * 3_600);

/// Everything that a run has of its own.
pub struct Stage {
    /// Sends requests again that are refused for the moment.
    pub client: Client,
    /// The administrator's access token.
    pub admin: String,
    /// A part of every name, so that runs do not meet.
    pub run: String,
    /// The id of the queue.
    pub queue: String,
    /// Whether the queue may exist.
    pub queue_requested: bool,
    /// The concert as it is created.
    pub draft: Value,
    /// Whether the concert may exist.
    pub concert_requested: bool,
    /// The concert, once its id is known.
    pub concert: Option<Concert>,
    /// The user names that may have an account.
    pub names: Vec<String>,
    /// The fans who are logged in.
    pub fans: Vec<Fan>,
    /// What the clean-up could not remove.
    pub left: Vec<String>,
}

impl Stage {
    /// Names everything; creates nothing.
    pub fn new(client: Client, admin: String) -> Self {
        let run = Uuid::new_v4().simple().to_string().split_off(20);
        let queue = format!("smoke-{run}");
        let ends = SystemTime::now() + SALE;
        let draft = json!({
            "concertName": format!("Smoke test {run}, not for fans"), "category": "SMOKE-TEST", "queueId": queue,
            "startsAt": rfc3339(SystemTime::now() - STARTED_AGO), "endsAt": rfc3339(ends), "saleClosesAt": rfc3339(ends),
            "blocks": [{ "section": "A", "from": 1, "to": SEATS, "seatType": "STANDARD", "price": PRICE }],
        });
        Self {
            client,
            admin,
            run,
            queue,
            queue_requested: false,
            draft,
            concert_requested: false,
            concert: None,
            names: Vec::new(),
            fans: Vec::new(),
            left: Vec::new(),
        }
    }

    /// Prepares a request of the administrator.
    pub fn office(&self, method: Method, path: impl Into<String>) -> Request {
        self.client.request(method, path).bearer(&self.admin)
    }

    /// The concert.
    ///
    /// # Panics
    /// Before it is created.
    pub fn concert(&self) -> &Concert {
        self.concert.as_ref().expect("the concert is created before it is used")
    }

    /// The path of the queue's settings.
    pub fn queue_path(&self) -> String {
        format!("/api/v1/admin/queues/{}", self.queue)
    }

    /// Prepares the creation of the concert. It may be sent again: it creates one concert.
    pub fn create_concert(&self) -> Request {
        let request = self.office(Method::POST, "/api/v1/admin/concerts").json(&self.draft);
        request.key(Some(&self.key("concert")))
    }

    /// Prepares the refund of a fan's payment, by the administrator. It may be sent again.
    pub fn refund(&self, fan: &Fan, payment: &str) -> Request {
        let path = format!("/api/v1/payments/{payment}/cancel?userId={}", fan.id);
        let request = self.office(Method::POST, path).json(&json!({ "reason": "smoke test" }));
        request.key(Some(&self.key(payment)))
    }

    /// An idempotency key of this run.
    pub fn key(&self, what: &str) -> String {
        format!("smoke-{}-{what}", self.run)
    }

    /// Prints what this run created and could not remove.
    pub fn say_what_is_left(&self) {
        for what in &self.left {
            say(format!("left: {what}"));
        }
        if !self.names.is_empty() {
            say(format!("left: the accounts {}, which the API cannot delete", self.names.join(" and ")));
        }
    }
}

fn rfc3339(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Secs, true)
}
