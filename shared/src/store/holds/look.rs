//! Looking first where it is hot: after a seat was refused, most holds of the concert will lose. There a hold reads what
//! its transaction would check. A lost hold costs these reads, and neither write units nor conflicts for the winner.

use super::{Bounds, Conflicts, HoldOrder};
use crate::{
    domain::{concert::SeatStatus, id::ConcertId, refusal::Refusal},
    store::{Failure, Store, idempotency::Idempotent},
};
use futures_util::join;

/// How long the holds of a concert look first after one of its seats was refused, in milliseconds.
const HOT_MILLIS: i64 = 10_000;

/// What a hold knows before its first transaction.
pub(super) enum Look {
    /// Nothing stands against the hold. The bounds that the session sets, if the hold looked.
    Passed(Option<Bounds>),
    /// The hold was made before: the body of the stored answer.
    Replayed(String),
}

impl Store {
    /// Notes a refusal of this environment, so that the concert's holds look first for a while.
    pub(super) fn note_refusal(&self, concert: ConcertId, refusal: &Refusal) {
        if let Refusal::SeatUnavailable { .. } = refusal {
            self.refused_seats.put(concert, (), self.now());
        }
    }

    /// Looks first if a seat of the concert was refused lately: reads the record of the key, the session and the seats
    /// in one round trip.
    ///
    /// # Errors
    /// What the transaction would be refused with.
    pub(super) async fn look_first(&self, order: &HoldOrder, idempotent: Option<&Idempotent>) -> Result<Look, Failure> {
        if self.refused_seats.get(&order.concert_id, self.now(), HOT_MILLIS).is_none() {
            return Ok(Look::Passed(None));
        }
        let (kept, looked) = join!(self.kept_answer(idempotent), self.look(order));
        if let Some(body) = kept? {
            return Ok(Look::Replayed(body));
        }
        match looked {
            Err(Failure::Refused(refusal)) if !is_lost_to_others(&refusal) => {
                // The reads are no snapshot: an earlier copy of the request may have made the hold between them.
                let kept = self.kept_answer(idempotent).await?;
                kept.map(Look::Replayed).ok_or(Failure::Refused(refusal))
            }
            looked => looked.map(Look::Passed),
        }
    }

    /// Judges the session and the seats as they are now by the rules of a refused transaction.
    async fn look(&self, order: &HoldOrder) -> Result<Option<Bounds>, Failure> {
        let claims = &order.claims;
        let session = async {
            match claims.active_until {
                Some(_) => Ok(self.session(&claims.queue_id, claims.place()).await?),
                None => self.live_session(claims).await.map(Some),
            }
        };
        let (session, taken) = join!(session, self.seats_now(order.concert_id, &order.seats));
        let (session, mut taken, now) = (session?, taken?, self.now());
        // Expiry is in every condition: a hold whose time is up is free for the next fan in the same instant.
        taken.retain(|seat| seat.status_at(now) != SeatStatus::Available);
        self.resolve_conflicts(order, now, Conflicts { session: Some(session), taken }).await
    }
}

/// Whether other fans have the seats, so that no earlier copy of the request can have made the hold.
fn is_lost_to_others(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::SeatUnavailable { own: None, .. })
}
