//! When to send a request again, by the rules of the contract.

use std::time::Duration;

use crate::{failure::Failure, reply::Reply};

/// The pauses without a `Retry-After`, in seconds: from the first to the longest.
const FIRST_SECONDS: f64 = 2.0;
const LONGEST_SECONDS: f64 = 30.0;
/// The part of such a pause that chance takes, so that clients who failed together do not come again together.
const JITTER: f64 = 0.25;

/// The pause before the request is sent again, after `attempts` attempts. None where the outcome is final.
///
/// Judges by the status: an error of a gateway may come without a problem document and without `Retry-After`.
pub fn pause(outcome: &Result<Reply, Failure>, attempts: u32) -> Option<Duration> {
    match outcome {
        Ok(reply) if matches!(reply.status, 429 | 502..=504) || reply.code() == "request_in_progress" => {
            Some(reply.retry_after().unwrap_or_else(|| back_off(attempts)))
        }
        Err(failure) if failure.is_temporary() => Some(back_off(attempts)),
        _ => None,
    }
}

fn back_off(attempts: u32) -> Duration {
    let doubled = FIRST_SECONDS * f64::from(2_u32.saturating_pow(attempts.saturating_sub(1)));
    Duration::from_secs_f64(doubled.min(LONGEST_SECONDS) * (1.0 - JITTER * fastrand::f64()))
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use serde_json::{Value, json};

    use super::*;

    fn reply(status: u16, body: Value, retry_after: Option<&'static str>) -> Result<Reply, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert("retry-after", text.parse().expect("a value"));
        }
        Ok(Reply { status, headers, body, took: Duration::ZERO, attempts: 1 })
    }

    fn seconds(outcome: &Result<Reply, Failure>, attempts: u32) -> f64 {
        pause(outcome, attempts).expect("a pause").as_secs_f64()
    }

    #[test]
    fn only_what_is_refused_for_the_moment_is_sent_again() {
        for status in [429, 502, 503, 504] {
            assert!(pause(&reply(status, Value::Null, None), 1).is_some(), "{status}");
        }
        assert!(pause(&reply(409, json!({ "code": "request_in_progress" }), None), 1).is_some());
        assert!(pause(&Err(Failure::Broken("cut".to_owned())), 1).is_some());
        for status in [200, 201, 400, 401, 403, 404, 409, 413, 500] {
            assert!(pause(&reply(status, Value::Null, Some("1")), 1).is_none(), "{status}");
        }
        assert!(pause(&Err(Failure::Certificate("expired".to_owned())), 1).is_none());
    }

    #[test]
    fn the_server_names_the_pause_or_it_doubles() {
        assert_eq!(seconds(&reply(429, Value::Null, Some("7")), 1), 7.0);
        let gateway = reply(503, Value::Null, None);
        for (attempts, longest) in [(1, 2.0), (2, 4.0), (4, 16.0), (5, 30.0), (99, 30.0)] {
            let pause = seconds(&gateway, attempts);
            assert!((longest * 0.75..=longest).contains(&pause), "{attempts}: {pause}");
        }
    }
}
