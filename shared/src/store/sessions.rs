//! Sessions of fans who were let in, and the tombstones of places that nobody may claim any more.

use super::{
    Store, StoreError, keys,
    keys::Table,
    request::{self, WriteFailure, n, s},
};
use crate::domain::{
    id::{QueueId, UserId},
    line::{Place, QueueRules},
    promotion::Fence,
    session::{EndReason, Session},
    time::{Seconds, Timestamp},
};
use futures_util::future::try_join_all;
use std::collections::BTreeMap;

const TTL_GRACE: Seconds = Seconds(3600);
/// Kept at least so long: an admin may lengthen the times of a queue after tickets were issued.
const SHORTEST_TTL: Seconds = Seconds(24 * 3600);

impl Store {
    /// How long a queue token may be signed for: all that a fan may go through, added up, so that nobody with an open
    /// hold is cut off.
    pub fn token_life(&self, rules: QueueRules) -> Seconds {
        rules.waiting + rules.claim_window + rules.active + self.rules.hold
    }

    /// When TTL may delete a session, ticket or tombstone made at `now`: after every token for it.
    pub(crate) fn queue_item_ttl(&self, rules: QueueRules, now: Timestamp) -> Timestamp {
        now + self.token_life(rules).max(SHORTEST_TTL) + TTL_GRACE
    }

    /// The session of a place as it is now.
    pub async fn session(&self, queue: &QueueId, place: Place) -> Result<Option<Session>, StoreError> {
        self.get(&keys::session(queue, place), true).await
    }

    /// Claims a place: puts its session if there is none and returns the one that is there (invariant 4: a fenced place
    /// is never claimed). A repeated claim finds the first.
    pub(crate) async fn claim(
        &self,
        queue: &QueueId,
        place: Place,
        user: UserId,
        rules: QueueRules,
    ) -> Result<Session, StoreError> {
        let now = self.now();
        let session = Session::claimed(queue.clone(), place, user, now, rules.active, self.rules.hold);
        Ok(self.put_session_if_absent(&session, rules).await?.unwrap_or(session))
    }

    /// Shuts a place for ever, if nobody has claimed it; else returns its session.
    pub(crate) async fn entomb(
        &self,
        queue: &QueueId,
        place: Place,
        user: Option<UserId>,
        reason: EndReason,
        rules: QueueRules,
    ) -> Result<Option<Session>, StoreError> {
        let tombstone = Session::tombstone(queue.clone(), place, user, self.now(), reason);
        self.put_session_if_absent(&tombstone, rules).await
    }

    /// Puts a session or tombstone; returns what is already there instead.
    async fn put_session_if_absent(&self, session: &Session, rules: QueueRules) -> Result<Option<Session>, StoreError> {
        let key = keys::session(&session.queue_id, session.place);
        let item = request::item(&key, session, Some(self.queue_item_ttl(rules, self.now())))?;
        let put = self.put(Table::Queues, item).condition_expression("attribute_not_exists(pk)");
        match self.send_put(put).await {
            Ok(_) => Ok(None),
            Err(WriteFailure::Condition(Some(item))) => Ok(Some(request::parse(item)?)),
            Err(WriteFailure::Condition(None)) => Err(StoreError::Unavailable("session vanished".to_owned())),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Ends the session of a place, or shuts the place if it was not claimed. Returns the session as it is then; one
    /// that had ended keeps its reason.
    pub(crate) async fn end_session(
        &self,
        queue: &QueueId,
        place: Place,
        user: UserId,
        reason: EndReason,
        rules: QueueRules,
    ) -> Result<Session, StoreError> {
        let Some(found) = self.entomb(queue, place, Some(user), reason, rules).await? else {
            return Ok(Session::tombstone(queue.clone(), place, Some(user), self.now(), reason));
        };
        let update = self
            .update(&keys::session(queue, place))
            .update_expression("SET ended = :now, endReason = :reason")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(ended)")
            .expression_attribute_values(":now", n(self.now().millis()))
            .expression_attribute_values(":reason", request::value(&reason)?)
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
        match self.send_update(update).await {
            Ok(output) => request::parse(output.attributes.unwrap_or_default()),
            Err(WriteFailure::Condition(Some(item))) => request::parse(item),
            Err(WriteFailure::Condition(None)) => Ok(found),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// All sessions of a queue from `floor` on. May miss the newest: who counts with it fences before reusing a slot.
    pub(crate) async fn sessions_from(
        &self,
        queue: &QueueId,
        floor: Place,
    ) -> Result<BTreeMap<Place, Session>, StoreError> {
        let partitions = (0..keys::SESSION_PARTITIONS).map(|partition| async move {
            let query = self
                .query(Table::Queues, &keys::session_partition(queue, partition))
                .key_condition_expression("pk = :pk AND sk >= :floor")
                .expression_attribute_values(":floor", s(keys::place_sort(floor)));
            self.all_pages(query).await
        });
        let items = try_join_all(partitions).await?.into_iter().flatten();
        items.map(|item| request::parse::<Session>(item).map(|session| (session.place, session))).collect()
    }

    /// Shuts a slot's owner out; `false` when that failed because the owner still lives (invariant 4).
    pub(crate) async fn fence(&self, queue: &QueueId, fence: &Fence, rules: QueueRules) -> Result<bool, StoreError> {
        let Fence::Expired { place, hold_until } = fence else {
            let found = self.entomb(queue, fence.place(), None, EndReason::NoShow, rules).await?;
            return Ok(found.is_none_or(|session| session.ended.is_some()));
        };
        let update = self
            .update(&keys::session(queue, *place))
            .update_expression("SET ended = :now, endReason = :reason")
            .condition_expression("attribute_not_exists(ended) AND holdUntil = :hold")
            .expression_attribute_values(":now", n(self.now().millis()))
            .expression_attribute_values(":reason", request::value(&EndReason::Expired)?)
            .expression_attribute_values(":hold", n(hold_until.millis()));
        match self.send_update(update).await {
            Ok(_) => Ok(true),
            Err(WriteFailure::Condition(item)) => {
                let session: Option<Session> = item.map(request::parse).transpose()?;
                Ok(session.is_none_or(|session| session.ended.is_some()))
            }
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}
