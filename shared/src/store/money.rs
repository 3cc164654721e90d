//! Balances and ledgers. The ledger is the truth; the balance item caches its sum and numbers the next entry.

use super::{
    Failure, MAX_ATTEMPTS, Store, StoreError, contention,
    idempotency::{Done, Idempotent, record_in_the_way},
    keys,
    keys::Table,
    request::{self, TransactFailure, n, part, s},
};
use crate::domain::{
    amount::Amount,
    id::UserId,
    ledger::{Balance, EntryType, LedgerEntry},
    refusal::Refusal,
};
use aws_sdk_dynamodb::types::TransactWriteItem;

/// A balance before and after money came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recharged {
    /// Before.
    pub before: Amount,
    /// After.
    pub after: Amount,
}

impl Store {
    /// A fan's balance.
    pub async fn balance(&self, user: UserId) -> Result<Balance, Failure> {
        self.get(&keys::balance(user), true).await?.ok_or(Failure::Refused(Refusal::UserNotFound))
    }

    /// Puts money on a fan's balance. `answer` makes the body that is kept for replays.
    pub async fn recharge(
        &self,
        user: UserId,
        amount: Amount,
        idempotent: Option<&Idempotent>,
        answer: impl Fn(&Recharged) -> String,
    ) -> Result<Done<Recharged>, Failure> {
        for attempt in 0..MAX_ATTEMPTS {
            let balance = self.balance(user).await?;
            let now = self.now();
            let entry = match balance.next_entry(EntryType::Charge, amount, now, None) {
                Ok(entry) => entry,
                Err(refusal) => return self.replay_or_refuse(idempotent, refusal.into()).await,
            };
            let recharged = Recharged { before: balance.balance, after: entry.balance_after };
            let mut parts = Vec::with_capacity(3);
            if let Some(idempotent) = idempotent {
                parts.push(self.idempotency_part(idempotent, answer(&recharged), now)?);
            }
            parts.extend(self.ledger_parts(user, &entry)?);
            match self.transact(parts).await {
                Ok(()) => return Ok(Done::Fresh(recharged)),
                Err(TransactFailure::Store(error)) => return Err(error.into()),
                Err(TransactFailure::Contended) => break,
                Err(TransactFailure::Cancelled(mut reasons)) => {
                    if let (Some(idempotent), Some(record)) = (idempotent, record_in_the_way(&mut reasons, idempotent))
                    {
                        return Ok(Done::Replayed(Self::judge_record(idempotent, record)?));
                    }
                    self.context.back_off(attempt).await;
                }
            }
        }
        self.gave_up(idempotent, "recharge").await
    }

    /// The two writes of a ledger entry: the balance, if its last number is still the one before (invariant 2: the sum
    /// is right and gapless), and the entry, if its number is free (invariant 2: history is never overwritten).
    pub(crate) fn ledger_parts(&self, user: UserId, entry: &LedgerEntry) -> Result<[TransactWriteItem; 2], StoreError> {
        let balance = self
            .update_part(&keys::balance(user))
            .update_expression("SET balance = :after, #sequence = :sequence")
            .condition_expression("#sequence = :before")
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_values(":after", n(entry.balance_after.units()))
            .expression_attribute_values(":sequence", n(entry.sequence))
            .expression_attribute_values(":before", n(entry.sequence - 1));
        let line = request::item(&keys::ledger(user, entry.sequence), entry, None)?;
        let line = self.put_part(Table::Fans, line).condition_expression("attribute_not_exists(pk)");
        Ok([part(balance)?, part(line)?])
    }

    /// What a request is told that others were in the way of for too long: with a key, somebody else may be working on
    /// the very same one.
    pub(crate) async fn gave_up<T>(&self, idempotent: Option<&Idempotent>, what: &str) -> Result<Done<T>, Failure> {
        let failure = match idempotent {
            Some(_) => Refusal::RequestInProgress.into(),
            None => contention(what).into(),
        };
        self.replay_or_refuse(idempotent, failure).await
    }

    /// A page of the ledger, newest first, of entries numbered below `before`.
    pub async fn ledger_page(
        &self,
        user: UserId,
        before: Option<u64>,
        limit: i32,
    ) -> Result<Vec<LedgerEntry>, StoreError> {
        let first = keys::ledger(user, 0);
        let last = keys::ledger(user, before.map_or(9_999_999_999_999_999, |b| b.saturating_sub(1)));
        let output = self
            .query(Table::Fans, &first.pk)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":first", s(first.sk))
            .expression_attribute_values(":last", s(last.sk))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(limit)
            .send()
            .await
            .map_err(|e| request::store_error("ledger", &e))?;
        output.items.unwrap_or_default().into_iter().map(request::parse).collect()
    }
}
