//! Requests from several devices of one fan at the same moment.

use super::{Fan, life::SessionResult, requests::millis};
use crate::{
    door,
    history::{Op, Outcome},
};
use futures_util::future::{join, join_all};
use serde_json::Value;
use std::sync::Arc;

/// How often a fan holds the same seats again.
const RENEWALS: u32 = 6;

impl Fan {
    /// Pays on one device and sends another request from a second device at the same moment.
    pub(super) async fn pay_and(&mut self, reservation: String, op: Op) -> SessionResult {
        let clicks = self.clicks(op);
        let pay = async {
            self.think(0, 20).await;
            self.pay(reservation).await
        };
        join(pay, clicks).await.0
    }

    /// Sends one request until it is answered, and another one from a second device at the same moment.
    pub(super) async fn insist_and(&mut self, op: Op, other: Op) {
        let clicks = self.clicks(other);
        join(self.insist(op), clicks).await;
    }

    /// Holds seats with a double click, within 300 ms after the old hold has ended.
    pub(super) async fn hold_twice(&mut self, expires_ms: u64) {
        self.await_instant(expires_ms, 0, 300).await;
        let (first, last) = (self.dice.within(1..=4), u64::from(self.world.plan.seats));
        let seats = (first.min(last)..=(first + 2).min(last)).take(self.world.plan.seats_per_session as usize);
        let before = std::mem::replace(&mut self.profile.double_clicks, 10_000);
        let op = Op::Hold(seats.collect(), self.key());
        self.insist(op).await;
        self.profile.double_clicks = before;
    }

    /// Holds the same seats again and again, or as many from the first one on as a session may hold, in the instant in
    /// which the old hold ends. Another device cancels or pays the old hold in the same instant: by the clock of that
    /// device's function it may not be over yet.
    pub(super) async fn renew(&mut self, mut reservation: String, mut expires_ms: u64) -> SessionResult {
        for _ in 0..RENEWALS {
            let Some(found) = self.insist(Op::Reservation(reservation.clone())).await else { break };
            let own: Vec<u64> =
                found.body["seatNumbers"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
            let Some(first) = own.first() else { break };
            let room = self.world.plan.seats_per_session as usize;
            let most = if self.chance(5_000) { own.len() } else { room };
            let seats = (*first..=u64::from(self.world.plan.seats)).take(most).collect();
            self.fill_purse(&reservation).await;
            self.await_instant(expires_ms, 60, 60).await;
            let op = Op::Hold(seats, self.key());
            let clicks = self.clicks(op);
            let settle = async {
                self.think(0, 60).await;
                if self.chance(5_000) {
                    self.insist(Op::Cancel(reservation)).await;
                    return SessionResult::Nothing;
                }
                self.pay(reservation).await
            };
            let (result, held) = join(settle, clicks).await;
            let held = held.iter().filter_map(Outcome::reply).find(|reply| reply.status == 201);
            match held {
                Some(held) if result != SessionResult::Bought && !self.world.closing() => {
                    reservation = held.text("reservationId").to_owned();
                    expires_ms = millis(&held.body["expiresAt"]);
                }
                _ => return result,
            }
        }
        SessionResult::Nothing
    }

    /// Waits until an instant, or a moment up to `before` ms earlier or `after` ms later.
    async fn await_instant(&mut self, at_ms: u64, before: u64, after: u64) {
        let left = at_ms.saturating_sub(self.world.clock.now_ms());
        self.think(left.saturating_sub(before), left + after).await;
    }

    /// Sends the same request one to three times within 50 ms.
    fn clicks(&mut self, op: Op) -> impl Future<Output = Vec<Outcome>> + use<> {
        let queue_token = self.queue_token.clone();
        let request = self.request(&op, &queue_token);
        let pauses: Vec<u64> = (0..self.dice.within(1..=3)).map(|_| self.dice.within(0..=50)).collect();
        let (world, client) = (Arc::clone(&self.world), self.client.clone());
        async move {
            let clicks = pauses.into_iter().map(|pause| {
                let (world, client, op, request) = (&world, &client, op.clone(), request.clone());
                async move {
                    world.sleep(pause).await;
                    door::send(world, client, op, request).await
                }
            });
            join_all(clicks).await
        }
    }
}
