//! What administrators do to a queue: its settings, its end, a fan who must go.

use super::{
    Failure, MAX_ATTEMPTS, Store, StoreError, contention, keys,
    keys::Table,
    queue_state::{JoinCounter, RegistryEntry},
    request::{self, CancellationReason, TransactFailure, WriteFailure, n, transact_item},
};
use crate::domain::{
    id::{QueueId, UserId},
    line::{QueueSettings, QueueState},
    refusal::Refusal,
    session::EndReason,
    time::Seconds,
};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, ReturnValue, TransactWriteItem};
use futures_util::try_join;
use uuid::Uuid;

/// A deletion older than this counts as cut off: a join opens the counter, and the deletion's last write then fails.
const MAX_DELETION: Seconds = Seconds(60);

impl Store {
    /// Changes the settings of a queue, making it if there is none. A changed capacity frees or takes slots in the same
    /// write, and the queue's clock is brought up to date in it. Whatever follows is left to a tick, for which an alarm
    /// is put.
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
                // Deleted, or by a deletion that was cut off.
                self.reopen_counter(queue, deletion).await?;
            }
            let mut settings = if state.deleted { QueueSettings::default() } else { state.settings.clone() };
            change(&mut settings);
            if state.deleted {
                // Whatever a message to the fans of the old queue said.
                self.clear_notice(queue).await?;
            }
            if let Some(changed) = self.replace_settings(&state, settings).await? {
                self.states.put(queue.clone(), changed.clone(), now);
                self.put_alarm(queue, now, true).await?;
                return Ok(changed);
            }
            self.context.back_off(attempt).await;
        }
        Err(contention("configure queue"))
    }

    /// Writes settings in the place of those that were read; `None` if others were written since. Walk-ins and ticks do
    /// not stand in the way: `free` is written as a difference.
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

    /// Removes a fan from a queue: the place or session ends, open holds are cancelled.
    ///
    /// # Errors
    /// [`Refusal::TokenNotFound`] for a fan who has no place there, [`Refusal::QueueNotFound`].
    pub async fn remove_fan(&self, queue: &QueueId, user: UserId) -> Result<(), Failure> {
        let state = self.queue_state(queue, 0).await?;
        let ticket = self.ticket(queue, user).await?.ok_or(Refusal::TokenNotFound)?;
        self.leave(queue, user, ticket.place, EndReason::Removed).await?;
        if state.served < ticket.place {
            self.note_removed(queue, ticket.place, state.served).await?;
        }
        Ok(())
    }

    /// Deletes a queue in which nobody waits and nobody is inside. Its counter is shut first, so that nobody draws a
    /// place after the look; state and counter stay, so that the same id made again goes on counting.
    ///
    /// # Errors
    /// [`Refusal::QueueInUse`], always for `main`; [`Refusal::QueueNotFound`].
    pub async fn delete_queue(&self, queue: &QueueId) -> Result<(), Failure> {
        if queue.is_main() {
            return Err(Refusal::QueueInUse.into());
        }
        for attempt in 0..MAX_ATTEMPTS {
            // A queue that is in use is not even shut for a moment.
            if self.queue_snapshot(queue).await?.is_in_use() {
                return Err(Refusal::QueueInUse.into());
            }
            let deletion = self.shut_counter(queue).await?;
            let view = self.queue_snapshot(queue).await?;
            if view.is_in_use() {
                self.reopen_counter(queue, deletion).await?;
                return Err(Refusal::QueueInUse.into());
            }
            match self.transact(self.delete_writes(&view.state, deletion)?).await {
                Ok(()) => {
                    self.states.remove(queue);
                    self.notices.remove(queue);
                    return Ok(());
                }
                Err(TransactFailure::Store(error)) => return Err(error.into()),
                // Somebody else shut, opened or changed it meanwhile.
                Err(TransactFailure::Cancelled(_) | TransactFailure::Contended { .. }) => {
                    self.context.back_off(attempt).await
                }
            }
        }
        Err(contention("delete queue").into())
    }

    /// The state is marked, the registry's entry and the notice go, if the counter is still shut by this deletion: else
    /// somebody opened it, and fans may have joined since the look.
    fn delete_writes(&self, state: &QueueState, deletion: Uuid) -> Result<Vec<TransactWriteItem>, StoreError> {
        let queue = &state.queue_id;
        let counter = keys::join_counter(queue);
        let shut = ConditionCheck::builder()
            .table_name(self.table(counter.table))
            .key("pk", request::s(&counter.pk))
            .key("sk", request::s(&counter.sk))
            .condition_expression("deleted = :deletion")
            .expression_attribute_values(":deletion", request::s(deletion.to_string()));
        let mark = self
            .transact_update(&keys::queue_state(queue))
            .update_expression("SET deleted = :yes, settingsVersion = settingsVersion + :one")
            .condition_expression("settingsVersion = :settings")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":settings", n(state.settings_version));
        Ok(vec![
            transact_item(shut)?,
            transact_item(mark)?,
            transact_item(self.transact_delete(&keys::queue_registry(queue)))?,
            transact_item(self.transact_delete(&keys::notice(queue)))?,
        ])
    }

    /// Shuts the counter, so that no fan draws a place; the id of this deletion.
    async fn shut_counter(&self, queue: &QueueId) -> Result<Uuid, StoreError> {
        let deletion = self.context.deletion_id();
        let update = self
            .update(&keys::join_counter(queue))
            .update_expression("SET deleted = :deletion, deletedAt = :now")
            .expression_attribute_values(":deletion", request::s(deletion.to_string()))
            .expression_attribute_values(":now", n(self.now().millis()));
        self.send_unconditional_update(update).await?;
        Ok(deletion)
    }

    /// Opens a counter that a deletion shut and left so: it was cut off, or its request arrived a second time when it
    /// was over. Whether fans may draw places again.
    pub(crate) async fn reopen_if_cut_off(&self, queue: &QueueId, shut: &JoinCounter) -> Result<bool, StoreError> {
        let Some(deletion) = shut.deleted.filter(|_| shut.deleted_at + MAX_DELETION <= self.now()) else {
            return Ok(false);
        };
        // A deletion that came to its end has marked the state, and shut the queue for good.
        let state = keys::queue_state(queue);
        let exists = ConditionCheck::builder()
            .table_name(self.table(state.table))
            .key("pk", request::s(&state.pk))
            .key("sk", request::s(&state.sk))
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(deleted)");
        let writes = [vec![transact_item(exists)?], self.reopen_writes(queue, deletion)?].concat();
        match self.transact(writes).await {
            Ok(()) => Ok(true),
            // Another deletion shut it since, or another fan opened it: the next draw sees which.
            Err(TransactFailure::Cancelled(reasons)) => {
                Ok(!matches!(reasons.first(), Some(CancellationReason::Condition(_))))
            }
            Err(TransactFailure::Contended { .. }) => Err(contention("open queue")),
            Err(TransactFailure::Store(error)) => Err(error),
        }
    }

    /// Lets fans draw places again, and enters the queue in the registry; nothing if another deletion shut it since.
    async fn reopen_counter(&self, queue: &QueueId, deletion: Uuid) -> Result<(), StoreError> {
        match self.transact(self.reopen_writes(queue, deletion)?).await {
            Ok(()) | Err(TransactFailure::Cancelled(_)) => Ok(()),
            Err(TransactFailure::Contended { .. }) => Err(contention("open queue")),
            Err(TransactFailure::Store(error)) => Err(error),
        }
    }

    fn reopen_writes(&self, queue: &QueueId, deletion: Uuid) -> Result<Vec<TransactWriteItem>, StoreError> {
        let registered = request::item(&keys::queue_registry(queue), &RegistryEntry { queue_id: queue.clone() }, None)?;
        // Asleep, whatever it was: no alarm stands for sure, and the next fan puts one.
        let open = self
            .transact_update(&keys::join_counter(queue))
            .update_expression("REMOVE deleted, deletedAt, woken")
            .condition_expression("deleted = :deletion")
            .expression_attribute_values(":deletion", request::s(deletion.to_string()));
        Ok(vec![transact_item(open)?, transact_item(self.transact_put(Table::Queues, registered))?])
    }
}
