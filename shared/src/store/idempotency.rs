//! `Idempotency-Key`: the first success of a request is kept for 24 hours, inside the transaction that it protects.

use super::{
    Failure, Store, StoreError, keys,
    keys::Table,
    request::{self, Item, Reason, part},
};
use crate::domain::{
    id::UserId,
    refusal::Refusal,
    time::{Seconds, Timestamp},
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use serde::{Deserialize, Serialize};

const KEPT: Seconds = Seconds(24 * 3600);
/// TTL must not delete a record that still counts, whatever the clocks say.
const TTL_GRACE: Seconds = Seconds(3600);

/// A request that its client marked as one and the same.
#[derive(Debug, Clone)]
pub struct Idempotent {
    /// Who sent it: a key belongs to its caller, whoever the request is about.
    pub caller: UserId,
    /// A digest of route and key: a key belongs to one route.
    pub key: String,
    /// What the key was used with: a digest of the ids in the path, the fan who is meant, and the parsed body.
    pub fingerprint: String,
}

/// What an operation brought: its own result, or the answer that the same request was given before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done<T> {
    /// Done now.
    Fresh(T),
    /// Done before; the body of that answer.
    Replayed(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    fingerprint: String,
    body: String,
    expires_at: Timestamp,
}

impl Record {
    fn judge(self, idempotent: &Idempotent) -> Result<String, Refusal> {
        if self.fingerprint == idempotent.fingerprint { Ok(self.body) } else { Err(Refusal::IdempotencyKeyReused) }
    }
}

impl Store {
    /// The write that keeps the answer `body`: only if no unexpired record has the key (invariants 2 and 6: what the
    /// key protects happens once).
    pub(crate) fn idempotency_part(
        &self,
        idempotent: &Idempotent,
        body: String,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let expires_at = now + KEPT;
        let record = Record { fingerprint: idempotent.fingerprint.clone(), body, expires_at };
        let key = keys::idempotency(idempotent.caller, &idempotent.key);
        part(
            self.put_part(Table::Fans, request::item(&key, &record, Some(expires_at + TTL_GRACE))?)
                .condition_expression("attribute_not_exists(pk) OR expiresAt <= :now")
                .expression_attribute_values(":now", request::n(now.millis())),
        )
    }

    /// What the refused write of a record means: the first answer, or another request under this key.
    pub(crate) fn judge_record(idempotent: &Idempotent, record: Item) -> Result<String, Failure> {
        let record: Record = request::parse(record)?;
        Ok(record.judge(idempotent)?)
    }

    /// Before a request is refused, its key is looked up: a success of the past is replayed, not judged anew.
    pub async fn replay_or_refuse<T>(
        &self,
        idempotent: Option<&Idempotent>,
        refusal: Failure,
    ) -> Result<Done<T>, Failure> {
        self.kept_answer(idempotent).await?.map(Done::Replayed).ok_or(refusal)
    }

    /// The answer that is kept under the request's key, if any is.
    pub(crate) async fn kept_answer(&self, idempotent: Option<&Idempotent>) -> Result<Option<String>, Failure> {
        let Some(idempotent) = idempotent else { return Ok(None) };
        let key = keys::idempotency(idempotent.caller, &idempotent.key);
        let record = self.get::<Record>(&key, true).await?.filter(|record| self.now() < record.expires_at);
        Ok(record.map(|record| record.judge(idempotent)).transpose()?)
    }
}

/// The record that was in the way of a cancelled transaction, where its write comes first.
pub(crate) fn record_in_the_way(reasons: &mut [Reason], idempotent: Option<&Idempotent>) -> Option<Item> {
    idempotent?;
    match reasons.first_mut() {
        Some(Reason::Condition(item)) => item.take(),
        _ => None,
    }
}
