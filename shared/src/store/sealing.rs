//! The writes of the sequencer: each is conditional, and does nothing where it was done before.

use super::{
    MAX_ATTEMPTS, Store, StoreError, contention, keys,
    keys::Table,
    leaving::Void,
    lines::{self, Places},
    numbers::JoinCounter,
    request::{self, Item, WriteFailure, n},
};
use crate::domain::{
    id::QueueId,
    line::{Counter, Counts, Interval, LineTicket, Sealing, ShardStep, shard_step},
    ticket::Place,
};
use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::ReturnValue};
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};

/// Shards that are cut in parallel.
const CUTS_AT_ONCE: usize = 100;
/// Tombstones that are put in parallel.
const TOMBSTONES_AT_ONCE: usize = 50;

/// How an update of a counter ended: with the item after it, or as it is where its condition was not met.
enum Tried {
    Done(Item),
    Refused(Option<Item>),
}

impl Tried {
    fn item(self) -> Option<Item> {
        match self {
            Tried::Done(item) => Some(item),
            Tried::Refused(item) => item,
        }
    }
}

impl Store {
    /// Cuts shard 0, which begins an interval of `width` shards. Returns the counter as it is then; `None` if it was in
    /// another interval, or a deletion has closed it.
    pub(super) async fn cut_first(
        &self,
        queue: &QueueId,
        interval: u64,
        width: u16,
    ) -> Result<Option<JoinCounter>, StoreError> {
        let lead = ", #width = :width, beforeWidth = if_not_exists(#width, :one) REMOVE #offset";
        let update = self
            .cut(queue, 0, interval, lead)
            .expression_attribute_names("#width", "width")
            .expression_attribute_names("#offset", "offset")
            .expression_attribute_values(":width", n(width))
            .expression_attribute_values(":one", n(1));
        // A queue that is being deleted stays calm, so that closing shard 0 stops every join.
        let condition = format!("({}) AND attribute_not_exists(deleted)", in_interval(interval));
        match self.try_update(update.condition_expression(condition)).await? {
            Tried::Done(item) => Ok(Some(request::parse(item)?)),
            Tried::Refused(_) => Ok(None),
        }
    }

    /// The update that moves a shard to the next interval. It fixes the shard's count of this one, without knowing it.
    fn cut(&self, queue: &QueueId, shard: u16, interval: u64, more: &str) -> UpdateItemFluentBuilder {
        let expression = format!(
            "SET beforeInterval = :interval, beforeStart = if_not_exists(#start, :zero), \
             beforeEnd = if_not_exists(#last, :zero), #interval = :next, #start = if_not_exists(#last, :zero), \
             #last = if_not_exists(#last, :zero){more}"
        );
        self.update(&keys::join_counter(queue, shard))
            .update_expression(expression)
            .expression_attribute_names("#interval", "interval")
            .expression_attribute_names("#start", "start")
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":interval", n(interval))
            .expression_attribute_values(":next", n(interval + 1))
            .expression_attribute_values(":zero", n(0))
    }

    /// Cuts a shard other than 0. One that the next interval does not have is closed by the same write.
    async fn cut_other(&self, queue: &QueueId, shard: u16, sealing: &Sealing) -> Result<Tried, StoreError> {
        let closes = shard >= sealing.next_width;
        let update = self.cut(queue, shard, sealing.interval, if closes { ", closed = :closed" } else { "" });
        let update = match closes {
            true => update.expression_attribute_values(":closed", n(sealing.next_width)),
            false => update,
        };
        // Once only: a second cut would fix another count, and move places that are known.
        self.try_update(update.condition_expression(in_interval(sealing.interval))).await
    }

    /// Opens a shard in an interval, if it was never opened or was closed in an earlier one: else numbers of this interval
    /// would begin a second time.
    async fn open_shard(&self, queue: &QueueId, shard: u16, interval: u64) -> Result<Tried, StoreError> {
        let update = self
            .update(&keys::join_counter(queue, shard))
            .update_expression(
                "SET #interval = :next, #start = if_not_exists(#last, :zero), #last = if_not_exists(#last, :zero) \
                 REMOVE closed",
            )
            .condition_expression("attribute_not_exists(pk) OR (attribute_exists(closed) AND #interval < :next)")
            .expression_attribute_names("#interval", "interval")
            .expression_attribute_names("#start", "start")
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":next", n(interval))
            .expression_attribute_values(":zero", n(0));
        self.try_update(update).await
    }

    async fn try_update(&self, update: UpdateItemFluentBuilder) -> Result<Tried, StoreError> {
        match self.send_update(update.return_values(ReturnValue::AllNew)).await {
            Ok(output) => Ok(Tried::Done(output.attributes.unwrap_or_default())),
            Err(WriteFailure::Condition(item)) => Ok(Tried::Refused(item)),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Brings a shard through the end of an interval; returns how it stands then. Looks at it only if the write that it
    /// most likely needs is refused.
    async fn pass_on(&self, queue: &QueueId, shard: u16, sealing: &Sealing) -> Result<ShardStep, StoreError> {
        let mut step = if shard < sealing.width { ShardStep::Cut } else { ShardStep::Open };
        for _ in 0..MAX_ATTEMPTS {
            let tried = match step {
                ShardStep::Cut => self.cut_other(queue, shard, sealing).await?,
                ShardStep::Open => self.open_shard(queue, shard, sealing.interval + 1).await?,
                done => return Ok(done),
            };
            let found: Option<Counter> = tried.item().map(request::parse).transpose()?;
            step = shard_step(shard, found.as_ref(), sealing);
        }
        Err(contention("cut"))
    }

    /// Cuts and opens the shards of an interval other than shard 0, and puts its record. Returns the record that stands:
    /// the first one that was put.
    pub(super) async fn seal(
        &self,
        queue: &QueueId,
        first: &Counter,
        base: Place,
        sealing: &Sealing,
    ) -> Result<Interval, StoreError> {
        let others = (1..sealing.shards()).map(|shard| self.pass_on(queue, shard, sealing));
        let others: Vec<ShardStep> = stream::iter(others).buffered(CUTS_AT_ONCE).try_collect().await?;
        let mut counts = Vec::with_capacity(usize::from(sealing.width));
        for step in [shard_step(0, Some(first), sealing)].into_iter().chain(others) {
            match step {
                ShardStep::Counted(count) => counts.push(count),
                ShardStep::Opened | ShardStep::Cut | ShardStep::Open => {}
                ShardStep::Passed => return self.known_interval(queue, sealing.interval).await,
            }
        }
        debug_assert_eq!(counts.len(), usize::from(sealing.width), "each shard of the interval was counted");
        let counts = Counts::new(counts).map_err(|e| StoreError::internal("seal", e))?;
        let (interval, sealed_at) = (sealing.interval, self.now());
        let sealed = Interval { interval, base, counts, sealed_at, seed: None };
        let item = lines::interval_item(queue, &sealed, Self::queue_item_ttl(sealed_at))?;
        // The first record stands, whatever another sequencer counted: places were computed from it.
        let put = self.put(Table::Queues, item).condition_expression("attribute_not_exists(pk)");
        match self.send_put(put).await {
            Ok(_) => Ok(sealed),
            Err(WriteFailure::Condition(Some(item))) => lines::parse_interval(item),
            Err(WriteFailure::Condition(None)) => Err(StoreError::unavailable("interval vanished")),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// The record of an interval that must exist.
    pub(super) async fn known_interval(&self, queue: &QueueId, interval: u64) -> Result<Interval, StoreError> {
        let found = self.interval(queue, interval).await?;
        found.map(|record| (*record).clone()).ok_or_else(|| StoreError::unavailable("interval not found"))
    }

    /// Sets the offset of shard 0; returns whether it is still in that interval.
    pub(super) async fn set_offset(&self, queue: &QueueId, interval: u64, offset: u64) -> Result<bool, StoreError> {
        let update = self
            .update(&keys::join_counter(queue, 0))
            .update_expression("SET #offset = :offset")
            .condition_expression("#interval = :interval")
            .expression_attribute_names("#offset", "offset")
            .expression_attribute_names("#interval", "interval")
            .expression_attribute_values(":offset", n(offset))
            .expression_attribute_values(":interval", n(interval));
        Ok(matches!(self.try_update(update).await?, Tried::Done(_)))
    }

    /// Turns the VOIDs of an interval into tombstones, before the line says that its places are known: promotion must not
    /// admit a fan who left.
    pub(super) async fn bury_voids(
        &self,
        queue: &QueueId,
        interval: u64,
        shards: usize,
        place: impl Fn(&LineTicket) -> Option<Place>,
    ) -> Result<(), StoreError> {
        let partitions = keys::void_partitions(queue, interval, shards).into_iter().map(|partition| async move {
            let query = self.query(Table::Queues, &partition).key_condition_expression("pk = :pk");
            self.all_pages(query.consistent_read(true)).await
        });
        let voids = try_join_all(partitions).await?.into_iter().flatten().map(request::parse::<Void>);
        let voids: Vec<Void> = voids.collect::<Result<_, _>>()?;
        for some in voids.chunks(TOMBSTONES_AT_ONCE) {
            let buried = some.iter().map(|void| async {
                if let Some(place) = place(&void.ticket) {
                    self.put_tombstone(queue, place, Some(void.user_id), void.reason).await?;
                }
                Ok::<_, StoreError>(())
            });
            try_join_all(buried).await?;
        }
        Ok(())
    }

    /// Writes what is known of the places of a queue, if nobody else has since it was read. Returns whether it did.
    pub(super) async fn put_places(&self, queue: &QueueId, places: &Places) -> Result<bool, StoreError> {
        let next = Places { version: places.version + 1, ..*places };
        let update = self
            .update(&keys::line(queue))
            .update_expression("SET places = :places")
            // In order: the line of a slow sequencer would make places unknown again.
            .condition_expression("attribute_not_exists(places) OR places.#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":places", request::value(&next)?)
            .expression_attribute_values(":version", n(places.version));
        match self.try_update(update).await? {
            Tried::Done(item) => {
                self.keep_line(queue, request::parse(item)?, self.now());
                Ok(true)
            }
            Tried::Refused(_) => Ok(false),
        }
    }

    /// Reads how many numbers were drawn in the open interval of a wide queue, without shard 0. The reads may be a moment
    /// old.
    pub(super) async fn drawn_in_others(&self, queue: &QueueId, interval: u64, width: u16) -> Result<u64, StoreError> {
        let keys: Vec<_> = (1..width).map(|shard| keys::join_counter(queue, shard)).collect();
        let reads = keys.chunks(100).map(|some| self.get_batch(Table::Joins, some));
        let mut drawn = 0;
        for item in try_join_all(reads).await?.into_iter().flatten() {
            let counter: Counter = request::parse(item)?;
            drawn += if counter.interval == interval { counter.number() } else { 0 };
        }
        Ok(drawn)
    }
}

/// The condition that a counter is in an interval. In interval 0 it may not exist, or not say so.
fn in_interval(interval: u64) -> &'static str {
    match interval {
        0 => "attribute_not_exists(#interval) OR #interval = :interval",
        _ => "#interval = :interval",
    }
}
