//! A fan's turn: where the ticket stands, claiming it when it was let in, leaving.

use super::{
    Failure, Store, StoreError, keys,
    queue_state::{FRONT_STATE_AGE_MILLIS, STATE_AGE_MILLIS},
    request::{WriteFailure, n},
};
use crate::domain::{
    id::{QueueId, TicketId, UserId},
    line::{Place, QueueState, Standing, Ticket, poll_after_seconds},
    refusal::Refusal,
    session::{EndReason, Session},
    time::{Seconds, Timestamp},
};

/// [`STATE_AGE_MILLIS`], rounded up.
const STATE_AGE: Seconds = Seconds(STATE_AGE_MILLIS.unsigned_abs().div_ceil(1_000) as u32);

/// What a fan is told of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// In line.
    Waiting {
        /// 1 = next in.
        position: u64,
        /// The end of the time that one may wait.
        until: Timestamp,
        /// By the rate of the last minute.
        estimated_wait_seconds: Option<u64>,
        /// When to ask again.
        poll_after_seconds: u64,
    },
    /// Let in.
    Active {
        /// The end of the session as it is now.
        until: Timestamp,
    },
    /// Paid, missed, expired, left or waited too long.
    Over,
}

/// A place that a fan proves to have, by a signed token or by the ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// Which issue of the place.
    pub ticket_id: TicketId,
    /// Who.
    pub user_id: UserId,
    /// The line.
    pub queue_id: QueueId,
    /// The place.
    pub place: Place,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Whether it is known to have been let in; saves a look at the queue.
    pub let_in: bool,
}

impl Claimant {
    /// The holder of a ticket.
    pub fn of(ticket: &Ticket) -> Self {
        Claimant {
            ticket_id: ticket.ticket_id,
            user_id: ticket.user_id,
            queue_id: ticket.queue_id.clone(),
            place: ticket.place,
            issued_at: ticket.issued_at,
            let_in: false,
        }
    }

    /// Refuses to act for anybody else.
    pub fn must_be(&self, user: Option<UserId>) -> Result<(), Refusal> {
        if user.is_none_or(|user| user == self.user_id) { Ok(()) } else { Err(Refusal::Forbidden) }
    }
}

impl Store {
    /// A fan's ticket for a queue, whatever became of it.
    pub async fn ticket(&self, queue: &QueueId, user: UserId) -> Result<Option<Ticket>, StoreError> {
        self.get(&keys::ticket(queue, user), true).await
    }

    /// Where a fan's turn stands. The first look after being let in claims the place.
    pub async fn turn(&self, claimant: &Claimant) -> Result<Turn, Failure> {
        if claimant.let_in {
            return self.turn_let_in(claimant).await;
        }
        let mut state = self.state_for(&claimant.queue_id, claimant.place).await?;
        let until = claimant.issued_at + state.settings.rules(self.rules.queue).waiting;
        if until <= self.now() && self.now() < until + STATE_AGE {
            // The state at hand may be from before the end of the wait: whoever was let in since is not turned away.
            state = self.queue_state(&claimant.queue_id, 0).await?;
        }
        self.turn_by(&state, claimant).await
    }

    /// Where the turn of a ticket stands. Its session is looked at first: whoever was told of being let in by one
    /// environment is not told of waiting by another's older state.
    pub async fn turn_of_ticket(&self, ticket: &Ticket) -> Result<Turn, Failure> {
        match self.session(&ticket.queue_id, ticket.place).await? {
            Some(session) => Ok(self.turn_of(&session)),
            None => self.turn(&Claimant::of(ticket)).await,
        }
    }

    /// [`Store::turn`] by a state at hand.
    pub(crate) async fn turn_by(&self, state: &QueueState, claimant: &Claimant) -> Result<Turn, Failure> {
        let rules = state.settings.rules(self.rules.queue);
        match state.standing(claimant.place, claimant.issued_at, rules, self.now()) {
            // One write and no read: whatever is at the place already is what the put gives back.
            Standing::LetIn { claim_before } if self.now() < claim_before => {
                let session = self.claim(&claimant.queue_id, claimant.place, claimant.user_id, rules).await?;
                Ok(self.turn_of(&session))
            }
            Standing::LetIn { .. } => self.turn_let_in(claimant).await,
            Standing::WaitedTooLong => Ok(Turn::Over),
            Standing::Waiting { position } => Ok(Turn::Waiting {
                position,
                until: claimant.issued_at + rules.waiting,
                estimated_wait_seconds: state.estimated_wait_seconds(position, self.now()),
                poll_after_seconds: poll_after_seconds(position),
            }),
        }
    }

    /// The turn of a place that was let in: its session tells.
    async fn turn_let_in(&self, claimant: &Claimant) -> Result<Turn, Failure> {
        match self.session(&claimant.queue_id, claimant.place).await? {
            Some(session) => Ok(self.turn_of(&session)),
            None => match self.claim_in_time(claimant).await {
                Ok(session) => Ok(self.turn_of(&session)),
                Err(Failure::Refused(_)) => Ok(Turn::Over),
                Err(failure) => Err(failure),
            },
        }
    }

    /// What the session of a place says of its turn.
    pub(crate) fn turn_of(&self, session: &Session) -> Turn {
        if session.alive(self.now()) { Turn::Active { until: session.life_end() } } else { Turn::Over }
    }

    /// The state that a poll is answered from: the next in line get a fresher one.
    pub(crate) async fn state_for(&self, queue: &QueueId, place: Place) -> Result<QueueState, Failure> {
        let state = self.queue_state(queue, STATE_AGE_MILLIS).await?;
        if place > state.served && state.near_front(place, state.settings.rules(self.rules.queue)) {
            return self.queue_state(queue, FRONT_STATE_AGE_MILLIS).await;
        }
        Ok(state)
    }

    /// Claims a place without a session, if it was let in and its claim window is open. The state is read anew: a fan
    /// who was let in a moment ago is not sent back to the line.
    pub async fn claim_in_time(&self, claimant: &Claimant) -> Result<Session, Failure> {
        let state = self.queue_state(&claimant.queue_id, 0).await?;
        let rules = state.settings.rules(self.rules.queue);
        match state.standing(claimant.place, claimant.issued_at, rules, self.now()) {
            Standing::Waiting { position } => {
                Err(Refusal::NotActive { retry_after: poll_after_seconds(position) }.into())
            }
            Standing::LetIn { claim_before } if self.now() < claim_before => {
                Ok(self.claim(&claimant.queue_id, claimant.place, claimant.user_id, rules).await?)
            }
            Standing::LetIn { .. } | Standing::WaitedTooLong => Err(Refusal::SessionOver.into()),
        }
    }

    /// A live session for a route that needs one, claiming it if need be.
    pub async fn live_session(&self, claimant: &Claimant) -> Result<Session, Failure> {
        let session = match self.session(&claimant.queue_id, claimant.place).await? {
            Some(session) => session,
            None => self.claim_in_time(claimant).await?,
        };
        if session.alive(self.now()) { Ok(session) } else { Err(Refusal::SessionOver.into()) }
    }

    /// Leaves the line: the place is shut first, so that nothing new is held; then its open holds are cancelled; the
    /// ticket is marked last, so that an interrupted leave can be repeated.
    pub async fn leave(&self, claimant: &Claimant) -> Result<(), Failure> {
        let Claimant { user_id: user, queue_id: queue, place, .. } = claimant;
        let rules = self.queue_state(queue, STATE_AGE_MILLIS).await?.settings.rules(self.rules.queue);
        let session = self.end_session(queue, *place, *user, EndReason::Left, rules).await?;
        for reservation in session.holds.keys() {
            self.cancel_if_held(*user, *reservation).await?;
        }
        let mark = self
            .update(&keys::ticket(queue, *user))
            .update_expression("SET #left = :yes")
            .condition_expression("place = :place")
            .expression_attribute_names("#left", "left")
            .expression_attribute_values(":yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true))
            .expression_attribute_values(":place", n(place.get()));
        match self.send_update(mark).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error.into()),
        }
    }
}
