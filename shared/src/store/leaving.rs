//! Leaving a queue, also before the place is known.

use super::{
    Failure, Store, StoreError, keys,
    keys::Table,
    numbers::JoinCounter,
    request::{self, WriteFailure},
};
use crate::domain::{
    id::{QueueId, TicketId, UserId},
    line::LineTicket,
    reservation::CancelReason,
    session::EndReason,
    ticket::{Place, Spot, Ticket},
};
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::try_join;
use serde::{Deserialize, Serialize};

/// A number whose fan left, or which lost to another of the same fan, before its place was known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Void {
    /// The number.
    #[serde(flatten)]
    pub ticket: LineTicket,
    /// The fan.
    pub user_id: UserId,
    /// Why the number has no fan any more.
    pub reason: EndReason,
}

impl Store {
    /// Leaves a queue with the ticket that is stored, or removes the fan. Returns the place, where it is known.
    pub async fn leave_with(&self, ticket: &Ticket, reason: EndReason) -> Result<Option<Place>, Failure> {
        self.leave(&ticket.queue_id, ticket.user_id, ticket.ticket_id, ticket.spot, reason).await
    }

    /// Leaves a queue, or removes a fan from it. Ends the place first, so that no new hold is made; then cancels the
    /// open holds; marks the ticket last, so that an interrupted leave can be repeated. Returns the place, where it is
    /// known.
    pub async fn leave(
        &self,
        queue: &QueueId,
        user: UserId,
        id: TicketId,
        spot: Spot,
        reason: EndReason,
    ) -> Result<Option<Place>, Failure> {
        let place = match spot {
            Spot::Place(place) => Some(place),
            Spot::Ticket(ticket) => match self.place_of(queue, &ticket).await? {
                Some(place) => Some(place),
                None => {
                    self.mark_left(queue, user, id).await?;
                    self.void(queue, &Void { ticket, user_id: user, reason }).await?
                }
            },
        };
        let Some(place) = place else { return Ok(None) };
        let session = self.end_session(queue, place, user, reason).await?;
        let why = if reason == EndReason::Removed { CancelReason::Removed } else { CancelReason::Left };
        for reservation in session.open_holds(self.now()) {
            self.cancel_if_held(user, reservation, why).await?;
        }
        self.mark_left(queue, user, id).await?;
        Ok(Some(place))
    }

    async fn mark_left(&self, queue: &QueueId, user: UserId, id: TicketId) -> Result<(), StoreError> {
        let mark = self
            .update(&keys::ticket(queue, user))
            .update_expression("SET #left = :yes")
            .condition_expression("ticketId = :id")
            .expression_attribute_names("#left", "left")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":id", request::value(&id)?);
        match self.send_update(mark).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Gives up a number whose place is not known: it must not become a live place. Puts a VOID, which the sequencer turns
    /// into a tombstone once the place is known. Only then looks whether the place is known by now, and returns it: the
    /// sequencer looks for VOIDs after it made places known, so one of the two sees the other.
    pub(super) async fn void(&self, queue: &QueueId, void: &Void) -> Result<Option<Place>, StoreError> {
        let ticket = &void.ticket;
        let item = request::item(&keys::void(queue, ticket), void, Some(Self::queue_item_ttl(self.now())))?;
        self.send_unconditional_put(self.put(Table::Queues, item)).await?;
        let counter = keys::join_counter(queue, 0);
        let (counter, line, record) = try_join!(
            self.get::<JoinCounter>(&counter, true),
            self.line_now(queue),
            self.interval(queue, ticket.interval),
        )?;
        if let Some(record) = record {
            return Ok(record.place(ticket));
        }
        let by_offset = counter.unwrap_or_default().shard.place_of(ticket);
        Ok(by_offset.or_else(|| line.places.line.calm_place(ticket)))
    }

    /// Makes sure that a number of a fan who has another ticket gives no live place.
    pub(super) async fn give_up(&self, queue: &QueueId, spot: Spot, user_id: UserId) -> Result<(), StoreError> {
        let place = match spot {
            Spot::Place(place) => Some(place),
            Spot::Ticket(ticket) => self.void(queue, &Void { ticket, user_id, reason: EndReason::Superseded }).await?,
        };
        if let Some(place) = place {
            self.put_tombstone(queue, place, Some(user_id), EndReason::Superseded).await?;
        }
        Ok(())
    }
}
