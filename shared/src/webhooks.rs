//! Webhooks: signs events by Standard Webhooks 1.0 and posts them to public addresses, and to no others (ADR 25).

mod addresses;
mod signature;

pub use addresses::{Resolve, SystemResolver};
pub use signature::{public_key, sign};

use crate::{domain::webhook::check_url, telemetry::chain};
use addresses::{NotPublic, PublicOnly};
use http_body_util::Full;
use hyper::{Request, StatusCode, body::Bytes};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::{
    error::Error,
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// How long a receiver may take to answer, the connection included.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long the look-up of a host name may take while a webhook is added.
const LOOK_UP: Duration = Duration::from_secs(2);
/// The media type of a CloudEvent in JSON.
const MEDIA_TYPE: &str = "application/cloudevents+json; charset=utf-8";

type HttpClient = Client<HttpsConnector<HttpConnector<PublicOnly>>, Full<Bytes>>;

/// A message that is signed and ready to be posted.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// The id of the event, the same at each attempt.
    pub id: &'a str,
    /// The time of the attempt, in seconds since 1970.
    pub timestamp: i64,
    /// The signatures.
    pub signature: String,
    /// The event.
    pub body: &'a str,
}

/// Why a receiver gave no answer, in words for administrators. The log has the causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The URL breaks the rule: it was stored under other settings.
    #[error("the URL is not allowed")]
    NotAllowed,
    /// The host name has no address, or only addresses that are not public.
    #[error("the host name has no public address")]
    NoPublicAddress,
    /// The receiver took too long.
    #[error("no answer within 5 seconds")]
    TooSlow,
    /// No connection, no valid certificate, or the connection broke.
    #[error("no connection")]
    NoConnection,
}

/// Posts events. Nothing follows a redirect, and no connection is kept: each delivery looks the address up again, and
/// connects to the address that was checked.
pub struct Sender {
    resolver: Arc<dyn Resolve>,
    loopback: bool,
    client: OnceLock<HttpClient>,
}

impl Sender {
    /// A sender that finds addresses with `resolver`. With `loopback` it also takes `http://127.0.0.1`: for tests and the
    /// laptop.
    pub fn new(resolver: Arc<dyn Resolve>, loopback: bool) -> Self {
        Sender { resolver, loopback, client: OnceLock::new() }
    }

    /// Checks a URL before it is stored: its form, and that its host name has no address that is not public. A name
    /// without an address, or a look-up that takes too long, passes: each delivery looks again.
    ///
    /// # Errors
    /// What is wrong, in words for the client.
    pub async fn check(&self, url: &str) -> Result<(), &'static str> {
        check_url(url, self.loopback).map_err(|error| error.0)?;
        let uri: hyper::Uri = url.parse().map_err(|_| "is not a URL")?;
        let host = uri.host().unwrap_or_default();
        let found = tokio::time::timeout(LOOK_UP, self.resolver.resolve(host)).await;
        let found = found.ok().and_then(Result::ok).unwrap_or_default();
        let passes = found.iter().all(|address| addresses::may_call(*address, self.loopback));
        if passes { Ok(()) } else { Err("must have a host name without private addresses") }
    }

    /// Posts a message, and returns the status of the answer. Reads nothing of its body.
    ///
    /// # Errors
    /// Why there was no answer.
    pub async fn post(&self, url: &str, message: &Message<'_>) -> Result<StatusCode, NoAnswer> {
        check_url(url, self.loopback).map_err(|_| NoAnswer::NotAllowed)?;
        let request = Request::post(url)
            .header("content-type", MEDIA_TYPE)
            .header("user-agent", "stagedoor")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.timestamp)
            .header("webhook-signature", &message.signature)
            .body(Full::new(Bytes::copy_from_slice(message.body.as_bytes())))
            .map_err(|_| NoAnswer::NotAllowed)?;
        let client = self.client().map_err(|error| no_answer(&error))?;
        match tokio::time::timeout(PATIENCE, client.request(request)).await {
            Ok(Ok(answer)) => Ok(answer.status()),
            Ok(Err(error)) => Err(no_answer(&error)),
            Err(_) => Err(NoAnswer::TooSlow),
        }
    }

    /// The client, made at the first delivery: to read the root certificates takes a moment, which no other function
    /// should spend.
    fn client(&self) -> io::Result<&HttpClient> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let addresses = PublicOnly { resolver: Arc::clone(&self.resolver), loopback: self.loopback };
        let mut connector = HttpConnector::new_with_resolver(addresses);
        connector.enforce_http(false);
        let https = HttpsConnectorBuilder::new().with_native_roots()?;
        let https = if self.loopback { https.https_or_http() } else { https.https_only() };
        let connector = https.enable_http1().wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(self.client.get_or_init(|| client))
    }
}

/// The reason behind an error, whose causes are logged.
fn no_answer(error: &(dyn Error + 'static)) -> NoAnswer {
    tracing::info!(error = chain(error), "webhook not reached");
    let mut next = Some(error);
    while let Some(cause) = next {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<NotPublic>()) || cause.is::<NotPublic>() {
            return NoAnswer::NoPublicAddress;
        }
        next = cause.source();
    }
    NoAnswer::NoConnection
}
