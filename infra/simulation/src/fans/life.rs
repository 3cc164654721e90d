//! From the line to the seat, and back.

use super::{Fan, requests::millis};
use crate::history::Op;
use acceptance::Reply;
use serde_json::Value;

/// Polls of one wait, at most.
const POLLS: u32 = 400;
/// Seats tried before somebody thinks that it is sold out.
const TRIES: u32 = 6;

/// Waits for one seat in a world where nothing breaks: the shortest are a third of the longest tick.
const MOST_WAITS: u32 = 8;
/// Times that somebody asks for a seat that another has.
const SNATCHES: u32 = 40;
/// Times that somebody asks for a seat when the turn is over: for some four seconds.
const OVERSTAYS: u32 = 30;

/// How a turn went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Seats were bought.
    Bought,
    /// There was nothing to be had.
    Nothing,
    /// It was over.
    Over,
}

impl Fan {
    /// Lives until content, or until the sale is over; then leaves nothing open.
    pub async fn live(mut self) -> Self {
        self.think(0, 8_000).await;
        let (mut bought, mut in_vain) = (0, 0);
        while !self.world.closing() && bought < self.manners.wants && in_vain < self.manners.patience {
            if self.chance(self.manners.attacks) {
                self.attack().await;
            }
            if !self.wait_in_line().await {
                in_vain += 1;
                self.think(500, 6_000).await;
                continue;
            }
            match self.use_turn().await {
                Turn::Bought => bought += 1,
                Turn::Nothing | Turn::Over => in_vain += 1,
            }
            if self.chance(self.manners.abandons) {
                self.think(5_000 / self.manners.haste, 40_000 / self.manners.haste).await;
            }
        }
        self.go_home().await;
        self
    }

    /// Joins and waits; whether the fan was let in.
    async fn wait_in_line(&mut self) -> bool {
        if self.chance(self.manners.devices) {
            // Another device knows who the fan is, and no place.
            self.turn.clear();
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
            if self.chance(self.manners.abandons / 8) {
                if self.chance(5_000) {
                    self.insist(Op::Leave).await;
                }
                self.think(5_000, 60_000).await;
                return false;
            }
            let pause = reply.body["pollAfterSeconds"].as_u64().unwrap_or(1).clamp(1, 5) * 1_000;
            self.think(pause, pause + 1_500).await;
            if self.chance(self.manners.devices) {
                let token = std::mem::take(&mut self.turn);
                self.old_turns.push(token);
            }
            match self.insist(Op::Poll).await {
                Some(next) => reply = next,
                None => return false,
            }
        }
        false
    }

    /// What a fan who is in does.
    async fn use_turn(&mut self) -> Turn {
        if self.turn.is_empty() && self.insist(Op::Poll).await.is_none_or(|reply| reply.status != 200) {
            return Turn::Over;
        }
        if self.chance(self.manners.dawdles / 3) {
            // Holds at the end of the turn, or after it in the hope of an old clock.
            let left = self.turn_ends_ms.saturating_sub(self.world.clock.now_ms());
            let after = *self.dice.pick(&[500, 6_000]);
            self.think(left.saturating_sub(1_500), left + after).await;
        }
        if self.chance(self.manners.overstays)
            && let Some(held) = self.overstay().await
        {
            return self.use_hold(held.text("reservationId").to_owned(), millis(&held.body["expiresAt"])).await;
        }
        for _ in 0..TRIES {
            if self.world.closing() {
                return Turn::Nothing;
            }
            let seats = self.choose_seats().await;
            if seats.is_empty() {
                self.think(500, 3_000).await;
                continue;
            }
            let key = self.key();
            let Some(mut reply) = self.insist(Op::Hold(seats.clone(), key)).await else { continue };
            if reply.text("code") == "seat_unavailable" && self.chance(self.manners.snatches) {
                reply = self.snatch(seats, reply).await;
            }
            match reply.status {
                201 => {
                    let expires_ms = millis(&reply.body["expiresAt"]);
                    return self.use_hold(reply.text("reservationId").to_owned(), expires_ms).await;
                }
                401 => return Turn::Over,
                _ => self.think(50, 1_500).await,
            }
        }
        Turn::Nothing
    }

    /// Asks for seats again and again when the turn is over, in the hope of an old clock: also in the moment in which
    /// the place is shut. Answers a hold that is not over at once.
    async fn overstay(&mut self) -> Option<Reply> {
        let left = self.turn_ends_ms.saturating_sub(self.world.clock.now_ms());
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

    /// Asks for the same seats until whoever has them lets go.
    async fn snatch(&mut self, seats: Vec<u64>, mut reply: Reply) -> Reply {
        for _ in 0..SNATCHES {
            if reply.text("code") != "seat_unavailable" || self.world.closing() {
                break;
            }
            self.think(20 / self.manners.haste, 500 / self.manners.haste).await;
            let key = self.key();
            if let Some(next) = self.insist(Op::Hold(seats.clone(), key)).await {
                reply = next;
            }
        }
        reply
    }

    /// Seats that look free, or just some.
    async fn choose_seats(&mut self) -> Vec<u64> {
        let total = u64::from(self.world.plan.seats);
        let count = self.dice.within(1..=u64::from(self.world.plan.seats_per_session).min(3));
        if self.chance(3_000) {
            // Everybody wants the first rows.
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

    /// What a fan with a hold does.
    async fn use_hold(&mut self, reservation: String, expires_ms: u64) -> Turn {
        if self.chance(self.manners.abandons) {
            return Turn::Nothing;
        }
        if self.chance(self.manners.hoards) {
            let more = self.choose_seats().await;
            let key = self.key();
            if !more.is_empty() {
                self.insist(Op::Hold(more, key)).await;
            }
            if self.chance(5_000) {
                self.insist(Op::Cancel(reservation.clone())).await;
                return Turn::Nothing;
            }
        }
        if !self.chance(self.manners.short) {
            self.fill_purse(&reservation).await;
        }
        if self.chance(self.manners.renews) {
            return self.renew(reservation, expires_ms).await;
        }
        if self.chance(self.manners.dawdles) {
            let left = expires_ms.saturating_sub(self.world.clock.now_ms());
            // The last second; the very instant, judged before the end and applied after it; or too late, in the hope
            // of an old clock.
            let (before, after) = *self.dice.pick(&[(1_000, 300), (150, 20), (150, 20), (0, 5_000)]);
            self.think(left.saturating_sub(before), left + after).await;
            match self.dice.below(6) {
                5 => self.hold_twice(expires_ms).await,
                0 | 1 => {
                    self.insist(Op::Cancel(reservation)).await;
                    return Turn::Nothing;
                }
                2 => {
                    self.insist(Op::Leave).await;
                    return Turn::Nothing;
                }
                _ => {}
            }
        }
        let op = if self.chance(self.manners.hoards / 2) {
            Op::Hold(vec![self.dice.within(1..=u64::from(self.world.plan.seats))], self.key())
        } else if self.chance(self.manners.devices / 2) {
            match self.dice.below(6) {
                0..=2 => Op::Cancel(reservation.clone()),
                3 => Op::Leave,
                _ => Op::Pay(reservation.clone(), self.key()),
            }
        } else {
            return self.pay(reservation).await;
        };
        self.pay_and(reservation, op).await
    }

    /// Puts in what is missing.
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

    pub(super) async fn pay(&mut self, reservation: String) -> Turn {
        for _ in 0..3 {
            let key = self.key();
            let Some(reply) = self.insist(Op::Pay(reservation.clone(), key)).await else { continue };
            let paid = reply.status == 200 || reply.text("code") == "payment_already_processed";
            if paid {
                self.enjoy(reservation).await;
                return Turn::Bought;
            }
            if reply.text("code") != "insufficient_balance" {
                self.insist(Op::Reservation(reservation)).await;
                return Turn::Over;
            }
            self.fill_purse(&reservation).await;
        }
        Turn::Nothing
    }

    /// After a purchase.
    async fn enjoy(&mut self, reservation: String) {
        self.insist(Op::Reservation(reservation.clone())).await;
        if self.chance(2_000) {
            let key = self.key();
            self.insist(Op::Pay(reservation.clone(), key)).await;
        }
        if self.chance(self.manners.refunds) {
            self.think(100, 20_000 / self.manners.haste).await;
            let key = self.key();
            self.insist(Op::Refund(reservation.clone(), key)).await;
            self.insist(Op::Balance).await;
            self.insist(Op::Reservation(reservation)).await;
        }
    }

    /// The end of the day: out of the line, with a last look at everything.
    async fn go_home(&mut self) {
        if self.chance(5_000) {
            self.insist(Op::Leave).await;
        }
        self.insist(Op::Balance).await;
        self.insist(Op::Ledger).await;
    }

    /// Comes back within so many milliseconds to leave the line.
    pub async fn leave_late(mut self, within_ms: u64) {
        self.think(0, within_ms).await;
        self.turn.clear();
        self.insist(Op::Leave).await;
    }

    /// Buys these seats, one by one, in a world where nothing breaks; says what went wrong.
    ///
    /// # Errors
    /// With the answer that was not as it should be.
    pub async fn buy(&mut self, seats: &[u64]) -> Result<(), String> {
        self.manners = super::FanProfile::plain();
        let price = self.world.plan.price;
        let expect = |what: &str, status: u16, reply: Option<acceptance::Reply>| match reply {
            Some(reply) if reply.status == status => Ok(reply),
            other => Err(format!("{what}: {other:?}")),
        };
        for seat in seats {
            // A wait may end before the next tick: then the fan joins again.
            let mut waits = 1;
            while !self.wait_in_line().await {
                if waits == MOST_WAITS {
                    return Err(format!("not let in after {waits} waits"));
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
