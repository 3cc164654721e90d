//! The life of one fan, from the queue to a paid seat or home without one.

use std::time::Duration;

use client::{Concert, Failure, Fan, Reply, Request};
use tokio::time::{self, Instant};

use crate::record::{Kind, Purchase, Record, Sighting};

/// Attempts at a seat before a fan goes home.
const ATTEMPTS: usize = 6;
/// How long a fan looks at the seat map, and thinks before paying, in seconds: from 0 to this.
const LOOKS_SECONDS: f64 = 2.0;
const THINKS_SECONDS: f64 = 5.0;
/// The share of fans with a hold who change their mind.
const CHANGES_MIND: f64 = 0.1;
/// How long a fan waits before losing patience, in seconds: from 0 to this.
const PATIENCE_SECONDS: f64 = 60.0;

/// A fan of the crowd.
pub struct Life<'a> {
    /// The account.
    pub fan: Fan,
    /// Its position among the accounts.
    pub number: usize,
    /// The concert that everybody wants.
    pub concert: &'a Concert,
    /// The share of waiting fans who give up.
    pub give_up: f64,
    /// Where everything is noted.
    pub record: &'a Record,
}

impl Life<'_> {
    /// Lives the fan's life, from `comes`: the moment when the fan meant to come.
    pub async fn live(mut self, comes: Instant) {
        self.record.change(|now| now.came += 1);
        if self.get_inside(comes).await {
            self.record.change(|now| now.inside += 1);
            self.buy().await;
            self.record.change(|now| now.inside -= 1);
        }
        self.record.change(|now| now.done += 1);
    }

    /// Joins and waits; `false` if the fan gives up or the place is over.
    async fn get_inside(&mut self, comes: Instant) -> bool {
        let until = (fastrand::f64() < self.give_up).then(|| comes + seconds(PATIENCE_SECONDS));
        let sent = Instant::now();
        let joined = self.fan.try_join(&self.concert.queue).await;
        self.record.answered(Kind::Join, comes.into_std(), &joined);
        let Some(mut wait) = self.place_of(joined, sent) else { return false };
        if wait.is_zero() {
            return true;
        }
        self.record.change(|now| now.waiting += 1);
        let inside = loop {
            let due = Instant::now() + wait;
            if let Some(until) = until.filter(|until| *until < due) {
                time::sleep_until(until).await;
                let left = self.fan.leave().try_send().await;
                self.record.answered(Kind::Leave, until.into_std(), &left);
                break false;
            }
            time::sleep_until(due).await;
            let sent = Instant::now();
            let polled = self.fan.try_poll().await;
            self.record.answered(Kind::Poll, due.into_std(), &polled);
            match self.place_of(polled, sent) {
                Some(pause) if pause.is_zero() => break true,
                Some(pause) => wait = pause,
                None => break false,
            }
        };
        self.record.change(|now| now.waiting -= 1);
        inside
    }

    /// How long to wait before the next poll, zero for a fan inside; `None` where the place is over.
    fn place_of(&self, outcome: Result<Reply, Failure>, sent: Instant) -> Option<Duration> {
        let reply = outcome.ok().filter(|reply| reply.status < 300)?;
        let active = reply.text("status") == "ACTIVE";
        if let Some(place) = reply.body["place"].as_u64() {
            let (sent, answered) = (self.at(sent), self.at(Instant::now()));
            self.record.saw(Sighting { place, sent, answered, active });
        }
        let pause = reply.body["pollAfterSeconds"].as_u64().unwrap_or(1).max(1);
        Some(if active { Duration::ZERO } else { Duration::from_secs(pause) })
    }

    /// Looks for seats, holds them and pays. A fan without seats leaves, one who changes their mind also cancels.
    async fn buy(&self) {
        let mut held = None;
        for _ in 0..ATTEMPTS {
            let Some(seats) = self.choose_seats().await else { break };
            let key = format!("crowd-{}-{}", self.number, fastrand::u64(..));
            let hold = self.send(Kind::Hold, self.fan.hold(self.concert, &seats, Some(&key))).await;
            match hold {
                Ok(reply) if reply.status == 201 => {
                    held = Some((reply.text("reservationId").to_owned(), seats));
                    break;
                }
                // Somebody was faster: look again.
                Ok(reply) if reply.code() == "seat_unavailable" => {}
                _ => break,
            }
        }
        let Some((reservation, seats)) = held else {
            let _ = self.send(Kind::Leave, self.fan.leave()).await;
            return;
        };
        time::sleep(seconds(THINKS_SECONDS)).await;
        if fastrand::f64() < CHANGES_MIND {
            let _ = self.send(Kind::Leave, self.fan.cancel(&reservation)).await;
            let _ = self.send(Kind::Leave, self.fan.leave()).await;
            return;
        }
        let amount = self.concert.price * seats.len() as u64;
        let key = format!("crowd-pay-{reservation}");
        if let Ok(reply) = self.send(Kind::Pay, self.fan.pay(&reservation, amount, Some(&key))).await
            && reply.status == 200
        {
            self.record.bought(Purchase { fan: self.number, seats, amount });
        }
    }

    /// One or two free seats; `None` where there is none.
    async fn choose_seats(&self) -> Option<Vec<u32>> {
        let map = self.send(Kind::Seats, self.fan.seats(self.concert)).await.ok()?;
        let free: Vec<u32> = (map.body.as_array()?.iter())
            .filter(|seat| seat["status"] == "AVAILABLE")
            .filter_map(|seat| u32::try_from(seat["seatNumber"].as_u64()?).ok())
            .collect();
        time::sleep(seconds(LOOKS_SECONDS)).await;
        let first = *free.get(fastrand::usize(..free.len().max(1)))?;
        let second = free.iter().copied().find(|seat| *seat == first + 1).filter(|_| fastrand::bool());
        Some([Some(first), second].into_iter().flatten().collect())
    }

    async fn send(&self, kind: Kind, request: Request) -> Result<Reply, Failure> {
        let meant = Instant::now();
        let outcome = request.try_send().await;
        self.record.answered(kind, meant.into_std(), &outcome);
        outcome
    }

    fn at(&self, moment: Instant) -> f64 {
        self.record.seconds_at(moment.into_std())
    }
}

/// A random time up to this many seconds.
fn seconds(most: f64) -> Duration {
    Duration::from_secs_f64(fastrand::f64() * most)
}
