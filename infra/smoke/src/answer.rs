//! Answers, and what is wrong with them.

use std::{fmt, ops::Deref};

use client::{Failure, Reply, Request};

/// An answer, with the name of its request.
pub struct Answer {
    name: String,
    reply: Reply,
}

/// What is wrong, in words, with the request that shows it. Holds no token and no password.
#[derive(Debug)]
pub struct Complaint {
    /// The difference between what was seen and what the contract says.
    pub what: String,
    /// Method, path, status, code and request id, where there was an answer.
    pub request: Option<String>,
}

/// Sends a request.
///
/// # Errors
/// When there is no answer.
pub async fn ask(request: Request) -> Result<Answer, Complaint> {
    let name = request.name();
    Answer::new(name, request.try_send().await)
}

/// Sends a request that must be answered with `status`.
///
/// # Errors
/// When there is no answer, or another status.
pub async fn expect(request: Request, status: u16) -> Result<Answer, Complaint> {
    ask(request).await?.expect(status)
}

/// Sends a request that must be refused with a problem.
///
/// # Errors
/// When there is no answer, or another one.
pub async fn expect_problem(request: Request, status: u16, code: &str) -> Result<Answer, Complaint> {
    let answer = ask(request).await?;
    answer.check_problem(status, code).map_err(|difference| answer.complain(difference))?;
    Ok(answer)
}

impl Answer {
    /// The answer to the request `name`.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(name: String, outcome: Result<Reply, Failure>) -> Result<Self, Complaint> {
        match outcome {
            Ok(reply) => Ok(Self { name, reply }),
            Err(failure) => Err(Complaint { what: failure.to_string(), request: Some(name) }),
        }
    }

    /// Checks the status.
    ///
    /// # Errors
    /// When it is another.
    pub fn expect(self, status: u16) -> Result<Self, Complaint> {
        if self.status == status {
            return Ok(self);
        }
        let detail = self.text("detail");
        let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
        Err(self.complain(format!("{} instead of {status}{detail}", self.status)))
    }

    /// Checks what the answer says. `what` tells what it should be.
    ///
    /// # Errors
    /// When `holds` is false.
    pub fn check(&self, holds: bool, what: &str) -> Result<(), Complaint> {
        if holds { Ok(()) } else { Err(self.complain(format!("{what}, but the answer is {}", self.shown()))) }
    }

    /// A complaint about this answer.
    pub fn complain(&self, what: impl Into<String>) -> Complaint {
        let Self { name, reply } = self;
        let again = if reply.attempts > 1 { format!(", attempt {}", reply.attempts) } else { String::new() };
        let id = reply.header("x-request-id");
        let request = format!("{name}: {} {}, x-request-id {id}{again}", reply.status, reply.code());
        Complaint { what: what.into(), request: Some(request) }
    }

    /// The body without tokens, shortened.
    fn shown(&self) -> String {
        let mut body = self.body.clone();
        for secret in ["token", "accessToken"] {
            if let Some(value) = body.get_mut(secret) {
                *value = "(hidden)".into();
            }
        }
        body.to_string().chars().take(400).collect()
    }
}

impl Deref for Answer {
    type Target = Reply;

    fn deref(&self) -> &Reply {
        &self.reply
    }
}

impl Complaint {
    /// A complaint that no request explains.
    pub fn plain(what: impl Into<String>) -> Self {
        Self { what: what.into(), request: None }
    }
}

impl std::error::Error for Complaint {}

impl fmt::Display for Complaint {
    /// Writes one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.request {
            Some(request) => write!(f, " ({request})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use client::Reply;
    use serde_json::{Value, json};

    use super::*;

    fn answer(status: u16, body: Value) -> Answer {
        let mut headers = client::HeaderMap::new();
        headers.insert("x-request-id", "r-1".parse().expect("a value"));
        let reply = Reply { status, headers, body, took: Duration::ZERO, attempts: 2 };
        Answer::new("POST /api/v1/tokens".to_owned(), Ok(reply)).unwrap_or_else(|_| unreachable!("an answer"))
    }

    #[test]
    fn a_complaint_names_the_request_and_no_token() {
        let refused = answer(503, json!({ "code": "unavailable", "detail": "Try again." })).expect(201);
        let complaint = refused.err().expect("another status").to_string();
        assert_eq!(
            complaint,
            "503 instead of 201: Try again. (POST /api/v1/tokens: 503 unavailable, x-request-id r-1, attempt 2)"
        );
        let waiting = answer(200, json!({ "status": "WAITING", "token": "secret", "accessToken": "secret" }));
        let complaint = waiting.check(false, "the fan is inside").expect_err("a complaint").to_string();
        assert!(complaint.contains("WAITING") && !complaint.contains("secret"), "{complaint}");
    }
}
