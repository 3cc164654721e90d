//! What administrators do to a queue: change its settings, delete it, remove a fan.

use super::{
    Failure, MAX_ATTEMPTS, Store, StoreError, contention, keys,
    keys::Table,
    notices::CLEAR_NOTICE,
    numbers::JoinCounter,
    queue_state::RegistryEntry,
    request::{self, CancellationReason, TransactFailure, WriteFailure, n},
    transact_parts::transact_item,
};
use crate::domain::{
    id::{QueueId, UserId},
    queue::{QueueSettings, QueueState},
    refusal::Refusal,
    session::EndReason,
    time::Seconds,
};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, TransactWriteItem};
use futures_util::try_join;
use uuid::Uuid;

/// A deletion older than this counts as interrupted: a join opens the counter again, and the deletion's last write
/// fails.
const MAX_DELETION: Seconds = Seconds(60);

impl Store {
    /// Changes the settings of a queue; creates the queue if it does not exist. The same write adds the change in
    /// capacity to the free slots and brings the queue's clock up to date. The rest is left to a tick, for which an
    /// alarm is put.
    pub async fn configure_queue(
        &self,
        queue: &QueueId,
        change: impl Fn(&mut QueueSettings),
    ) -> Result<QueueState, StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            let now = self.now();
            let key = keys::queue_state(queue);
            let (state, counter) = try_join!(self.get::<QueueState>(&key, true), self.join_counter(queue))?;
            let Some(state) = state else {
                self.ensure_queue(queue).await?;
                continue;
            };
            if let Some(deletion) = counter.deleted {
                // The queue was deleted, or a deletion is under way or was interrupted: its last write will fail.
                self.reopen_counter(queue, deletion).await?;
            }
            let mut settings = if state.deleted { QueueSettings::default() } else { state.settings.clone() };
            change(&mut settings);
            if state.deleted {
                // A message to the fans of the deleted queue must not be shown in the new one.
                self.clear_notice(queue).await?;
            }
            if let Some(changed) = self.replace_settings(&state, settings).await? {
                self.states.put(queue.clone(), changed.clone(), now);
                self.put_alarm(queue, now, true).await?;
                if let Some(expected) = changed.settings.expected_joins {
                    self.plan_widening(queue, expected, changed.settings.opens_at).await?;
                }
                return Ok(changed);
            }
            self.context.back_off(attempt).await;
        }
        Err(contention("configure queue"))
    }

    /// Replaces the settings that were read; returns `None` if they have changed since. Conflicts with no walk-in, and
    /// with no tick that leaves the capacity as it is: `free` is written as a difference.
    async fn replace_settings(
        &self,
        state: &QueueState,
        settings: QueueSettings,
    ) -> Result<Option<QueueState>, StoreError> {
        let now = self.now().max(state.at);
        let rules = settings.rules(self.rules.queue);
        let gained = i128::from(rules.capacity) - i128::from(state.capacity);
        let update = self
            .update(&keys::queue_state(&state.queue_id))
            .update_expression(
                "SET #settings = :new, settingsVersion = settingsVersion + :one, #free = #free + :gained, \
                 #capacity = :capacity, clockThen = :clock, clockSince = :now, #at = :now, longestWaiting = :longest REMOVE deleted",
            )
            .condition_expression("settingsVersion = :settings AND #capacity = :had")
            .expression_attribute_names("#settings", "settings")
            .expression_attribute_names("#free", "free")
            .expression_attribute_names("#capacity", "capacity")
            .expression_attribute_values(":new", request::value(&settings)?)
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":gained", n(gained))
            .expression_attribute_values(":capacity", n(rules.capacity))
            .expression_attribute_values(":had", n(state.capacity))
            .expression_attribute_values(":clock", n(state.clock(now).millis()))
            .expression_attribute_names("#at", "at")
            .expression_attribute_values(":now", n(now.millis()))
            .expression_attribute_values(":longest", request::value(&state.longest_waiting.max(rules.waiting))?)
            .expression_attribute_values(":settings", n(state.settings_version))
            .return_values(ReturnValue::AllNew);
        match self.send_update(update).await {
            Ok(output) => request::parse(output.attributes.unwrap_or_default()).map(Some),
            Err(WriteFailure::Condition(_)) => Ok(None),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Removes a fan from a queue: the place or session ends, and open holds are cancelled.
    ///
    /// # Errors
    /// [`Refusal::TokenNotFound`] for a fan who never joined the queue; [`Refusal::QueueNotFound`].
    pub async fn remove_fan(&self, queue: &QueueId, user: UserId) -> Result<(), Failure> {
        let state = self.queue_state(queue, 0).await?;
        let ticket = self.ticket(queue, user).await?.ok_or(Refusal::TokenNotFound)?;
        let place = self.leave_with(&ticket, EndReason::Removed).await?;
        if let Some(place) = place.filter(|place| state.served < *place) {
            self.note_removed(queue, place, state.served).await?;
        }
        Ok(())
    }

    /// Deletes a queue in which nobody waits, nobody is inside, and through which no concert is sold whose sale has not
    /// closed. Closes its join counter and removes it from the registry first, so that nobody draws a place and no
    /// concert is created after this was checked. State and counter stay, so that a queue created again with the same
    /// id goes on counting.
    ///
    /// # Errors
    /// [`Refusal::QueueInUse`], always for `main`; [`Refusal::QueueNotFound`].
    pub async fn delete_queue(&self, queue: &QueueId) -> Result<(), Failure> {
        if queue.is_main() {
            return Err(Refusal::QueueInUse.into());
        }
        for attempt in 0..MAX_ATTEMPTS {
            // Check before closing the counter too: a queue in use must not refuse joins even for a moment.
            if self.unused(queue).await?.is_none() {
                return Err(Refusal::QueueInUse.into());
            }
            let deletion = self.close_queue(queue).await?;
            let Some(state) = self.unused(queue).await? else {
                self.reopen_counter(queue, deletion).await?;
                return Err(Refusal::QueueInUse.into());
            };
            match self.transact(self.delete_writes(&state, deletion)?).await {
                Ok(()) => {
                    self.states.remove(queue);
                    self.lines.remove(queue);
                    return Ok(());
                }
                Err(TransactFailure::Store(error)) => return Err(error.into()),
                // Another deletion, a join or a change of the settings came in between.
                Err(TransactFailure::Cancelled(_) | TransactFailure::Contended { .. }) => {
                    self.context.back_off(attempt).await
                }
            }
        }
        Err(contention("delete queue").into())
    }

    /// Returns the state of a queue as it is now, or `None` if the queue is in use.
    ///
    /// # Errors
    /// [`Refusal::QueueNotFound`].
    async fn unused(&self, queue: &QueueId) -> Result<Option<QueueState>, Failure> {
        let (state, counter, line, sold) = try_join!(
            self.queue_state(queue, 0),
            async { self.join_counter(queue).await.map_err(Failure::from) },
            async { self.line_now(queue).await.map_err(Failure::from) },
            async { self.has_open_sales(queue).await.map_err(Failure::from) },
        )?;
        let (line, counter) = (line.places.line, counter.shard);
        // A queue that is not calm may have fans in any shard.
        let in_use =
            !line.gives_places(&counter) || line.last_place(&counter) > state.served || state.occupied > 0 || sold;
        Ok((!in_use).then_some(state))
    }

    /// The writes that mark the state as deleted and empty the notice, if the counter is still closed by this
    /// deletion. Otherwise it was opened again: fans may have joined, and concerts may have been created since the
    /// check.
    fn delete_writes(&self, state: &QueueState, deletion: Uuid) -> Result<Vec<TransactWriteItem>, StoreError> {
        let queue = &state.queue_id;
        let counter = keys::join_counter(queue, 0);
        let shut = self
            .transact_check(&counter)
            .condition_expression("deleted = :deletion")
            .expression_attribute_values(":deletion", request::s(deletion.to_string()));
        let mark = self
            .transact_update(&keys::queue_state(queue))
            .update_expression("SET deleted = :yes, settingsVersion = settingsVersion + :one")
            .condition_expression("settingsVersion = :settings")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":settings", n(state.settings_version));
        let clear = self.transact_update(&keys::line(queue)).update_expression(CLEAR_NOTICE);
        Ok(vec![transact_item(shut)?, transact_item(mark)?, transact_item(clear)?])
    }

    /// Closes the join counter, so that no fan draws a place, and removes the queue from the registry, so that no
    /// concert is created for it. Returns the id of this deletion.
    async fn close_queue(&self, queue: &QueueId) -> Result<Uuid, StoreError> {
        let deletion = self.context.deletion_id();
        let close = self
            .transact_update(&keys::join_counter(queue, 0))
            .update_expression("SET deleted = :deletion, deletedAt = :now")
            .expression_attribute_values(":deletion", request::s(deletion.to_string()))
            .expression_attribute_values(":now", n(self.now().millis()));
        let writes = vec![transact_item(close)?, transact_item(self.transact_delete(&keys::queue_registry(queue)))?];
        match self.transact(writes).await {
            Ok(()) => Ok(deletion),
            Err(TransactFailure::Store(error)) => Err(error),
            Err(TransactFailure::Cancelled(_) | TransactFailure::Contended { .. }) => Err(contention("close queue")),
        }
    }

    /// Registers the queue of a new concert again if a deletion was interrupted after it had removed it. Creates `main`
    /// if it does not exist.
    ///
    /// # Errors
    /// [`Refusal::QueueNotFound`] for a queue that does not exist or is deleted.
    pub(crate) async fn register_if_cut_off(&self, queue: &QueueId) -> Result<(), Failure> {
        let found = self.find_queue_state(queue, 0).await?;
        self.found_or_created(queue, found).await?;
        let counter = self.join_counter(queue).await?;
        self.reopen_if_cut_off(queue, &counter).await?;
        Ok(())
    }

    /// Opens a join counter that a deletion closed and left closed: the deletion was interrupted, or a copy of its
    /// first write arrived after its end. Returns whether fans may draw places again.
    pub(crate) async fn reopen_if_cut_off(&self, queue: &QueueId, shut: &JoinCounter) -> Result<bool, StoreError> {
        let Some(deletion) = shut.deleted.filter(|_| shut.deleted_at + MAX_DELETION <= self.now()) else {
            return Ok(false);
        };
        // A completed deletion has marked the state: that queue stays closed.
        let state = keys::queue_state(queue);
        let exists =
            self.transact_check(&state).condition_expression("attribute_exists(pk) AND attribute_not_exists(deleted)");
        let writes = [vec![transact_item(exists)?], self.reopen_writes(queue, deletion)?].concat();
        match self.transact(writes).await {
            Ok(()) => Ok(true),
            // The counter was closed again by another deletion, or opened by another join: the next draw finds out.
            Err(TransactFailure::Cancelled(reasons)) => {
                Ok(!matches!(reasons.first(), Some(CancellationReason::Condition(_))))
            }
            Err(TransactFailure::Contended { .. }) => Err(contention("open queue")),
            Err(TransactFailure::Store(error)) => Err(error),
        }
    }

    /// Opens the join counter again and registers the queue. Does nothing if another deletion has closed it since.
    async fn reopen_counter(&self, queue: &QueueId, deletion: Uuid) -> Result<(), StoreError> {
        match self.transact(self.reopen_writes(queue, deletion)?).await {
            Ok(()) | Err(TransactFailure::Cancelled(_)) => Ok(()),
            Err(TransactFailure::Contended { .. }) => Err(contention("open queue")),
            Err(TransactFailure::Store(error)) => Err(error),
        }
    }

    fn reopen_writes(&self, queue: &QueueId, deletion: Uuid) -> Result<Vec<TransactWriteItem>, StoreError> {
        let registered = request::item(&keys::queue_registry(queue), &RegistryEntry { queue_id: queue.clone() }, None)?;
        // Open it asleep: an alarm may be missing, and the next join puts one.
        let open = self
            .transact_update(&keys::join_counter(queue, 0))
            .update_expression("REMOVE deleted, deletedAt, woken")
            .condition_expression("deleted = :deletion")
            .expression_attribute_values(":deletion", request::s(deletion.to_string()));
        Ok(vec![transact_item(open)?, transact_item(self.transact_put(Table::Queues, registered))?])
    }
}
