//! Joining a queue.

use super::{
    Failure, Store, StoreError, contention, keys,
    keys::Table,
    numbers::Drawn,
    queue_state::{MAX_STATE_AGE_MILLIS, WalkIn},
    request::{self, WriteFailure, n},
    tickets::SessionStatus,
};
use crate::{
    domain::{
        claims::{Proof, QueueClaims, Standing},
        id::{QueueId, TicketId, UserId},
        limit::Limit,
        queue::QueueState,
        refusal::Refusal,
        session::EndReason,
        ticket::{Draws, Spot, Ticket},
    },
    telemetry::{meter::measure, metric::Metric},
};
use futures_util::try_join;

/// Places that one request draws, one after another, if each is over before the request is answered.
const MAX_PLACES: u32 = 3;

/// A fan who is in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// What the fan's ticket proves.
    pub standing: Standing,
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
            (state, old) = (self.queue_state(queue, 0).await?, self.ticket(queue, user).await?);
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
            && let Some((standing, session)) = self.current_or_superseded(ticket, proof).await?
        {
            return Ok(Joined { standing, session, new: false });
        }
        let draws = old.as_ref().map_or(Draws::default(), |ticket| ticket.draws).at(self.now());
        self.may_draw(draws)?;
        let (ticket, drawn) = self.draw_ticket(&state, user, draws).await?;
        // Wake the queue before the ticket is put: a crash in between must not leave a fan waiting in a sleeping queue.
        self.wake(queue, &drawn.counter, state.free <= 0 || !state.settings.admits(self.now())).await?;
        let (winner, state) = try_join!(
            async { self.put_ticket(&ticket, old.map(|ticket| ticket.ticket_id)).await.map_err(Failure::from) },
            self.state_for_spot(queue, ticket.spot),
        )?;
        if let Some(winner) = winner {
            self.give_up(queue, ticket.spot, user).await?;
            self.count_lost_draw(&winner).await?;
            let (standing, session) = self.stand(Standing::of(&winner, proof)).await?;
            return Ok(Joined { standing, session, new: false });
        }
        let (standing, session) = match Standing::of(&ticket, proof) {
            Standing::Ticket(claims) => {
                let session = self.unknown_status(&state, &claims).await;
                (Standing::Ticket(claims), session)
            }
            Standing::Place(claims) => {
                let session = self.walk_in_or_wait(state, &claims).await?;
                (Standing::Place(claims), session)
            }
        };
        Ok(Joined { standing, session, new: true })
    }

    /// Admits a fan with a new place at once if nobody waits and a slot is free. Returns the status of the place.
    async fn walk_in_or_wait(&self, state: QueueState, claims: &QueueClaims) -> Result<SessionStatus, Failure> {
        let rules = state.settings.rules(self.rules.queue);
        match self.walk_in(state, claims.place()).await? {
            WalkIn::Admitted => {
                measure(Metric::Admissions, 1.0);
                Ok(self.session_from_item(&self.claim(claims, rules).await?))
            }
            WalkIn::Wait(state) => self.session_from_state(&state, claims).await,
        }
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

    /// Draws a number and makes its ticket. Reads the queue's clock before the draw, so that no sample that includes the
    /// place is earlier: the place would be passed as dead too soon.
    async fn draw_ticket(&self, state: &QueueState, user: UserId, draws: Draws) -> Result<(Ticket, Drawn), Failure> {
        let now = self.now();
        let wait_clock = state.clock(now);
        let drawn = self.draw_number(&state.queue_id).await?;
        let ticket = Ticket {
            ticket_id: self.context.ticket_id(),
            user_id: user,
            queue_id: state.queue_id.clone(),
            spot: drawn.spot(),
            issued_at: now.whole_seconds(),
            waiting_seconds: state.settings.rules(self.rules.queue).waiting,
            wait_clock,
            draws: draws.and_one(),
            left: false,
        };
        Ok((ticket, drawn))
    }

    /// Returns what a ticket proves whose place is not over, with its status; otherwise `None`. Then the place has a
    /// tombstone first, so that a fan never has two live places.
    async fn current_or_superseded(
        &self,
        ticket: &Ticket,
        proof: Proof,
    ) -> Result<Option<(Standing, SessionStatus)>, Failure> {
        if ticket.left {
            // Who left by an older token may have been cut off before the number was given up.
            if matches!(ticket.spot, Spot::Ticket(_)) {
                self.give_up(&ticket.queue_id, ticket.spot, ticket.user_id).await?;
            }
            return Ok(None);
        }
        let (standing, session) = self.stand(Standing::of(ticket, proof)).await?;
        let place = match &standing {
            Standing::Place(claims) if matches!(session, SessionStatus::Over(_)) => claims.place(),
            Standing::Place(_) | Standing::Ticket(_) => return Ok(Some((standing, session))),
        };
        let (queue, user) = (&ticket.queue_id, Some(ticket.user_id));
        let found = self.put_tombstone(queue, place, user, EndReason::Superseded).await?;
        match found.filter(|session| session.alive(self.now())) {
            Some(session) => Ok(Some((standing, self.session_from_item(&session)))),
            None => Ok(None),
        }
    }

    /// Puts a ticket if the fan has none, or only the ticket `old`, whose place is over. Otherwise returns the ticket
    /// that was put first. Recognises its own ticket by the id, if the first answer was lost.
    async fn put_ticket(&self, ticket: &Ticket, old: Option<TicketId>) -> Result<Option<Ticket>, StoreError> {
        let key = keys::ticket(&ticket.queue_id, ticket.user_id);
        let item = request::item(&key, ticket, Some(Self::queue_item_ttl(self.now())))?;
        let put = match old {
            None => self.put(Table::Queues, item).condition_expression("attribute_not_exists(pk)"),
            Some(old) => self
                .put(Table::Queues, item)
                .condition_expression("attribute_not_exists(pk) OR ticketId = :old")
                .expression_attribute_values(":old", request::value(&old)?),
        };
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
            .condition_expression("ticketId = :id")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":id", request::value(&winner.ticket_id)?);
        match self.send_update(update).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}
