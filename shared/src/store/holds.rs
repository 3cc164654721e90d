//! Holding seats: one transaction, one round trip, all or none. Where seats were just refused, a read comes first.

mod look;

use super::{
    Failure, Store, StoreError,
    idempotency::{Draft, Executed, Idempotent, Operation, Plan},
    keys,
    keys::Table,
    request::{self, CancellationReason, Item, MAX_SENDS, TransactFailure, n},
    seats::SeatItem,
    transact_parts::transact_item,
};
use crate::domain::{
    amount::Amount,
    claims::QueueClaims,
    concert::SeatStatus,
    id::{ConcertId, ReservationId, UserId},
    layout::SeatNumber,
    refusal::Refusal,
    reservation::{Reservation, ReservationStatus},
    session::{EndReason, OpenHold, Session, hold_end},
    time::{Seconds, Timestamp},
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use look::Look;

/// A reservation that is never paid is kept this long after its hold's end. A payment removes its TTL.
const KEPT_UNPAID: Seconds = Seconds(30 * 24 * 3_600);

/// Seats that an admitted fan asks for.
#[derive(Debug, Clone)]
pub struct HoldOrder {
    /// The fan and the place.
    pub claims: QueueClaims,
    /// The concert.
    pub concert_id: ConcertId,
    /// The seats, each of them once.
    pub seats: Vec<SeatNumber>,
}

/// A hold that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The reservation.
    pub reservation: Reservation,
    /// The end of the fan's session with this hold.
    pub session_ends_at: Timestamp,
}

/// What the next attempt at a hold knows of its session. The first one usually knows only what the token says, since a
/// hold reads nothing before it writes.
#[derive(Clone, Copy)]
struct Bounds {
    /// The session's end without holds.
    active_until: Timestamp,
    /// The latest time at which any hold of the session may end, if known.
    expiry_cap: Option<Timestamp>,
    /// The end of the session's hold that ends last.
    held_until: Timestamp,
}

/// What may stand against a hold: the conditions of its transaction that were not met, or what a look found.
struct Conflicts {
    /// Set if the session's condition was not met or the hold looked first; then the session, if there is one.
    session: Option<Option<Session>>,
    /// Seats that are held or sold.
    taken: Vec<SeatItem>,
}

struct Hold<'a> {
    store: &'a Store,
    order: &'a HoldOrder,
    prices: Vec<Amount>,
    /// What the hold read before its first attempt, if it looked first.
    looked: Option<Bounds>,
    /// The attempt that was refused before, with its bounds.
    tried: Option<(Reservation, Bounds)>,
}

impl Operation for Hold<'_> {
    const NAME: &'static str = "hold";
    type Outcome = Held;

    async fn plan(&mut self, reasons: Vec<CancellationReason>) -> Result<Plan<Held>, Failure> {
        let Hold { store, order, .. } = *self;
        let bounds = match (&self.tried, self.looked) {
            (Some((tried, bounds)), _) => {
                let resolved = store.resolve_conflicts(order, tried.reserved_at, Conflicts::read(reasons)?).await?;
                resolved.unwrap_or(*bounds)
            }
            (None, Some(looked)) => looked,
            (None, None) => store.first_bounds(order).await?,
        };
        let hold = store.draft(order, &self.prices, bounds)?;
        self.tried = Some((hold.clone(), bounds));
        let writes = store.hold_writes(&hold, &self.prices, bounds)?;
        let session_ends_at = bounds.active_until.max(bounds.held_until).max(hold.expires_at);
        let result = Held { reservation: hold.clone(), session_ends_at };
        Ok(Plan::Write(Draft { result, at: hold.reserved_at, writes, hold: Some(Box::new(hold)) }))
    }
}

impl Store {
    /// Holds seats for an admitted fan. `answer` builds the body that a replay returns.
    ///
    /// # Errors
    /// [`Refusal::TooManyRequests`] if this environment refused the fan too many holds lately. Then the only request to
    /// the tables is the read of the idempotency record.
    pub async fn hold(
        &self,
        order: &HoldOrder,
        idempotent: Option<&Idempotent>,
        answer: impl Fn(&Held) -> String,
    ) -> Result<Executed<Held>, Failure> {
        let user = order.claims.user_id;
        if let Err(refusal) = self.refused_holds.check(user, self.now()) {
            return self.replay_or_refuse(idempotent, refusal.into()).await;
        }
        let done = self.hold_or_say_why(order, idempotent, answer).await;
        if let Err(Failure::Refused(refusal)) = &done {
            self.refused_holds.count(user, refusal, self.now());
            self.note_refusal(order.concert_id, refusal);
        }
        done
    }

    async fn hold_or_say_why(
        &self,
        order: &HoldOrder,
        idempotent: Option<&Idempotent>,
        answer: impl Fn(&Held) -> String,
    ) -> Result<Executed<Held>, Failure> {
        let prices = match self.price_order(order).await {
            Ok(prices) => prices,
            Err(refusal @ Failure::Refused(_)) => {
                // The order of answers: a stored success, the end of the session, the fault of the order. Otherwise a
                // retry would get an error for a hold that it made.
                let failure = self.live_session(&order.claims).await.err().unwrap_or(refusal);
                return self.replay_or_refuse(idempotent, failure).await;
            }
            Err(failure) => return Err(failure),
        };
        let looked = match self.look_first(order, idempotent).await? {
            Look::Passed(looked) => looked,
            Look::Replayed(body) => return Ok(Executed::Replayed(body)),
        };
        self.commit(idempotent, answer, Hold { store: self, order, prices, looked, tried: None }).await
    }

    /// Reads the session, and claims the place if need be, only if the token was signed before the place was claimed.
    async fn first_bounds(&self, order: &HoldOrder) -> Result<Bounds, Failure> {
        match order.claims.active_until {
            Some(active_until) => Ok(Bounds { active_until, expiry_cap: None, held_until: Timestamp::default() }),
            None => Ok(Bounds::of(&self.live_session(&order.claims).await?)),
        }
    }

    /// Sends the transaction of a hold. A conflict says nothing about its conditions: while the seats are free, the
    /// same transaction is sent again under the same client token. An earlier copy whose answer was lost may have been
    /// applied, or may still arrive (see [`Store::transact`]).
    ///
    /// # Errors
    /// [`Refusal::SeatUnavailable`] if after a conflict another reservation has one of the seats.
    pub(crate) async fn transact_hold(
        &self,
        hold: &Reservation,
        writes: Vec<TransactWriteItem>,
    ) -> Result<Result<(), TransactFailure>, Failure> {
        let token = self.context.client_token();
        let mut conflicted = false;
        for attempt in 0..MAX_SENDS {
            match self.transact_once(writes.clone(), &token).await {
                Err(TransactFailure::Contended { first }) => conflicted = first,
                sent => return Ok(sent),
            }
            let mut taken = self.seats_now(hold.concert_id, &hold.seat_numbers).await?;
            if taken.iter().any(|seat| seat.reservation_id == hold.reservation_id) {
                return Ok(Ok(()));
            }
            taken.retain(|seat| seat.status_at(self.now()) != SeatStatus::Available);
            if !taken.is_empty() {
                return Err(seats_taken(hold.user_id, &taken).into());
            }
            self.context.back_off(attempt).await;
        }
        Ok(Err(TransactFailure::Contended { first: conflicted }))
    }

    /// Returns the price of each seat, if the concert is on sale through the fan's queue.
    async fn price_order(&self, order: &HoldOrder) -> Result<Vec<Amount>, Failure> {
        let concert = self.concert(order.concert_id).await?;
        if concert.queue_id != order.claims.queue_id {
            return Err(Refusal::WrongQueue.into());
        }
        if !concert.on_sale(self.now()) {
            let (enabled, opens_at, closes_at) = (concert.enabled, concert.sale_opens_at, concert.sale_end());
            return Err(Refusal::SaleClosed { enabled, opens_at, closes_at }.into());
        }
        let prices = self.layout(&concert).await?.prices(&order.seats)?;
        let limit = self.rules.seats_per_session;
        if order.seats.len() > limit as usize {
            // No session may have this many seats. The session is read because the refusal says what it has.
            self.live_session(&order.claims).await?.check_room(order.seats.len() as u32, limit, self.now())?;
        }
        Ok(prices)
    }

    fn draft(&self, order: &HoldOrder, prices: &[Amount], bounds: Bounds) -> Result<Reservation, Refusal> {
        let now = self.now();
        Ok(Reservation {
            reservation_id: self.context.reservation_id(),
            user_id: order.claims.user_id,
            concert_id: order.concert_id,
            seat_numbers: order.seats.clone(),
            status: ReservationStatus::Pending,
            amount: prices.iter().copied().sum(),
            reserved_at: now,
            expires_at: hold_end(now, self.rules.hold, bounds.expiry_cap)?,
            cancelled_at: None,
            cancel_reason: None,
            paid_at: None,
            session_over: false,
            payment_entry: None,
            refund_entry: None,
            queue_id: order.claims.queue_id.clone(),
            place: order.claims.place(),
            attempts: Vec::new(),
        })
    }

    /// The writes of the session, of the reservation and of each seat, in the order that [`Conflicts::read`] expects.
    fn hold_writes(
        &self,
        reservation: &Reservation,
        prices: &[Amount],
        bounds: Bounds,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let now = reservation.reserved_at;
        let seats = reservation.seat_numbers.len() as u32;
        let open = OpenHold { seats, until: reservation.expires_at };
        // Invariant 4: only a live session holds. `holdCap` bounds its life, `seatsTaken` the seats that it holds and
        // has bought. `holdsMade` bounds its holds: without it a fan could hold and cancel without end. `holdUntil`
        // never goes back: a function with a slow clock would otherwise end the session before an open hold, which then
        // could not be paid. A missing session fails all comparisons.
        let session = self
            .transact_update(&keys::session(&reservation.queue_id, reservation.place))
            .update_expression(
                "SET seatsTaken = seatsTaken + :seats, holdsMade = holdsMade + :one, holdUntil = :until, \
                 holds.#reservation = :hold, version = version + :one",
            )
            .condition_expression(
                "attribute_not_exists(ended) AND (activeUntil > :now OR holdUntil > :now) \
                 AND holdCap >= :end AND holdUntil <= :until AND seatsTaken <= :room AND holdsMade < :most",
            )
            .expression_attribute_names("#reservation", reservation.reservation_id.to_string())
            .expression_attribute_values(":seats", n(seats))
            .expression_attribute_values(":end", n(reservation.expires_at.millis()))
            .expression_attribute_values(":until", n(reservation.expires_at.max(bounds.held_until).millis()))
            .expression_attribute_values(":hold", request::value(&open)?)
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":now", n(now.millis()))
            .expression_attribute_values(":room", n(self.rules.seats_per_session - seats))
            .expression_attribute_values(":most", n(self.rules.holds_per_session));
        let key = keys::reservation(reservation.user_id, reservation.reservation_id);
        let ttl = reservation.expires_at + KEPT_UNPAID;
        let mut writes = vec![
            transact_item(session)?,
            transact_item(self.transact_put(Table::Fans, request::item(&key, reservation, Some(ttl))?))?,
        ];
        for (seat, price) in reservation.seat_numbers.iter().zip(prices) {
            writes.push(self.hold_seat_write(reservation, *seat, *price, now)?);
        }
        Ok(writes)
    }

    /// Judges what stands against a hold at `now`: returns the bounds of the next attempt where the session changes
    /// them, or the refusal. If expired holds take up the session's seats, drops them from its list first.
    async fn resolve_conflicts(
        &self,
        order: &HoldOrder,
        now: Timestamp,
        mut conflicts: Conflicts,
    ) -> Result<Option<Bounds>, Failure> {
        let session = match conflicts.session.take() {
            None => None,
            Some(None) => return Err(Refusal::SessionOver { reason: EndReason::Expired }.into()),
            Some(Some(session)) if !session.alive(now) => {
                return Err(Refusal::SessionOver { reason: session.end_reason_or_expired() }.into());
            }
            Some(session) => session,
        };
        if !conflicts.taken.is_empty() {
            return Err(seats_taken(order.claims.user_id, &conflicts.taken).into());
        }
        let Some(session) = session else { return Ok(None) };
        let max_holds = self.rules.holds_per_session;
        if !session.may_hold_again(max_holds) {
            return Err(Refusal::HoldLimit { limit: max_holds }.into());
        }
        let (seats, limit) = (order.seats.len() as u32, self.rules.seats_per_session);
        session.check_room(seats, limit, now)?;
        if session.seats_taken + seats > limit {
            self.drop_expired(&session, &session.expired_holds(now)).await?;
        }
        Ok(Some(Bounds::of(&session)))
    }

    /// Drops expired holds from a session's list, unless the session has changed since it was read.
    async fn drop_expired(&self, session: &Session, expired: &[(ReservationId, OpenHold)]) -> Result<(), StoreError> {
        let names: Vec<String> = (0..expired.len()).map(|i| format!("holds.#hold{i}")).collect();
        let seats: u32 = expired.iter().map(|(_, hold)| hold.seats).sum();
        let mut update = self
            .update(&keys::session(&session.queue_id, session.place))
            .update_expression(format!(
                "SET seatsTaken = seatsTaken - :seats, version = version + :one REMOVE {}",
                names.join(", ")
            ))
            .condition_expression("version = :version")
            .expression_attribute_values(":seats", n(seats))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":version", n(session.version));
        for (i, (id, _)) in expired.iter().enumerate() {
            update = update.expression_attribute_names(format!("#hold{i}"), id.to_string());
        }
        match self.send_update(update).await {
            Ok(_) | Err(request::WriteFailure::Condition(_)) => Ok(()),
            Err(request::WriteFailure::Store(error)) => Err(error),
        }
    }
}

impl Bounds {
    fn of(session: &Session) -> Self {
        let Session { active_until, hold_cap, hold_until, .. } = *session;
        Bounds { active_until, expiry_cap: Some(hold_cap), held_until: hold_until }
    }
}

/// The refusal for seats that are taken, with the fan's own reservation if it has one of them.
fn seats_taken(user: UserId, taken: &[SeatItem]) -> Refusal {
    let own = taken.iter().find(|seat| seat.user_id == user);
    Refusal::SeatUnavailable {
        own: own.map(|seat| seat.reservation_id),
        seats: taken.iter().map(|seat| seat.seat_number).collect(),
    }
}

impl Conflicts {
    /// Reads the reasons of the writes of session, reservation and seats, in that order.
    fn read(reasons: Vec<CancellationReason>) -> Result<Self, StoreError> {
        let mut refused = reasons.into_iter().map(|reason| match reason {
            CancellationReason::Condition(item) => Some(item),
            CancellationReason::None => None,
        });
        let parse = |item: Option<Item>| item.map(request::parse).transpose();
        let session = refused.next().flatten().map(parse).transpose()?;
        let taken = refused.skip(1).flatten().flatten().map(request::parse).collect::<Result<_, _>>()?;
        Ok(Conflicts { session, taken })
    }
}
