//! `ClientRequestToken`, on simulated time: dynoxide's own window runs on the machine's clock.

use engine::{Answer, error};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How long DynamoDB remembers a token.
const REMEMBERED_MS: u64 = 10 * 60 * 1_000;

#[derive(Debug)]
struct Known {
    parameters: Value,
    /// When it succeeded; `None` while it is in flight.
    succeeded_ms: Option<u64>,
}

/// Tokens in flight, and those that succeeded.
#[derive(Debug, Default)]
pub struct Tokens(BTreeMap<String, Known>);

impl Tokens {
    /// What a transaction with a known token is answered; `None` lets it in.
    pub fn arrive(&mut self, token: &str, parameters: &Value, now_ms: u64) -> Option<Answer> {
        self.0.retain(|_, known| known.succeeded_ms.is_none_or(|at| now_ms < at + REMEMBERED_MS));
        let refuse = |kind: &str| error(400, &format!("com.amazonaws.dynamodb.v20120810#{kind}"), kind);
        match self.0.get(token) {
            Some(known) if known.parameters != *parameters => Some(refuse("IdempotentParameterMismatchException")),
            Some(Known { succeeded_ms: Some(_), .. }) => Some(Answer { status: 200, body: json!({}) }),
            Some(_) => Some(refuse("TransactionInProgressException")),
            None => {
                self.0.insert(token.to_owned(), Known { parameters: parameters.clone(), succeeded_ms: None });
                None
            }
        }
    }

    /// Whether a transaction with this token succeeded.
    pub fn succeeded(&self, token: &str) -> bool {
        self.0.get(token).is_some_and(|known| known.succeeded_ms.is_some())
    }

    /// The transaction is through. One that failed may come again.
    pub fn leave(&mut self, token: &str, success: bool, now_ms: u64) {
        if !success {
            self.0.remove(token);
        } else if let Some(known) = self.0.get_mut(token) {
            known.succeeded_ms = Some(now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_one_success_and_ten_minutes() {
        let (mut tokens, one, other) = (Tokens::default(), json!({ "a": 1 }), json!({ "a": 2 }));
        let kind = |answer: Option<Answer>| {
            let body = answer.map(|answer| answer.body["__type"].as_str().unwrap_or("success").to_owned());
            body.map(|text| text.rsplit('#').next().unwrap_or_default().to_owned())
        };
        assert_eq!(kind(tokens.arrive("t", &one, 0)), None);
        assert_eq!(kind(tokens.arrive("t", &one, 0)).unwrap(), "TransactionInProgressException");
        tokens.leave("t", false, 5);
        assert!(!tokens.succeeded("t"));
        assert_eq!(kind(tokens.arrive("t", &one, 6)), None);
        tokens.leave("t", true, 10);
        assert!(tokens.succeeded("t") && !tokens.succeeded("other"));
        assert_eq!(kind(tokens.arrive("t", &one, 11)).unwrap(), "success");
        assert_eq!(kind(tokens.arrive("t", &other, 11)).unwrap(), "IdempotentParameterMismatchException");
        assert_eq!(kind(tokens.arrive("t", &one, 10 + REMEMBERED_MS)), None);
    }
}
