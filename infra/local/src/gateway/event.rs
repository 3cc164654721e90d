//! Converts a request to the event of an HTTP API, payload format 2.0.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::http::{HeaderMap, header, request::Parts};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::routes::Matched;
use crate::aws::ACCOUNT;

/// A request with its whole body.
pub struct Received<'a> {
    /// Method, path and headers.
    pub parts: &'a Parts,
    /// The body.
    pub body: &'a [u8],
    /// The client's address.
    pub peer: SocketAddr,
    /// The request id.
    pub id: &'a str,
    /// The time of arrival.
    pub at: SystemTime,
}

/// The event for the function of the route.
pub fn payload(received: &Received<'_>, route: &Matched<'_>) -> Value {
    let uri = &received.parts.uri;
    let headers = headers(&received.parts.headers, received.peer);
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": uri.path(),
        "rawQueryString": uri.query().unwrap_or_default(),
        "requestContext": context(received, route, &headers),
        "headers": headers,
    });
    // API Gateway leaves out empty fields.
    let cookies: Vec<_> = cookies(&received.parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    let query = query(uri.query().unwrap_or_default());
    if !query.is_empty() {
        event["queryStringParameters"] = json!(query);
    }
    if !route.parameters.is_empty() {
        event["pathParameters"] = json!(route.parameters);
    }
    let text = std::str::from_utf8(received.body).ok().filter(|_| is_text(&received.parts.headers));
    event["isBase64Encoded"] = json!(text.is_none() && !received.body.is_empty());
    if !received.body.is_empty() {
        event["body"] = json!(text.map_or_else(|| STANDARD.encode(received.body), str::to_owned));
    }
    event
}

fn context(received: &Received<'_>, route: &Matched<'_>, headers: &BTreeMap<String, String>) -> Value {
    let host = headers.get("host").cloned().unwrap_or_default();
    let epoch = received.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    json!({
        "accountId": ACCOUNT,
        "apiId": "local",
        "domainName": host,
        "domainPrefix": "local",
        "http": {
            "method": received.parts.method.as_str(),
            "path": received.parts.uri.path(),
            "protocol": format!("{:?}", received.parts.version),
            "sourceIp": received.peer.ip().to_string(),
            "userAgent": headers.get("user-agent").cloned().unwrap_or_default(),
        },
        "requestId": received.id,
        "routeKey": route.key,
        "stage": "$default",
        "time": DateTime::<Utc>::from(received.at).format("%d/%b/%Y:%H:%M:%S %z").to_string(),
        "timeEpoch": u64::try_from(epoch).unwrap_or(u64::MAX),
    })
}

/// The headers without cookies. Names are in lower case already; values of a repeated name are joined by commas.
fn headers(headers: &HeaderMap, peer: SocketAddr) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != header::COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str().to_owned())
            .and_modify(|all| {
                all.push(',');
                all.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    // API Gateway sets the scheme and appends the client's address itself, whatever the client sent.
    joined.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    let peer = peer.ip();
    let forwarded = joined.entry("x-forwarded-for".to_owned());
    forwarded.and_modify(|all| all.push_str(&format!(", {peer}"))).or_insert_with(|| peer.to_string());
    joined
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    (headers.get_all(header::COOKIE).iter())
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';').map(|cookie| cookie.trim().to_owned()))
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// The decoded parameters; values of a repeated name are joined by commas.
fn query(raw: &str) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
        joined
            .entry(name.into_owned())
            .and_modify(|all| {
                all.push(',');
                all.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    joined
}

/// Whether a body of this content type is passed on as text, not as base64.
fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || ["application/json", "application/xml", "application/javascript"].contains(&kind.as_str())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::Request;

    use super::*;

    fn event(request: axum::http::request::Builder, body: &[u8]) -> Value {
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let parameters = BTreeMap::from([("id".to_owned(), "7".to_owned())]);
        let route = Matched { key: "POST /r/{id}", function: "f", parameters };
        let peer = SocketAddr::from(([127, 0, 0, 1], 5));
        let at = UNIX_EPOCH + Duration::from_millis(1_583_348_638_390);
        payload(&Received { parts: &parts, body, peer, id: "req", at }, &route)
    }

    #[test]
    fn an_event_has_payload_format_2() {
        let request = Request::post("/r/7?a=1&b=x%20y&a=2")
            .header("Host", "h:1")
            .header("X-Many", "one")
            .header("X-Many", "two")
            .header("X-Forwarded-Proto", "no scheme")
            .header("X-Forwarded-For", "192.0.2.7")
            .header("Cookie", "c=1; d=2")
            .header("Content-Type", "application/json; charset=utf-8");
        let event = event(request, br#"{"k":1}"#);
        assert_eq!(event["version"], "2.0");
        assert_eq!(event["rawQueryString"], "a=1&b=x%20y&a=2");
        assert_eq!(event["queryStringParameters"], json!({ "a": "1,2", "b": "x y" }));
        assert_eq!(event["headers"]["x-many"], "one,two");
        assert_eq!(event["headers"]["x-forwarded-proto"], "http");
        assert_eq!(event["headers"]["x-forwarded-for"], "192.0.2.7, 127.0.0.1");
        assert_eq!(event["headers"].get("cookie"), None);
        assert_eq!(event["cookies"], json!(["c=1", "d=2"]));
        assert_eq!(event["pathParameters"], json!({ "id": "7" }));
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{\"k\":1}"), &json!(false)));
        let context = &event["requestContext"];
        assert_eq!(context["http"]["protocol"], "HTTP/1.1");
        assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
        assert_eq!(
            (&context["time"], &context["timeEpoch"]),
            (&json!("04/Mar/2020:19:03:58 +0000"), &json!(1_583_348_638_390_u64))
        );
    }

    #[test]
    fn a_body_that_is_not_text_is_base64() {
        let typed = |kind: &str| Request::post("/r/7").header("content-type", kind);
        assert_eq!(event(typed("application/json"), b"\xff")["body"], "/w==");
        assert_eq!(event(typed("image/png"), b"x")["isBase64Encoded"], true);
        assert_eq!(event(typed("text/plain"), b"x")["body"], "x");
        assert_eq!(event(Request::post("/r/7"), b"").get("body"), None);
    }
}
