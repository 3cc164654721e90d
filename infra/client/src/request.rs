//! Builds a request and sends it.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::{Method, body::Bytes};
use serde_json::Value;
use tokio::time;

use crate::{client::Client, failure::Failure, reply::Reply, retry};

/// How long to wait for an answer. A function answers within 10 s.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A request that is not sent yet.
#[derive(Clone)]
#[must_use]
pub struct Request {
    client: Client,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Request {
    pub(crate) fn new(client: Client, method: Method, path: String) -> Self {
        Self { client, method, path, headers: Vec::new(), body: Bytes::new() }
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a token as `Authorization`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Adds an `Idempotency-Key`, if there is one.
    pub fn key(self, key: Option<&str>) -> Self {
        match key {
            Some(key) => self.header("idempotency-key", key),
            None => self,
        }
    }

    /// Sets a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Sets a body, without a content type.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Method and path, as in `GET /health`. Neither holds a secret.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Sends the request: once, or for as long as the client has patience.
    ///
    /// # Errors
    /// When the last attempt got no answer.
    pub async fn try_send(self) -> Result<Reply, Failure> {
        let (patience, started) = (self.client.patience(), Instant::now());
        let mut attempts = 1;
        loop {
            let outcome = self.attempt(attempts).await;
            match retry::pause(&outcome, attempts) {
                Some(pause) if started.elapsed() + pause <= patience => time::sleep(pause).await,
                _ => return outcome,
            }
            attempts += 1;
        }
    }

    /// Sends the request as [`Request::try_send`] does. For tests.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(self) -> Reply {
        let name = self.name();
        self.try_send().await.unwrap_or_else(|failure| panic!("{name}: {failure}"))
    }

    async fn attempt(&self, attempts: u32) -> Result<Reply, Failure> {
        let url = self.client.url();
        let mut request = hyper::Request::builder().method(&self.method).uri(format!("{url}{}", self.path));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        // The error does not show the value of a header.
        let request =
            request.body(Full::new(self.body.clone())).map_err(|error| Failure::Invalid(error.to_string()))?;
        let sent = Instant::now();
        let exchange = async {
            let response = self.client.connections().request(request).await;
            let (parts, body) = response.map_err(|error| Failure::of_exchange(url, &error))?.into_parts();
            let body = body.collect().await.map_err(|error| Failure::of_exchange(url, &error))?.to_bytes();
            Ok((parts, body))
        };
        let (parts, body) = time::timeout(TIMEOUT, exchange).await.map_err(|_| Failure::timeout(url, TIMEOUT))??;
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
            took: sent.elapsed(),
            attempts,
        })
    }
}
