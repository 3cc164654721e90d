//! Answers, and the boundary where a failure becomes one log line.

use super::{Call, Problem, layer, tokens};
use crate::{
    app::App,
    store::idempotency::Executed,
    telemetry::{line::Answered, meter::metered, metric::Outcome},
};
use futures_util::future::BoxFuture;
use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, StatusCode, header},
};
use serde::Serialize;
use serde_json::Value;
use std::time::Instant;

/// The header of an answer that repeats the first one of its `Idempotency-Key`.
const REPLAYED: &str = "idempotency-replayed";

/// What a handler returns: an answer, or a problem.
pub type Answer = Result<Response<Body>, Problem>;

/// A handler of one route.
pub trait Handler: for<'a> Fn(&'a App, &'a Call) -> BoxFuture<'a, Answer> + Sync {}
impl<H: for<'a> Fn(&'a App, &'a Call) -> BoxFuture<'a, Answer> + Sync> Handler for H {}

/// Answers a request, and writes its line. [`layer::finish`] does what HTTP asks of every answer.
pub async fn answer(app: &App, handler: &dyn Handler, request: Request) -> Response<Body> {
    let (call, began) = (Call::new(request), Instant::now());
    let ((response, code), meter) = metered(respond(app, handler, &call)).await;
    let outcome = Outcome {
        route: call.route(),
        status: response.status().as_u16(),
        code,
        replayed: response.headers().contains_key(REPLAYED),
    };
    let (request_id, trace_id) = (call.request_id(), call.trace_id());
    app.lines.request(Answered { outcome, request_id, trace_id, took: began.elapsed() }, &meter, app.now());
    response
}

/// Runs the handler and turns a problem into problem+json. Also returns the problem's code, and logs the cause of a
/// failure of ours once.
async fn respond(app: &App, handler: &dyn Handler, call: &Call) -> (Response<Body>, Option<&'static str>) {
    // Stop the handler before Lambda's own limit, so that the client still gets an answer that says that it may retry.
    let handled = async {
        call.came_through_front(app.config.origin_secret.as_deref())?;
        // Before anything needs a key: a token under a new one must not be refused.
        app.secrets.refresh(tokens::kid(call).as_deref()).await;
        match app.secrets.missing() {
            Some(error) => Err(Problem::no_secret(Some(error))),
            None => handler(app, call).await,
        }
    };
    let handled = tokio::time::timeout(call.time_left(app.now()), handled).await;
    let (response, code) = match handled.unwrap_or_else(|_| Err(Problem::out_of_time())) {
        Ok(response) => (response, None),
        Err(problem) => {
            let code = problem.code;
            if let Some(cause) = &problem.cause {
                tracing::error!(request_id = call.request_id(), code, %cause, "request failed");
            }
            (problem.into_response(call.request_id()), Some(code))
        }
    };
    (layer::finish(app, call, response), code)
}

/// The JSON text of a body, as it is sent and kept for replays.
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

/// The answer of an operation that honours `Idempotency-Key`: a fresh one, or the kept body of the first one, marked as
/// replayed.
pub fn json_idempotent<T, V: Serialize>(
    status: StatusCode,
    done: Executed<T>,
    view: impl Fn(&T) -> V,
) -> Response<Body> {
    match done {
        Executed::Fresh(value) => json(status, &view(&value)),
        Executed::Replayed(body) => with_header(json_text(status, body), REPLAYED, "true"),
    }
}

/// The answer with a `Location`: `path`, followed by the id in this `field` of its body.
pub fn with_location(response: Response<Body>, path: &str, field: &str) -> Response<Body> {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let id = body[field].as_str().unwrap_or_default();
    with_header(response, "location", format!("{path}{id}"))
}

/// The answer with one more header. A value that is not valid in a header is left out.
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
