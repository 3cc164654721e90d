//! The gateway's own problem responses (RFC 9457), where no function answered.

use axum::{
    body::Body,
    http::{
        HeaderValue, Response, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY},
    },
};
use serde_json::json;

/// Why no function answered a request.
#[derive(Debug, Clone, Copy)]
pub enum Problem {
    /// The functions are not up yet.
    Starting,
    /// The body could not be read.
    Body(StatusCode),
    /// The template has no route for the request, not even `$default`.
    NoRoute,
    /// The handler failed.
    FunctionError,
    /// The handler answered something that is not a response.
    BadAnswer,
    /// The function's process ended.
    Crashed,
    /// The function took too long.
    TimedOut,
}

impl Problem {
    fn status(self) -> StatusCode {
        match self {
            Self::Starting | Self::Crashed | Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            Self::Body(status) => status,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::FunctionError | Self::BadAnswer => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The contract's machine-readable code and a sentence for people.
    fn explain(self) -> (&'static str, &'static str) {
        match self {
            Self::Starting => ("unavailable", "The service is starting."),
            Self::Body(StatusCode::PAYLOAD_TOO_LARGE) => ("too_large", "The body is larger than the gateway takes."),
            Self::Body(_) => ("invalid_request", "The body could not be read."),
            Self::NoRoute => ("not_found", "There is nothing at this path."),
            Self::FunctionError | Self::BadAnswer => ("internal", "The request could not be handled."),
            Self::Crashed => ("unavailable", "The request was interrupted; it may be sent again."),
            Self::TimedOut => ("unavailable", "There was no answer in time; the request may be sent again."),
        }
    }

    /// The answer to the request `id`.
    pub fn response(self, id: &str) -> Response<Body> {
        let status = self.status();
        let (code, detail) = self.explain();
        let body = json!({
            "type": format!("urn:stagedoor:problem:{code}"),
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "code": code,
            "detail": detail,
            "instance": id,
        });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding, Origin"));
        if code == "unavailable" {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_have_the_headers_of_every_answer_and_retryable_ones_retry_after() {
        for (problem, again) in [
            (Problem::Starting, true),
            (Problem::Body(StatusCode::PAYLOAD_TOO_LARGE), false),
            (Problem::NoRoute, false),
            (Problem::FunctionError, false),
            (Problem::BadAnswer, false),
            (Problem::Crashed, true),
            (Problem::TimedOut, true),
        ] {
            let response = problem.response("an id");
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{problem:?}");
            assert_eq!(response.headers()[VARY], "Accept-Encoding, Origin", "{problem:?}");
            assert_eq!(response.headers().contains_key(RETRY_AFTER), again, "{problem:?}");
        }
    }
}
