//! Join counters: drawing a number, and the sleep of a queue in which nobody waits.

use super::{
    Failure, Store, StoreError, contention, keys,
    request::{self, WriteFailure, n},
};
use crate::domain::{
    id::QueueId,
    line::{Counter, LineTicket},
    refusal::Refusal,
    ticket::{Place, Spot},
    time::Timestamp,
};
use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::ReturnValue};
use serde::Deserialize;
use uuid::Uuid;

/// Shards that a join tries, one after another.
const MAX_SHARDS: u32 = 8;
/// How long an environment waits between two requests to the sequencer of a queue.
const ASK_SPACING_MILLIS: i64 = 3_000;
/// The share of joins and polls that ask the sequencer, of those that could.
const ASK_CHANCE: f64 = 0.05;
/// The joins a second that are assumed when a calm queue's counter could not be written: what one partition takes, and more.
const JOINS_WHEN_THROTTLED: u64 = 4_000;
/// From this many joins a second on, a join asks for more shards.
const MANY_JOINS: u64 = 300;
/// Over how long an environment measures them, at least and at most.
const MEASURED_MILLIS: u64 = 1_000;
const MAX_MEASURED_MILLIS: i64 = 10_000;

/// The join counter of a shard, with what shard 0 knows of the queue's sleep and deletion.
///
/// The queue sleeps if `woken` differs from `naps`. A tick puts it to sleep with one write, on condition that no place
/// was drawn since the tick read this item. Each draw returns this item. So either the draw refuses that write, or the
/// join sees that the queue sleeps, and wakes it. No clock is involved (infra/adr/0012). Only a calm queue sleeps, so that
/// each of its joins is a draw from shard 0.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinCounter {
    /// The counter.
    #[serde(flatten)]
    pub shard: Counter,
    /// When the last number was drawn, by the clock of the fan's function.
    #[serde(default)]
    pub drawn_at: Timestamp,
    /// How often the queue went to sleep.
    #[serde(default)]
    pub naps: u64,
    /// The nap from which it was last woken.
    pub woken: Option<u64>,
    /// The deletion that closed the counter: no place is drawn in a queue that is deleted or being deleted.
    pub deleted: Option<Uuid>,
    /// When the counter was closed.
    #[serde(default)]
    pub deleted_at: Timestamp,
}

impl Default for JoinCounter {
    fn default() -> Self {
        let (past, shard) = (Timestamp::DISTANT_PAST, Counter::first());
        JoinCounter { shard, drawn_at: past, naps: 0, woken: None, deleted: None, deleted_at: past }
    }
}

impl JoinCounter {
    /// Whether the queue sleeps. It has no regular ticks then, so a join must put an alarm.
    pub fn sleeps(&self) -> bool {
        self.shard.lead.is_some() && self.woken != Some(self.naps)
    }
}

/// A number that was drawn.
pub(crate) struct Drawn {
    pub shard: u16,
    pub counter: JoinCounter,
}

impl Drawn {
    /// The place, or where it is not known the ticket.
    pub fn spot(&self) -> Spot {
        let Counter { interval, .. } = self.counter.shard;
        match self.counter.shard.place() {
            Some(place) => Spot::Place(Place::new(place)),
            None => Spot::Ticket(LineTicket { interval, shard: self.shard, number: self.counter.shard.number() }),
        }
    }
}

impl Store {
    /// Reads the join counter of shard 0 as it is now.
    pub(crate) async fn join_counter(&self, queue: &QueueId) -> Result<JoinCounter, StoreError> {
        Ok(self.get(&keys::join_counter(queue, 0), true).await?.unwrap_or_default())
    }

    /// Draws a number from a random shard. A shard that is closed, or that DynamoDB throttles, sends the join to another. A
    /// retry after a lost answer leaves a hole, which is passed like a no-show.
    ///
    /// # Errors
    /// [`Refusal::QueueNotFound`] for a queue that is deleted or being deleted.
    pub(crate) async fn draw_number(&self, queue: &QueueId) -> Result<Drawn, Failure> {
        let mut width = self.line(queue).await.places.width;
        for _ in 0..MAX_SHARDS {
            let shard = self.random_shard(width);
            let drawn = match shard {
                0 => self.draw_from_first(queue, width).await,
                _ => self.draw_from(queue, shard).await,
            };
            match drawn {
                Ok(Ok(counter)) => {
                    let drawn = Drawn { shard, counter };
                    self.watch_joins(queue, &drawn).await?;
                    return Ok(drawn);
                }
                Ok(Err(narrower)) => width = narrower,
                // Throttled, or without an answer: another shard is most likely on another partition.
                Err(Failure::Store(StoreError::Unavailable { .. })) if width > 1 => {}
                Err(failure) => {
                    if matches!(failure, Failure::Store(_)) {
                        self.ask_sequencer(queue, JOINS_WHEN_THROTTLED, 1.0).await?;
                    }
                    return Err(failure);
                }
            }
        }
        Err(contention("draw").into())
    }

    fn random_shard(&self, width: u16) -> u16 {
        (self.context.bits() % u128::from(width.max(1))) as u16
    }

    /// Draws from shard 0, which is never closed but by a deletion.
    async fn draw_from_first(&self, queue: &QueueId, width: u16) -> Result<Result<JoinCounter, u16>, Failure> {
        match self.try_to_draw(queue, width).await? {
            Ok(drawn) => Ok(Ok(drawn)),
            Err(shut) if self.reopen_if_cut_off(queue, &shut).await? => {
                Ok(Ok(self.try_to_draw(queue, width).await?.map_err(|_| Refusal::QueueNotFound)?))
            }
            Err(_) => Err(Refusal::QueueNotFound.into()),
        }
    }

    /// Draws from shard 0. The inner error is the join counter, if a deletion has closed it.
    async fn try_to_draw(&self, queue: &QueueId, width: u16) -> Result<Result<JoinCounter, JoinCounter>, StoreError> {
        // A deletion closes the counter before it checks for fans, so that nobody gets a place in a deleted queue.
        let update = self
            .add_one(queue, 0, "ADD #last :one SET drawnAt = :now", width)
            .condition_expression("attribute_not_exists(deleted)")
            .expression_attribute_values(":now", n(self.now().millis()));
        match self.send_update(update).await {
            Ok(output) => Ok(Ok(request::parse(output.attributes.unwrap_or_default())?)),
            Err(WriteFailure::Condition(item)) => Ok(Err(request::parse(item.unwrap_or_default())?)),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Draws from another shard. The inner error is the width that closed it; 1 where it was never opened.
    async fn draw_from(&self, queue: &QueueId, shard: u16) -> Result<Result<JoinCounter, u16>, Failure> {
        // Only an open shard: a number of a closed one would be in no interval, and have no place.
        let update = self
            .add_one(queue, shard, "ADD #last :one", u16::MAX)
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(closed)");
        match self.send_update(update).await {
            Ok(output) => Ok(Ok(request::parse(output.attributes.unwrap_or_default())?)),
            Err(WriteFailure::Condition(item)) => {
                let found: Option<Counter> = item.map(request::parse).transpose()?;
                Ok(Err(found.and_then(|counter| counter.closed).unwrap_or(1)))
            }
            Err(WriteFailure::Store(error)) => Err(error.into()),
        }
    }

    /// The update that draws. Where there are other shards, the SDK does not send it again: the next attempt goes to one of
    /// them.
    fn add_one(&self, queue: &QueueId, shard: u16, expression: &str, width: u16) -> UpdateItemFluentBuilder {
        let key = keys::join_counter(queue, shard);
        let client = if width > 1 { &self.impatient } else { &self.dynamo };
        let update = client.update_item().table_name(self.table(key.table));
        update
            .key("pk", request::s(&key.pk))
            .key("sk", request::s(&key.sk))
            .update_expression(expression)
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::AllNew)
    }

    /// Notes the number of a calm queue's draw. Asks for more shards if fans join too fast for one, long before it is
    /// throttled.
    async fn watch_joins(&self, queue: &QueueId, drawn: &Drawn) -> Result<(), StoreError> {
        if !drawn.counter.shard.is_calm() {
            return Ok(());
        }
        let (now, last) = (self.now(), drawn.counter.shard.last);
        let known = self.draws.get(queue, now, MAX_MEASURED_MILLIS);
        let Some((then, before)) = known else {
            self.draws.put(queue.clone(), (now, last), now);
            return Ok(());
        };
        let millis = now.millis().abs_diff(then.millis());
        if millis < MEASURED_MILLIS {
            return Ok(());
        }
        self.draws.put(queue.clone(), (now, last), now);
        let per_second = last.saturating_sub(before) * 1_000 / millis;
        if per_second > MANY_JOINS { self.ask_sequencer(queue, per_second, 1.0).await } else { Ok(()) }
    }

    /// Asks the sequencer to look at a queue, with so many joins a second in mind; at most once in 3 s from this
    /// environment, and only with a chance, so that thousands of environments do not ask at once.
    pub async fn ask_sequencer(&self, queue: &QueueId, joins: u64, chance: f64) -> Result<(), StoreError> {
        let now = self.now();
        if self.asked_sequencer.get(queue, now, ASK_SPACING_MILLIS).is_some() || self.context.chance() > chance {
            return Ok(());
        }
        self.asked_sequencer.put(queue.clone(), (), now);
        self.put_sequencer_alarm(queue, now, joins).await
    }

    /// Asks the sequencer for a place that should be known by now.
    pub async fn ask_for_place(&self, queue: &QueueId) -> Result<(), StoreError> {
        self.ask_sequencer(queue, 0, ASK_CHANCE).await
    }

    /// Wakes a queue that slept when a place was drawn: puts an alarm that is due now, and then the mark that saves the
    /// next joins an alarm of their own. The fan's ticket is put only afterwards, so that no ticket waits in a queue
    /// that nothing wakes.
    pub(crate) async fn wake(&self, queue: &QueueId, counter: &JoinCounter, urgent: bool) -> Result<(), StoreError> {
        if !counter.sleeps() {
            return Ok(());
        }
        self.put_alarm(queue, self.now(), urgent).await?;
        self.mark_woken(queue, counter).await
    }

    /// Marks a queue as awake, if it is still in the same nap. An alarm must have been put before.
    pub(crate) async fn mark_woken(&self, queue: &QueueId, counter: &JoinCounter) -> Result<(), StoreError> {
        let update = self.update(&keys::join_counter(queue, 0)).update_expression("SET woken = :naps");
        let update = match counter.naps {
            0 => update.condition_expression("attribute_not_exists(naps)"),
            _ => update.condition_expression("naps = :naps"),
        };
        match self.send_update(update.expression_attribute_values(":naps", n(counter.naps))).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Puts a calm queue to sleep, unless a place was drawn, or a new interval begun, since `counter` was read. Returns
    /// whether it sleeps.
    pub(crate) async fn sleep(&self, queue: &QueueId, counter: &JoinCounter) -> Result<bool, StoreError> {
        if counter.sleeps() {
            // Counter and state were read in parallel: the queue may have been woken between the two reads.
            let now = self.join_counter(queue).await?;
            return Ok(now.sleeps() && now.shard == counter.shard);
        }
        // In a new interval that is wide, joins go to other shards, and none of them would see that the queue sleeps.
        let same = match counter.shard.interval {
            0 => "attribute_not_exists(#interval) OR #interval = :interval",
            _ => "#interval = :interval",
        };
        let update = self
            .update(&keys::join_counter(queue, 0))
            .update_expression("SET naps = :next")
            .condition_expression(format!("#last = :last AND woken = :naps AND ({same})"))
            .expression_attribute_names("#last", "last")
            .expression_attribute_names("#interval", "interval")
            .expression_attribute_values(":interval", n(counter.shard.interval))
            .expression_attribute_values(":next", n(counter.naps + 1))
            .expression_attribute_values(":last", n(counter.shard.last))
            .expression_attribute_values(":naps", n(counter.naps));
        match self.send_update(update).await {
            Ok(_) => Ok(true),
            Err(WriteFailure::Condition(_)) => Ok(false),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}
