//! What a queue token proves: a fan, a place in a queue, and the login behind it.

use super::{
    id::{QueueId, TicketId, UserId},
    refusal::Refusal,
    ticket::{Place, Ticket, Wait},
    time::Timestamp,
};

/// What a fan proved by logging in, which every token made of it carries on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// When the fan logged in.
    pub authenticated_at: Timestamp,
    /// The version of the account then.
    pub account_version: u64,
}

/// A place that a fan proves to have, by a signed token or by the ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueClaims {
    /// Which issue of the place.
    pub ticket_id: TicketId,
    /// The fan.
    pub user_id: UserId,
    /// The queue.
    pub queue_id: QueueId,
    /// The place, and what decides how long it may wait.
    pub wait: Wait,
    /// The login that it goes back to.
    pub proof: Proof,
    /// The end of its session without holds, where that is known; saves a look at the queue.
    pub active_until: Option<Timestamp>,
}

impl QueueClaims {
    /// The holder of a ticket.
    pub fn of(ticket: &Ticket, proof: Proof) -> Self {
        QueueClaims {
            ticket_id: ticket.ticket_id,
            user_id: ticket.user_id,
            queue_id: ticket.queue_id.clone(),
            wait: ticket.wait(),
            proof,
            active_until: None,
        }
    }

    /// The place.
    pub fn place(&self) -> Place {
        self.wait.place
    }

    /// Refuses to act for anybody else.
    pub fn must_be(&self, user: Option<UserId>) -> Result<(), Refusal> {
        if user.is_none_or(|user| user == self.user_id) { Ok(()) } else { Err(Refusal::Forbidden) }
    }
}
