//! The concerts that are sold through a queue: an item for each in a partition of the queue, so that finding them reads
//! no others.

use super::{
    Store, StoreError, keys,
    keys::Table,
    request::{self, s},
    transact_parts::transact_item,
};
use crate::domain::{
    concert::{Concert, Seating},
    id::{ConcertId, QueueId},
    time::{Seconds, Timestamp},
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use serde::{Deserialize, Serialize};
use std::{collections::HashSet, sync::Arc};

/// Concerts that a queue names.
const MAX_NAMED: usize = 20;
/// Sales of one request. Their counts must fit into one batch.
const PAGE: usize = 100;
/// Pages that are read for one answer. A queue with more sales that have not closed is never said to be sold out.
const MAX_PAGES: usize = 10;
/// How old cached sales may be, in milliseconds.
const SALES_AGE_MILLIS: i64 = 5_000;
/// How much older than it is a list counts that could not be read again.
const RETRY_EARLIER: Seconds = Seconds(4);
/// How long after the end of a sale TTL may delete its item.
const SALE_TTL: Seconds = Seconds(24 * 3_600);

/// A concert that is sold through a queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sale {
    concert_id: ConcertId,
    enabled: bool,
    opens_at: Timestamp,
    closes_at: Timestamp,
    #[serde(flatten)]
    seating: Seating,
}

/// What is sold through a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueSales {
    /// At most 20 concerts that are on sale, those whose sales end first.
    pub on_sale: Vec<ConcertId>,
    /// Whether there is an enabled concert whose sale has not closed, and every seat of all those is sold.
    pub sold_out: bool,
}

impl Store {
    /// Returns what is sold through a queue, at most five seconds old.
    pub async fn queue_sales(&self, queue: &QueueId) -> Result<Arc<QueueSales>, StoreError> {
        let now = self.now();
        if let Some(sales) = self.sales.get(queue, now, SALES_AGE_MILLIS) {
            return Ok(sales);
        }
        let sales = Arc::new(self.read_sales(queue, now).await?);
        self.sales.put(queue.clone(), sales.clone(), now);
        Ok(sales)
    }

    /// Whether a queue is sold out, at most five seconds ago. If that cannot be read, returns the last known answer, and
    /// reads again after a second: no poll may fail because of it, and few may wait for it.
    pub async fn is_sold_out(&self, queue: &QueueId) -> bool {
        match self.queue_sales(queue).await {
            Ok(sales) => sales.sold_out,
            Err(error) => {
                tracing::warn!(%queue, error = crate::telemetry::chain(&error), "sales not read");
                let now = self.now();
                let Some(last) = self.sales.get(queue, now, i64::MAX) else { return false };
                self.sales.put(queue.clone(), last.clone(), now - RETRY_EARLIER);
                last.sold_out
            }
        }
    }

    async fn read_sales(&self, queue: &QueueId, now: Timestamp) -> Result<QueueSales, StoreError> {
        let mut on_sale = Vec::new();
        let (mut any, mut all_sold) = (false, true);
        // A query is no snapshot: it may see a sale twice while its end moves.
        let mut seen = HashSet::new();
        let mut after = keys::sales_after(now);
        for _ in 0..MAX_PAGES {
            let page = self.sales_page(queue, &after, false, PAGE).await?;
            let enabled: Vec<&Sale> = page.iter().filter(|sale| seen.insert(sale.concert_id) && sale.enabled).collect();
            on_sale.extend(enabled.iter().filter(|sale| sale.opens_at <= now).map(|sale| sale.concert_id));
            any |= !enabled.is_empty();
            if all_sold {
                let counts = self.seat_counts(enabled.iter().map(|sale| (sale.concert_id, sale.seating))).await?;
                all_sold = enabled.iter().all(|sale| counts.is_sold_out(sale.concert_id, sale.seating));
            }
            match page.last() {
                Some(last) if page.len() == PAGE && (all_sold || on_sale.len() < MAX_NAMED) => {
                    after = keys::sale_sort(last.closes_at, last.concert_id);
                }
                _ => {
                    on_sale.truncate(MAX_NAMED);
                    return Ok(QueueSales { on_sale, sold_out: any && all_sold });
                }
            }
        }
        on_sale.truncate(MAX_NAMED);
        Ok(QueueSales { on_sale, sold_out: false })
    }

    /// Whether a concert whose sale has not closed is sold through a queue, enabled or not, as it is now.
    pub(crate) async fn has_open_sales(&self, queue: &QueueId) -> Result<bool, StoreError> {
        Ok(!self.sales_page(queue, &keys::sales_after(self.now()), true, 1).await?.is_empty())
    }

    async fn sales_page(
        &self,
        queue: &QueueId,
        after: &str,
        consistent: bool,
        max: usize,
    ) -> Result<Vec<Sale>, StoreError> {
        let query = self
            .query(Table::Concerts, &keys::sales_partition(queue))
            .key_condition_expression("pk = :pk AND sk > :after")
            .expression_attribute_values(":after", s(after))
            .consistent_read(consistent);
        self.first_items(query, max).await?.into_iter().map(request::parse).collect()
    }

    /// The writes that put a concert among the sales of its queue, and that delete the item of `before` if its sale
    /// ended at another time.
    pub(crate) fn sale_writes(
        &self,
        before: Option<&Concert>,
        concert: &Concert,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let key = |concert: &Concert| keys::sale(&concert.queue_id, concert.sale_end(), concert.concert_id);
        let sale = Sale {
            concert_id: concert.concert_id,
            enabled: concert.enabled,
            opens_at: concert.sale_opens_at,
            closes_at: concert.sale_end(),
            seating: concert.seating,
        };
        let item = request::item(&key(concert), &sale, Some(concert.sale_end() + SALE_TTL))?;
        let mut writes = vec![transact_item(self.transact_put(Table::Concerts, item))?];
        if let Some(moved) = before.filter(|before| before.sale_end() != concert.sale_end()) {
            writes.push(transact_item(self.transact_delete(&key(moved)))?);
        }
        Ok(writes)
    }
}
