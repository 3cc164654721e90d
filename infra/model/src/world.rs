//! The state of the model: what is stored, what was answered, and where each process stands.

use crate::{fan::Fan, promoter::Promoter, sequencer::Sequencer};
use shared::domain::{
    line::{Counter, Interval, Line, LineTicket, Void},
    ticket::Place,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
};

/// Everything at one moment. Items of the tables are the product's own types.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// The join counters, by shard. Shard 0 is always there.
    pub shards: Vec<Option<Counter>>,
    /// The records of the sealed intervals.
    pub records: Vec<Interval>,
    /// The line, with its version.
    pub line: (Line, u32),
    /// Whether the draw may be cut.
    pub opened: bool,
    /// Every number that was drawn, in the order of time.
    pub numbers: Vec<Number>,
    /// The VOIDs, by number.
    pub voids: BTreeMap<usize, Void>,
    /// The places with a tombstone.
    pub tombstones: BTreeSet<u64>,
    /// The highest place that was admitted or passed.
    pub served: u64,
    /// Whether a fan was admitted whose leaving had been answered.
    pub admitted_gone: bool,
    /// The fans.
    pub fans: Vec<Fan>,
    /// The sequencers.
    pub sequencers: Vec<Sequencer>,
    /// The promoter.
    pub promoter: Promoter,
}

thread_local! {
    static LOTS: RefCell<HashMap<(Interval, LineTicket), Option<Place>>> = RefCell::default();
}

/// [`Interval::place`]. Of a draw it is remembered: the permutation of a few takes long, and the model asks for few.
pub(crate) fn rank(record: &Interval, ticket: &LineTicket) -> Option<Place> {
    if record.seed.is_none() {
        return record.place(ticket);
    }
    LOTS.with_borrow_mut(|lots| *lots.entry((record.clone(), *ticket)).or_insert_with(|| record.place(ticket)))
}

/// A number that was drawn, and what its fan knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number {
    /// The number.
    pub ticket: LineTicket,
    /// Which fan drew it; `None` for a passer-by, who only joins.
    pub fan: Option<usize>,
    /// The place that the draw returned.
    pub at_join: Option<u64>,
    /// The place that anybody could learn so far.
    pub known: Option<u64>,
    /// Intervals below this had begun to be cut when the number was drawn.
    pub begun: u64,
    /// Intervals below this had been cut whole then.
    pub ended: u64,
    /// Whether the fan has a token of it.
    pub token: bool,
    /// Whether the fan has a token with the place, which counts without a look at the ticket.
    pub placed: bool,
    /// Whether the fan was answered that the number is given up.
    pub gone: bool,
    /// Whether the fan was answered that the lot is taken back.
    pub taken_back: bool,
}

impl World {
    /// Shard 0.
    pub fn lead(&self) -> &Counter {
        self.shards[0].as_ref().expect("shard 0 is there from the start")
    }

    /// The record of an interval.
    pub fn record(&self, interval: u64) -> Option<&Interval> {
        self.records.get(usize::try_from(interval).unwrap_or(usize::MAX))
    }

    /// The place of a number, by all that is stored.
    pub fn place(&self, number: usize) -> Option<u64> {
        let Number { ticket, at_join, .. } = &self.numbers[number];
        let sealed = || rank(self.record(ticket.interval)?, ticket);
        at_join.or_else(|| sealed().or_else(|| self.lead().place_of(ticket)).map(Place::get))
    }

    /// The place of a number by the line: what a poll finds.
    pub fn place_by_line(&self, number: usize) -> Option<u64> {
        let Number { ticket, at_join, .. } = &self.numbers[number];
        let line = &self.line.0;
        let sealed = || rank(self.record(ticket.interval).filter(|_| ticket.interval < line.open)?, ticket);
        at_join.or_else(|| line.calm_place(ticket).or_else(sealed).map(Place::get))
    }

    /// Draws a number from a shard, if that is open. `anyway` leaves out the guard that it is.
    pub fn draw(&mut self, shard: usize, fan: Option<usize>, anyway: (bool, bool)) -> Option<usize> {
        let (closed_too, absent_too) = anyway;
        let drawn = match &self.shards[shard] {
            Some(Counter { closed: Some(width), .. }) if closed_too => {
                let open = Counter { closed: None, ..self.shards[shard].clone()? }.draw()?;
                Counter { closed: Some(*width), ..open }
            }
            Some(counter) => counter.draw()?,
            None if absent_too => Counter::opened(0).draw()?,
            None => return None,
        };
        let open = self.shards.iter().flatten().filter(|counter| counter.closed.is_none());
        let begun = self.shards.iter().flatten().map(|counter| counter.interval).max().unwrap_or_default();
        self.numbers.push(Number {
            ticket: LineTicket { interval: drawn.interval, shard: shard as u16, number: drawn.number() },
            fan,
            at_join: drawn.place(),
            known: None,
            begun,
            ended: open.map(|counter| counter.interval).min().unwrap_or_default(),
            token: false,
            placed: false,
            gone: false,
            taken_back: false,
        });
        self.shards[shard] = Some(drawn);
        Some(self.numbers.len() - 1)
    }

    /// Notes the places that can be learnt now.
    pub fn learn(&mut self) {
        for number in 0..self.numbers.len() {
            if self.numbers[number].known.is_none() {
                self.numbers[number].known = self.place_by_line(number);
            }
        }
    }
}
