//! A fan, with the requests that fans send.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tokio::time::{self, Instant};

use crate::{
    client::{Client, Reply, Request},
    concert::Concert,
};

/// A fan who is logged in.
pub struct Fan<'a> {
    client: &'a Client,
    /// The user name.
    pub name: String,
    /// The account's id.
    pub id: String,
    /// The access token.
    pub access: String,
    /// The queue token; empty before the fan joined a queue.
    pub token: String,
}

/// A fan's ledger, oldest entry first.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// The entries.
    pub entries: Vec<Value>,
    /// The balance that the API shows.
    pub balance: i64,
}

impl<'a> Fan<'a> {
    /// Makes a fan from the answer to a login.
    pub fn new(client: &'a Client, name: String, id: &str, access: &str) -> Self {
        Self { client, name, id: id.to_owned(), access: access.to_owned(), token: String::new() }
    }

    /// Joins a queue and keeps the queue token.
    pub async fn join(&mut self, queue: &str) -> Reply {
        let body = json!({ "queueId": queue });
        let reply = self.client.post("/api/v1/tokens", &body).bearer(&self.access).send().await;
        self.keep(&reply);
        reply
    }

    /// Polls the queue token and keeps the one in the answer.
    pub async fn poll(&mut self) -> Reply {
        let reply = self.client.get(self.token_path()).bearer(&self.token).send().await;
        self.keep(&reply);
        reply
    }

    /// Polls until the fan is admitted, and returns how long that took.
    ///
    /// # Panics
    /// When it takes longer than `most`, or the session is over.
    pub async fn wait_until_active(&mut self, most: Duration) -> Duration {
        let started = Instant::now();
        while self.poll().await.expect(200).text("status") != "ACTIVE" {
            assert!(started.elapsed() < most, "still waiting after {most:?}");
            time::sleep(Duration::from_millis(100)).await;
        }
        started.elapsed()
    }

    /// Leaves the queue.
    pub async fn leave(&self) -> Reply {
        self.client.request(Method::DELETE, self.token_path()).bearer(&self.token).send().await
    }

    /// Prepares a request to hold seats.
    pub fn hold(&self, concert: &Concert, seats: &[u32], key: Option<&str>) -> Request<'a> {
        let body = json!({ "concertId": concert.id, "seatNumbers": seats });
        self.client.post("/api/v1/reservations", &body).bearer(&self.token).key(key)
    }

    /// Holds seats and returns the reservation's id.
    ///
    /// # Panics
    /// When the hold is refused.
    pub async fn hold_seats(&self, concert: &Concert, seats: &[u32]) -> String {
        self.hold(concert, seats, None).send().await.expect(201).text("reservationId").to_owned()
    }

    /// Prepares a request to pay a reservation.
    pub fn pay(&self, reservation: &str, amount: u64, key: Option<&str>) -> Request<'a> {
        let body = json!({ "reservationId": reservation, "amount": amount });
        self.client.post("/api/v1/payments/process", &body).bearer(&self.token).key(key)
    }

    /// Prepares a request to recharge the balance.
    pub fn recharge(&self, amount: u64, key: Option<&str>) -> Request<'a> {
        let body = json!({ "userId": self.id, "amount": amount });
        self.client.post("/api/v1/payments/recharge", &body).bearer(&self.access).key(key)
    }

    /// Reads a reservation.
    pub async fn reservation(&self, id: &str) -> Reply {
        self.client.get(format!("/api/v1/reservations/{id}")).bearer(&self.access).send().await
    }

    /// Cancels a hold.
    pub async fn cancel(&self, id: &str) -> Reply {
        let path = format!("/api/v1/reservations/{id}");
        self.client.request(Method::DELETE, path).bearer(&self.access).send().await
    }

    /// Reads the seat map.
    pub async fn seats(&self, concert: &Concert) -> Reply {
        self.client.get(format!("/api/v1/reservations/{}/seats", concert.id)).bearer(&self.token).send().await
    }

    /// Reads the balance and all entries of the ledger.
    ///
    /// # Panics
    /// When the ledger has more than one page.
    pub async fn ledger(&self) -> Ledger {
        let get = |what: &str, query: &str| {
            let path = format!("/api/v1/payments/{what}/{}{query}", self.id);
            self.client.get(path).bearer(&self.access).send()
        };
        let history = get("history", "?limit=100").await.expect(200);
        assert!(history.body["nextCursor"].is_null(), "the ledger has more than one page");
        let mut entries = history.body["items"].as_array().expect("a list").clone();
        entries.reverse();
        let balance = get("balance", "").await.expect(200).body["currentBalance"].as_i64().expect("a number");
        Ledger { entries, balance }
    }

    fn token_path(&self) -> String {
        format!("/api/v1/tokens/{}", self.id)
    }

    fn keep(&mut self, reply: &Reply) {
        if let Some(token) = reply.body["token"].as_str() {
            token.clone_into(&mut self.token);
        }
    }
}

impl Ledger {
    /// Asserts invariant 2: numbers 1, 2, 3 ... without a gap, entries that add up to the balance at each of them, and
    /// no negative balance.
    ///
    /// # Panics
    /// When the invariant is violated.
    pub fn assert_adds_up(&self) {
        let mut sum = 0;
        for (entry, number) in self.entries.iter().zip(1_u64..) {
            assert_eq!(entry["sequence"], number, "the numbers have a gap: {:?}", self.entries);
            let amount = entry["amount"].as_i64().expect("a number");
            sum += if entry["type"] == "PAYMENT" { -amount } else { amount };
            assert!(sum >= 0, "the balance is negative: {:?}", self.entries);
            assert_eq!(entry["balanceAfter"], sum, "{:?}", self.entries);
        }
        assert_eq!(self.balance, sum, "{:?}", self.entries);
    }

    /// The number of entries of a type: `CHARGE`, `PAYMENT` or `REFUND`.
    pub fn count(&self, entry_type: &str) -> usize {
        self.entries.iter().filter(|entry| entry["type"] == entry_type).count()
    }
}
