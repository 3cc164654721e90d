//! The concerts that are sold through a queue: an item for each in a partition of the queue, so that finding them reads
//! no others.

use super::{
    Store, StoreError, keys,
    keys::Table,
    request::{self, s, transact_item},
};
use crate::domain::{
    concert::Concert,
    id::{ConcertId, QueueId},
    time::{Seconds, Timestamp},
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use serde::{Deserialize, Serialize};

/// Concerts that a queue names.
const MAX_NAMED: usize = 20;
/// Sales that are read to find them, those that end first.
const MAX_READ: usize = 100;
/// How old a cached list may be, in milliseconds.
const SALES_AGE_MILLIS: i64 = 5_000;
/// How long after the end of a sale TTL may delete its item.
const SALE_TTL: Seconds = Seconds(24 * 3_600);

/// A concert that is sold through a queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sale {
    concert_id: ConcertId,
    enabled: bool,
    opens_at: Timestamp,
}

impl Store {
    /// Returns at most 20 concerts that are on sale through a queue, those whose sales end first; at most five seconds
    /// old.
    pub async fn concerts_on_sale(&self, queue: &QueueId) -> Result<Vec<ConcertId>, StoreError> {
        let now = self.now();
        if let Some(concerts) = self.sales.get(queue, now, SALES_AGE_MILLIS) {
            return Ok(concerts);
        }
        let query = self
            .query(Table::Concerts, &keys::sales_partition(queue))
            .key_condition_expression("pk = :pk AND sk > :now")
            .expression_attribute_values(":now", s(keys::sales_after(now)));
        let sales = self.first_items(query, MAX_READ).await?.into_iter().map(request::parse::<Sale>);
        let mut concerts = Vec::new();
        for sale in sales {
            let sale = sale?;
            if sale.enabled && sale.opens_at <= now && concerts.len() < MAX_NAMED {
                concerts.push(sale.concert_id);
            }
        }
        self.sales.put(queue.clone(), concerts.clone(), now);
        Ok(concerts)
    }

    /// The writes that put a concert among the sales of its queue, and that delete the item of `before` if its sale
    /// ended at another time.
    pub(crate) fn sale_writes(
        &self,
        before: Option<&Concert>,
        concert: &Concert,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let key = |concert: &Concert| keys::sale(&concert.queue_id, concert.sale_end(), concert.concert_id);
        let (id, opens_at) = (concert.concert_id, concert.sale_opens_at);
        let sale = Sale { concert_id: id, enabled: concert.enabled, opens_at };
        let item = request::item(&key(concert), &sale, Some(concert.sale_end() + SALE_TTL))?;
        let mut writes = vec![transact_item(self.transact_put(Table::Concerts, item))?];
        if let Some(moved) = before.filter(|before| before.sale_end() != concert.sale_end()) {
            writes.push(transact_item(self.transact_delete(&key(moved)))?);
        }
        Ok(writes)
    }
}
