//! Joining a queue.

use super::{
    Failure, Store, StoreError, contention, keys,
    keys::Table,
    queue_state::{JoinCounter, MAX_STATE_AGE_MILLIS, WalkIn},
    request::{self, WriteFailure, n},
    tickets::SessionStatus,
};
use crate::{
    domain::{
        claims::{Proof, QueueClaims},
        id::{QueueId, UserId},
        limit::Limit,
        queue::QueueState,
        refusal::Refusal,
        session::EndReason,
        ticket::{Draws, Place, Ticket},
    },
    telemetry::{meter::measure, metric::Metric},
};
use futures_util::try_join;

/// Places that one request draws, one after another, if each is over before the request is answered.
const MAX_PLACES: u32 = 3;

/// A fan with a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The ticket.
    pub ticket: Ticket,
    /// The status of its place.
    pub session: SessionStatus,
    /// Whether this request issued the ticket.
    pub new: bool,
}

impl Store {
    /// Returns the fan's live ticket, or draws a place at the end of the queue. If nobody waits and a slot is free, the
    /// fan is admitted at once. The request is counted against `limits` in parallel with its reads, and draws no place
    /// if it is beyond one of them.
    ///
    /// # Errors
    /// [`Refusal::TooManyRequests`] beyond a limit, or beyond the places that a fan may draw in an hour;
    /// [`Refusal::QueueNotFound`].
    pub async fn join(&self, queue: &QueueId, user: UserId, proof: Proof, limits: &[Limit]) -> Result<Joined, Failure> {
        let reads = async { try_join!(self.find_queue_state(queue, MAX_STATE_AGE_MILLIS), self.ticket(queue, user)) };
        // A failed read must not end the count: a limit that is reached is answered first.
        let ((), read) = try_join!(self.count(limits), async { Ok(reads.await) })?;
        let (found, mut old) = read?;
        let mut state = self.found_or_created(queue, found).await?;
        for _ in 0..MAX_PLACES {
            let joined = self.join_once(state, old, user, proof).await?;
            if !matches!(joined.session, SessionStatus::Over(_)) {
                return Ok(joined);
            }
            // The place is over before the request is answered: the function stalled for longer than the claim window.
            (state, old) = (self.queue_state(queue, 0).await?, Some(joined.ticket));
        }
        Err(contention("join").into())
    }

    async fn join_once(
        &self,
        state: QueueState,
        old: Option<Ticket>,
        user: UserId,
        proof: Proof,
    ) -> Result<Joined, Failure> {
        let queue = &state.queue_id.clone();
        if let Some(ticket) = &old
            && let Some(session) = self.current_or_superseded(ticket, proof).await?
        {
            return Ok(Joined { ticket: ticket.clone(), session, new: false });
        }
        let draws = old.as_ref().map_or(Draws::default(), |ticket| ticket.draws).at(self.now());
        self.may_draw(draws)?;
        let (ticket, counter) = self.draw_ticket(&state, user, draws).await?;
        let place = ticket.place;
        // Wake the queue before the ticket is put: a crash in between must not leave a fan waiting in a sleeping queue.
        self.wake(queue, &counter, state.free <= 0 || !state.settings.admits(self.now())).await?;
        let (winner, state) = try_join!(
            async { self.put_ticket(&ticket, old.map(|ticket| ticket.place)).await.map_err(Failure::from) },
            self.state_for(queue, place),
        )?;
        if let Some(winner) = winner {
            self.put_tombstone(queue, place, Some(user), EndReason::Superseded).await?;
            self.count_lost_draw(&winner).await?;
            let session = self.session_of_ticket(&winner, proof).await?;
            return Ok(Joined { ticket: winner, session, new: false });
        }
        let rules = state.settings.rules(self.rules.queue);
        let claims = QueueClaims::of(&ticket, proof);
        let session = match self.walk_in(state, place).await? {
            WalkIn::Admitted => {
                measure(Metric::Admissions, 1.0);
                self.session_from_item(&self.claim(&claims, rules).await?)
            }
            WalkIn::Wait(state) => self.session_from_state(&state, &claims).await?,
        };
        Ok(Joined { ticket, session, new: true })
    }

    /// Refuses to draw more places than a fan may draw from one queue in an hour.
    fn may_draw(&self, draws: Draws) -> Result<(), Refusal> {
        let max = self.rules.places_per_fan;
        if max > 0 && draws.count >= max {
            let retry_after = draws.hour_end().seconds_left(self.now()).max(1);
            return Err(Refusal::TooManyRequests { retry_after });
        }
        Ok(())
    }

    /// Draws a place and makes its ticket. Reads the queue's clock before the draw, so that no sample that includes the
    /// place is earlier: the place would be passed as dead too soon.
    async fn draw_ticket(
        &self,
        state: &QueueState,
        user: UserId,
        draws: Draws,
    ) -> Result<(Ticket, JoinCounter), Failure> {
        let now = self.now();
        let wait_clock = state.clock(now);
        let counter = self.draw_place(&state.queue_id).await?;
        let ticket = Ticket {
            ticket_id: self.context.ticket_id(),
            user_id: user,
            queue_id: state.queue_id.clone(),
            place: counter.last,
            issued_at: now.whole_seconds(),
            waiting_seconds: state.settings.rules(self.rules.queue).waiting,
            wait_clock,
            draws: draws.and_one(),
            left: false,
        };
        Ok((ticket, counter))
    }

    /// Returns the status of a ticket whose place is not over, otherwise `None`. Then the place has a tombstone first,
    /// so that a fan never has two live places.
    async fn current_or_superseded(&self, ticket: &Ticket, proof: Proof) -> Result<Option<SessionStatus>, Failure> {
        if ticket.left {
            return Ok(None);
        }
        let session = self.session_of_ticket(ticket, proof).await?;
        if !matches!(session, SessionStatus::Over(_)) {
            return Ok(Some(session));
        }
        let (queue, user) = (&ticket.queue_id, Some(ticket.user_id));
        let found = self.put_tombstone(queue, ticket.place, user, EndReason::Superseded).await?;
        match found.filter(|session| session.alive(self.now())) {
            Some(session) => Ok(Some(self.session_from_item(&session))),
            None => Ok(None),
        }
    }

    /// Puts a ticket if the fan has none, or only that of the place `old`, which is over. Otherwise returns the ticket
    /// that was put first. Recognises its own ticket by the id, if the first answer was lost.
    async fn put_ticket(&self, ticket: &Ticket, old: Option<Place>) -> Result<Option<Ticket>, StoreError> {
        let key = keys::ticket(&ticket.queue_id, ticket.user_id);
        let item = request::item(&key, ticket, Some(Self::queue_item_ttl(self.now())))?;
        let put = self
            .put(Table::Queues, item)
            .condition_expression("attribute_not_exists(pk) OR place = :old")
            .expression_attribute_values(":old", n(old.unwrap_or(Place::NONE).get()));
        match self.send_put(put).await {
            Ok(_) => Ok(None),
            Err(WriteFailure::Condition(Some(item))) => {
                let winner: Ticket = request::parse(item)?;
                Ok((winner.ticket_id != ticket.ticket_id).then_some(winner))
            }
            Err(WriteFailure::Condition(None)) => Err(StoreError::unavailable("ticket vanished")),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Counts a lost draw in the ticket that won. Otherwise a fan who joins many times at once could draw more places
    /// than the limit of an hour.
    async fn count_lost_draw(&self, winner: &Ticket) -> Result<(), StoreError> {
        let update = self
            .update(&keys::ticket(&winner.queue_id, winner.user_id))
            .update_expression("SET draws.#count = draws.#count + :one")
            .condition_expression("place = :place")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":place", n(winner.place.get()));
        match self.send_update(update).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}
