//! The run: events in the order of time, and everything that they change.

use crate::{
    MILLI, Micros, SECOND,
    fan::Fan,
    lambda::Front,
    line::{Lanes, Later},
    options::Options,
    promoter::Promoter,
    table::{Table, hash},
};
use shared::domain::{polling::Polling, ticket::Place, time::Timestamp};
use std::{cmp::Reverse, collections::BinaryHeap};

/// The first fan comes this long after the run begins: time to widen the queue.
pub const BEGINS: Micros = 10 * SECOND;
/// No run lasts longer.
const LONGEST: Micros = 6 * 3_600 * SECOND;
const EPOCH_MILLIS: i64 = 1_800_000_000_000;
/// Keys of the queue's state and line.
const STATE: u64 = 1 << 41;
const LINE: u64 = (1 << 41) + 1;

/// The moment of a run as the domain counts time.
pub fn at(now: Micros) -> Timestamp {
    Timestamp::from_millis(EPOCH_MILLIS + (now / MILLI) as i64)
}

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Fan(u32),
    Sequencer,
    Shard(u16),
    Seal,
    Tick,
    Second,
}

/// What is used for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Logins.
    Login,
    /// Joins.
    Join,
    /// Cuts and records.
    Line,
    /// Polls, with the state that environments read.
    Poll,
    /// Ticks, fences and claims.
    Admit,
    /// Seat maps, holds and payments.
    Buy,
}

impl Kind {
    /// All of them, with their names.
    pub const ALL: [(Kind, &'static str); 6] = [
        (Kind::Login, "logins"),
        (Kind::Join, "joins"),
        (Kind::Line, "cuts and records"),
        (Kind::Poll, "polls"),
        (Kind::Admit, "admission"),
        (Kind::Buy, "purchases"),
    ];
}

/// What happened in a second.
#[derive(Debug, Clone, Copy, Default)]
pub struct Second {
    /// Numbers drawn.
    pub joins: u32,
    /// Polls answered.
    pub polls: u32,
    /// Requests that were answered 429 or 503.
    pub refused: u32,
    /// Fans who wait with a place.
    pub waiting: u64,
    /// Slots taken.
    pub occupied: u64,
    /// Seats sold.
    pub sold: u32,
}

/// A run under way, or over.
#[derive(Debug)]
pub struct Sale {
    /// What was asked for.
    pub options: Options,
    /// The fans.
    pub fans: Vec<Fan>,
    /// The line.
    pub lanes: Lanes,
    /// The promoter.
    pub promoter: Promoter,
    /// Gateway and Lambda.
    pub front: Front,
    /// Counters.
    pub joins: Table,
    /// Tickets, sessions, state.
    pub queues: Table,
    /// Limits.
    pub limits: Table,
    /// Fans' partitions.
    pub accounts: Table,
    /// Seats.
    pub concerts: Table,
    /// Units written and read by kind.
    pub used: [(f64, f64); 6],
    /// Seats that are neither held nor sold, and those that are sold.
    pub seats: (u32, u32),
    /// When the last seat was sold.
    pub sold_out: Option<Micros>,
    /// Fans who are not done.
    pub active: u32,
    /// Numbers without a ticket.
    pub holes: u64,
    /// Admitted fans who came too late to claim.
    pub late: u64,
    /// Tries of joins and logins after a refusal.
    pub retries: u64,
    /// What happened, second by second.
    pub seconds: Vec<Second>,
    events: BinaryHeap<Reverse<(Micros, Event)>>,
    polling: Option<(Micros, Polling)>,
}

/// Runs a sale to its end.
pub fn run(options: Options) -> Sale {
    fastrand::seed(options.seed);
    let warm = options.warmed();
    let mut sale = Sale {
        fans: (0..options.fans).map(|_| Fan::new(&options)).collect(),
        lanes: Lanes::new(&options, BEGINS),
        promoter: Promoter::new(&options, BEGINS),
        front: Front::new(options.gateway, options.burst, options.environments, options.provisioned),
        joins: Table::new("Joins", warm),
        queues: Table::new("Queues", warm),
        limits: Table::new("Limits", warm),
        accounts: Table::new("Fans", warm),
        concerts: Table::new("Concerts", warm),
        used: [(0.0, 0.0); 6],
        seats: (options.seats, 0),
        sold_out: None,
        active: options.fans,
        holes: 0,
        late: 0,
        retries: 0,
        seconds: vec![Second::default()],
        events: BinaryHeap::new(),
        polling: None,
        options,
    };
    for id in 0..sale.options.fans {
        let first = sale.fans[id as usize].came;
        sale.later(first, id);
    }
    for event in [Event::Sequencer, Event::Tick, Event::Second] {
        sale.events.push(Reverse((SECOND, event)));
    }
    while let Some(Reverse((now, event))) = sale.events.pop() {
        if sale.active == 0 || now > LONGEST {
            break;
        }
        sale.happen(event, now);
    }
    sale
}

impl Sale {
    /// Lets a fan go on later.
    pub fn later(&mut self, when: Micros, id: u32) {
        self.events.push(Reverse((when, Event::Fan(id))));
    }

    /// Notes units.
    pub fn use_units(&mut self, kind: Kind, writes: f64, reads: f64) {
        let used = &mut self.used[kind as usize];
        (used.0, used.1) = (used.0 + writes, used.1 + reads);
    }

    /// The second under way.
    pub fn second(&mut self) -> &mut Second {
        self.seconds.last_mut().expect("a run begins with a second")
    }

    /// Fans who wait, those without a place too.
    pub fn waiting(&self) -> u64 {
        self.lanes.drawn.saturating_sub(self.promoter.state.served.get())
    }

    /// When the fan at a place should poll again, by a rule that is at most a second old.
    pub fn poll_after(&mut self, place: Place, now: Micros) -> Micros {
        if self.polling.is_none_or(|(since, _)| since + SECOND <= now) {
            let (state, rules) = (&self.promoter.state, self.promoter.rules);
            self.polling = Some((now, Polling::of(state, self.waiting(), rules, at(now))));
        }
        let position = place.behind(self.promoter.state.served).max(1);
        self.polling.map_or(SECOND, |(_, polling)| polling.seconds(position, fastrand::f64()) * SECOND)
    }

    fn happen(&mut self, event: Event, now: Micros) {
        let writes = self.joins.writes;
        let next = match event {
            Event::Fan(id) => return self.go_on(id, now),
            Event::Sequencer => {
                let late = fastrand::u64(0..30 * MILLI);
                let start = now / SECOND * SECOND;
                self.events.push(Reverse((start + SECOND + late, event)));
                self.lanes.run(&mut self.joins, now)
            }
            Event::Shard(shard) => self.lanes.go_on(Later::Shard(shard), &mut self.joins, now),
            Event::Seal => self.lanes.go_on(Later::Seal, &mut self.joins, now),
            Event::Tick => {
                self.tick(now);
                self.events.push(Reverse((now + SECOND, event)));
                return;
            }
            Event::Second => {
                self.end_second(now);
                self.events.push(Reverse((now + SECOND, event)));
                return;
            }
        };
        self.use_units(Kind::Line, self.joins.writes - writes, 0.0);
        for (when, later) in next {
            let event = match later {
                Later::Shard(shard) => Event::Shard(shard),
                Later::Seal => Event::Seal,
            };
            self.events.push(Reverse((when, event)));
        }
    }

    fn end_second(&mut self, now: Micros) {
        // Each environment that polls reads state and line, not more often than it is asked.
        let reads = self.front.polling().min(self.second().polls as usize) as f64 * 0.5;
        self.queues.read(hash(STATE), reads, now);
        self.queues.read(hash(LINE), reads, now);
        self.use_units(Kind::Poll, 0.0, 2.0 * reads);
        let (waiting, occupied, sold) = (self.waiting(), self.promoter.state.occupied, self.seats.1);
        let second = self.second();
        (second.waiting, second.occupied, second.sold) = (waiting, occupied, sold);
        self.seconds.push(Second::default());
    }
}
