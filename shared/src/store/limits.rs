//! Limits against abuse: a counter for each action, subject and minute. The minute is part of the key, so each minute
//! starts with a new counter; TTL only cleans up.

use super::{
    Failure, Store, StoreError, keys,
    keys::{Key, Pseudonym},
    request::{WriteFailure, n},
};
use crate::domain::{
    limit::{Limit, LimitKey, Window},
    refusal::Refusal,
    time::{Seconds, Timestamp},
};
use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::future::join_all;

/// How long a counter is kept after its window: longer than any clock skew.
const TTL_GRACE: Seconds = Seconds(3_600);

/// Turns the subject of a limit into a pseudonym, so that the table reveals no address and no user name. A plain hash
/// would reveal them: all IPv4 addresses can be hashed in minutes. After a change of the signing secret the pseudonyms
/// are others, so counters start again.
fn pseudonym(secret: &hmac::Key, key: &LimitKey) -> Pseudonym {
    let (kind, text) = match key {
        LimitKey::Address(address) => ("ADDRESS", address.to_string()),
        LimitKey::Username(name) => ("NAME", name.clone()),
        LimitKey::Fan(user) => ("FAN", user.to_string()),
    };
    Pseudonym { kind, digest: BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(secret, text.as_bytes())) }
}

/// The counter of a limit in a window.
struct Counter<'a> {
    key: Key,
    limit: &'a Limit,
    window: Window,
}

impl Store {
    /// Counts an action against its limits in parallel, and refuses it if a counter is full. Counts of an address are
    /// sampled ([`Limit::step`]): each environment lets about one step of actions pass before a sample meets the full
    /// counter. A write that the SDK repeats after a lost answer counts twice, so the limit may come early, never late.
    ///
    /// # Errors
    /// [`Refusal::TooManyRequests`], with the seconds until the window ends.
    pub async fn count(&self, limits: &[Limit]) -> Result<(), Failure> {
        let now = self.now();
        let window = Window::of(now);
        let counters = limits.iter().filter(|limit| limit.max > 0);
        let keyring = self.secrets.keyring().ok_or_else(|| StoreError::unavailable("no signing secret"))?;
        let secret = &keyring.signer(now).pseudonyms;
        let key = |limit: &Limit| keys::limit(limit.action, &pseudonym(secret, &limit.key), window);
        let counters: Vec<Counter<'_>> = counters.map(|limit| Counter { key: key(limit), limit, window }).collect();
        let refusal = Refusal::TooManyRequests { retry_after: window.end().seconds_left(now) };
        // A counter that is known to be full is not written, so that an attacker cannot make it a hot item.
        if counters.iter().any(|counter| self.full_counters.get(&counter.key, now, Window::MILLIS).is_some()) {
            return Err(refusal.into());
        }
        let sampled = counters.iter().filter_map(|counter| {
            let step = counter.limit.sample(self.context.bits())?;
            Some(self.add(counter, step, now))
        });
        let counted = join_all(sampled).await;
        if counted.iter().any(|counted| matches!(counted, Ok(false))) {
            return Err(refusal.into());
        }
        Ok(counted.into_iter().try_for_each(|counted| counted.map(drop))?)
    }

    /// Adds to a counter that is below its maximum; returns `false` if it is full.
    async fn add(&self, counter: &Counter<'_>, step: u32, now: Timestamp) -> Result<bool, StoreError> {
        let add = self
            .update(&counter.key)
            .update_expression("ADD counted :step SET #ttl = :ttl")
            .condition_expression("attribute_not_exists(counted) OR counted < :max")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":step", n(step))
            .expression_attribute_values(":max", n(counter.limit.max))
            .expression_attribute_values(":ttl", n((counter.window.end() + TTL_GRACE).seconds()));
        match self.send_update(add).await {
            Ok(_) => Ok(true),
            Err(WriteFailure::Condition(_)) => {
                self.full_counters.put(counter.key.clone(), (), now);
                Ok(false)
            }
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}
