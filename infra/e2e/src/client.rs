//! A small HTTP client.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, body::Bytes, header};
use hyper_util::{
    client::legacy::{Client as Connections, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::time;

/// How long to wait for an answer. The stack itself answers within 10 s.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Sends requests to one address. A client belongs to the runtime of one test: its connections end with that runtime.
#[derive(Clone)]
pub struct Client {
    connections: Connections<HttpConnector, Full<Bytes>>,
    address: String,
}

/// A request that is not sent yet.
#[must_use]
pub struct Request<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when it is empty or not JSON.
    pub body: Value,
    /// The time from sending the request to the end of the body.
    pub took: Duration,
}

impl Client {
    /// Makes a client of `address`, `http://host:port`.
    pub fn new(address: String) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { connections: Connections::builder(TokioExecutor::new()).build(connector), address }
    }

    /// Prepares a request.
    pub fn request(&self, method: Method, path: impl Into<String>) -> Request<'_> {
        Request { client: self, method, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    /// Prepares a GET.
    pub fn get(&self, path: impl Into<String>) -> Request<'_> {
        self.request(Method::GET, path)
    }

    /// Prepares a POST with a JSON body.
    pub fn post(&self, path: impl Into<String>, body: &Value) -> Request<'_> {
        self.request(Method::POST, path).json(body)
    }
}

impl Request<'_> {
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

    /// Sends the request once.
    ///
    /// # Errors
    /// When there is no answer within 20 s; one line says why.
    pub async fn try_send(self) -> Result<Reply, String> {
        let mut request =
            hyper::Request::builder().method(self.method).uri(format!("{}{}", self.client.address, self.path));
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body)).map_err(|error| error.to_string())?;
        let sent = Instant::now();
        let exchange = async {
            let response = self.client.connections.request(request).await.map_err(|error| format!("{error:?}"))?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
            Ok::<_, String>((parts, body))
        };
        let (parts, body) = time::timeout(TIMEOUT, exchange).await.map_err(|_| "no answer in time".to_owned())??;
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
            took: sent.elapsed(),
        })
    }

    /// Sends the request once.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(self) -> Reply {
        let what = format!("{} {}", self.method, self.path);
        self.try_send().await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }
}

impl Reply {
    /// The text of a member of the body; empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// The problem's machine-readable code; empty for a success.
    pub fn code(&self) -> &str {
        self.text("code")
    }

    /// The text of a header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Status and code, as in `(409, "seat_unavailable")`.
    pub fn outcome(&self) -> (u16, &str) {
        (self.status, self.code())
    }

    /// Asserts the status and returns the reply.
    ///
    /// # Panics
    /// When the status is another.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Asserts a problem in the contract's form and returns the reply.
    ///
    /// # Panics
    /// When status, code or form differ.
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        assert_eq!(self.outcome(), (status, code), "{}", self.body);
        assert_eq!(self.header(header::CONTENT_TYPE.as_str()), "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.text("instance"), self.header("x-request-id"));
        for member in ["type", "title", "detail", "instance"] {
            assert!(!self.text(member).is_empty(), "{member} is missing: {}", self.body);
        }
        self
    }

    /// Whether the same request may succeed when it is sent again.
    pub fn is_temporary(&self) -> bool {
        self.status >= 500 || self.status == 429 || self.code() == "request_in_progress"
    }
}
