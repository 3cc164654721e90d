//! Sessions of admitted fans, and the tombstones of places that nobody may claim any more.

use super::{
    Store, StoreError, keys,
    keys::Table,
    request::{self, WriteFailure, n},
};
use crate::{
    domain::{
        claims::QueueClaims,
        id::{QueueId, UserId},
        queue::QueueRules,
        session::{EndReason, Session},
        survey::Fence,
        ticket::Place,
        time::{Seconds, Timestamp},
    },
    telemetry::{meter::measure, metric::Metric},
};

/// How long tickets, sessions and tombstones are kept: longer than any place lives, so that no valid token can claim
/// its place a second time.
pub(crate) const QUEUE_ITEM_TTL: Seconds = Seconds(90 * 24 * 3_600);

impl Store {
    /// When TTL may delete a ticket, session or tombstone made at `now`.
    pub(crate) fn queue_item_ttl(now: Timestamp) -> Timestamp {
        now + QUEUE_ITEM_TTL
    }

    /// Reads the session or tombstone of a place as it is now.
    pub async fn session(&self, queue: &QueueId, place: Place) -> Result<Option<Session>, StoreError> {
        self.get(&keys::session(queue, place), true).await
    }

    /// Claims a place: puts its session if absent, and returns the session or tombstone that is there then (invariant
    /// 4: a fenced place is never claimed). A repeated claim returns the session of the first.
    pub(crate) async fn claim(&self, claims: &QueueClaims, rules: QueueRules) -> Result<Session, StoreError> {
        let (now, queue) = (self.now(), claims.queue_id.clone());
        let session = Session::claimed(queue, claims.place(), claims.user_id, now, rules.active, self.rules.hold);
        if let Some(found) = self.put_session_if_absent(&session).await? {
            return Ok(found);
        }
        measure(Metric::AdmissionWait, now.millis_since(claims.wait.issued_at) / 1_000.0);
        Ok(session)
    }

    /// Puts a tombstone at a place, so that nobody can claim it. If the place has a session or tombstone already,
    /// returns that instead.
    pub(crate) async fn put_tombstone(
        &self,
        queue: &QueueId,
        place: Place,
        user: Option<UserId>,
        reason: EndReason,
    ) -> Result<Option<Session>, StoreError> {
        let tombstone = Session::tombstone(queue.clone(), place, user, self.now(), reason);
        self.put_session_if_absent(&tombstone).await
    }

    /// Puts a session or tombstone. If the place has one already, returns that instead.
    async fn put_session_if_absent(&self, session: &Session) -> Result<Option<Session>, StoreError> {
        let key = keys::session(&session.queue_id, session.place);
        let item = request::item(&key, session, Some(Self::queue_item_ttl(self.now())))?;
        let put = self.put(Table::Queues, item).condition_expression("attribute_not_exists(pk)");
        match self.send_put(put).await {
            Ok(_) => Ok(None),
            Err(WriteFailure::Condition(Some(item))) => Ok(Some(request::parse(item)?)),
            Err(WriteFailure::Condition(None)) => Err(StoreError::unavailable("session vanished")),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Ends the session of a place, or puts a tombstone if it was not claimed. Returns the session as it is then. A
    /// session that had ended before keeps its reason.
    pub(crate) async fn end_session(
        &self,
        queue: &QueueId,
        place: Place,
        user: UserId,
        reason: EndReason,
    ) -> Result<Session, StoreError> {
        let Some(found) = self.put_tombstone(queue, place, Some(user), reason).await? else {
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

    /// Fences a place, so that its slot can be used again; returns `false` if its session is still live (invariant 4).
    pub(crate) async fn fence(&self, queue: &QueueId, fence: &Fence) -> Result<bool, StoreError> {
        let Fence::Expired { place, hold_until } = fence else {
            let found = self.put_tombstone(queue, fence.place(), None, EndReason::NoShow).await?;
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
