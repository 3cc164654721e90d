//! `Idempotency-Key`: the answer of the first success is stored for 24 hours, in the same transaction as the change.

use super::{
    Failure, MAX_ATTEMPTS, Store, StoreError, contention, keys,
    keys::Table,
    request::{self, CancellationReason, Item, TransactFailure},
    transact_parts::transact_item,
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
/// TTL must not delete a record that is still valid, even with clock skew.
const TTL_GRACE: Seconds = Seconds(3600);

/// The idempotency key of a request, with what it is bound to.
#[derive(Debug, Clone)]
pub struct Idempotent {
    /// The caller. A key belongs to the caller, not to the fan whom the request is about.
    pub caller: UserId,
    /// A digest of route and key: a key belongs to one route.
    pub key: String,
    /// A digest of what the key was used with: the ids in the path, the fan whom the request is about, and the parsed
    /// body.
    pub fingerprint: String,
}

/// A change that is planned from reads and committed in one transaction.
pub(crate) trait Operation {
    /// Its name in errors.
    const NAME: &'static str;
    /// What it returns.
    type Outcome: Send;

    /// Reads what the change depends on, and plans its writes. Called again only after a condition was not met, with
    /// the reason of each write; `reasons` is empty the first time.
    fn plan(
        &mut self,
        reasons: Vec<CancellationReason>,
    ) -> impl Future<Output = Result<Plan<Self::Outcome>, Failure>> + Send;
}

/// What an operation plans from its reads.
pub(crate) enum Plan<T> {
    /// To commit these writes.
    Write(Draft<T>),
    /// To write nothing: the change was made before.
    Nothing(T),
}

/// The writes of an operation, with its result.
pub(crate) struct Draft<T> {
    /// What the operation returns once the writes are committed.
    pub result: T,
    /// The time of the change.
    pub at: Timestamp,
    /// What is written, all or none.
    pub writes: Vec<TransactWriteItem>,
    /// The hold among the writes, if there is one (see [`Store::transact_hold`]).
    pub hold: Option<Box<Reservation>>,
}

/// The result of an operation, or the stored answer to the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executed<T> {
    /// Executed now.
    Fresh(T),
    /// Executed before: the body of the stored answer.
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
    /// Commits an operation, at most once for each key. `answer` builds the body that a replay returns.
    ///
    /// After a conflict the same transaction is sent again under the same client token (see [`Store::transact`]): an
    /// earlier copy whose answer was lost may have been applied, or may still arrive.
    ///
    /// # Errors
    /// The operation's refusal, unless a success is stored under the key. After too many conflicts,
    /// [`Refusal::RequestInProgress`] if they were with the same request, `Unavailable` if they were with others.
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
                // With a key, the first write is its record: the same request is in progress.
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

    /// The write of the record with the answer `body`, if no unexpired record has the key (invariants 2 and 6: the
    /// change happens once for each key).
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

    /// Judges the record that exists already: returns its answer, or refuses a key that was used with another request.
    fn judge_record(idempotent: &Idempotent, record: Item) -> Result<String, Failure> {
        let record: Record = request::parse(record)?;
        Ok(record.judge(idempotent)?)
    }

    /// Looks up the key of a request before refusing it, so that an earlier success is replayed and not judged again.
    pub async fn replay_or_refuse<T>(
        &self,
        idempotent: Option<&Idempotent>,
        refusal: Failure,
    ) -> Result<Executed<T>, Failure> {
        self.kept_answer(idempotent).await?.map(Executed::Replayed).ok_or(refusal)
    }

    /// Reads the answer that is stored under the request's key, if there is one.
    pub(crate) async fn kept_answer(&self, idempotent: Option<&Idempotent>) -> Result<Option<String>, Failure> {
        let Some(idempotent) = idempotent else { return Ok(None) };
        let key = keys::idempotency(idempotent.caller, &idempotent.key);
        let record = self.get::<Record>(&key, true).await?.filter(|record| self.now() < record.expires_at);
        Ok(record.map(|record| record.judge(idempotent)).transpose()?)
    }
}
