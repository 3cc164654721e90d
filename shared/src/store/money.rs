//! Ledgers and balances. The newest entry of a ledger holds the balance: there is no other item to disagree with it.

use super::{
    Failure, MAX_ATTEMPTS, Store, StoreError, contention,
    idempotency::{Draft, Executed, Idempotent, Operation, Plan},
    keys,
    keys::Table,
    request::{self, CancellationReason, WriteFailure, s},
    transact_parts::transact_item,
};
use crate::domain::{
    amount::Amount,
    id::UserId,
    ledger::{Balance, EntryType, LedgerEntry},
};
use aws_sdk_dynamodb::types::TransactWriteItem;

/// Above the number of every entry: the largest of 16 digits.
const AFTER_ALL_ENTRIES: u64 = 9_999_999_999_999_999;

/// The condition of each entry (invariant 2). Entries are never overwritten. An entry is planned from the newest one
/// before it, so the numbers have no gap, and one that was planned from an older entry finds its number taken.
const ENTRY_IS_NEW: &str = "attribute_not_exists(pk)";

/// A balance before and after a recharge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recharged {
    /// The balance before it.
    pub before: Amount,
    /// The balance after it.
    pub after: Amount,
}

/// A recharge that is asked for.
#[derive(Debug, Clone)]
pub struct RechargeOrder {
    /// The fan whose balance grows.
    pub user_id: UserId,
    /// What is added.
    pub amount: Amount,
    /// What it goes back to, where an admin says so.
    pub reference: Option<String>,
}

/// A recharge with an idempotency key.
struct Recharge<'a> {
    store: &'a Store,
    order: &'a RechargeOrder,
}

impl Operation for Recharge<'_> {
    const NAME: &'static str = "recharge";
    type Outcome = Recharged;

    async fn plan(&mut self, _: Vec<CancellationReason>) -> Result<Plan<Recharged>, Failure> {
        let (entry, result) = self.store.plan_recharge(self.order).await?;
        let writes = vec![self.store.ledger_write(self.order.user_id, &entry)?];
        Ok(Plan::Write(Draft { result, at: entry.at, writes, hold: None }))
    }
}

impl Store {
    /// Reads a fan's balance.
    ///
    /// # Errors
    /// `UserNotFound`.
    pub async fn balance(&self, user: UserId) -> Result<Balance, Failure> {
        let newest = self.ledger_page(user, None, 1).await?;
        Ok(newest.first().map(Balance::from).unwrap_or_default())
    }

    /// Reads the balance of a ledger, which is 0 without entries, also where there is no such fan.
    pub(crate) async fn ledger_balance(&self, user: UserId) -> Result<Balance, StoreError> {
        let newest = self.ledger_entries(user, None, 1).await?;
        Ok(newest.first().map(Balance::from).unwrap_or_default())
    }

    /// Adds money to a fan's balance. `answer` builds the body that a replay returns.
    ///
    /// # Errors
    /// `UserNotFound`, `BalanceTooLarge`.
    pub async fn recharge(
        &self,
        order: &RechargeOrder,
        idempotent: Option<&Idempotent>,
        answer: impl Fn(&Recharged) -> String,
    ) -> Result<Executed<Recharged>, Failure> {
        match idempotent {
            Some(_) => self.commit(idempotent, answer, Recharge { store: self, order }).await,
            None => Ok(Executed::Fresh(self.recharge_without_key(order).await?)),
        }
    }

    /// Adds money with one put, which needs no transaction.
    ///
    /// The put may be refused by its own entry, where an earlier copy was applied and its answer was lost or late: the
    /// id of the entry tells. Only another entry at the number leads to a plan at a later number. Entries stay, so no
    /// copy of the refused put can be applied any more, and the money is added once. Without such a verdict the same
    /// put is sent again, or the request fails.
    async fn recharge_without_key(&self, order: &RechargeOrder) -> Result<Recharged, Failure> {
        let own = Some(self.context.entry_id());
        for attempt in 0..MAX_ATTEMPTS {
            let (entry, recharged) = self.plan_recharge(order).await?;
            let entry = LedgerEntry { entry_id: own, ..entry };
            let item = request::item(&keys::ledger(order.user_id, entry.sequence), &entry, None)?;
            let taken = match self.send_put(self.put(Table::Fans, item).condition_expression(ENTRY_IS_NEW)).await {
                Ok(_) => return Ok(recharged),
                Err(WriteFailure::Condition(taken)) => taken.unwrap_or_default(),
                Err(WriteFailure::Store(error)) => return Err(error.into()),
            };
            if request::parse::<LedgerEntry>(taken)?.entry_id == own {
                return Ok(recharged);
            }
            self.context.back_off(attempt).await;
        }
        Err(contention("recharge").into())
    }

    /// Plans the entry of a recharge after the newest entry.
    async fn plan_recharge(&self, order: &RechargeOrder) -> Result<(LedgerEntry, Recharged), Failure> {
        let balance = self.balance(order.user_id).await?;
        let entry = balance.next_entry(EntryType::Charge, order.amount, self.now(), None)?;
        let entry = LedgerEntry { reference: order.reference.clone(), ..entry };
        let recharged = Recharged { before: balance.balance, after: entry.balance_after };
        Ok((entry, recharged))
    }

    /// The write of a ledger entry in a transaction.
    pub(crate) fn ledger_write(&self, user: UserId, entry: &LedgerEntry) -> Result<TransactWriteItem, StoreError> {
        let item = request::item(&keys::ledger(user, entry.sequence), entry, None)?;
        transact_item(self.transact_put(Table::Fans, item).condition_expression(ENTRY_IS_NEW))
    }

    /// Reads a page of the ledger, newest first: the entries with numbers below `before`.
    ///
    /// # Errors
    /// `UserNotFound`: an empty page would mean that the fan exists.
    pub async fn ledger_page(
        &self,
        user: UserId,
        before: Option<u64>,
        limit: i32,
    ) -> Result<Vec<LedgerEntry>, Failure> {
        let entries = self.ledger_entries(user, before, limit).await?;
        if entries.is_empty() {
            self.account(user).await?;
        }
        Ok(entries)
    }

    async fn ledger_entries(
        &self,
        user: UserId,
        before: Option<u64>,
        limit: i32,
    ) -> Result<Vec<LedgerEntry>, StoreError> {
        let first = keys::ledger(user, 0);
        let last = keys::ledger(user, before.map_or(AFTER_ALL_ENTRIES, |before| before.saturating_sub(1)));
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
            .map_err(|e| request::store_error("ledger", e))?;
        output.items.unwrap_or_default().into_iter().map(request::parse).collect()
    }
}
