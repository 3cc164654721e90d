//! Reservations of a fan.

use super::{
    Failure, Store, StoreError, keys,
    keys::Table,
    request::{self, WriteFailure, n, s},
};
use crate::domain::{
    id::{QueueId, ReservationId, UserId},
    refusal::Refusal,
    reservation::{Attempt, MAX_ATTEMPTS_KEPT, Reservation},
    ticket::Place,
    time::Timestamp,
};
use futures_util::future::try_join_all;
use std::collections::{HashMap, HashSet};

/// When the live sessions of some reservations end.
#[derive(Debug, Default)]
pub struct SessionEnds(HashMap<(QueueId, Place), Timestamp>);

impl SessionEnds {
    /// The end of the session that made a reservation; `None` when it is over.
    pub fn of(&self, reservation: &Reservation) -> Option<Timestamp> {
        self.0.get(&(reservation.queue_id.clone(), reservation.place)).copied()
    }
}

impl Store {
    /// Reads when the sessions of some reservations end: one consistent read, in parallel, for each session that may be
    /// live. Most reservations show without a read that theirs is over.
    pub async fn session_ends(&self, reservations: &[Reservation]) -> Result<SessionEnds, StoreError> {
        let now = self.now();
        let may_live = reservations.iter().filter(|reservation| reservation.session_may_live(now));
        let places: HashSet<(&QueueId, Place)> = may_live.map(|it| (&it.queue_id, it.place)).collect();
        let read = places.into_iter().map(|(queue, place)| async move {
            let session = self.session(queue, place).await?.filter(|session| session.alive(self.now()));
            Ok::<_, StoreError>(session.map(|session| ((queue.clone(), place), session.life_end())))
        });
        Ok(SessionEnds(try_join_all(read).await?.into_iter().flatten().collect()))
    }

    /// Reads a fan's reservation. Another fan's is not found, since it is in another partition.
    ///
    /// # Errors
    /// [`Refusal::ReservationNotFound`].
    pub async fn reservation(&self, user: UserId, id: ReservationId) -> Result<Reservation, Failure> {
        let found: Option<Reservation> = self.get(&keys::reservation(user, id), true).await?;
        found.ok_or(Failure::Refused(Refusal::ReservationNotFound))
    }

    /// Reads a page of a fan's reservations that are older than `before`, newest first. The flag says whether more
    /// follow.
    pub async fn reservations_page(
        &self,
        user: UserId,
        before: Option<ReservationId>,
        limit: usize,
    ) -> Result<(Vec<Reservation>, bool), StoreError> {
        let partition = keys::profile(user).pk;
        // Ids sort by time. BETWEEN includes its ends, so `before` itself is filtered out below.
        let last = before.map_or_else(|| format!("{}~", keys::RESERVATION_PREFIX), |id| keys::reservation(user, id).sk);
        let query = self
            .query(Table::Fans, &partition)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":first", s(keys::RESERVATION_PREFIX))
            .expression_attribute_values(":last", s(last))
            .scan_index_forward(false)
            .consistent_read(true);
        let items = self.first_items(query, limit + 2).await?;
        let found = items.into_iter().map(request::parse).collect::<Result<Vec<Reservation>, _>>()?;
        let mut page: Vec<Reservation> = found.into_iter().filter(|r| Some(r.reservation_id) != before).collect();
        let more = page.len() > limit;
        page.truncate(limit);
        Ok((page, more))
    }

    /// Notes a refused payment in its reservation. Of several at the same instant, some may not be noted.
    pub(crate) async fn note_attempt(&self, reservation: &Reservation, code: &str) -> Result<(), StoreError> {
        let mut attempts = reservation.attempts.clone();
        attempts.push(Attempt { at: self.now(), code: code.to_owned() });
        let surplus = attempts.len().saturating_sub(MAX_ATTEMPTS_KEPT);
        let update = self
            .update(&keys::reservation(reservation.user_id, reservation.reservation_id))
            .update_expression("SET attempts = :attempts")
            .condition_expression("size(attempts) = :noted")
            .expression_attribute_values(":attempts", request::value(&attempts.split_off(surplus))?)
            .expression_attribute_values(":noted", n(reservation.attempts.len() as u64));
        match self.send_update(update).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}
