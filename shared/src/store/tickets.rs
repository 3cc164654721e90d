//! A fan's turn: where the ticket stands, claiming its place once admitted, leaving.

use super::{
    Failure, Store, StoreError, keys,
    queue_state::{FRONT_STATE_AGE_MILLIS, STATE_AGE_MILLIS},
    request::{WriteFailure, n},
};
use crate::domain::{
    id::{QueueId, TicketId, UserId},
    line::{LONGEST_PLACE, QueueRules, QueueState, Standing},
    pace::Outlook,
    polling::Polling,
    refusal::Refusal,
    reservation::CancelReason,
    session::{EndReason, Session},
    ticket::{Place, Ticket, Wait},
    time::{Seconds, Timestamp},
};

/// [`STATE_AGE_MILLIS`], rounded up.
const STATE_AGE: Seconds = Seconds(STATE_AGE_MILLIS.unsigned_abs().div_ceil(1_000) as u32);

/// Where a fan's turn stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Not admitted yet.
    Waiting {
        /// 1 = next.
        position: u64,
        /// The end of the waiting time as things stand.
        until: Timestamp,
        /// The estimated wait; `None` while nobody is admitted.
        outlook: Option<Outlook>,
        /// When to ask again.
        poll_after_seconds: u64,
    },
    /// Admitted, and not claimed yet.
    Admitted {
        /// The end of the claim window.
        claim_before: Timestamp,
    },
    /// Claimed.
    Active {
        /// The end of the session as it is now.
        until: Timestamp,
        /// What it would be without holds: it never changes.
        active_until: Timestamp,
    },
    /// Over.
    Over(EndReason),
}

impl Turn {
    /// Refuses one that is over, as a look at the token is told.
    ///
    /// # Errors
    /// [`Refusal::TokenOver`].
    pub fn or_over(self) -> Result<Self, Refusal> {
        match self {
            Turn::Over(reason) => Err(Refusal::TokenOver { reason }),
            turn => Ok(turn),
        }
    }
}

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
pub struct Claimant {
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

impl Claimant {
    /// The holder of a ticket.
    pub fn of(ticket: &Ticket, proof: Proof) -> Self {
        Claimant {
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

impl Store {
    /// A fan's ticket for a queue, whatever became of it.
    pub async fn ticket(&self, queue: &QueueId, user: UserId) -> Result<Option<Ticket>, StoreError> {
        self.get(&keys::ticket(queue, user), true).await
    }

    /// When a queue token must be good until, at the least: the waiting time as things stand, and all that may follow it,
    /// so that no fan with an open hold is cut off.
    pub fn token_end(&self, state: &QueueState, wait: Wait) -> Timestamp {
        let QueueRules { claim_window, active, .. } = state.settings.rules(self.rules.queue);
        let inside = claim_window + active + self.rules.hold;
        let waits_until = state.waits_until(wait, self.now()).max(self.now());
        waits_until.min(wait.issued_at + LONGEST_PLACE) + inside
    }

    /// Where a fan's turn stands. The first look after being admitted claims the place.
    pub async fn turn(&self, claimant: &Claimant) -> Result<Turn, Failure> {
        if claimant.active_until.is_some() {
            return self.turn_admitted(claimant).await;
        }
        let mut state = self.state_for(&claimant.queue_id, claimant.place()).await?;
        let now = self.now();
        let until = state.waits_until(claimant.wait, now);
        if until <= now && now < until + STATE_AGE {
            // The state at hand may be from before the end of the wait: a fan admitted since is not turned away.
            state = self.queue_state(&claimant.queue_id, 0).await?;
        }
        let turn = self.turn_by(&state, claimant).await?;
        if matches!(turn, Turn::Waiting { .. }) {
            let notice = self.notice(&claimant.queue_id).await;
            if notice.removed.contains(&claimant.place()) {
                return Ok(Turn::Over(EndReason::Removed));
            }
        }
        Ok(turn)
    }

    /// Where a fan's turn stands, for the eyes of somebody else: the place is not claimed by it.
    ///
    /// # Errors
    /// [`Refusal::QueueNotFound`].
    pub async fn look(&self, claimant: &Claimant) -> Result<Turn, Failure> {
        let state = self.queue_state(&claimant.queue_id, STATE_AGE_MILLIS).await?;
        let Standing::Admitted { claim_before } = state.standing(claimant.wait, self.now()) else {
            return self.turn_by(&state, claimant).await;
        };
        Ok(match self.session(&claimant.queue_id, claimant.place()).await? {
            Some(session) => self.turn_of(&session),
            None if self.now() < claim_before => Turn::Admitted { claim_before },
            None => Turn::Over(EndReason::NoShow),
        })
    }

    /// Where the turn of a ticket stands: one read, beside a state that is at most a second old.
    pub async fn turn_of_ticket(&self, ticket: &Ticket, proof: Proof) -> Result<Turn, Failure> {
        self.turn(&Claimant::of(ticket, proof)).await
    }

    /// [`Store::turn`] by a state at hand.
    pub(crate) async fn turn_by(&self, state: &QueueState, claimant: &Claimant) -> Result<Turn, Failure> {
        let rules = state.settings.rules(self.rules.queue);
        match state.standing(claimant.wait, self.now()) {
            // One write and no read: whatever is at the place already is what the put gives back.
            Standing::Admitted { claim_before } if self.now() < claim_before => {
                let session = self.claim(&claimant.queue_id, claimant.place(), claimant.user_id, rules).await?;
                Ok(self.turn_of(&session))
            }
            Standing::Admitted { .. } => self.turn_admitted(claimant).await,
            // Whoever left or was removed before has a tombstone that says so.
            Standing::WaitedTooLong => {
                let session = self.session(&claimant.queue_id, claimant.place()).await?;
                Ok(Turn::Over(session.and_then(|session| session.end_reason).unwrap_or(EndReason::WaitedTooLong)))
            }
            Standing::Waiting { position } => Ok(Turn::Waiting {
                position,
                until: state.waits_until(claimant.wait, self.now()),
                outlook: state.outlook(position, rules, self.now()),
                poll_after_seconds: self.poll_after(state, position),
            }),
        }
    }

    /// The turn of an admitted place: its session says.
    async fn turn_admitted(&self, claimant: &Claimant) -> Result<Turn, Failure> {
        match self.session(&claimant.queue_id, claimant.place()).await? {
            Some(session) => Ok(self.turn_of(&session)),
            None => match self.claim_in_time(claimant).await {
                Ok(session) => Ok(self.turn_of(&session)),
                Err(Failure::Refused(Refusal::SessionOver { reason })) => Ok(Turn::Over(reason)),
                Err(failure) => Err(failure),
            },
        }
    }

    /// What the session of a place says of its turn.
    pub(crate) fn turn_of(&self, session: &Session) -> Turn {
        if session.alive(self.now()) {
            Turn::Active { until: session.life_end(), active_until: session.active_until }
        } else {
            Turn::Over(session.end_reason_or_expired())
        }
    }

    /// When the waiting fan at `position` should ask again, in seconds.
    fn poll_after(&self, state: &QueueState, position: u64) -> u64 {
        let rules = state.settings.rules(self.rules.queue);
        let waiting = state.last_seen.behind(state.served).max(position);
        Polling::of(state, waiting, rules, self.now()).seconds(position, self.context.chance())
    }

    /// The state that a poll is answered from: the next in the queue get a fresher one.
    pub(crate) async fn state_for(&self, queue: &QueueId, place: Place) -> Result<QueueState, Failure> {
        let state = self.queue_state(queue, STATE_AGE_MILLIS).await?;
        if place > state.served && state.near_front(place) {
            return self.queue_state(queue, FRONT_STATE_AGE_MILLIS).await;
        }
        Ok(state)
    }

    /// Claims a place without a session, if it is admitted and its claim window is open. The state is read again: a fan
    /// who was admitted a moment ago is not sent back to the queue.
    pub async fn claim_in_time(&self, claimant: &Claimant) -> Result<Session, Failure> {
        let state = self.queue_state(&claimant.queue_id, 0).await?;
        let rules = state.settings.rules(self.rules.queue);
        match state.standing(claimant.wait, self.now()) {
            Standing::Waiting { position } => {
                Err(Refusal::NotActive { retry_after: self.poll_after(&state, position) }.into())
            }
            Standing::Admitted { claim_before } if self.now() < claim_before => {
                Ok(self.claim(&claimant.queue_id, claimant.place(), claimant.user_id, rules).await?)
            }
            Standing::Admitted { .. } => Err(Refusal::SessionOver { reason: EndReason::NoShow }.into()),
            Standing::WaitedTooLong => Err(Refusal::SessionOver { reason: EndReason::WaitedTooLong }.into()),
        }
    }

    /// A live session for a route that needs one, claiming it if need be.
    pub async fn live_session(&self, claimant: &Claimant) -> Result<Session, Failure> {
        let session = match self.session(&claimant.queue_id, claimant.place()).await? {
            Some(session) => session,
            None => self.claim_in_time(claimant).await?,
        };
        if session.alive(self.now()) {
            Ok(session)
        } else {
            Err(Refusal::SessionOver { reason: session.end_reason_or_expired() }.into())
        }
    }

    /// Leaves a queue, or removes a fan from it: the place is shut first, so that nothing new is held; then its open
    /// holds are cancelled; the ticket is marked last, so that an interrupted leave can be repeated.
    pub async fn leave(&self, queue: &QueueId, user: UserId, place: Place, reason: EndReason) -> Result<(), Failure> {
        let session = self.end_session(queue, place, user, reason).await?;
        let why = if reason == EndReason::Removed { CancelReason::Removed } else { CancelReason::Left };
        for reservation in session.holds.keys() {
            self.cancel_if_held(user, *reservation, why).await?;
        }
        let mark = self
            .update(&keys::ticket(queue, user))
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
