//! Requests as API Gateway hands them to a function, and the answers.

use flate2::read::GzDecoder;
use lambda_http::{Body, Response};
use openapi::contract::Exchange;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, io::Read};

/// A request under construction.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    query: String,
    headers: BTreeMap<String, String>,
    pub(crate) body: Option<String>,
    source_ip: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The JSON body; null where there is none.
    pub body: Value,
    /// The body where it is not JSON, decompressed; else empty.
    pub raw: Vec<u8>,
    /// The size of the body as it was sent, in bytes.
    pub sent_bytes: usize,
}

impl Request {
    /// A request to a path, which may have a query.
    pub fn new(method: &'static str, path: impl AsRef<str>) -> Self {
        let (path, query) = path.as_ref().split_once('?').unwrap_or((path.as_ref(), ""));
        Request {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: BTreeMap::new(),
            body: None,
            source_ip: Some("127.0.0.1".to_owned()),
        }
    }

    /// With a bearer token.
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With an `Idempotency-Key`.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// From another address; `None` for an event without an address.
    pub fn from_address(mut self, address: Option<&str>) -> Self {
        self.source_ip = address.map(str::to_owned);
        self
    }

    /// With a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    /// With any body.
    pub fn text(mut self, content_type: &str, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// The request as an event of payload format 2.0.
    pub fn event(&self, route_key: &str, parameters: &Map<String, Value>, request_id: &str) -> Value {
        let query: Map<String, Value> = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        json!({
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": self.path,
            "rawQueryString": self.query,
            "headers": self.headers,
            "queryStringParameters": query,
            "pathParameters": parameters,
            "requestContext": {
                "accountId": "000000000000", "apiId": "local", "stage": "$default", "requestId": request_id,
                "routeKey": route_key, "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 0,
                "http": { "method": self.method, "path": self.path, "protocol": "HTTP/1.1", "sourceIp": self.source_ip },
            },
            "body": self.body,
            "isBase64Encoded": false,
        })
    }
}

impl Reply {
    /// Reads the answer of a function.
    ///
    /// # Panics
    /// Where the body is not what `content-encoding` says.
    pub fn of(response: Response<Body>) -> Self {
        let (parts, sent) = response.into_parts();
        let headers = parts.headers.iter();
        let body = match parts.headers.get("content-encoding") {
            // The answer to HEAD has the header and no body.
            Some(coding) if !sent.is_empty() => {
                assert_eq!(coding, "gzip");
                let mut plain = Vec::new();
                GzDecoder::new(&sent[..]).read_to_end(&mut plain).expect("gzip");
                plain
            }
            _ => sent.to_vec(),
        };
        let json: Option<Value> = serde_json::from_slice(&body).ok();
        Reply {
            status: parts.status.as_u16(),
            headers: headers.map(|(n, v)| (n.to_string(), v.to_str().unwrap_or_default().to_owned())).collect(),
            sent_bytes: sent.len(),
            raw: if json.is_none() { body } else { Vec::new() },
            body: json.unwrap_or_default(),
        }
    }

    /// The differences between this answer on a route to the body `asked` and the OpenAPI document, which does not
    /// describe the route `$default`.
    pub fn faults(&self, route: &str, asked: Option<&str>) -> Vec<String> {
        // Of no operation, so the document says nothing of it.
        if route == "$default" || self.status == 405 {
            return Vec::new();
        }
        let asked = asked.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let (asked, headers, answered) = (asked.as_ref(), &self.headers, &self.body);
        Exchange { route, asked, status: self.status, headers, answered }.faults()
    }

    /// Status and code in one, for comparing: `409 seat_unavailable`, or just the status of a success.
    pub fn outcome(&self) -> String {
        match self.body["code"].as_str() {
            Some(code) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }

    /// A string of the body; empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }
}
