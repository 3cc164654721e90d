//! The reads: a part of a table, the items that it is compared with, and several items as they were at one moment.

use super::{
    super::{
        Store, StoreError,
        keys::{self, Key, Table},
        request::{Item, s, store_error},
    },
    cursor::Position,
};
use aws_sdk_dynamodb::{
    operation::transact_get_items::TransactGetItemsError,
    types::{Get, TransactGetItem},
};
use std::collections::{HashMap, HashSet};

/// Items that one part looks at.
const PART_ITEMS: i32 = 50;
/// Keys of one batch.
const BATCH: usize = 100;

/// Items by key.
pub(super) type Loaded = HashMap<Key, Item>;

/// A part of a table: its items of the kinds that are compared, in the order of the scan.
pub(super) struct Part {
    pub(super) items: Vec<(Key, Item)>,
    /// The last item of the part; `None` at the end of the table.
    pub(super) last: Option<Position>,
}

fn position(item: &Item) -> Option<Position> {
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    Some(Position { pk: text("pk")?, sk: text("sk")? })
}

impl Store {
    /// Scans the next items of a table. They may be a moment old. The filter keeps profiles and layouts from being sent;
    /// it saves no units.
    pub(super) async fn scan_part(&self, table: Table, after: Option<&Position>) -> Result<Part, StoreError> {
        let [one, other, third] = match table {
            Table::Fans => [keys::LEDGER_PREFIX, keys::RESERVATION_PREFIX, keys::RESERVATION_PREFIX],
            _ => [keys::SEAT_PREFIX, keys::COUNT_PREFIX, keys::SEAT_SUM],
        };
        let mut scan = self
            .dynamo
            .scan()
            .table_name(self.table(table))
            .limit(PART_ITEMS)
            .filter_expression("begins_with(sk, :one) OR begins_with(sk, :other) OR begins_with(sk, :third)")
            .expression_attribute_values(":one", s(one))
            .expression_attribute_values(":other", s(other))
            .expression_attribute_values(":third", s(third));
        if let Some(Position { pk, sk }) = after {
            scan = scan.exclusive_start_key("pk", s(pk)).exclusive_start_key("sk", s(sk));
        }
        let output = scan.send().await.map_err(|error| store_error("scan", error))?;
        let keyed = |item: Item| {
            let Position { pk, sk } = position(&item)?;
            Some((Key { table, pk, sk }, item))
        };
        let items = output.items.unwrap_or_default().into_iter().filter_map(keyed).collect();
        Ok(Part { items, last: output.last_evaluated_key.as_ref().and_then(position) })
    }

    /// Adds the items with these keys, as far as they exist and are not loaded. They may be a moment old.
    pub(super) async fn load(&self, loaded: &mut Loaded, wanted: impl Iterator<Item = Key>) -> Result<(), StoreError> {
        let mut seen = HashSet::new();
        let missing: Vec<Key> = wanted.filter(|key| !loaded.contains_key(key) && seen.insert(key.clone())).collect();
        for table in [Table::Fans, Table::Concerts] {
            let keys: Vec<Key> = missing.iter().filter(|key| key.table == table).cloned().collect();
            for batch in keys.chunks(BATCH) {
                for item in self.get_batch(table, batch).await? {
                    let Some(Position { pk, sk }) = position(&item) else { continue };
                    loaded.insert(Key { table, pk, sk }, item);
                }
            }
        }
        Ok(())
    }

    /// Reads different items as they are at one moment, at most 100; `None` where they are being written.
    pub(super) async fn snapshot(&self, keys: &[Key]) -> Result<Option<Loaded>, StoreError> {
        let mut gets = Vec::new();
        for key in keys {
            let key_of = HashMap::from([("pk".to_owned(), s(&key.pk)), ("sk".to_owned(), s(&key.sk))]);
            let get = Get::builder().table_name(self.table(key.table)).set_key(Some(key_of)).build();
            let get = get.map_err(|error| StoreError::internal("snapshot", error))?;
            gets.push(TransactGetItem::builder().get(get).build());
        }
        match self.dynamo.transact_get_items().set_transact_items(Some(gets)).send().await {
            Ok(output) => {
                let read = keys.iter().cloned().zip(output.responses.unwrap_or_default());
                Ok(Some(read.filter_map(|(key, response)| Some((key, response.item?))).collect()))
            }
            Err(error) => match error.as_service_error() {
                Some(TransactGetItemsError::TransactionCanceledException(_)) => Ok(None),
                _ => Err(store_error("snapshot", error)),
            },
        }
    }
}
