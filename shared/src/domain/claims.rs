//! What a queue token proves: a fan, a place in a queue, and the login behind it.

use super::{
    id::{QueueId, TicketId, UserId},
    line::LineTicket,
    refusal::Refusal,
    ticket::{Place, Spot, Ticket, Wait},
    time::Timestamp,
};

/// The login that a token goes back to. Every token that comes of it carries these values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// When the fan logged in.
    pub authenticated_at: Timestamp,
    /// The version of the account at the login.
    pub account_version: u64,
}

/// A fan's place in a queue, proved by a signed queue token or by the stored ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueClaims {
    /// The id of the ticket, `jti` in the token.
    pub ticket_id: TicketId,
    /// The fan.
    pub user_id: UserId,
    /// The queue.
    pub queue_id: QueueId,
    /// The place, and what decides how long it may wait.
    pub wait: Wait,
    /// The login that the place goes back to.
    pub proof: Proof,
    /// The end of the session without the time that holds add, if the token was signed after the claim. It saves
    /// reading the queue's state.
    pub active_until: Option<Timestamp>,
}

impl QueueClaims {
    /// The claims of the fan who owns a ticket, at its place.
    pub fn of(ticket: &Ticket, place: Place, proof: Proof) -> Self {
        QueueClaims {
            ticket_id: ticket.ticket_id,
            user_id: ticket.user_id,
            queue_id: ticket.queue_id.clone(),
            wait: ticket.wait(place),
            proof,
            active_until: None,
        }
    }

    /// The place.
    pub fn place(&self) -> Place {
        self.wait.place
    }

    /// Refuses to act for another fan than the owner of the place. `None` names nobody and passes.
    pub fn must_be(&self, user: Option<UserId>) -> Result<(), Refusal> {
        if user.is_none_or(|user| user == self.user_id) { Ok(()) } else { Err(Refusal::Forbidden) }
    }
}

/// A fan's number in a queue whose place is not known yet, proved like a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketClaims {
    /// The number.
    pub ticket: LineTicket,
    /// The rest of the claims. They have no place.
    rest: QueueClaims,
}

impl TicketClaims {
    /// The claims once the place is known.
    pub fn at(&self, place: Place) -> QueueClaims {
        QueueClaims { wait: Wait { place, ..self.rest.wait }, ..self.rest.clone() }
    }

    /// The claims without a place.
    pub fn without_place(&self) -> &QueueClaims {
        &self.rest
    }
}

/// What a queue token proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A place.
    Place(QueueClaims),
    /// A number.
    Ticket(TicketClaims),
}

impl Standing {
    /// The claims that are made of a place, or of a number.
    pub fn new(spot: Spot, claims: impl FnOnce(Place) -> QueueClaims) -> Self {
        match spot {
            Spot::Place(place) => Standing::Place(claims(place)),
            Spot::Ticket(ticket) => Standing::Ticket(TicketClaims { ticket, rest: claims(Place::NONE) }),
        }
    }

    /// What the owner of a stored ticket could prove.
    pub fn of(ticket: &Ticket, proof: Proof) -> Self {
        Self::new(ticket.spot, |place| QueueClaims::of(ticket, place, proof))
    }

    /// The claims, with or without a place.
    pub fn claims(&self) -> &QueueClaims {
        match self {
            Standing::Place(claims) => claims,
            Standing::Ticket(claims) => &claims.rest,
        }
    }

    /// The place, or what gives it.
    pub fn spot(&self) -> Spot {
        match self {
            Standing::Place(claims) => Spot::Place(claims.place()),
            Standing::Ticket(claims) => Spot::Ticket(claims.ticket),
        }
    }
}
