//! The parts of a transaction.

use super::{
    Store, StoreError,
    keys::{Key, Table},
    request::{Item, s},
};
use aws_sdk_dynamodb::{
    error::BuildError,
    types::{
        ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
        builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder, UpdateBuilder},
    },
};

impl Store {
    /// A put inside a transaction.
    pub(crate) fn transact_put(&self, table: Table, item: Item) -> PutBuilder {
        Put::builder()
            .table_name(self.table(table))
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// An update inside a transaction.
    pub(crate) fn transact_update(&self, key: &Key) -> UpdateBuilder {
        Update::builder()
            .table_name(self.table(key.table))
            .key("pk", s(&key.pk))
            .key("sk", s(&key.sk))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// A delete inside a transaction.
    pub(crate) fn transact_delete(&self, key: &Key) -> DeleteBuilder {
        Delete::builder()
            .table_name(self.table(key.table))
            .key("pk", s(&key.pk))
            .key("sk", s(&key.sk))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// A check inside a transaction.
    pub(crate) fn transact_check(&self, key: &Key) -> ConditionCheckBuilder {
        ConditionCheck::builder().table_name(self.table(key.table)).key("pk", s(&key.pk)).key("sk", s(&key.sk))
    }
}

/// Builds a part of a transaction.
pub fn transact_item<P: IntoTransactItem>(builder: P) -> Result<TransactWriteItem, StoreError> {
    builder.into_transact_item().map_err(|e| StoreError::internal("transact", e))
}

/// Builders that can be part of a transaction.
pub trait IntoTransactItem {
    /// Builds the part.
    fn into_transact_item(self) -> Result<TransactWriteItem, BuildError>;
}

impl IntoTransactItem for PutBuilder {
    fn into_transact_item(self) -> Result<TransactWriteItem, BuildError> {
        Ok(TransactWriteItem::builder().put(self.build()?).build())
    }
}

impl IntoTransactItem for UpdateBuilder {
    fn into_transact_item(self) -> Result<TransactWriteItem, BuildError> {
        Ok(TransactWriteItem::builder().update(self.build()?).build())
    }
}

impl IntoTransactItem for ConditionCheckBuilder {
    fn into_transact_item(self) -> Result<TransactWriteItem, BuildError> {
        Ok(TransactWriteItem::builder().condition_check(self.build()?).build())
    }
}

impl IntoTransactItem for DeleteBuilder {
    fn into_transact_item(self) -> Result<TransactWriteItem, BuildError> {
        Ok(TransactWriteItem::builder().delete(self.build()?).build())
    }
}
