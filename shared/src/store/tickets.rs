//! The status of a fan's ticket, and the claim of its place after admission.

use super::{
    Failure, Store, StoreError, keys,
    queue_state::{MAX_FRONT_STATE_AGE_MILLIS, MAX_STATE_AGE_MILLIS},
};
use crate::domain::{
    claims::{QueueClaims, Standing, TicketClaims},
    id::{QueueId, UserId},
    pace::Outlook,
    polling::Polling,
    queue::{MAX_PLACE_LIFE, PlaceStatus, QueueRules, QueueState},
    refusal::Refusal,
    session::{EndReason, Session},
    ticket::{Place, Spot, Ticket, Wait},
    time::{Seconds, Timestamp},
};

/// [`MAX_STATE_AGE_MILLIS`] in seconds, rounded up.
const STATE_AGE: Seconds = Seconds(MAX_STATE_AGE_MILLIS.unsigned_abs().div_ceil(1_000) as u32);

/// The status of a fan's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStatus {
    /// Not admitted yet.
    Waiting {
        /// 1 is the next to be admitted.
        position: u64,
        /// When the waiting time ends, unless a pause or a later opening moves it.
        until: Timestamp,
        /// The estimated wait; `None` while nobody is admitted.
        outlook: Option<Outlook>,
        /// Seconds until the next poll.
        poll_after_seconds: u64,
    },
    /// Not admitted yet, and the place is not known.
    Unknown {
        /// About how many places the queue must move.
        position: u64,
        /// When the waiting time ends, unless a pause or a later opening moves it.
        until: Timestamp,
    },
    /// Admitted, and not claimed yet.
    Admitted {
        /// The end of the claim window.
        claim_before: Timestamp,
    },
    /// Claimed.
    Active {
        /// The end of the session with its present holds.
        until: Timestamp,
        /// The end of the session without holds, which never changes.
        active_until: Timestamp,
    },
    /// The place or session is over.
    Over(EndReason),
}

impl SessionStatus {
    /// Turns [`SessionStatus::Over`] into the refusal of the token routes.
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
    /// Reads a fan's ticket for a queue, also one that is over.
    pub async fn ticket(&self, queue: &QueueId, user: UserId) -> Result<Option<Ticket>, StoreError> {
        self.get(&keys::ticket(queue, user), true).await
    }

    /// The time until which a queue token must be valid at least: the end of the waiting time, plus claim window,
    /// session and hold, so that no fan with an open hold is cut off.
    pub fn token_end(&self, state: &QueueState, wait: Wait) -> Timestamp {
        let QueueRules { claim_window, active, .. } = state.settings.rules(self.rules.queue);
        let inside = claim_window + active + self.rules.hold;
        let waits_until = state.waits_until(wait, self.now()).max(self.now());
        waits_until.min(wait.issued_at + MAX_PLACE_LIFE) + inside
    }

    /// Returns the status of a fan's place. The first call after admission claims the place.
    pub async fn session_status(&self, claims: &QueueClaims) -> Result<SessionStatus, Failure> {
        if claims.active_until.is_some() {
            return self.admitted_session(claims).await;
        }
        let mut state = self.state_for(&claims.queue_id, claims.place()).await?;
        let now = self.now();
        let until = state.waits_until(claims.wait, now);
        if until <= now && now < until + STATE_AGE {
            // The wait ended a moment ago, and the cached state may be older: read again, or a fan who was admitted in
            // time would be answered that the place is over.
            state = self.queue_state(&claims.queue_id, 0).await?;
        }
        let status = self.session_from_state(&state, claims).await?;
        if matches!(status, SessionStatus::Waiting { .. }) {
            let notice = self.notice(&claims.queue_id).await;
            // What the session says, since a removed fan may have left before.
            if notice.removed.contains(&claims.place())
                && let Some(session) = self.session(&claims.queue_id, claims.place()).await?
            {
                return Ok(self.session_from_item(&session));
            }
        }
        Ok(status)
    }

    /// Returns the status of a fan's place without claiming it: for an admin, and for HEAD.
    ///
    /// # Errors
    /// [`Refusal::QueueNotFound`].
    pub async fn peek_session_status(&self, claims: &QueueClaims) -> Result<SessionStatus, Failure> {
        let state = self.queue_state(&claims.queue_id, MAX_STATE_AGE_MILLIS).await?;
        let PlaceStatus::Admitted { claim_before } = state.place_status(claims.wait, self.now()) else {
            return self.session_from_state(&state, claims).await;
        };
        Ok(match self.session(&claims.queue_id, claims.place()).await? {
            Some(session) => self.session_from_item(&session),
            None if self.now() < claim_before => SessionStatus::Admitted { claim_before },
            None => SessionStatus::Over(EndReason::NoShow),
        })
    }

    /// [`Store::session_status`] of the fan with a ticket, who is owed its place as soon as that is known.
    pub async fn stand(&self, standing: Standing) -> Result<(Standing, SessionStatus), Failure> {
        let standing = self.with_place(standing).await?;
        let status = match &standing {
            Standing::Place(claims) => self.session_status(claims).await?,
            Standing::Ticket(claims) => self.status_of_ticket(claims).await?,
        };
        Ok((standing, status))
    }

    /// The status of a fan whose place is not known.
    pub async fn status_of_ticket(&self, claims: &TicketClaims) -> Result<SessionStatus, Failure> {
        let state = self.queue_state(&claims.without_place().queue_id, MAX_STATE_AGE_MILLIS).await?;
        Ok(self.unknown_status(&state, claims).await)
    }

    /// A standing with its place, where that is known.
    pub async fn with_place(&self, standing: Standing) -> Result<Standing, StoreError> {
        let Standing::Ticket(claims) = &standing else { return Ok(standing) };
        let place = self.place_of(&claims.without_place().queue_id, &claims.ticket).await?;
        Ok(place.map_or(standing.clone(), |place| Standing::Place(claims.at(place))))
    }

    /// [`Store::status_of_ticket`] by a state that was read before. The estimate assumes that all shards are equally fast.
    pub(crate) async fn unknown_status(&self, state: &QueueState, claims: &TicketClaims) -> SessionStatus {
        let rest = claims.without_place();
        let places = self.line(&rest.queue_id).await.places;
        let ahead = (claims.ticket.number - 1) * u64::from(places.width) + u64::from(claims.ticket.shard) + 1;
        SessionStatus::Unknown {
            position: places.line.end.plus(ahead).behind(state.served).max(1),
            until: state.waits_until(rest.wait, self.now()),
        }
    }

    /// Hands over the place of a token that has only a number: reads the fan's ticket, which must be the token's own. A
    /// number that lost to another of the same fan, or whose fan left, must not become a place that can be claimed.
    ///
    /// # Errors
    /// [`Refusal::TokenOver`] for another ticket, and for one whose fan left.
    pub async fn hand_over(&self, claims: &TicketClaims) -> Result<Standing, Failure> {
        let standing = self.with_place(Standing::Ticket(claims.clone())).await?;
        let Standing::Place(placed) = &standing else { return Ok(standing) };
        let ticket = self.ticket(&placed.queue_id, placed.user_id).await?;
        if ticket.as_ref().is_some_and(|ticket| ticket.ticket_id == placed.ticket_id && !ticket.left) {
            return Ok(standing);
        }
        let session = self.session(&placed.queue_id, placed.place()).await?;
        let reason = session.and_then(|session| session.end_reason).unwrap_or(match ticket {
            Some(ticket) if ticket.ticket_id == placed.ticket_id => EndReason::Left,
            Some(_) | None => EndReason::Superseded,
        });
        Err(Refusal::TokenOver { reason }.into())
    }

    /// [`Store::session_status`] by a state that was read before.
    pub(crate) async fn session_from_state(
        &self,
        state: &QueueState,
        claims: &QueueClaims,
    ) -> Result<SessionStatus, Failure> {
        let rules = state.settings.rules(self.rules.queue);
        match state.place_status(claims.wait, self.now()) {
            // One write and no read: the put returns the session or tombstone that the place has already.
            PlaceStatus::Admitted { claim_before } if self.now() < claim_before => {
                let session = self.claim(claims, rules).await?;
                Ok(self.session_from_item(&session))
            }
            PlaceStatus::Admitted { .. } => self.admitted_session(claims).await,
            // A fan who left or was removed before has a tombstone with that reason.
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

    /// Reads the status of an admitted place from its session; claims the place if there is none and it is not too
    /// late.
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

    /// The status of the place of a session.
    pub(crate) fn session_from_item(&self, session: &Session) -> SessionStatus {
        if session.alive(self.now()) {
            SessionStatus::Active { until: session.life_end(), active_until: session.active_until }
        } else {
            SessionStatus::Over(session.end_reason_or_expired())
        }
    }

    /// Seconds until the next poll of the waiting fan at `position`.
    fn poll_after(&self, state: &QueueState, position: u64) -> u64 {
        let rules = state.settings.rules(self.rules.queue);
        let waiting = state.last_seen.behind(state.served).max(position);
        Polling::of(state, waiting, rules, self.now()).seconds(position, self.context.chance())
    }

    /// Returns the state from which a poll is answered: a fresher one for the fans at the front of the queue.
    pub(crate) async fn state_for(&self, queue: &QueueId, place: Place) -> Result<QueueState, Failure> {
        let state = self.queue_state(queue, MAX_STATE_AGE_MILLIS).await?;
        if place > state.served && state.near_front(place) {
            return self.queue_state(queue, MAX_FRONT_STATE_AGE_MILLIS).await;
        }
        Ok(state)
    }

    /// [`Store::state_for`] the place of a new ticket, where that is known.
    pub(crate) async fn state_for_spot(&self, queue: &QueueId, spot: Spot) -> Result<QueueState, Failure> {
        match spot {
            Spot::Place(place) => self.state_for(queue, place).await,
            Spot::Ticket(_) => self.queue_state(queue, MAX_STATE_AGE_MILLIS).await,
        }
    }

    /// Claims a place without a session, if it is admitted and its claim window is open. Reads the state consistently,
    /// so that a fan who was admitted a moment ago is not refused.
    ///
    /// # Errors
    /// [`Refusal::NotActive`] for a fan who waits, [`Refusal::SessionOver`] for a place that is over.
    pub async fn claim_in_time(&self, claims: &QueueClaims) -> Result<Session, Failure> {
        let state = self.queue_state(&claims.queue_id, 0).await?;
        let rules = state.settings.rules(self.rules.queue);
        match state.place_status(claims.wait, self.now()) {
            PlaceStatus::Waiting { position } => {
                Err(Refusal::NotActive { retry_after: self.poll_after(&state, position) }.into())
            }
            PlaceStatus::Admitted { claim_before } if self.now() < claim_before => {
                Ok(self.claim(claims, rules).await?)
            }
            PlaceStatus::Admitted { .. } => Err(Refusal::SessionOver { reason: EndReason::NoShow }.into()),
            PlaceStatus::WaitedTooLong => Err(Refusal::SessionOver { reason: EndReason::WaitedTooLong }.into()),
        }
    }

    /// Returns the live session of a place; claims the place if it has none.
    ///
    /// # Errors
    /// [`Refusal::NotActive`] for a fan who waits, [`Refusal::SessionOver`] for a place that is over.
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
}
