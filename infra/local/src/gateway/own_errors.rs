//! The errors that API Gateway, or a CDN in front of it, answers by itself: no problem document, no CORS headers, no
//! `Retry-After`. `--gateway-errors` gives them to a part of the requests, so that clients can be tried against them.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use serde_json::json;
use uuid::Uuid;

/// An error of the gateway's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnError {
    /// 429: beyond the gateway's limit of requests. No function ran.
    Throttled,
    /// 503: no function could run.
    Unavailable,
    /// 503 too, but the function ran, and its answer is lost.
    AnswerLost,
}

impl OwnError {
    /// The error of a request, by its random id; `None` for all but `percent` in a hundred.
    pub fn draw(percent: u8, id: Uuid) -> Option<Self> {
        let bits = id.as_u128();
        let kinds = [Self::Throttled, Self::Unavailable, Self::AnswerLost];
        (bits as u64 % 100 < u64::from(percent)).then(|| kinds[(bits >> 64) as u16 as usize % kinds.len()])
    }

    /// The answer, as an HTTP API gives it.
    pub fn response(self) -> Response<Body> {
        let (status, message) = match self {
            Self::Throttled => (StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"),
            Self::Unavailable | Self::AnswerLost => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        let mut response = Response::new(Body::from(json!({ "message": message }).to_string()));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_requests_fails_in_each_way() {
        let drawn = |percent| (0..3_000).filter_map(|_| OwnError::draw(percent, Uuid::new_v4())).collect::<Vec<_>>();
        assert!(drawn(0).is_empty());
        assert_eq!(drawn(100).len(), 3_000);
        let some = drawn(20);
        assert!((400..800).contains(&some.len()), "{}", some.len());
        for kind in [OwnError::Throttled, OwnError::Unavailable, OwnError::AnswerLost] {
            assert!(some.contains(&kind), "{kind:?}");
        }
    }
}
