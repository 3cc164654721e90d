//! A fan's turn: where the ticket stands, claiming its place once admitted, leaving.

use super::{
    Failure, Store, StoreError, keys,
    queue_state::{FRONT_STATE_AGE_MILLIS, STATE_AGE_MILLIS},
    request::{WriteFailure, n},
};
use crate::domain::{
    claims::{Proof, QueueClaims},
    id::{QueueId, UserId},
    line::{LONGEST_PLACE, PlaceStatus, QueueRules, QueueState},
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
pub enum SessionStatus {
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

impl SessionStatus {
    /// Refuses one that is over, as a look at the token is told.
    ///
    /// # Errors
    /// [`Refusal::TokenOver`].
    pub fn or_over(self) -> Result<Self, Refusal> {
        match self {
            SessionStatus::Over(reason) => Err(Refusal::TokenOver { reason }),
            status => Ok(status),
        }
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
    pub async fn session_status(&self, claims: &QueueClaims) -> Result<SessionStatus, Failure> {
        if claims.active_until.is_some() {
            return self.admitted_session(claims).await;
        }
        let mut state = self.state_for(&claims.queue_id, claims.place()).await?;
        let now = self.now();
        let until = state.waits_until(claims.wait, now);
        if until <= now && now < until + STATE_AGE {
            // The state at hand may be from before the end of the wait: a fan admitted since is not turned away.
            state = self.queue_state(&claims.queue_id, 0).await?;
        }
        let status = self.session_from_state(&state, claims).await?;
        if matches!(status, SessionStatus::Waiting { .. }) {
            let notice = self.notice(&claims.queue_id).await;
            if notice.removed.contains(&claims.place()) {
                return Ok(SessionStatus::Over(EndReason::Removed));
            }
        }
        Ok(status)
    }

    /// Where a fan's turn stands, for the eyes of somebody else: the place is not claimed by it.
    ///
    /// # Errors
    /// [`Refusal::QueueNotFound`].
    pub async fn look(&self, claims: &QueueClaims) -> Result<SessionStatus, Failure> {
        let state = self.queue_state(&claims.queue_id, STATE_AGE_MILLIS).await?;
        let PlaceStatus::Admitted { claim_before } = state.place_status(claims.wait, self.now()) else {
            return self.session_from_state(&state, claims).await;
        };
        Ok(match self.session(&claims.queue_id, claims.place()).await? {
            Some(session) => self.session_from_item(&session),
            None if self.now() < claim_before => SessionStatus::Admitted { claim_before },
            None => SessionStatus::Over(EndReason::NoShow),
        })
    }

    /// Where the turn of a ticket stands: one read, beside a state that is at most a second old.
    pub async fn session_of_ticket(&self, ticket: &Ticket, proof: Proof) -> Result<SessionStatus, Failure> {
        self.session_status(&QueueClaims::of(ticket, proof)).await
    }

    /// [`Store::session_status`] by a state at hand.
    pub(crate) async fn session_from_state(
        &self,
        state: &QueueState,
        claims: &QueueClaims,
    ) -> Result<SessionStatus, Failure> {
        let rules = state.settings.rules(self.rules.queue);
        match state.place_status(claims.wait, self.now()) {
            // One write and no read: whatever is at the place already is what the put gives back.
            PlaceStatus::Admitted { claim_before } if self.now() < claim_before => {
                let session = self.claim(&claims.queue_id, claims.place(), claims.user_id, rules).await?;
                Ok(self.session_from_item(&session))
            }
            PlaceStatus::Admitted { .. } => self.admitted_session(claims).await,
            // Whoever left or was removed before has a tombstone that says so.
            PlaceStatus::WaitedTooLong => {
                let session = self.session(&claims.queue_id, claims.place()).await?;
                Ok(SessionStatus::Over(
                    session.and_then(|session| session.end_reason).unwrap_or(EndReason::WaitedTooLong),
                ))
            }
            PlaceStatus::Waiting { position } => Ok(SessionStatus::Waiting {
                position,
                until: state.waits_until(claims.wait, self.now()),
                outlook: state.outlook(position, rules, self.now()),
                poll_after_seconds: self.poll_after(state, position),
            }),
        }
    }

    /// The turn of an admitted place: its session says.
    async fn admitted_session(&self, claims: &QueueClaims) -> Result<SessionStatus, Failure> {
        match self.session(&claims.queue_id, claims.place()).await? {
            Some(session) => Ok(self.session_from_item(&session)),
            None => match self.claim_in_time(claims).await {
                Ok(session) => Ok(self.session_from_item(&session)),
                Err(Failure::Refused(Refusal::SessionOver { reason })) => Ok(SessionStatus::Over(reason)),
                Err(failure) => Err(failure),
            },
        }
    }

    /// What the session of a place says of its turn.
    pub(crate) fn session_from_item(&self, session: &Session) -> SessionStatus {
        if session.alive(self.now()) {
            SessionStatus::Active { until: session.life_end(), active_until: session.active_until }
        } else {
            SessionStatus::Over(session.end_reason_or_expired())
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
    pub async fn claim_in_time(&self, claims: &QueueClaims) -> Result<Session, Failure> {
        let state = self.queue_state(&claims.queue_id, 0).await?;
        let rules = state.settings.rules(self.rules.queue);
        match state.place_status(claims.wait, self.now()) {
            PlaceStatus::Waiting { position } => {
                Err(Refusal::NotActive { retry_after: self.poll_after(&state, position) }.into())
            }
            PlaceStatus::Admitted { claim_before } if self.now() < claim_before => {
                Ok(self.claim(&claims.queue_id, claims.place(), claims.user_id, rules).await?)
            }
            PlaceStatus::Admitted { .. } => Err(Refusal::SessionOver { reason: EndReason::NoShow }.into()),
            PlaceStatus::WaitedTooLong => Err(Refusal::SessionOver { reason: EndReason::WaitedTooLong }.into()),
        }
    }

    /// A live session for a route that needs one, claiming it if need be.
    pub async fn live_session(&self, claims: &QueueClaims) -> Result<Session, Failure> {
        let session = match self.session(&claims.queue_id, claims.place()).await? {
            Some(session) => session,
            None => self.claim_in_time(claims).await?,
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
