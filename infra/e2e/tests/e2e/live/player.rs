//! A fan who buys at random: joins, holds, pays, cancels, leaves, hangs up and comes back.

use std::{collections::BTreeMap, time::Duration};

use e2e::{
    Fan, Reply, Request,
    history::{Call, Op, place},
    unique,
};
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{SEATS, Sale};

/// The first seats, which half of the holds ask for, so that fans compete.
const BEST: u64 = 5;
/// The limit on paid reservations that a fan keeps; further ones are refunded.
const MAX_KEPT: usize = 1;
/// The limit on retries of one operation. No definite answer by then means that a function does not recover.
const LONGEST_WAIT: Duration = Duration::from_secs(40);
/// How long a patient fan waits for an answer: longer than any answer may take.
const PATIENT: Duration = Duration::from_secs(20);
/// How long an impatient fan waits before hanging up.
const IMPATIENT: Duration = Duration::from_millis(120);
/// Pause before a retry, in milliseconds.
const AGAIN: std::ops::Range<u64> = 20..120;
/// Pause between two polls, in milliseconds.
const BETWEEN_POLLS: std::ops::Range<u64> = 100..300;
/// Pause before another hold of seats that were taken, in milliseconds.
const BETWEEN_TRIES: std::ops::Range<u64> = 100..400;

/// A fan, and what this fan knows from answers.
pub struct Player<'a> {
    sale: &'a Sale<'a>,
    pub fan: Fan,
    dice: Rng,
    /// The payment ids of reservations that were paid and not refunded.
    payments: BTreeMap<String, String>,
    /// The number of seats of each reservation that an answer mentioned.
    known: BTreeMap<String, u64>,
    /// The number of recharges so far, which makes each amount unique.
    recharges: u64,
}

/// The outcome of a hold.
pub enum Hold {
    Held(String),
    Refused,
    SessionOver,
}

impl<'a> Player<'a> {
    pub fn new(sale: &'a Sale<'a>, fan: Fan, dice: Rng) -> Self {
        Self { sale, fan, dice, payments: BTreeMap::new(), known: BTreeMap::new(), recharges: 0 }
    }

    /// Joins, buys, and comes back until the sale ends.
    pub async fn play(mut self) -> Self {
        while self.sale.goes_on() {
            if !self.get_in().await {
                continue;
            }
            for _ in 0..self.dice.usize(2..=5) {
                if !self.sale.goes_on() || !self.shop().await {
                    break;
                }
            }
            if self.may(80) {
                self.insist(Op::Leave, None).await;
            } else if self.may(30) {
                self.sale.pause(&mut self.dice, 500..3_000).await;
            }
        }
        self
    }

    /// Joins and waits. False if the fan left, or the sale ended.
    async fn get_in(&mut self) -> bool {
        let mut reply = self.insist(Op::Join, None).await;
        loop {
            match reply.status {
                200 | 201 if reply.text("status") == "ACTIVE" => return true,
                200 | 201 => {}
                // The claim window or the waiting time was over.
                _ => {
                    reply = self.insist(Op::Join, None).await;
                    assert!(reply.status < 300, "{}", reply.body);
                    continue;
                }
            }
            // A few stay silent at the end of the sale: promotion has to find them as no-shows.
            if self.may(if self.sale.goes_on() { 1 } else { 85 }) {
                self.insist(Op::Leave, None).await;
                return false;
            }
            // Some miss the claim window.
            let pause = if self.may(2) { 2_500..3_000 } else { BETWEEN_POLLS };
            self.sale.pause(&mut self.dice, pause).await;
            if !self.sale.goes_on() {
                return false;
            }
            reply = self.insist(Op::Poll, None).await;
        }
    }

    /// Joins after the sale and waits for admission.
    pub async fn come_late(&mut self) {
        let mut reply = self.insist(Op::Join, None).await;
        while reply.text("status") != "ACTIVE" {
            self.sale.pause(&mut self.dice, BETWEEN_POLLS).await;
            reply = self.insist(Op::Poll, None).await.expect(200);
        }
    }

    /// Holds seats, and pays, cancels, leaves or abandons them. False if the session is over.
    async fn shop(&mut self) -> bool {
        if self.may(30) && self.insist(Op::SeatMap, None).await.status == 401 {
            return false;
        }
        let seats = self.choose();
        let mut held = self.hold(seats.clone()).await;
        // Some insist on these seats.
        let tries = if self.may(40) { 5 } else { 0 };
        for _ in 0..tries {
            if matches!(held, Hold::Refused) {
                self.sale.pause(&mut self.dice, BETWEEN_TRIES).await;
                held = self.hold(seats.clone()).await;
            }
        }
        let id = match held {
            Hold::Held(id) => id,
            Hold::Refused => return true,
            Hold::SessionOver => return false,
        };
        if self.may(40) {
            self.sale.pause(&mut self.dice, 100..1_000).await;
        }
        match self.dice.u32(..100) {
            0..65 => self.buy(&id).await,
            65..78 => drop(self.insist(Op::Cancel(id.clone()), None).await),
            78..84 => {
                self.insist(Op::Leave, None).await;
                return false;
            }
            _ => {}
        }
        self.look_around(id).await;
        while self.payments.len() > MAX_KEPT || (!self.payments.is_empty() && self.may(40)) {
            self.give_back().await;
        }
        true
    }

    fn choose(&mut self) -> Vec<u64> {
        let best = if self.may(50) { BEST } else { SEATS };
        let count = if self.may(30) { 2 } else { 1 };
        let mut seats = self.dice.choose_multiple(1..=best, count);
        seats.sort_unstable();
        seats
    }

    /// Holds seats. With a key, retries until the answer is definite; without, sends the request once and, without a
    /// definite answer, looks for the reservation.
    pub async fn hold(&mut self, seats: Vec<u64>) -> Hold {
        let key = self.key(70);
        let op = Op::Hold(seats);
        let reply = match &key {
            Some(_) => Some(self.insist(op, key.as_deref()).await),
            None => self.once(op, None).await.filter(|reply| !reply.is_temporary()),
        };
        let id = match reply {
            Some(reply) if reply.status == 201 => Some(self.learn(&reply.body)),
            Some(reply) if reply.status == 401 => return Hold::SessionOver,
            Some(_) => return Hold::Refused,
            None => self.find_hold().await,
        };
        let Some(id) = id else { return Hold::Refused };
        Hold::Held(id)
    }

    /// Finds a hold whose answer was lost.
    async fn find_hold(&mut self) -> Option<String> {
        let list = self.insist(Op::Reservations, None).await.expect(200);
        let items = list.body["items"].as_array().expect("a list");
        let unknown = |item: &&Value| item["reservationId"].as_str().is_some_and(|id| !self.known.contains_key(id));
        let found = items.iter().filter(|item| item["status"] == "PENDING").find(unknown)?;
        Some(self.learn(found))
    }

    /// Remembers a reservation and returns its id.
    fn learn(&mut self, reservation: &Value) -> String {
        let id = reservation["reservationId"].as_str().expect("it has one").to_owned();
        let seats = reservation["seatNumbers"].as_array().map_or(0, Vec::len);
        self.known.insert(id.clone(), seats as u64);
        id
    }

    /// Pays, and recharges if the balance is too low.
    pub async fn buy(&mut self, id: &str) {
        for _ in 0..4 {
            let (key, op) = (self.key(60), Op::Pay(id.to_owned()));
            let reply = if self.may(15) {
                // A double click.
                let click = || self.once(op.clone(), key.as_deref());
                let (one, two) = tokio::join!(click(), click());
                match [one, two].into_iter().flatten().find(|reply| !reply.is_temporary()) {
                    Some(reply) => reply,
                    None => self.insist(op, key.as_deref()).await,
                }
            } else {
                self.insist(op, key.as_deref()).await
            };
            match reply.outcome() {
                (200, _) | (409, "payment_already_processed") => {
                    self.payments.insert(id.to_owned(), reply.text("paymentId").to_owned());
                    return;
                }
                (409, "insufficient_balance") => self.recharge(self.known[id]).await,
                _ => return,
            }
        }
    }

    async fn recharge(&mut self, seats: u64) {
        self.recharges += 1;
        // Often enough for further seats.
        let seats = seats + self.dice.u64(..=4);
        let op = Op::Recharge(self.sale.concert.price * seats + self.recharges);
        match self.key(70) {
            Some(key) => drop(self.insist(op, Some(&key)).await.expect(200)),
            None => drop(self.once(op, None).await),
        }
    }

    async fn give_back(&mut self) {
        let ids: Vec<_> = self.payments.keys().cloned().collect();
        let id = self.dice.choice(ids).expect("there is one");
        let key = self.key(50);
        self.insist(Op::Refund(id.clone()), key.as_deref()).await;
        self.payments.remove(&id);
    }

    async fn look_around(&mut self, id: String) {
        for op in [Op::Reservation(id), Op::Balance, Op::Ledger] {
            if self.may(25) {
                self.insist(op, None).await;
            }
        }
    }

    /// Sends the request again until the answer is definite.
    pub async fn insist(&mut self, op: Op, key: Option<&str>) -> Reply {
        let started = Instant::now();
        loop {
            let patience = if self.may(2) { IMPATIENT } else { PATIENT };
            let reply = self.ask(op.clone(), key, patience).await;
            match reply {
                Some(reply) if !reply.is_temporary() => {
                    self.keep_token(&op, &reply);
                    if key.is_some() && self.may(25) {
                        // A duplicate from another device or the back button: it must have no effect.
                        self.once(op, key).await;
                    }
                    return reply;
                }
                _ if started.elapsed() < LONGEST_WAIT => self.sale.pause(&mut self.dice, AGAIN).await,
                reply => panic!("fan {} {op}: no definite answer in {LONGEST_WAIT:?}, but {reply:?}", self.fan.id),
            }
        }
    }

    async fn once(&self, op: Op, key: Option<&str>) -> Option<Reply> {
        self.ask(op, key, PATIENT).await
    }

    async fn ask(&self, op: Op, key: Option<&str>, patience: Duration) -> Option<Reply> {
        let mut call = Call::new(&self.fan.id, op);
        call.key = key.map(str::to_owned);
        call.place = match &call.op {
            Op::Poll | Op::Leave | Op::SeatMap | Op::Hold(_) | Op::Pay(_) => place(&self.fan.token),
            _ => None,
        };
        let request = self.request(&call.op, key);
        self.sale.history.call(call, request, patience).await
    }

    fn keep_token(&mut self, op: &Op, reply: &Reply) {
        if matches!(op, Op::Join | Op::Poll) && reply.status < 300 {
            reply.text("token").clone_into(&mut self.fan.token);
        }
    }

    fn request(&self, op: &Op, key: Option<&str>) -> Request {
        let (client, fan, concert) = (&self.sale.site.client, &self.fan, &self.sale.concert);
        let get = |path: String| client.get(path).bearer(&fan.access);
        match op {
            Op::Join => client.post("/api/v1/tokens", &json!({ "queueId": concert.queue })).bearer(&fan.access),
            Op::Poll => client.get(format!("/api/v1/tokens/{}", fan.id)).bearer(&fan.token),
            Op::Leave => fan.leave(),
            Op::SeatMap => fan.seats(concert),
            Op::Hold(seats) => {
                let seats: Vec<u32> = seats.iter().filter_map(|seat| u32::try_from(*seat).ok()).collect();
                fan.hold(concert, &seats, key)
            }
            Op::Cancel(id) => fan.cancel(id),
            Op::Reservation(id) => fan.reservation(id),
            Op::Reservations => get(format!("/api/v1/users/{}/reservations", fan.id)),
            Op::Recharge(amount) => fan.recharge(*amount, key),
            Op::Pay(id) => fan.pay(id, concert.price * self.known[id], key),
            Op::Refund(id) => {
                let path = format!("/api/v1/payments/{}/cancel", self.payments[id]);
                client.post(path, &json!({})).bearer(&fan.access).key(key)
            }
            Op::Balance => fan.balance(),
            Op::Ledger => get(format!("/api/v1/payments/history/{}", fan.id)),
        }
    }

    fn key(&mut self, percent: u32) -> Option<String> {
        self.may(percent).then(unique)
    }

    fn may(&mut self, percent: u32) -> bool {
        self.dice.u32(..100) < percent
    }
}
