//! Answers, and the boundary where a failure becomes one log line.

use super::{Call, Problem};
use crate::{app::App, store::idempotency::Executed};
use futures_util::future::BoxFuture;
use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, StatusCode, header},
};
use serde::Serialize;
use serde_json::Value;

/// What a handler gives.
pub type Answer = Result<Response<Body>, Problem>;

/// A handler of one route.
pub trait Handler: for<'a> Fn(&'a App, &'a Call) -> BoxFuture<'a, Answer> + Sync {}
impl<H: for<'a> Fn(&'a App, &'a Call) -> BoxFuture<'a, Answer> + Sync> Handler for H {}

/// Answers a request: runs the handler, turns a problem into problem+json, logs a failure of ours once, names the
/// request in `x-request-id`, and lets no cache keep what the handler has not said may be kept.
pub async fn answer(app: &App, handler: &impl Handler, request: Request) -> Response<Body> {
    let call = Call::new(request);
    // Before the function's limit: a client learns that it may try again, and a call that is under way is given up.
    let handled = tokio::time::timeout(call.time_left(app.now()), handler(app, &call)).await;
    let mut response = match handled.unwrap_or_else(|_| Err(Problem::out_of_time())) {
        Ok(response) => response,
        Err(problem) => {
            if let Some(cause) = &problem.cause {
                tracing::error!(request_id = call.request_id(), code = problem.code, %cause, "request failed");
            }
            problem.into_response(call.request_id())
        }
    };
    let headers = response.headers_mut();
    // What does not say that it is for everybody is for the caller alone; a cache in front must not guess.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(call.request_id()) {
        headers.insert("x-request-id", id);
    }
    response
}

/// A JSON body as it is sent and kept for replays.
pub fn body<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// An answer with a JSON body.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Response<Body> {
    json_text(status, body(value))
}

/// An answer without a body.
pub fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// The answer of an operation that honours `Idempotency-Key`: fresh, or the first one again.
pub fn json_idempotent<T, V: Serialize>(
    status: StatusCode,
    done: Executed<T>,
    view: impl Fn(&T) -> V,
) -> Response<Body> {
    match done {
        Executed::Fresh(value) => json(status, &view(&value)),
        Executed::Replayed(body) => with_header(json_text(status, body), "idempotency-replayed", "true"),
    }
}

/// An answer with `Location`: a path, and the id that its body has in a field.
pub fn with_location(response: Response<Body>, path: &str, field: &str) -> Response<Body> {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let id = body[field].as_str().unwrap_or_default();
    with_header(response, "location", format!("{path}{id}"))
}

/// The same answer with a header.
pub fn with_header(mut response: Response<Body>, name: &'static str, value: impl AsRef<str>) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// An answer with a body that is JSON already.
pub fn json_text(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
