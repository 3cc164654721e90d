//! RFC 9457 problems: the one conversion from a refusal or failure to an HTTP answer.

use super::values::Rfc3339;
use crate::{
    domain::refusal::Refusal,
    secrets::SecretError,
    store::{Failure, StoreError},
    telemetry::chain,
};
use lambda_http::{Body, Response, http::StatusCode};
use serde_json::{Map, Value, json};

/// Why a request did not succeed.
#[derive(Debug, Clone)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// The stable machine code of the contract.
    pub code: &'static str,
    /// One sentence for people to read.
    pub detail: String,
    /// Further members and headers.
    extra: Extra,
    /// The cause, for the log and never for the client. It is set for failures of ours only.
    pub cause: Option<String>,
}

#[derive(Debug, Clone, Default)]
struct Extra {
    members: Map<String, Value>,
    retry_after: Option<u64>,
    no_token: bool,
}

impl Problem {
    /// A problem with a code of the contract.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Problem { status, code, detail: detail.into(), extra: Extra::default(), cause: None }
    }

    /// 400: what is wrong with the value at a JSON pointer (`/amount`) or named parameter.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Problem::new(StatusCode::BAD_REQUEST, "invalid_request", "the request is not valid")
            .with("errors", json!([{ "pointer": pointer.into(), "detail": detail }]))
    }

    /// 401: a token that is malformed, badly signed or of the wrong kind.
    pub fn unauthenticated(detail: &'static str) -> Self {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    }

    /// 401: no token at all. By RFC 6750 the challenge then has no `error`.
    pub fn no_token() -> Self {
        let mut problem = Problem::unauthenticated("a bearer token is required");
        problem.extra.no_token = true;
        problem
    }

    /// 401: a token that was valid until its `exp`.
    pub fn token_expired() -> Self {
        Problem::new(StatusCode::UNAUTHORIZED, "token_expired", "the token has expired")
    }

    /// 403: a request that went around the content delivery network in front.
    pub fn around_front() -> Self {
        let detail = "this deployment is asked under its own name only, not around it";
        Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 405: a method that the path does not have. The answer also needs the header `Allow`.
    pub fn method_not_allowed() -> Self {
        let detail = "the path does not have this method; Allow lists those that it has";
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// 413: a body of more than `most` bytes, which is not parsed.
    pub fn too_large(most: usize) -> Self {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("the body is larger than {} KiB", most / 1024))
    }

    /// 415: a body whose content type is not JSON in UTF-8.
    pub fn unsupported_media_type() -> Self {
        let detail = "the content type must be application/json, in UTF-8";
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// 500: a bug. The cause is for the log.
    pub fn internal(cause: impl Into<String>) -> Self {
        let mut problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong");
        problem.cause = Some(cause.into());
        problem
    }

    /// 503: the request did not finish within the function's time limit.
    pub fn out_of_time() -> Self {
        StoreError::unavailable("the function's time is over").into()
    }

    /// 503: the signing secret could never be read, or is not fit for use.
    pub fn no_secret(error: Option<SecretError>) -> Self {
        let why = error.map_or_else(|| "there is no signing secret".to_owned(), |error| error.to_string());
        StoreError::unavailable(why).into()
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.extra.members.insert(name.to_owned(), value);
        self
    }

    fn retry_after(mut self, seconds: u64) -> Self {
        self.extra.retry_after = Some(seconds);
        self
    }

    /// The answer: problem+json with the request's id as its `instance`.
    pub fn into_response(self, request_id: &str) -> Response<Body> {
        let mut body = self.extra.members;
        body.insert("type".to_owned(), json!(format!("urn:stagedoor:problem:{}", self.code)));
        body.insert("title".to_owned(), json!(self.status.canonical_reason().unwrap_or("Error")));
        body.insert("status".to_owned(), json!(self.status.as_u16()));
        body.insert("detail".to_owned(), json!(self.detail));
        body.insert("instance".to_owned(), json!(request_id));
        body.insert("code".to_owned(), json!(self.code));
        let mut response = Response::new(Body::Text(Value::Object(body).to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert("content-type", lambda_http::http::HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = if self.extra.no_token || self.code == "bad_credentials" {
                r#"Bearer realm="stagedoor""#
            } else {
                r#"Bearer realm="stagedoor", error="invalid_token""#
            };
            headers.insert("www-authenticate", lambda_http::http::HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = self.extra.retry_after {
            headers.insert("retry-after", seconds.into());
        }
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = status_and_code(&refusal);
        let problem = Problem::new(status, code, refusal.to_string());
        match refusal {
            Refusal::NotActive { retry_after } | Refusal::TooManyRequests { retry_after } => {
                problem.retry_after(retry_after)
            }
            Refusal::RequestInProgress => problem.retry_after(1),
            Refusal::SeatUnavailable { seats, own } => {
                let problem = problem.with("seatNumbers", json!(seats));
                match own {
                    Some(reservation) => problem.with("reservationId", json!(reservation)),
                    None => problem,
                }
            }
            Refusal::SessionOver { reason } | Refusal::TokenOver { reason } => problem.with("reason", json!(reason)),
            Refusal::SeatNotFound(seat) => problem.with("seatNumbers", json!([seat])),
            Refusal::SeatLimit { limit, held, bought } => {
                problem.with("limit", json!(limit)).with("held", json!(held)).with("bought", json!(bought))
            }
            Refusal::SaleClosed { enabled, opens_at, closes_at } => problem
                .with("enabled", json!(enabled))
                .with("saleOpensAt", json!(Rfc3339(opens_at)))
                .with("saleClosesAt", json!(Rfc3339(closes_at))),
            Refusal::AmountMismatch { amount } => problem.with("amount", json!(amount)),
            Refusal::HoldLimit { limit } => problem.with("limit", json!(limit)),
            Refusal::PaymentAlreadyProcessed(payment) | Refusal::PaidNotCancellable(payment) => {
                problem.with("paymentId", json!(payment))
            }
            Refusal::BalanceTooLarge => Problem::invalid("/amount", "the balance would become too large"),
            Refusal::TooManyWebhooks => Problem::invalid("webhookId", problem.detail),
            _ => problem,
        }
    }
}

fn status_and_code(refusal: &Refusal) -> (StatusCode, &'static str) {
    use StatusCode as S;
    match refusal {
        Refusal::BalanceTooLarge | Refusal::TooManyWebhooks => (S::BAD_REQUEST, "invalid_request"),
        Refusal::BadCredentials => (S::UNAUTHORIZED, "bad_credentials"),
        Refusal::SessionOver { .. } => (S::UNAUTHORIZED, "session_over"),
        Refusal::Forbidden
        | Refusal::AdminsOnly
        | Refusal::OperatorsOnly
        | Refusal::RechargeByAdminsOnly
        | Refusal::ReferenceByAdminsOnly => (S::FORBIDDEN, "forbidden"),
        Refusal::NotActive { .. } | Refusal::NoQueueToken => (S::FORBIDDEN, "not_active"),
        Refusal::WrongQueue => (S::FORBIDDEN, "wrong_queue"),
        Refusal::SaleClosed { .. } => (S::FORBIDDEN, "sale_closed"),
        Refusal::UserNotFound => (S::NOT_FOUND, "user_not_found"),
        Refusal::TokenNotFound => (S::NOT_FOUND, "token_not_found"),
        Refusal::ConcertNotFound => (S::NOT_FOUND, "concert_not_found"),
        Refusal::SeatNotFound(_) => (S::NOT_FOUND, "seat_not_found"),
        Refusal::ReservationNotFound => (S::NOT_FOUND, "reservation_not_found"),
        Refusal::PaymentNotFound => (S::NOT_FOUND, "payment_not_found"),
        Refusal::QueueNotFound => (S::NOT_FOUND, "queue_not_found"),
        Refusal::RouteNotFound | Refusal::WebhookNotFound => (S::NOT_FOUND, "not_found"),
        Refusal::UsernameTaken => (S::CONFLICT, "username_taken"),
        Refusal::SeatUnavailable { .. } => (S::CONFLICT, "seat_unavailable"),
        Refusal::SeatLimit { .. } => (S::CONFLICT, "seat_limit"),
        Refusal::HoldLimit { .. } => (S::CONFLICT, "hold_limit"),
        Refusal::SessionEnding => (S::CONFLICT, "session_ending"),
        Refusal::PaymentAlreadyProcessed(_) => (S::CONFLICT, "payment_already_processed"),
        Refusal::InsufficientBalance => (S::CONFLICT, "insufficient_balance"),
        Refusal::AmountMismatch { .. } => (S::CONFLICT, "amount_mismatch"),
        Refusal::PaidNotCancellable(_) | Refusal::TooLateToCancel => (S::CONFLICT, "not_cancellable"),
        Refusal::RequestInProgress => (S::CONFLICT, "request_in_progress"),
        Refusal::QueueInUse => (S::CONFLICT, "queue_in_use"),
        Refusal::TokenOver { .. } => (S::GONE, "session_over"),
        Refusal::ReservationExpired => (S::GONE, "reservation_expired"),
        Refusal::ReservationCancelled => (S::GONE, "reservation_cancelled"),
        Refusal::TooManyRequests { .. } => (S::TOO_MANY_REQUESTS, "too_many_requests"),
        Refusal::IdempotencyKeyReused => (S::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => {
                let mut problem = Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "the request could not be finished now; send it again, with the same Idempotency-Key if it had one",
                );
                problem.cause = Some(chain(&error));
                problem.retry_after(1)
            }
            StoreError::Internal { .. } => Problem::internal(chain(&error)),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::Store(error) => error.into(),
        }
    }
}
