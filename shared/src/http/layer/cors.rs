//! The headers by which a browser lets a page of another origin read an answer (the Fetch standard's CORS protocol).

use crate::{app::App, http::Call};
use lambda_http::http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// Request headers that pages may send.
const REQUEST_HEADERS: &str = "authorization, content-type, idempotency-key, if-none-match";
/// Headers of answers that pages may read, beside those that every page may.
const EXPOSED_HEADERS: &str =
    "Retry-After, x-request-id, Link, Location, ETag, Date, Allow, WWW-Authenticate, Idempotency-Replayed";
/// How long a browser may keep the answer to a preflight, in seconds. Browsers keep none longer than two hours.
const PREFLIGHT_SECONDS: &str = "7200";

/// Adds to an answer, also to one with a problem, what the page of an allowed origin needs to read it. Other origins
/// get nothing, so that a browser keeps the answer from them.
pub fn add_headers(app: &App, call: &Call, status: StatusCode, headers: &mut HeaderMap) {
    let Some(origin) = call.header("origin").filter(|origin| app.config.allowed_origins.allows(origin)) else { return };
    let Ok(origin) = HeaderValue::from_str(origin) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    let preflight = call.method() == Method::OPTIONS && call.header("access-control-request-method").is_some();
    if let Some(methods) = headers.get(header::ALLOW).filter(|_| preflight && status.is_success()).cloned() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_SECONDS));
    }
}
