//! Requests to one deployment.

use std::{sync::Arc, time::Duration};

use hyper::Method;
use serde_json::{Value, json};

use crate::{
    base_url::BaseUrl,
    connections::{self, Connections},
    failure::Failure,
    request::Request,
};

/// Sends requests to one deployment. Clones share connections.
///
/// A client belongs to the runtime in which it sends its first request: its connections end with that runtime.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    patience: Duration,
}

struct Inner {
    connections: Connections,
    url: BaseUrl,
}

impl Client {
    /// Makes a client that sends each request once.
    ///
    /// # Errors
    /// [`Failure::Certificate`] for `https://` on a machine without root certificates.
    pub fn new(url: BaseUrl) -> Result<Self, Failure> {
        let connections = connections::pool(&url)?;
        Ok(Self { inner: Arc::new(Inner { connections, url }), patience: Duration::ZERO })
    }

    /// The same client, whose requests are sent again for this long while they are refused for the moment (429, 502,
    /// 503, 504, a key in use) or get no answer: after `Retry-After`, or after 2 to 30 s.
    ///
    /// Give each POST that moves seats or money an `Idempotency-Key`, or a lost answer may double it.
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// The deployment.
    pub fn url(&self) -> &BaseUrl {
        &self.inner.url
    }

    /// Prepares a request. `path` begins with a slash.
    pub fn request(&self, method: Method, path: impl Into<String>) -> Request {
        Request::new(self.clone(), method, path.into())
    }

    /// Prepares a GET.
    pub fn get(&self, path: impl Into<String>) -> Request {
        self.request(Method::GET, path)
    }

    /// Prepares a POST with a JSON body.
    pub fn post(&self, path: impl Into<String>, body: &Value) -> Request {
        self.request(Method::POST, path).json(body)
    }

    /// Prepares a sign-up.
    pub fn sign_up(&self, name: &str, password: &str) -> Request {
        self.post("/api/v1/users", &json!({ "username": name, "password": password }))
    }

    /// Prepares a login.
    pub fn log_in(&self, name: &str, password: &str) -> Request {
        self.post("/api/v1/users/login", &json!({ "username": name, "password": password }))
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.inner.connections
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }
}
