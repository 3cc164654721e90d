//! An answer.

use std::time::Duration;

use hyper::{HeaderMap, header};
use serde_json::Value;

/// The longest `Retry-After` that is believed: the limits of the contract count by the minute.
const LONGEST_RETRY_AFTER_SECONDS: u64 = 120;

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when it is empty or not JSON.
    pub body: Value,
    /// The time from sending the request, the last time, to the end of the body.
    pub took: Duration,
    /// How often the request was sent.
    pub attempts: u32,
}

impl Reply {
    /// The text of a member of the body; empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// The problem's machine-readable code; empty for a success.
    pub fn code(&self) -> &str {
        self.text("code")
    }

    /// The text of a header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The pause that `Retry-After` names, if it is a number of seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds: u64 = self.header(header::RETRY_AFTER.as_str()).parse().ok()?;
        Some(Duration::from_secs(seconds.min(LONGEST_RETRY_AFTER_SECONDS)))
    }

    /// Status and code, as in `(409, "seat_unavailable")`.
    pub fn outcome(&self) -> (u16, &str) {
        (self.status, self.code())
    }

    /// Checks that the answer is a problem in the contract's form.
    ///
    /// # Errors
    /// What differs, in words.
    pub fn check_problem(&self, status: u16, code: &str) -> Result<(), String> {
        if self.outcome() != (status, code) {
            return Err(format!("{} {} instead of {status} {code}", self.status, self.code()));
        }
        if self.header(header::CONTENT_TYPE.as_str()) != "application/problem+json" {
            return Err(format!("content type {:?}", self.header(header::CONTENT_TYPE.as_str())));
        }
        if self.body["status"] != status || self.text("instance") != self.header("x-request-id") {
            return Err("`status` and `instance` are not those of the answer".to_owned());
        }
        match ["type", "title", "detail", "instance"].iter().find(|member| self.text(member).is_empty()) {
            Some(member) => Err(format!("`{member}` is missing")),
            None => Ok(()),
        }
    }

    /// Asserts the status and returns the reply.
    ///
    /// # Panics
    /// When the status is another.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Asserts a problem in the contract's form and returns the reply.
    ///
    /// # Panics
    /// When status, code or form differ.
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        self.check_problem(status, code).unwrap_or_else(|difference| panic!("{difference}: {}", self.body));
        self
    }

    /// Whether the same request may succeed when it is sent again.
    pub fn is_temporary(&self) -> bool {
        self.status >= 500 || self.status == 429 || self.code() == "request_in_progress"
    }
}
