//! A fan, with the requests that fans send.

use std::time::Duration;

use hyper::Method;
use serde_json::json;
use tokio::time::{self, Instant};

use crate::{client::Client, concert::Concert, failure::Failure, ledger::Ledger, reply::Reply, request::Request};

/// A fan who is logged in.
pub struct Fan {
    client: Client,
    /// The user name.
    pub name: String,
    /// The account's id.
    pub id: String,
    /// The access token.
    pub access: String,
    /// The queue token; empty before the fan joined a queue.
    pub token: String,
}

impl Fan {
    /// Makes a fan from the answer to a login.
    pub fn new(client: &Client, name: String, login: &Reply) -> Self {
        Self::known(client, name, login.text("userId"), login.text("accessToken"))
    }

    /// Makes a fan from the account's id and an access token.
    pub fn known(client: &Client, name: String, id: &str, access: &str) -> Self {
        Self { client: client.clone(), name, id: id.to_owned(), access: access.to_owned(), token: String::new() }
    }

    /// Joins a queue and keeps the queue token.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_join(&mut self, queue: &str) -> Result<Reply, Failure> {
        let request = self.client.post("/api/v1/tokens", &json!({ "queueId": queue })).bearer(&self.access);
        self.keep_token(request.try_send().await)
    }

    /// Polls the queue token and keeps the one in the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_poll(&mut self) -> Result<Reply, Failure> {
        let request = self.client.get(self.token_path()).bearer(&self.token);
        self.keep_token(request.try_send().await)
    }

    /// Joins as [`Fan::try_join`] does. For tests.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn join(&mut self, queue: &str) -> Reply {
        self.try_join(queue).await.unwrap_or_else(|failure| panic!("join: {failure}"))
    }

    /// Polls as [`Fan::try_poll`] does. For tests.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn poll(&mut self) -> Reply {
        self.try_poll().await.unwrap_or_else(|failure| panic!("poll: {failure}"))
    }

    /// Polls until the fan is admitted, ten times a second, and returns how long that took. For tests.
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

    /// Prepares a request to leave the queue.
    pub fn leave(&self) -> Request {
        self.client.request(Method::DELETE, self.token_path()).bearer(&self.token)
    }

    /// Prepares a request to hold seats.
    pub fn hold(&self, concert: &Concert, seats: &[u32], key: Option<&str>) -> Request {
        let body = json!({ "concertId": concert.id, "seatNumbers": seats });
        self.client.post("/api/v1/reservations", &body).bearer(&self.token).key(key)
    }

    /// Holds seats and returns the reservation's id. For tests.
    ///
    /// # Panics
    /// When the hold is refused.
    pub async fn hold_seats(&self, concert: &Concert, seats: &[u32]) -> String {
        self.hold(concert, seats, None).send().await.expect(201).text("reservationId").to_owned()
    }

    /// Prepares a request to pay a reservation.
    pub fn pay(&self, reservation: &str, amount: u64, key: Option<&str>) -> Request {
        let body = json!({ "reservationId": reservation, "amount": amount });
        self.client.post("/api/v1/payments/process", &body).bearer(&self.token).key(key)
    }

    /// Prepares a request to recharge the balance.
    pub fn recharge(&self, amount: u64, key: Option<&str>) -> Request {
        let body = json!({ "userId": self.id, "amount": amount });
        self.client.post("/api/v1/payments/recharge", &body).bearer(&self.access).key(key)
    }

    /// Prepares a request for a reservation.
    pub fn reservation(&self, id: &str) -> Request {
        self.client.get(format!("/api/v1/reservations/{id}")).bearer(&self.access)
    }

    /// Prepares a request for the fan's reservations, newest first.
    pub fn reservations(&self) -> Request {
        self.client.get(format!("/api/v1/users/{}/reservations?limit=100", self.id)).bearer(&self.access)
    }

    /// Prepares a request to cancel a hold.
    pub fn cancel(&self, id: &str) -> Request {
        self.client.request(Method::DELETE, format!("/api/v1/reservations/{id}")).bearer(&self.access)
    }

    /// Prepares a request for the seat map.
    pub fn seats(&self, concert: &Concert) -> Request {
        self.client.get(format!("/api/v1/reservations/{}/seats", concert.id)).bearer(&self.token)
    }

    /// Prepares a request for the balance.
    pub fn balance(&self) -> Request {
        self.client.get(format!("/api/v1/payments/balance/{}", self.id)).bearer(&self.access)
    }

    /// Prepares a request for the newest 100 entries of the ledger.
    pub fn history(&self) -> Request {
        self.client.get(format!("/api/v1/payments/history/{}?limit=100", self.id)).bearer(&self.access)
    }

    /// Reads the balance and all entries of the ledger. For tests.
    ///
    /// # Panics
    /// When a request is refused, or the ledger has more than one page.
    pub async fn ledger(&self) -> Ledger {
        let history = self.history().send().await.expect(200);
        let balance = self.balance().send().await.expect(200);
        Ledger::new(&history, &balance).unwrap_or_else(|problem| panic!("{problem}"))
    }

    fn token_path(&self) -> String {
        format!("/api/v1/tokens/{}", self.id)
    }

    fn keep_token(&mut self, outcome: Result<Reply, Failure>) -> Result<Reply, Failure> {
        if let Some(token) = outcome.as_ref().ok().and_then(|reply| reply.body["token"].as_str()) {
            token.clone_into(&mut self.token);
        }
        outcome
    }
}
