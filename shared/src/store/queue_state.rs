//! The state of a queue, which is one item that says how far the queue has moved; walk-ins; and the join counter.

use super::{
    Failure, Store, StoreError, contention, keys,
    keys::Table,
    notices::Notice,
    request::{self, TransactFailure, WriteFailure, n},
    sales::QueueSales,
    transact_parts::transact_item,
};
use crate::domain::{
    id::QueueId,
    queue::{QueueSettings, QueueState},
    refusal::Refusal,
    ticket::Place,
    time::Timestamp,
};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, TransactWriteItem};
use futures_util::try_join;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// How old the state may be from which the poll of a waiting fan is answered, in milliseconds.
pub const MAX_STATE_AGE_MILLIS: i64 = 1_000;
/// The same for the fans at the front of the queue.
pub const MAX_FRONT_STATE_AGE_MILLIS: i64 = 200;
const WALK_IN_ATTEMPTS: u32 = 4;

/// A queue with what clients see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSnapshot {
    /// Its state.
    pub state: QueueState,
    /// The last place that was drawn.
    pub last_place: Place,
    /// The operators' notice to the fans who wait.
    pub notice: Notice,
    /// What is sold through it.
    pub sales: Arc<QueueSales>,
}

/// The result of an attempt to walk in.
pub(crate) enum WalkIn {
    /// The place is admitted, and must be claimed.
    Admitted,
    /// The fan waits, as this state decides.
    Wait(Box<QueueState>),
}

/// A queue's entry in the registry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryEntry {
    /// The queue.
    pub queue_id: QueueId,
}

/// The counter that places are drawn from.
///
/// The queue sleeps if `woken` differs from `naps`. A tick puts it to sleep with one write, on condition that no place
/// was drawn since the tick read this item. Each draw returns this item. So either the draw refuses that write, or the
/// join sees that the queue sleeps, and wakes it. No clock is involved (infra/adr/0012).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinCounter {
    /// The last place that was drawn.
    #[serde(default)]
    pub last: Place,
    /// When it was drawn, by the clock of the fan's function.
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

impl JoinCounter {
    /// Whether the queue sleeps. It has no regular ticks then, so a join must put an alarm.
    pub fn sleeps(&self) -> bool {
        self.woken != Some(self.naps)
    }
}

impl Store {
    /// Returns the state of a queue, at most `max_age_millis` old; 0 asks for a consistent read. `main` always exists:
    /// before its first join or concert, which create it, its state is that of a new queue.
    ///
    /// # Errors
    /// [`Refusal::QueueNotFound`] for a queue that was never created or is deleted.
    pub async fn queue_state(&self, queue: &QueueId, max_age_millis: i64) -> Result<QueueState, Failure> {
        let found = self.find_queue_state(queue, max_age_millis).await?;
        self.found_or_main(queue, found)
    }

    /// What was found of a queue, or the state of a new queue for `main`.
    fn found_or_main(&self, queue: &QueueId, found: Option<QueueState>) -> Result<QueueState, Failure> {
        match found {
            Some(state) => Ok(state),
            None if queue.is_main() => Ok(self.new_queue_state(queue)),
            None => Err(Refusal::QueueNotFound.into()),
        }
    }

    /// As [`Store::queue_state`], given what was found of the queue, but creates `main` if it does not exist.
    pub(crate) async fn found_or_created(
        &self,
        queue: &QueueId,
        found: Option<QueueState>,
    ) -> Result<QueueState, Failure> {
        match found {
            None if queue.is_main() => Ok(self.ensure_queue(queue).await?),
            found => self.found_or_main(queue, found),
        }
    }

    /// Finds the state of a queue, at most `max_age_millis` old; 0 asks for a consistent read. `None` if the queue was
    /// never created or is deleted.
    pub(crate) async fn find_queue_state(
        &self,
        queue: &QueueId,
        max_age_millis: i64,
    ) -> Result<Option<QueueState>, StoreError> {
        match self.states.get(queue, self.now(), max_age_millis) {
            Some(state) => Ok(Some(state)),
            None => self.read_queue_state(queue, max_age_millis == 0).await,
        }
    }

    /// As [`Store::find_queue_state`], whatever is cached, and caches it.
    async fn read_queue_state(&self, queue: &QueueId, consistent: bool) -> Result<Option<QueueState>, StoreError> {
        let now = self.now();
        let key = keys::queue_state(queue);
        let mut state: Option<QueueState> = self.get(&key, consistent).await?;
        if state.as_ref().is_none_or(|state| state.deleted) {
            // An eventually consistent read may miss that the queue was just created, also after a deletion.
            state = self.get(&key, true).await?;
        }
        let Some(state) = state.filter(|state| !state.deleted) else { return Ok(None) };
        // `served` only grows: an eventually consistent read that shows less is older than what is known.
        let newest = |known: Option<&QueueState>| match known {
            Some(known) if known.served > state.served => known.clone(),
            _ => state,
        };
        Ok(Some(self.states.replace(queue.clone(), now, newest)))
    }

    /// The state of a queue that is created now, with the deployment's parameters.
    fn new_queue_state(&self, queue: &QueueId) -> QueueState {
        QueueState::new(queue.clone(), QueueSettings::default(), self.rules.queue, self.now())
    }

    /// Returns the state of a queue; creates the queue with the deployment's parameters if it does not exist.
    pub(crate) async fn ensure_queue(&self, queue: &QueueId) -> Result<QueueState, StoreError> {
        let state = self.new_queue_state(queue);
        Ok(self.create_queue(&state).await?.unwrap_or(state))
    }

    /// Puts a queue and its entry in the registry. If the queue exists already, returns its state instead.
    async fn create_queue(&self, state: &QueueState) -> Result<Option<QueueState>, StoreError> {
        let queue = &state.queue_id;
        let registered = request::item(&keys::queue_registry(queue), &RegistryEntry { queue_id: queue.clone() }, None)?;
        let state = request::item(&keys::queue_state(queue), state, None)?;
        let writes = vec![
            transact_item(self.transact_put(Table::Queues, state).condition_expression("attribute_not_exists(pk)"))?,
            transact_item(self.transact_put(Table::Queues, registered))?,
        ];
        match self.transact(writes).await {
            Ok(()) => Ok(None),
            Err(TransactFailure::Store(error)) => Err(error),
            Err(TransactFailure::Cancelled(_) | TransactFailure::Contended { .. }) => {
                match self.get(&keys::queue_state(queue), true).await? {
                    Some(found) => Ok(Some(found)),
                    None => Err(contention("create queue")),
                }
            }
        }
    }

    /// The condition that a queue is registered: it was created, and is not deleted.
    pub(crate) fn registry_check(&self, queue: &QueueId) -> Result<TransactWriteItem, StoreError> {
        let registered = self.transact_check(&keys::queue_registry(queue));
        transact_item(registered.condition_expression("attribute_exists(pk)"))
    }

    /// Reads a queue as it is now. Its notice may be one second old, its sales five seconds.
    pub async fn queue_snapshot(&self, queue: &QueueId) -> Result<QueueSnapshot, Failure> {
        let (state, counter, notice, sales) = try_join!(
            self.queue_state(queue, 0),
            async { self.join_counter(queue).await.map_err(Failure::from) },
            async { Ok(self.notice(queue).await) },
            async { self.queue_sales(queue).await.map_err(Failure::from) },
        )?;
        Ok(QueueSnapshot { state, last_place: counter.last, notice, sales })
    }

    /// Reads a queue for everybody. Its sales may be five seconds old. The reads are eventually consistent, since the
    /// partitions are those of ticks and joins; still neither `served` nor the last place goes back in one environment.
    ///
    /// # Errors
    /// [`Refusal::QueueNotFound`], for which nothing but the state was read: anybody may ask for any id.
    pub async fn watch_queue(&self, queue: &QueueId) -> Result<QueueSnapshot, Failure> {
        let found = self.read_queue_state(queue, false).await?;
        let state = self.found_or_main(queue, found)?;
        let counter = keys::join_counter(queue);
        let (counter, notice, sales) = try_join!(
            self.get::<JoinCounter>(&counter, false),
            async { Ok(self.read_notice(queue).await) },
            self.queue_sales(queue),
        )?;
        let drawn = counter.unwrap_or_default().last.max(state.served);
        let newest = |known: Option<&Place>| known.map_or(drawn, |known| drawn.max(*known));
        let last_place = self.last_places.replace(queue.clone(), self.now(), newest);
        Ok(QueueSnapshot { state, last_place, notice, sales })
    }

    /// Reads the join counter as it is now.
    pub(crate) async fn join_counter(&self, queue: &QueueId) -> Result<JoinCounter, StoreError> {
        Ok(self.get(&keys::join_counter(queue), true).await?.unwrap_or_default())
    }

    /// Admits the fan at `place` at once, if the place is the next and a slot is free. Otherwise the fan waits for a
    /// tick.
    pub(crate) async fn walk_in(&self, mut state: QueueState, place: Place) -> Result<WalkIn, StoreError> {
        let queue = state.queue_id.clone();
        for attempt in 0..WALK_IN_ATTEMPTS {
            let (now, ahead) = (self.now(), place.behind(state.served));
            let room = u64::try_from(state.free).unwrap_or_default();
            if ahead == 0 {
                return Ok(WalkIn::Admitted);
            }
            if room < ahead || !state.settings.admits(now) {
                break;
            }
            if ahead > 1 {
                // Other fans drew places at the same moment and walk in first: wait for them.
                self.context.back_off(attempt).await;
                let Some(newer) = self.get(&keys::queue_state(&queue), true).await? else { break };
                state = newer;
                continue;
            }
            let deadline = now + state.settings.rules(self.rules.queue).claim_window;
            // Invariant 5: only from the place before, so that nobody ahead is overtaken. Invariant 4: only into a free
            // slot. The deadline never moves back, so that earlier walk-ins keep their claim window.
            let update = self
                .update(&keys::queue_state(&queue))
                .update_expression(
                    "SET served = :place, #free = #free - :one, occupied = occupied + :one, \
                     admitted = admitted + :one, walkInDeadline = :deadline",
                )
                .condition_expression(
                    "served = :seen AND #free > :zero AND #settings.paused = :no \
                     AND (attribute_not_exists(#settings.opensAt) OR #settings.opensAt <= :now)",
                )
                .expression_attribute_names("#settings", "settings")
                .expression_attribute_names("#free", "free")
                .expression_attribute_values(":place", n(place.get()))
                .expression_attribute_values(":seen", n(state.served.get()))
                .expression_attribute_values(":deadline", n(deadline.max(state.walk_in_deadline).millis()))
                .expression_attribute_values(":one", n(1))
                .expression_attribute_values(":zero", n(0))
                .expression_attribute_values(":no", AttributeValue::Bool(false))
                .expression_attribute_values(":now", n(now.millis()))
                .return_values(ReturnValue::AllNew);
            match self.send_update(update).await {
                Ok(output) => {
                    self.states.put(queue, request::parse(output.attributes.unwrap_or_default())?, now);
                    return Ok(WalkIn::Admitted);
                }
                Err(WriteFailure::Condition(Some(item))) => state = request::parse(item)?,
                Err(WriteFailure::Condition(None)) => break,
                Err(WriteFailure::Store(error)) => return Err(error),
            }
            self.states.put(queue.clone(), state.clone(), now);
        }
        Ok(WalkIn::Wait(Box::new(state)))
    }

    /// Draws the next place. A retry after a lost answer leaves a hole, which is passed like a no-show.
    ///
    /// # Errors
    /// [`Refusal::QueueNotFound`] for a queue that is deleted or being deleted.
    pub(crate) async fn draw_place(&self, queue: &QueueId) -> Result<JoinCounter, Failure> {
        match self.try_to_draw(queue).await? {
            Ok(drawn) => Ok(drawn),
            Err(shut) if self.reopen_if_cut_off(queue, &shut).await? => {
                Ok(self.try_to_draw(queue).await?.map_err(|_| Refusal::QueueNotFound)?)
            }
            Err(_) => Err(Refusal::QueueNotFound.into()),
        }
    }

    /// Draws the next place. The inner error is the join counter, if a deletion has closed it.
    async fn try_to_draw(&self, queue: &QueueId) -> Result<Result<JoinCounter, JoinCounter>, StoreError> {
        // A deletion closes the counter before it checks for fans, so that nobody gets a place in a deleted queue.
        let update = self
            .update(&keys::join_counter(queue))
            .update_expression("ADD #last :one SET drawnAt = :now")
            .condition_expression("attribute_not_exists(deleted)")
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":now", n(self.now().millis()))
            .return_values(ReturnValue::AllNew);
        match self.send_update(update).await {
            Ok(output) => Ok(Ok(request::parse(output.attributes.unwrap_or_default())?)),
            Err(WriteFailure::Condition(item)) => Ok(Err(request::parse(item.unwrap_or_default())?)),
            Err(WriteFailure::Store(error)) => Err(error),
        }
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
        let update = self.update(&keys::join_counter(queue)).update_expression("SET woken = :naps");
        let update = match counter.naps {
            0 => update.condition_expression("attribute_not_exists(naps)"),
            _ => update.condition_expression("naps = :naps"),
        };
        match self.send_update(update.expression_attribute_values(":naps", n(counter.naps))).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Puts a queue to sleep, unless a place was drawn since `counter` was read. Returns whether it sleeps.
    pub(crate) async fn sleep(&self, queue: &QueueId, counter: &JoinCounter) -> Result<bool, StoreError> {
        if counter.sleeps() {
            // Counter and state were read in parallel: the queue may have been woken between the two reads.
            let now = self.join_counter(queue).await?;
            return Ok(now.sleeps() && now.last == counter.last);
        }
        let update = self
            .update(&keys::join_counter(queue))
            .update_expression("SET naps = :next")
            .condition_expression("#last = :last AND woken = :naps")
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":next", n(counter.naps + 1))
            .expression_attribute_values(":last", n(counter.last.get()))
            .expression_attribute_values(":naps", n(counter.naps));
        match self.send_update(update).await {
            Ok(_) => Ok(true),
            Err(WriteFailure::Condition(_)) => Ok(false),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
