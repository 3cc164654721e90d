//! Balances and ledgers. The ledger decides; the balance item caches its sum and numbers the next entry.

use super::{
    Failure, Store, StoreError,
    idempotency::{Draft, Executed, Idempotent, Operation, Plan},
    keys,
    keys::Table,
    request::{self, CancellationReason, n, s, transact_item},
};
use crate::domain::{
    amount::Amount,
    id::UserId,
    ledger::{Balance, EntryType, LedgerEntry},
    refusal::Refusal,
};
use aws_sdk_dynamodb::types::TransactWriteItem;

/// A balance before and after a recharge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recharged {
    /// The balance before it.
    pub before: Amount,
    /// The balance after it.
    pub after: Amount,
}

struct Recharge<'a> {
    store: &'a Store,
    user: UserId,
    amount: Amount,
}

impl Operation for Recharge<'_> {
    const NAME: &'static str = "recharge";
    type Outcome = Recharged;

    async fn plan(&mut self, _: Vec<CancellationReason>) -> Result<Plan<Recharged>, Failure> {
        let balance = self.store.balance(self.user).await?;
        let at = self.store.now();
        let entry = balance.next_entry(EntryType::Charge, self.amount, at, None)?;
        let writes = self.store.ledger_writes(self.user, &entry)?.into();
        let result = Recharged { before: balance.balance, after: entry.balance_after };
        Ok(Plan::Write(Draft { result, at, writes, hold: None }))
    }
}

impl Store {
    /// Reads a fan's balance.
    ///
    /// # Errors
    /// [`Refusal::UserNotFound`].
    pub async fn balance(&self, user: UserId) -> Result<Balance, Failure> {
        self.get(&keys::balance(user), true).await?.ok_or(Failure::Refused(Refusal::UserNotFound))
    }

    /// Adds money to a fan's balance. `answer` builds the body that a replay returns.
    pub async fn recharge(
        &self,
        user: UserId,
        amount: Amount,
        idempotent: Option<&Idempotent>,
        answer: impl Fn(&Recharged) -> String,
    ) -> Result<Executed<Recharged>, Failure> {
        self.commit(idempotent, answer, Recharge { store: self, user, amount }).await
    }

    /// The two writes of a ledger entry: the balance, if the last number is still the previous one (invariant 2: the
    /// sum is right and the numbers have no gaps), and the entry, if its number is free (invariant 2: history is never
    /// overwritten).
    pub(crate) fn ledger_writes(
        &self,
        user: UserId,
        entry: &LedgerEntry,
    ) -> Result<[TransactWriteItem; 2], StoreError> {
        let balance = self
            .transact_update(&keys::balance(user))
            .update_expression("SET balance = :after, #sequence = :sequence")
            .condition_expression("#sequence = :before")
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_values(":after", n(entry.balance_after.units()))
            .expression_attribute_values(":sequence", n(entry.sequence))
            .expression_attribute_values(":before", n(entry.sequence - 1));
        let item = request::item(&keys::ledger(user, entry.sequence), entry, None)?;
        let put = self.transact_put(Table::Fans, item).condition_expression("attribute_not_exists(pk)");
        Ok([transact_item(balance)?, transact_item(put)?])
    }

    /// Reads a page of the ledger, newest first: the entries with numbers below `before`.
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
