//! Client tokens of transactions (`ClientRequestToken`) on simulated time; dynoxide would use the machine's clock.

use engine::{Answer, error};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::Notify;

/// How long DynamoDB remembers the token of a transaction that succeeded, in milliseconds.
const REMEMBERED_MS: u64 = 10 * 60 * 1_000;

#[derive(Debug)]
struct Known {
    parameters: Value,
    /// When it succeeded; `None` while it is in flight.
    succeeded_ms: Option<u64>,
}

/// The tokens of transactions in flight and of those that succeeded.
#[derive(Debug, Default)]
pub struct Tokens {
    known: BTreeMap<String, Known>,
    stragglers: BTreeMap<String, Arc<Notify>>,
}

impl Tokens {
    /// Answers a transaction with a known token. `None` for a new token: its transaction is in flight then.
    pub fn arrive(&mut self, token: &str, parameters: &Value, now_ms: u64) -> Option<Answer> {
        self.known.retain(|_, known| known.succeeded_ms.is_none_or(|at| now_ms < at + REMEMBERED_MS));
        let refuse = |kind: &str| error(400, &format!("com.amazonaws.dynamodb.v20120810#{kind}"), kind);
        match self.known.get(token) {
            Some(known) if known.parameters != *parameters => Some(refuse("IdempotentParameterMismatchException")),
            Some(Known { succeeded_ms: Some(_), .. }) => Some(Answer { status: 200, body: json!({}) }),
            Some(_) => Some(refuse("TransactionInProgressException")),
            None => {
                self.known.insert(token.to_owned(), Known { parameters: parameters.clone(), succeeded_ms: None });
                None
            }
        }
    }

    /// Delays a copy with this token until the next one is refused, and returns what it waits for; `None` if another
    /// copy is delayed already, or `inject` decides against it.
    pub fn delay_copy(&mut self, token: &str, inject: impl FnOnce() -> bool) -> Option<Arc<Notify>> {
        if self.straggler(token).is_some() || !inject() {
            return None;
        }
        let refused = Arc::<Notify>::default();
        self.stragglers.insert(token.to_owned(), Arc::clone(&refused));
        Some(refused)
    }

    /// What the delayed copy with this token waits for, if there is one.
    pub fn straggler(&self, token: &str) -> Option<Arc<Notify>> {
        self.stragglers.get(token).cloned()
    }

    /// Records that the delayed copy with this token goes on.
    pub fn arrived(&mut self, token: &str) {
        self.stragglers.remove(token);
    }

    /// Whether a transaction with this token succeeded.
    pub fn succeeded(&self, token: &str) -> bool {
        self.known.get(token).is_some_and(|known| known.succeeded_ms.is_some())
    }

    /// Ends a transaction in flight. If it failed, its token may be used again.
    pub fn leave(&mut self, token: &str, success: bool, now_ms: u64) {
        if !success {
            self.known.remove(token);
        } else if let Some(known) = self.known.get_mut(token) {
            known.succeeded_ms = Some(now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_replays_one_success_for_ten_minutes() {
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

    #[tokio::test]
    async fn one_copy_at_a_time_waits_until_another_is_refused() {
        let mut tokens = Tokens::default();
        assert!(tokens.delay_copy("t", || false).is_none() && tokens.straggler("t").is_none());
        let refused = tokens.delay_copy("t", || true).unwrap();
        assert!(tokens.delay_copy("t", || true).is_none());
        tokens.straggler("t").unwrap().notify_one();
        refused.notified().await;
        tokens.arrived("t");
        assert!(tokens.straggler("t").is_none());
    }
}
