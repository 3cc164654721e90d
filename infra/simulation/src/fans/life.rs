//! What a fan does, from joining the queue to buying seats and going home.

use super::{Fan, requests::millis};
use crate::history::Op;
use acceptance::Reply;
use serde_json::Value;

/// The most polls of one wait.
const POLLS: u32 = 400;
/// How often a fan tries to hold seats before giving up on the session.
const TRIES: u32 = 6;

/// How often the last fan joins for one seat without faults: the shortest waiting time is a third of the longest tick.
const MAX_WAITS: u32 = 8;
/// How often a fan asks for a seat that another fan holds.
const SNATCHES: u32 = 40;
/// How often a fan asks for a seat after the session is over: for about four seconds.
const OVERSTAYS: u32 = 30;

/// How a session went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionResult {
    /// Seats were bought.
    Bought,
    /// No seats were bought.
    Nothing,
    /// The session was over.
    Over,
}

impl Fan {
    /// Buys until the fan has enough or loses patience, or the sale closes; then goes home.
    pub async fn live(mut self) -> Self {
        self.think(0, 8_000).await;
        let (mut bought, mut in_vain) = (0, 0);
        while !self.world.closing() && bought < self.profile.wants && in_vain < self.profile.patience {
            if self.chance(self.profile.attacks) {
                self.attack().await;
            }
            if !self.wait_in_queue().await {
                in_vain += 1;
                self.think(500, 6_000).await;
                continue;
            }
            match self.use_session().await {
                SessionResult::Bought => bought += 1,
                SessionResult::Nothing | SessionResult::Over => in_vain += 1,
            }
            if self.chance(self.profile.abandons) {
                self.think(5_000 / self.profile.haste, 40_000 / self.profile.haste).await;
            }
        }
        self.go_home().await;
        self
    }

    /// Joins and waits, and returns whether the fan was admitted.
    async fn wait_in_queue(&mut self) -> bool {
        if self.chance(self.profile.devices) {
            // Another device has the access token, but no queue token.
            self.queue_token.clear();
        }
        let Some(mut reply) = self.insist(Op::Join).await else { return false };
        for _ in 0..POLLS {
            match reply.text("status") {
                "ACTIVE" => return true,
                "WAITING" => {}
                _ => return false,
            }
            if self.world.closing() {
                return false;
            }
            if self.chance(self.profile.abandons / 8) {
                if self.chance(5_000) {
                    self.insist(Op::Leave).await;
                }
                self.think(5_000, 60_000).await;
                return false;
            }
            let pause = reply.body["pollAfterSeconds"].as_u64().unwrap_or(1).clamp(1, 5) * 1_000;
            self.think(pause, pause + 1_500).await;
            if self.chance(self.profile.devices) {
                let token = std::mem::take(&mut self.queue_token);
                self.old_queue_tokens.push(token);
            }
            match self.insist(Op::Poll).await {
                Some(next) => reply = next,
                None => return false,
            }
        }
        false
    }

    /// What a fan does in a session: choose seats, hold and pay them.
    async fn use_session(&mut self) -> SessionResult {
        if self.queue_token.is_empty() && self.insist(Op::Poll).await.is_none_or(|reply| reply.status != 200) {
            return SessionResult::Over;
        }
        if self.chance(self.profile.dawdles / 3) {
            // Hold just before the session ends, or after it, in case a function has an old clock.
            let left = self.session_ends_ms.saturating_sub(self.world.clock.now_ms());
            let after = *self.dice.pick(&[500, 6_000]);
            self.think(left.saturating_sub(1_500), left + after).await;
        }
        if self.chance(self.profile.overstays)
            && let Some(held) = self.overstay().await
        {
            return self.use_hold(held.text("reservationId").to_owned(), millis(&held.body["expiresAt"])).await;
        }
        for _ in 0..TRIES {
            if self.world.closing() {
                return SessionResult::Nothing;
            }
            let seats = self.choose_seats().await;
            if seats.is_empty() {
                self.think(500, 3_000).await;
                continue;
            }
            let key = self.key();
            let Some(mut reply) = self.insist(Op::Hold(seats.clone(), key)).await else { continue };
            if reply.text("code") == "seat_unavailable" && self.chance(self.profile.snatches) {
                reply = self.snatch(seats, reply).await;
            }
            match reply.status {
                201 => {
                    let expires_ms = millis(&reply.body["expiresAt"]);
                    return self.use_hold(reply.text("reservationId").to_owned(), expires_ms).await;
                }
                401 => return SessionResult::Over,
                _ => self.think(50, 1_500).await,
            }
        }
        SessionResult::Nothing
    }

    /// Asks for seats again and again after the session is over, in case a function has an old clock: also at the
    /// moment in which a tick ends the session. Returns the first hold that has not ended already.
    async fn overstay(&mut self) -> Option<Reply> {
        let left = self.session_ends_ms.saturating_sub(self.world.clock.now_ms());
        self.think(left, left + 3_000).await;
        for _ in 0..OVERSTAYS {
            if self.world.closing() {
                break;
            }
            let (seat, key) = (self.dice.within(1..=u64::from(self.world.plan.seats).min(8)), self.key());
            let outcome = self.ask(Op::Hold(vec![seat], key)).await;
            let now = self.world.clock.now_ms();
            if let Some(held) = outcome.reply().filter(|reply| now < millis(&reply.body["expiresAt"])) {
                return Some(held.clone());
            }
            self.think(10, 100).await;
        }
        None
    }

    /// Asks for the same seats until their holder releases them, or the fan gives up.
    async fn snatch(&mut self, seats: Vec<u64>, mut reply: Reply) -> Reply {
        for _ in 0..SNATCHES {
            if reply.text("code") != "seat_unavailable" || self.world.closing() {
                break;
            }
            self.think(20 / self.profile.haste, 500 / self.profile.haste).await;
            let key = self.key();
            if let Some(next) = self.insist(Op::Hold(seats.clone(), key)).await {
                reply = next;
            }
        }
        reply
    }

    /// Chooses seats that the map shows as free, or some of the first rows without looking.
    async fn choose_seats(&mut self) -> Vec<u64> {
        let total = u64::from(self.world.plan.seats);
        let count = self.dice.within(1..=u64::from(self.world.plan.seats_per_session).min(3));
        if self.chance(3_000) {
            let first = self.dice.within(1..=total.min(8));
            return (first..=total.min(first + count - 1)).collect();
        }
        let Some(reply) = self.insist(Op::SeatMap).await else { return Vec::new() };
        let free = |seat: &&Value| seat["available"] == true;
        let free: Vec<u64> =
            reply.body.as_array().into_iter().flatten().filter(free).filter_map(|s| s["seatNumber"].as_u64()).collect();
        if free.is_empty() {
            return Vec::new();
        }
        let front = if self.chance(6_000) { free.len().min(6) } else { free.len() };
        let start = self.dice.below(front as u64) as usize;
        free.into_iter().skip(start).take(count as usize).collect()
    }

    /// What a fan does with a hold: pay or cancel it, leave, or let it end.
    async fn use_hold(&mut self, reservation: String, expires_ms: u64) -> SessionResult {
        if self.chance(self.profile.abandons) {
            return SessionResult::Nothing;
        }
        if self.chance(self.profile.hoards) {
            let more = self.choose_seats().await;
            let key = self.key();
            if !more.is_empty() {
                self.insist(Op::Hold(more, key)).await;
            }
            if self.chance(5_000) {
                self.insist(Op::Cancel(reservation.clone())).await;
                return SessionResult::Nothing;
            }
        }
        if !self.chance(self.profile.short) {
            self.fill_purse(&reservation).await;
        }
        if self.chance(self.profile.renews) {
            return self.renew(reservation, expires_ms).await;
        }
        if self.chance(self.profile.dawdles) {
            let left = expires_ms.saturating_sub(self.world.clock.now_ms());
            // In the last second; at the very end, so that a request is judged before it and applied after it; or too
            // late, in case a function has an old clock.
            let (before, after) = *self.dice.pick(&[(1_000, 300), (150, 20), (150, 20), (0, 5_000)]);
            self.think(left.saturating_sub(before), left + after).await;
            match self.dice.below(6) {
                5 => self.hold_twice(expires_ms).await,
                0 | 1 => {
                    self.insist(Op::Cancel(reservation)).await;
                    return SessionResult::Nothing;
                }
                2 => {
                    self.insist(Op::Leave).await;
                    return SessionResult::Nothing;
                }
                _ => {}
            }
        }
        let op = if self.chance(self.profile.hoards / 2) {
            Op::Hold(vec![self.dice.within(1..=u64::from(self.world.plan.seats))], self.key())
        } else if self.chance(self.profile.devices / 2) {
            match self.dice.below(8) {
                0..=2 => Op::Cancel(reservation.clone()),
                3 => Op::Leave,
                4 | 5 => Op::Pay(reservation.clone(), self.key()),
                // For the same number in the ledger.
                _ => Op::Recharge(self.world.plan.price, self.key()),
            }
        } else {
            return self.pay(reservation).await;
        };
        self.pay_and(reservation, op).await
    }

    /// Recharges what the balance lacks for a reservation.
    pub(super) async fn fill_purse(&mut self, reservation: &str) {
        let Some(balance) = self.insist(Op::Balance).await else { return };
        let has = balance.body["currentBalance"].as_u64().unwrap_or(0);
        let Some(found) = self.insist(Op::Reservation(reservation.to_owned())).await else { return };
        let costs = found.body["amount"].as_u64().unwrap_or(0);
        if has < costs {
            let key = self.key();
            self.insist(Op::Recharge(costs - has, key)).await;
        }
    }

    /// Pays a reservation, and recharges if the balance is too low.
    pub(super) async fn pay(&mut self, reservation: String) -> SessionResult {
        for _ in 0..3 {
            let key = self.key();
            let Some(reply) = self.insist(Op::Pay(reservation.clone(), key)).await else { continue };
            let paid = reply.status == 200 || reply.text("code") == "payment_already_processed";
            if paid {
                self.enjoy(reservation).await;
                return SessionResult::Bought;
            }
            if reply.text("code") != "insufficient_balance" {
                self.insist(Op::Reservation(reservation)).await;
                return SessionResult::Over;
            }
            self.fill_purse(&reservation).await;
        }
        SessionResult::Nothing
    }

    /// What a fan does after a purchase: look at it, perhaps pay again or have it refunded.
    async fn enjoy(&mut self, reservation: String) {
        self.insist(Op::Reservation(reservation.clone())).await;
        if self.chance(2_000) {
            let key = self.key();
            self.insist(Op::Pay(reservation.clone(), key)).await;
        }
        if self.chance(self.profile.refunds) {
            self.think(100, 20_000 / self.profile.haste).await;
            let refund = Op::Refund(reservation.clone(), self.key());
            if self.chance(self.profile.devices) {
                let recharge = Op::Recharge(self.world.plan.price, self.key());
                self.insist_and(refund, recharge).await;
            } else {
                self.insist(refund).await;
            }
            self.insist(Op::Balance).await;
            self.insist(Op::Reservation(reservation)).await;
        }
    }

    /// Ends the fan's day: perhaps leaves the queue, then reads balance and ledger once more.
    async fn go_home(&mut self) {
        if self.chance(5_000) {
            self.insist(Op::Leave).await;
        }
        self.insist(Op::Balance).await;
        self.insist(Op::Ledger).await;
    }

    /// Comes back within this many milliseconds to leave the queue.
    pub async fn leave_late(mut self, within_ms: u64) {
        self.think(0, within_ms).await;
        self.queue_token.clear();
        self.insist(Op::Leave).await;
    }

    /// Buys these seats one by one, without faults.
    ///
    /// # Errors
    /// With the first answer that is not as expected.
    pub async fn buy(&mut self, seats: &[u64]) -> Result<(), String> {
        self.profile = super::FanProfile::plain();
        let price = self.world.plan.price;
        let expect = |what: &str, status: u16, reply: Option<acceptance::Reply>| match reply {
            Some(reply) if reply.status == status => Ok(reply),
            other => Err(format!("{what}: {other:?}")),
        };
        for seat in seats {
            // A place may run out of waiting time before the next tick: then the fan joins again.
            let mut waits = 1;
            while !self.wait_in_queue().await {
                if waits == MAX_WAITS {
                    return Err(format!("not admitted after {waits} waits"));
                }
                waits += 1;
            }
            let held = self.insist(Op::Hold(vec![*seat], None)).await;
            let held = expect(&format!("seat {seat}"), 201, held)?;
            expect("recharge", 200, self.insist(Op::Recharge(price, None)).await)?;
            expect("payment", 200, self.insist(Op::Pay(held.text("reservationId").to_owned(), None)).await)?;
        }
        Ok(())
    }
}
