//! What happened, second by second: for the progress, the report and the checks.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use client::{Failure, Reply};
use hdrhistogram::Histogram;

/// The kinds of requests, in the order of a fan's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Joins the queue.
    Join,
    /// Asks for the place.
    Poll,
    /// Reads the seat map.
    Seats,
    /// Holds seats.
    Hold,
    /// Pays.
    Pay,
    /// Gives a hold back, or leaves the queue.
    Leave,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 6] = [Kind::Join, Kind::Poll, Kind::Seats, Kind::Hold, Kind::Pay, Kind::Leave];

    /// The name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Join => "join",
            Kind::Poll => "poll",
            Kind::Seats => "seat map",
            Kind::Hold => "hold",
            Kind::Pay => "pay",
            Kind::Leave => "give back or leave",
        }
    }
}

/// The state of all fans at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// Fans who came so far.
    pub came: usize,
    /// Fans who wait.
    pub waiting: usize,
    /// Fans inside.
    pub inside: usize,
    /// Seats that were paid.
    pub sold: usize,
    /// Fans who are done: bought, gave up, or found no seat.
    pub done: usize,
    /// Requests that failed: no answer, or 5xx.
    pub failures: usize,
    /// Requests that were answered.
    pub answers: usize,
}

/// A fan who paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// The position of the fan among the accounts.
    pub fan: usize,
    /// The seats.
    pub seats: Vec<u32>,
    /// What was paid.
    pub amount: u64,
}

/// What one answer said about a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sighting {
    /// The place.
    pub place: u64,
    /// When the request was sent, in seconds from the start.
    pub sent: f64,
    /// When the answer came.
    pub answered: f64,
    /// Whether the fan was inside.
    pub active: bool,
}

/// `served` of the queue, as its public document showed it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Served {
    /// The highest admitted place.
    pub place: u64,
    /// When the request was sent, in seconds from the start.
    pub sent: f64,
    /// When the answer came.
    pub answered: f64,
}

/// Collects what happens.
pub struct Record {
    started: Instant,
    inner: Mutex<Inner>,
}

struct Inner {
    now: Moment,
    latencies: BTreeMap<Kind, Histogram<u64>>,
    last_second: Histogram<u64>,
    outcomes: BTreeMap<(Kind, String), usize>,
    seconds: Vec<Second>,
    purchases: Vec<Purchase>,
    sightings: Vec<Sighting>,
    served: Vec<Served>,
}

/// One second of the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Second {
    /// The fans at its end.
    pub moment: Moment,
    /// Milliseconds within which half of its answers came; 0 without one.
    pub p50: f64,
    /// As `p50`, of 95 in a hundred.
    pub p95: f64,
    /// As `p50`, of 99 in a hundred.
    pub p99: f64,
}

/// All that was collected.
pub struct Collected {
    /// The fans at the end.
    pub end: Moment,
    /// Latencies in microseconds by kind of request.
    pub latencies: BTreeMap<Kind, Histogram<u64>>,
    /// How often each outcome was seen, by kind of request.
    pub outcomes: BTreeMap<(Kind, String), usize>,
    /// The seconds of the run.
    pub seconds: Vec<Second>,
    /// Everybody who paid.
    pub purchases: Vec<Purchase>,
    /// What answers said about places.
    pub sightings: Vec<Sighting>,
    /// What the queue's document said.
    pub served: Vec<Served>,
}

/// Microseconds up to two minutes, with three digits.
fn histogram() -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, 120_000_000, 3).expect("bounds that fit");
    histogram.auto(true);
    histogram
}

impl Record {
    /// Starts the record.
    pub fn new() -> Self {
        let inner = Inner {
            now: Moment::default(),
            latencies: BTreeMap::new(),
            last_second: histogram(),
            outcomes: BTreeMap::new(),
            seconds: Vec::new(),
            purchases: Vec::new(),
            sightings: Vec::new(),
            served: Vec::new(),
        };
        Self { started: Instant::now(), inner: Mutex::new(inner) }
    }

    /// Seconds since the start.
    pub fn seconds_at(&self, moment: Instant) -> f64 {
        moment.saturating_duration_since(self.started).as_secs_f64()
    }

    /// Changes the state of the fans at this moment.
    pub fn change(&self, change: impl FnOnce(&mut Moment)) {
        change(&mut self.lock().now);
    }

    /// Adds the answer to a request that a fan meant to send at `meant`.
    pub fn answered(&self, kind: Kind, meant: Instant, outcome: &Result<Reply, Failure>) {
        let micros = u64::try_from(meant.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        let mut inner = self.lock();
        let text = match outcome {
            Ok(reply) if reply.code().is_empty() => reply.status.to_string(),
            Ok(reply) => format!("{} {}", reply.status, reply.code()),
            Err(_) => "no answer".to_owned(),
        };
        let failed = outcome.as_ref().map_or(true, |reply| reply.status >= 500);
        inner.now.failures += usize::from(failed);
        inner.now.answers += 1;
        *inner.outcomes.entry((kind, text)).or_default() += 1;
        if let Some(again) = outcome.as_ref().ok().map(|reply| reply.attempts as usize - 1).filter(|again| *again > 0) {
            *inner.outcomes.entry((kind, "sent again".to_owned())).or_default() += again;
        }
        inner.latencies.entry(kind).or_insert_with(histogram).saturating_record(micros);
        inner.last_second.saturating_record(micros);
    }

    /// Adds a purchase.
    pub fn bought(&self, purchase: Purchase) {
        let mut inner = self.lock();
        inner.now.sold += purchase.seats.len();
        inner.purchases.push(purchase);
    }

    /// Adds what an answer said about a place.
    pub fn saw(&self, sighting: Sighting) {
        self.lock().sightings.push(sighting);
    }

    /// Adds what the queue's document said.
    pub fn saw_served(&self, served: Served) {
        self.lock().served.push(served);
    }

    /// Ends a second of the run, and returns it.
    pub fn end_second(&self) -> Second {
        let mut inner = self.lock();
        let of = |quantile: f64| inner.last_second.value_at_quantile(quantile) as f64 / 1_000.0;
        let second = if inner.last_second.is_empty() {
            Second { moment: inner.now, p50: 0.0, p95: 0.0, p99: 0.0 }
        } else {
            Second { moment: inner.now, p50: of(0.5), p95: of(0.95), p99: of(0.99) }
        };
        inner.last_second.reset();
        inner.seconds.push(second);
        second
    }

    /// Returns all that was collected.
    pub fn collected(&self) -> Collected {
        let mut inner = self.lock();
        Collected {
            end: inner.now,
            latencies: std::mem::take(&mut inner.latencies),
            outcomes: std::mem::take(&mut inner.outcomes),
            seconds: std::mem::take(&mut inner.seconds),
            purchases: std::mem::take(&mut inner.purchases),
            sightings: std::mem::take(&mut inner.sightings),
            served: std::mem::take(&mut inner.served),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
