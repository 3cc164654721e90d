//! The kinds of requests that the store sends to DynamoDB, and what their failures mean.

use super::{
    MAX_ATTEMPTS, Source, Store, StoreError, contention,
    keys::{Key, Table},
};
use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        delete_item::{DeleteItemError, builders::DeleteItemFluentBuilder},
        put_item::{PutItemError, builders::PutItemFluentBuilder},
        query::builders::QueryFluentBuilder,
        transact_write_items::TransactWriteItemsError,
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::{AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::HashMap;

/// How often the same transaction is sent while it conflicts with concurrent writers: for about two seconds.
pub(crate) const MAX_SENDS: u32 = 2 * MAX_ATTEMPTS;

/// Attributes by name.
pub type Item = HashMap<String, AttributeValue>;

/// A single write that did not happen.
#[derive(Debug)]
pub enum WriteFailure {
    /// Its condition was not met; the item as it is, if there is one.
    Condition(Option<Item>),
    /// The database failed.
    Store(StoreError),
}

/// A transaction that did not happen.
#[derive(Debug)]
pub enum TransactFailure {
    /// Refused for good, with a reason for each of its writes, in their order: at least one condition was not met.
    Cancelled(Vec<CancellationReason>),
    /// It conflicted with other writers or was throttled each time. The last copy was not applied; an earlier one,
    /// whose answer was lost, may have been.
    Contended {
        /// Whether its first write was among those that conflicted.
        first: bool,
    },
    /// The database failed.
    Store(StoreError),
}

/// Why one write of a transaction was refused.
#[derive(Debug)]
pub enum CancellationReason {
    /// Not its condition: it had no part in the refusal, conflicted with another writer, or was throttled.
    None,
    /// Its condition was not met; the item as it is, if there is one.
    Condition(Option<Item>),
}

impl From<StoreError> for WriteFailure {
    fn from(error: StoreError) -> Self {
        WriteFailure::Store(error)
    }
}

impl From<StoreError> for TransactFailure {
    fn from(error: StoreError) -> Self {
        TransactFailure::Store(error)
    }
}

/// A string attribute.
pub fn s(text: impl ToString) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

/// A number attribute.
pub fn n(number: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}

/// A value as an attribute.
pub fn value<T: Serialize>(value: &T) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(|e| StoreError::internal("attribute", e))
}

/// Reads a value out of an item.
pub fn parse<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|e| StoreError::internal("item", e))
}

/// Builds the item of a value at a key. `ttl` is for cleaning up only; no condition reads it.
pub fn item<T: Serialize>(
    key: &Key,
    value: &T,
    ttl: Option<crate::domain::time::Timestamp>,
) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(|e| StoreError::internal("item", e))?;
    item.insert("pk".to_owned(), s(&key.pk));
    item.insert("sk".to_owned(), s(&key.sk));
    if let Some(ttl) = ttl {
        item.insert("ttl".to_owned(), n(ttl.seconds()));
    }
    Ok(item)
}

fn is_unavailable(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "ProvisionedThroughputExceededException"
                | "ThrottlingException"
                | "RequestLimitExceeded"
                | "InternalServerError"
                | "ServiceUnavailable"
                | "TransactionInProgressException"
                | "LimitExceededException"
                | "TransactionConflictException"
        )
    )
}

/// The error of a request that failed for another reason than its condition. Keeps the error that it came from, without
/// the raw answer, which may hold items.
pub fn store_error<E, R>(operation: &str, error: SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let (is_bug, reason) = match &error {
        SdkError::ServiceError(service) => {
            let code = service.err().code();
            (!is_unavailable(code), code.unwrap_or("unknown").to_owned())
        }
        SdkError::ConstructionFailure(_) => (true, "request not built".to_owned()),
        SdkError::TimeoutError(_) => (false, "timed out".to_owned()),
        SdkError::ResponseError(_) => (false, "answer not understood".to_owned()),
        _ => (false, "no connection".to_owned()),
    };
    let (what, source) = (format!("{operation}: {reason}"), error.into_source().ok().map(Source::from));
    if is_bug { StoreError::Internal { what, source } } else { StoreError::Unavailable { what, source } }
}

/// The error of a write that has no condition.
pub(crate) fn unconditional(failure: WriteFailure) -> StoreError {
    match failure {
        WriteFailure::Condition(_) => {
            StoreError::Internal { what: "a write without a condition was refused by one".to_owned(), source: None }
        }
        WriteFailure::Store(error) => error,
    }
}

/// Whether a single write conflicted with a transaction. It was not applied, and may be sent again.
fn is_transaction_conflict<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.as_service_error().and_then(|e| e.code()) == Some("TransactionConflictException")
}

macro_rules! single_write {
    ($(#[$doc:meta])* $name:ident, $builder:ty, $output:ty, $error:ident) => {
        $(#[$doc])*
        pub(crate) async fn $name(&self, request: $builder) -> Result<$output, WriteFailure> {
            let request = request
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            for attempt in 0..MAX_ATTEMPTS {
                match request.clone().send().await {
                    Ok(output) => return Ok(output),
                    Err(error) if is_transaction_conflict(&error) => self.context.back_off(attempt).await,
                    Err(error) => {
                        if let Some($error::ConditionalCheckFailedException(refused)) = error.as_service_error() {
                            return Err(WriteFailure::Condition(refused.item().cloned()));
                        }
                        return Err(store_error(stringify!($name), error).into());
                    }
                }
            }
            Err(contention(stringify!($name)).into())
        }
    };
}

impl Store {
    single_write!(
        /// Sends a put, and repeats it after conflicts with transactions.
        send_put, PutItemFluentBuilder, aws_sdk_dynamodb::operation::put_item::PutItemOutput, PutItemError
    );
    single_write!(
        /// Sends an update, and repeats it after conflicts with transactions.
        send_update, UpdateItemFluentBuilder, aws_sdk_dynamodb::operation::update_item::UpdateItemOutput, UpdateItemError
    );
    single_write!(
        /// Sends a delete, and repeats it after conflicts with transactions.
        send_delete, DeleteItemFluentBuilder, aws_sdk_dynamodb::operation::delete_item::DeleteItemOutput, DeleteItemError
    );

    /// Sends a put that has no condition.
    pub(crate) async fn send_unconditional_put(&self, put: PutItemFluentBuilder) -> Result<(), StoreError> {
        match self.send_put(put).await {
            Ok(_) => Ok(()),
            Err(failure) => Err(unconditional(failure)),
        }
    }

    /// Reads one item as a value; `consistent` sees every acknowledged write.
    pub(crate) async fn get<T: DeserializeOwned>(&self, key: &Key, consistent: bool) -> Result<Option<T>, StoreError> {
        self.get_item(key, consistent).await?.map(parse).transpose()
    }

    /// Reads one item; `consistent` sees every acknowledged write.
    pub(crate) async fn get_item(&self, key: &Key, consistent: bool) -> Result<Option<Item>, StoreError> {
        let output = self
            .dynamo
            .get_item()
            .table_name(self.table(key.table))
            .key("pk", s(&key.pk))
            .key("sk", s(&key.sk))
            .consistent_read(consistent)
            .send()
            .await
            .map_err(|e| store_error("get", e))?;
        Ok(output.item)
    }

    /// Reads at most 100 different items of one table in one request. They may be a moment old and come in any order;
    /// those that do not exist are left out.
    pub(crate) async fn get_batch(&self, table: Table, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let attributes = |key: &Key| Item::from([("pk".to_owned(), s(&key.pk)), ("sk".to_owned(), s(&key.sk))]);
        let mut rest: Vec<Item> = keys.iter().map(attributes).collect();
        let mut found = Vec::new();
        for attempt in 0..MAX_ATTEMPTS {
            if rest.is_empty() {
                return Ok(found);
            }
            if attempt > 0 {
                self.context.back_off(attempt).await;
            }
            let asked = KeysAndAttributes::builder().set_keys(Some(rest)).build();
            let asked = asked.map_err(|e| StoreError::internal("batch get", e))?;
            let request = self.dynamo.batch_get_item().request_items(self.table(table), asked);
            let output = request.send().await.map_err(|e| store_error("batch get", e))?;
            found.extend(output.responses.into_iter().flatten().flat_map(|(_, items)| items));
            // DynamoDB leaves keys out when it throttles a part of the batch.
            let left = output.unprocessed_keys.into_iter().flatten();
            rest = left.flat_map(|(_, left)| left.keys).collect();
        }
        if rest.is_empty() { Ok(found) } else { Err(contention("batch get")) }
    }

    /// A put of a whole item.
    pub(crate) fn put(&self, table: Table, item: Item) -> PutItemFluentBuilder {
        self.dynamo.put_item().table_name(self.table(table)).set_item(Some(item))
    }

    /// An update of one item.
    pub(crate) fn update(&self, key: &Key) -> UpdateItemFluentBuilder {
        self.dynamo.update_item().table_name(self.table(key.table)).key("pk", s(&key.pk)).key("sk", s(&key.sk))
    }

    /// A delete of one item.
    pub(crate) fn delete(&self, key: &Key) -> DeleteItemFluentBuilder {
        self.dynamo.delete_item().table_name(self.table(key.table)).key("pk", s(&key.pk)).key("sk", s(&key.sk))
    }

    /// A query of one partition.
    pub(crate) fn query(&self, table: Table, partition: &str) -> QueryFluentBuilder {
        self.dynamo.query().table_name(self.table(table)).expression_attribute_values(":pk", s(partition))
    }

    /// Reads the first items of a query, over as many pages as they take. A page reads `max` items, or the limit that
    /// the query has.
    pub(crate) async fn first_items(&self, query: QueryFluentBuilder, max: usize) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let limit = query.get_limit().unwrap_or(i32::try_from(max).unwrap_or(i32::MAX));
        let mut pages = query.limit(limit).into_paginator().items().send();
        while items.len() < max
            && let Some(item) = pages.next().await
        {
            items.push(item.map_err(|e| store_error("query", e))?);
        }
        Ok(items)
    }

    /// Reads all items of a query.
    pub(crate) async fn all_pages(&self, query: QueryFluentBuilder) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut pages = query.into_paginator().items().send();
        while let Some(page) = pages.next().await {
            items.push(page.map_err(|e| store_error("query", e))?);
        }
        Ok(items)
    }

    /// Sends a transaction, and the same one again while it only conflicts or is throttled. All copies have one client
    /// token, also those that the SDK sends after a lost answer, so only one of them is applied (invariant 2: one
    /// request moves money once). The caller may plan other writes only after [`TransactFailure::Cancelled`]: a copy
    /// that arrives later meets the same condition.
    pub(crate) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<(), TransactFailure> {
        let token = self.context.client_token();
        let mut conflicted = false;
        for attempt in 0..MAX_SENDS {
            match self.transact_once(writes.clone(), &token).await {
                Err(TransactFailure::Contended { first }) => conflicted = first,
                done => return done,
            }
            self.context.back_off(attempt).await;
        }
        Err(TransactFailure::Contended { first: conflicted })
    }

    /// Sends a transaction without repeating it after a conflict: a hold looks at its seats before each repeat.
    pub(crate) async fn transact_once(
        &self,
        writes: Vec<TransactWriteItem>,
        token: &str,
    ) -> Result<(), TransactFailure> {
        let request = self.dynamo.transact_write_items().set_transact_items(Some(writes)).client_request_token(token);
        let Err(error) = request.send().await else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(store_error("transact", error).into());
        };
        let reasons = cancelled
            .cancellation_reasons()
            .iter()
            .map(|reason| match reason.code() {
                Some("ConditionalCheckFailed") => Ok(CancellationReason::Condition(reason.item().cloned())),
                // Throttling says nothing about the condition either: nothing was written, and the transaction may be
                // sent again.
                None | Some("None" | "TransactionConflict" | "ProvisionedThroughputExceeded" | "ThrottlingError") => {
                    Ok(CancellationReason::None)
                }
                Some(code) => Err(StoreError::Internal { what: format!("transact: {code}"), source: None }),
            })
            .collect::<Result<Vec<CancellationReason>, StoreError>>()?;
        let verdict = reasons.iter().any(|reason| matches!(reason, CancellationReason::Condition(_)));
        if verdict {
            return Err(TransactFailure::Cancelled(reasons));
        }
        let first = cancelled.cancellation_reasons().first().and_then(|reason| reason.code());
        Err(TransactFailure::Contended { first: first == Some("TransactionConflict") })
    }
}
