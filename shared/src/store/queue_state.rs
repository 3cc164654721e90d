//! The state of a queue, which is one item that says how far the queue has moved, and walk-ins.

use super::{
    Failure, Store, StoreError, contention, keys,
    keys::Table,
    lines::Places,
    notices::Notice,
    numbers::JoinCounter,
    request::{self, TransactFailure, WriteFailure, n},
    sales::QueueSales,
    transact_parts::transact_item,
};
use crate::domain::{
    id::QueueId,
    line::Counter,
    queue::{QueueSettings, QueueState},
    refusal::Refusal,
    ticket::Place,
};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, TransactWriteItem};
use futures_util::try_join;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
    /// The last place that is known.
    pub last_place: Place,
    /// Fans who joined behind it, and whose place is not known yet.
    pub joined: u64,
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

/// How many fans joined whose place is not known: in a narrow interval what its counter says, in a wide one what the
/// sequencer last saw.
fn joined(places: &Places, counter: &Counter) -> u64 {
    let narrow = counter.lead.is_some_and(|lead| lead.width == 1) && counter.interval == places.line.open;
    match narrow {
        true if places.line.calm => 0,
        true => counter.number(),
        false => places.joined,
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

    /// Reads a queue as it is now. Its sales may be five seconds old.
    pub async fn queue_snapshot(&self, queue: &QueueId) -> Result<QueueSnapshot, Failure> {
        let (state, counter, line, sales) = try_join!(
            self.queue_state(queue, 0),
            async { self.join_counter(queue).await.map_err(Failure::from) },
            async { self.line_now(queue).await.map_err(Failure::from) },
            async { self.queue_sales(queue).await.map_err(Failure::from) },
        )?;
        let last_place = line.places.line.last_place(&counter.shard).max(state.served);
        Ok(QueueSnapshot {
            state,
            last_place,
            joined: joined(&line.places, &counter.shard),
            notice: line.notice,
            sales,
        })
    }

    /// Reads a queue for everybody. Its sales may be five seconds old. The reads are eventually consistent, since the
    /// partitions are those of ticks and joins; still neither `served` nor the last place goes back in one environment.
    ///
    /// # Errors
    /// [`Refusal::QueueNotFound`], for which nothing but the state was read: anybody may ask for any id.
    pub async fn watch_queue(&self, queue: &QueueId) -> Result<QueueSnapshot, Failure> {
        let found = self.read_queue_state(queue, false).await?;
        let state = self.found_or_main(queue, found)?;
        let counter = keys::join_counter(queue, 0);
        let (counter, line, sales) = try_join!(
            self.get::<JoinCounter>(&counter, false),
            async { Ok(self.read_line(queue).await) },
            self.queue_sales(queue),
        )?;
        let counter = counter.unwrap_or_default().shard;
        let known = line.places.line.last_place(&counter).max(state.served);
        let newest = |before: Option<&Place>| before.map_or(known, |before| known.max(*before));
        let last_place = self.last_places.replace(queue.clone(), self.now(), newest);
        Ok(QueueSnapshot { state, last_place, joined: joined(&line.places, &counter), notice: line.notice, sales })
    }

    /// Admits the fan at `place` at once, if the place is the next and a slot is free. Otherwise the fan waits for a
    /// tick.
    pub(crate) async fn walk_in(&self, mut state: QueueState, place: Place) -> Result<WalkIn, StoreError> {
        let queue = state.queue_id.clone();
        for attempt in 0..WALK_IN_ATTEMPTS {
            let (now, ahead) = (self.now(), place.behind(state.served));
            let room = u64::try_from(state.free).unwrap_or_default().min(state.credit(now));
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
            // The rate limits walk-ins too. `served` stands in the condition, and no admission leaves it as it is, so no other
            // admission was paid meanwhile.
            let rate = state.settings.admit_per_minute;
            let (paying, same_rate) = match rate {
                Some(_) => (", paid = :paid", "#settings.rate = :rate"),
                None => ("", "attribute_not_exists(#settings.rate)"),
            };
            let set = "SET served = :place, #free = #free - :one, occupied = occupied + :one, \
                       admitted = admitted + :one, walkInDeadline = :deadline";
            let update = self
                .update(&keys::queue_state(&queue))
                .update_expression(format!("{set}{paying}"))
                .condition_expression(format!(
                    "served = :seen AND #free > :zero AND #settings.paused = :no \
                     AND (attribute_not_exists(#settings.opensAt) OR #settings.opensAt <= :now) AND {same_rate}"
                ))
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
            let update = match rate {
                Some(rate) => update
                    .expression_attribute_values(":rate", n(rate.0))
                    .expression_attribute_values(":paid", n(state.charged(1, now).micros())),
                None => update,
            };
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
}

#[cfg(test)]
mod tests;
