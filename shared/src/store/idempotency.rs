//! `Idempotency-Key`: the first success of a request is kept for 24 hours, inside the transaction that it protects.

use super::{
    Failure, MAX_ATTEMPTS, Store, StoreError, contention, keys,
    keys::Table,
    request::{self, CancellationReason, Item, TransactFailure, transact_item},
};
use crate::domain::{
    id::UserId,
    refusal::Refusal,
    reservation::Reservation,
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

/// What a request asks for: planned from what is read, committed in one transaction.
pub(crate) trait Operation {
    /// Its name in errors.
    const NAME: &'static str;
    /// What it returns.
    type Outcome: Send;

    /// Reads what it depends on, and says what to write. Called again only where the transaction was refused, with the
    /// reasons of the writes; none at first.
    fn plan(
        &mut self,
        reasons: Vec<CancellationReason>,
    ) -> impl Future<Output = Result<Plan<Self::Outcome>, Failure>> + Send;
}

/// What an operation would do, by what was read for it.
pub(crate) enum Plan<T> {
    /// These writes.
    Write(Draft<T>),
    /// Nothing: it is done already.
    Nothing(T),
}

/// The writes of an operation, with the answer that they bring.
pub(crate) struct Draft<T> {
    /// What the operation returns.
    pub result: T,
    /// When it happens.
    pub at: Timestamp,
    /// What is written, all or none.
    pub writes: Vec<TransactWriteItem>,
    /// The hold among the writes, if there is one (see [`Store::transact_hold`]).
    pub hold: Option<Box<Reservation>>,
}

/// What an operation brought: its own result, or the answer that the same request was given before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executed<T> {
    /// Executed now.
    Fresh(T),
    /// Executed before; the body of that answer.
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
    /// Commits an operation, at most once for each key. `answer` makes the body that is kept for replays.
    ///
    /// A conflict is no refusal: the same transaction is sent again under the same client token (see
    /// [`Store::transact`]), since a copy whose answer was lost may have been applied, or still be on its way.
    ///
    /// # Errors
    /// What the operation refuses, unless a success is kept under the key. [`Refusal::RequestInProgress`] where it is the
    /// same request that it conflicts with, `Unavailable` where it is others.
    pub(crate) async fn commit<O: Operation>(
        &self,
        idempotent: Option<&Idempotent>,
        answer: impl Fn(&O::Outcome) -> String,
        operation: O,
    ) -> Result<Executed<O::Outcome>, Failure> {
        match self.commit_or_refuse(idempotent, answer, operation).await {
            Err(refusal @ Failure::Refused(_)) => self.replay_or_refuse(idempotent, refusal).await,
            done => done,
        }
    }

    async fn commit_or_refuse<O: Operation>(
        &self,
        idempotent: Option<&Idempotent>,
        answer: impl Fn(&O::Outcome) -> String,
        mut operation: O,
    ) -> Result<Executed<O::Outcome>, Failure> {
        let mut reasons = Vec::new();
        for attempt in 0..MAX_ATTEMPTS {
            let mut draft = match operation.plan(reasons).await? {
                Plan::Write(draft) => draft,
                Plan::Nothing(result) => {
                    let kept = self.kept_answer(idempotent).await?;
                    return Ok(kept.map_or(Executed::Fresh(result), Executed::Replayed));
                }
            };
            let mut writes = std::mem::take(&mut draft.writes);
            if let Some(idempotent) = idempotent {
                writes.insert(0, self.record_write(idempotent, answer(&draft.result), draft.at)?);
            }
            let sent = match &draft.hold {
                Some(hold) => self.transact_hold(hold, writes).await?,
                None => self.transact(writes).await,
            };
            reasons = match sent {
                Ok(()) => return Ok(Executed::Fresh(draft.result)),
                Err(TransactFailure::Store(error)) => return Err(error.into()),
                // With a key, the first write is that of its record.
                Err(TransactFailure::Contended { first: true }) if idempotent.is_some() => {
                    return Err(Refusal::RequestInProgress.into());
                }
                Err(TransactFailure::Contended { .. }) => break,
                Err(TransactFailure::Cancelled(reasons)) => reasons,
            };
            if let Some(idempotent) = idempotent
                && let CancellationReason::Condition(Some(record)) = reasons.remove(0)
            {
                return Ok(Executed::Replayed(Self::judge_record(idempotent, record)?));
            }
            self.context.back_off(attempt).await;
        }
        self.replay_or_refuse(idempotent, contention(O::NAME).into()).await
    }

    /// The write that keeps the answer `body`: only if no unexpired record has the key (invariants 2 and 6: what the
    /// key protects happens once).
    fn record_write(
        &self,
        idempotent: &Idempotent,
        body: String,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let expires_at = now + KEPT;
        let record = Record { fingerprint: idempotent.fingerprint.clone(), body, expires_at };
        let key = keys::idempotency(idempotent.caller, &idempotent.key);
        transact_item(
            self.transact_put(Table::Fans, request::item(&key, &record, Some(expires_at + TTL_GRACE))?)
                .condition_expression("attribute_not_exists(pk) OR expiresAt <= :now")
                .expression_attribute_values(":now", request::n(now.millis())),
        )
    }

    /// What the refused write of a record means: the first answer, or another request under this key.
    fn judge_record(idempotent: &Idempotent, record: Item) -> Result<String, Failure> {
        let record: Record = request::parse(record)?;
        Ok(record.judge(idempotent)?)
    }

    /// Before a request is refused, its key is looked up: a success of the past is replayed, not judged anew.
    pub async fn replay_or_refuse<T>(
        &self,
        idempotent: Option<&Idempotent>,
        refusal: Failure,
    ) -> Result<Executed<T>, Failure> {
        self.kept_answer(idempotent).await?.map(Executed::Replayed).ok_or(refusal)
    }

    /// The answer that is kept under the request's key, if any is.
    pub(crate) async fn kept_answer(&self, idempotent: Option<&Idempotent>) -> Result<Option<String>, Failure> {
        let Some(idempotent) = idempotent else { return Ok(None) };
        let key = keys::idempotency(idempotent.caller, &idempotent.key);
        let record = self.get::<Record>(&key, true).await?.filter(|record| self.now() < record.expires_at);
        Ok(record.map(|record| record.judge(idempotent)).transpose()?)
    }
}
