//! Joining the line.

use super::{
    Failure, Store, StoreError, keys,
    keys::Table,
    queue_state::{STATE_AGE_MILLIS, WalkIn},
    request::{self, WriteFailure, n},
    tickets::{Claimant, Turn},
};
use crate::domain::{
    id::{QueueId, UserId},
    limit::Limit,
    line::{Place, QueueRules, Ticket},
    session::EndReason,
};
use futures_util::try_join;

/// A fan in line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The ticket.
    pub ticket: Ticket,
    /// Where it stands.
    pub turn: Turn,
    /// Whether it was issued just now.
    pub new: bool,
}

impl Store {
    /// The fan's live ticket as it is, or a new place at the end of the line. When nobody waits and slots are free, the
    /// fan is let in at once. It counts on `limits` while it reads, and writes nothing before it knows of them.
    pub async fn join(&self, queue: &QueueId, user: UserId, limits: &[Limit]) -> Result<Joined, Failure> {
        let reads = async {
            try_join!(self.queue_state(queue, STATE_AGE_MILLIS), async {
                self.ticket(queue, user).await.map_err(Failure::from)
            })
        };
        // Whatever the reads find: a limit that is reached comes first.
        let ((), read) = try_join!(self.count(limits), async { Ok(reads.await) })?;
        let (state, old) = read?;
        let rules = state.settings.rules(self.rules.queue);
        if let Some(ticket) = &old
            && let Some(turn) = self.turn_or_shut(ticket, rules).await?
        {
            return Ok(Joined { ticket: ticket.clone(), turn, new: false });
        }
        let place = self.draw_place(queue).await?;
        let ticket = Ticket {
            ticket_id: self.context.ticket_id(),
            user_id: user,
            queue_id: queue.clone(),
            place,
            issued_at: self.now().whole_seconds(),
            left: false,
        };
        let (winner, state) = try_join!(
            async { self.put_ticket(&ticket, old.map(|t| t.place), rules).await.map_err(Failure::from) },
            self.state_for(queue, place),
        )?;
        if let Some(winner) = winner {
            self.entomb(queue, place, Some(user), EndReason::Superseded, rules).await?;
            let turn = self.turn_of_ticket(&winner).await?;
            return Ok(Joined { ticket: winner, turn, new: false });
        }
        let turn = match self.walk_in(state, place).await? {
            WalkIn::LetIn => self.turn_of(&self.claim(queue, place, user, rules).await?),
            WalkIn::Wait(state) => self.turn_by(&state, &Claimant::of(&ticket)).await?,
        };
        Ok(Joined { ticket, turn, new: true })
    }

    /// The turn of a ticket that still counts. One that does not has its place shut first, so that a fan never has two
    /// live places.
    async fn turn_or_shut(&self, ticket: &Ticket, rules: QueueRules) -> Result<Option<Turn>, Failure> {
        if ticket.left {
            return Ok(None);
        }
        let turn = self.turn_of_ticket(ticket).await?;
        if turn != Turn::Over {
            return Ok(Some(turn));
        }
        let (queue, user) = (&ticket.queue_id, Some(ticket.user_id));
        let found = self.entomb(queue, ticket.place, user, EndReason::Superseded, rules).await?;
        match found.filter(|session| session.alive(self.now())) {
            Some(session) => Ok(Some(Turn::Active { until: session.life_end() })),
            None => Ok(None),
        }
    }

    /// Puts a ticket if the fan has none, or none but the one at `old` that is over; returns the ticket that came first
    /// instead. An own ticket whose answer was lost is recognised by its id.
    async fn put_ticket(
        &self,
        ticket: &Ticket,
        old: Option<Place>,
        rules: QueueRules,
    ) -> Result<Option<Ticket>, StoreError> {
        let key = keys::ticket(&ticket.queue_id, ticket.user_id);
        let item = request::item(&key, ticket, Some(self.queue_item_ttl(rules, self.now())))?;
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
            Err(WriteFailure::Condition(None)) => Err(StoreError::Unavailable("ticket vanished".to_owned())),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}
