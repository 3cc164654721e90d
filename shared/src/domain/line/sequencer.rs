//! What the sequencer does next, by what it read.
//!
//! No stage is stored: each run reads shard 0 and the newest record, and does the one step that they call for. A step that
//! was done already, or is done by another sequencer meanwhile, changes nothing: every write has the condition that
//! [`Counter::cut`], [`Counter::open`] and [`Counter::with_offset`] have, and a record is put if absent.

use super::{
    counter::Counter,
    interval::{Interval, LineTicket},
};
use crate::domain::ticket::Place;
use serde::{Deserialize, Serialize};

/// What is known of the places of a queue. It moves on after the record of an interval is put, and after the places of
/// fans who left meanwhile have tombstones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Line {
    /// The first interval that has no record.
    pub open: u64,
    /// The last place of the records.
    pub end: Place,
    /// Whether the open interval has width 1 and an offset, so that its places are known: `end` + number.
    pub calm: bool,
}

impl Default for Line {
    /// The line of a queue that nobody joined.
    fn default() -> Self {
        Line { open: 0, end: Place::NONE, calm: true }
    }
}

impl Line {
    /// The line after the next interval was sealed.
    pub fn after(&self, sealed: &Interval) -> Self {
        debug_assert_eq!(sealed.interval, self.open, "intervals are sealed in order");
        Line { open: sealed.interval + 1, end: sealed.end(), calm: false }
    }

    /// Whether shard 0, as it was read, gives places at the join, and nobody who left before that is left to bury.
    pub fn gives_places(&self, lead: &Counter) -> bool {
        self.calm && lead.is_calm() && lead.interval == self.open
    }

    /// The place of a ticket of the calm interval, by the line alone.
    pub fn calm_place(&self, ticket: &LineTicket) -> Option<Place> {
        (self.calm && ticket.interval == self.open && ticket.shard == 0).then(|| self.end.plus(ticket.number))
    }

    /// The last place that is known, by shard 0 as it was read: promotion never passes it.
    pub fn last_place(&self, lead: &Counter) -> Place {
        let known = match (lead.lead.and_then(|lead| lead.offset), &lead.before) {
            (Some(_), _) if self.gives_places(lead) => lead.number(),
            // The calm interval was cut and has no record yet: it had one shard, so its count is all of it.
            (_, Some(before)) if self.calm && before.interval == self.open => before.count(),
            _ => 0,
        };
        self.end.plus(known)
    }
}

/// An interval that is being sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sealing {
    /// The interval.
    pub interval: u64,
    /// The number of its shards.
    pub width: u16,
    /// The number of shards of the interval behind it.
    pub next_width: u16,
}

impl Sealing {
    /// The number of shards that must be looked at: those to count, and those to open.
    pub fn shards(&self) -> u16 {
        self.width.max(self.next_width)
    }
}

/// The next step of the sequencer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Shard 0 was cut: cut and open the other shards, then put the record.
    Seal(Sealing),
    /// The record of this interval exists, and the line does not know it yet.
    Follow(u64),
    /// Set the offset of shard 0, and then say that the queue is calm.
    Calm {
        /// The interval of shard 0.
        interval: u64,
        /// The offset.
        offset: u64,
    },
    /// Cut shard 0, so that a new interval begins.
    Cut {
        /// The interval that ends.
        interval: u64,
        /// The width of the next one.
        width: u16,
    },
    /// Nothing is to be done.
    Rest,
}

/// The next step for a queue whose next interval should have `wish` shards. `drawn` says whether the open interval has any
/// number; a wide one that has none is not cut.
pub fn next_step(counter: &Counter, line: &Line, wish: u16, drawn: bool) -> Step {
    let Some(lead) = counter.lead else { return Step::Rest };
    let interval = counter.interval;
    if line.open < interval {
        // Shard 0 is cut only once the record before exists, so at most one interval is without.
        let sealing = Sealing { interval: line.open, width: lead.before_width, next_width: lead.width };
        return if line.open + 1 == interval { Step::Seal(sealing) } else { Step::Follow(line.open) };
    }
    if line.open > interval {
        // Shard 0 was read before the line moved on.
        return Step::Rest;
    }
    if lead.width == 1 && !line.calm {
        return Step::Calm { interval, offset: line.end.get().saturating_sub(counter.start) };
    }
    if wish != lead.width || (lead.width > 1 && drawn) { Step::Cut { interval, width: wish } } else { Step::Rest }
}

/// What to do with a shard of an interval that is being sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShardStep {
    /// Cut it.
    Cut,
    /// Open it in the next interval.
    Open,
    /// The shard is cut, and its count is this.
    Counted(u64),
    /// The shard is open in the next interval, and was not in this one.
    Opened,
    /// The shard is past the next interval: the record exists.
    Passed,
}

/// What to do with a shard, as it was read; `None` where it has no counter.
pub fn shard_step(shard: u16, found: Option<&Counter>, sealing: &Sealing) -> ShardStep {
    let Sealing { interval, width, .. } = *sealing;
    let next = interval + 1;
    let counted = shard < width;
    match found {
        Some(counter) if counter.interval > next => ShardStep::Passed,
        Some(counter) if counter.interval == next && counted => match &counter.before {
            Some(before) if before.interval == interval => ShardStep::Counted(before.count()),
            _ => ShardStep::Passed,
        },
        Some(counter) if counter.interval == next => ShardStep::Opened,
        // A draw whose operator's request was cut off may lack counters in its first interval: the cut puts them.
        _ if counted => ShardStep::Cut,
        _ => ShardStep::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{line::Counts, time::Timestamp};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A queue that a test moves step by step.
    struct World {
        shards: BTreeMap<u16, Counter>,
        line: Line,
        records: Vec<Interval>,
        tickets: Vec<(LineTicket, Option<u64>)>,
    }

    impl World {
        fn new() -> Self {
            let shards = BTreeMap::from([(0, Counter::first())]);
            World { shards, line: Line::default(), records: Vec::new(), tickets: Vec::new() }
        }

        fn join(&mut self, shard: u16) {
            let Some(drawn) = self.shards.get(&shard).and_then(Counter::draw) else { return self.join(0) };
            let ticket = LineTicket { interval: drawn.interval, shard, number: drawn.number() };
            self.tickets.push((ticket, drawn.place()));
            self.shards.insert(shard, drawn);
        }

        /// One step; `false` where nothing was to be done.
        fn step(&mut self, wish: u16) -> bool {
            let lead = &self.shards[&0];
            let width = lead.lead.unwrap().width;
            let drawn = (0..width).filter_map(|shard| self.shards.get(&shard)).any(|shard| shard.number() > 0);
            match next_step(lead, &self.line, wish, drawn) {
                Step::Rest => return false,
                Step::Follow(_) => unreachable!("a line of one sequencer"),
                Step::Cut { interval, width } => {
                    let cut = lead.cut(0, interval, width).unwrap();
                    self.shards.insert(0, cut);
                }
                Step::Calm { interval, offset } => {
                    let calm = lead.with_offset(interval, offset).unwrap();
                    self.shards.insert(0, calm);
                    self.line.calm = true;
                }
                Step::Seal(sealing) => self.seal(sealing),
            }
            true
        }

        fn seal(&mut self, sealing: Sealing) {
            let mut counts = Vec::new();
            for shard in 0..sealing.shards() {
                loop {
                    let found = self.shards.get(&shard);
                    let next = match shard_step(shard, found, &sealing) {
                        ShardStep::Cut => found.unwrap().cut(shard, sealing.interval, sealing.next_width).unwrap(),
                        ShardStep::Open => Counter::open(found, sealing.interval + 1).unwrap(),
                        ShardStep::Counted(count) => {
                            counts.push(count);
                            break;
                        }
                        ShardStep::Opened => break,
                        ShardStep::Passed => unreachable!("one sequencer"),
                    };
                    self.shards.insert(shard, next);
                }
            }
            let counts = Counts::new(counts).unwrap();
            let (interval, base) = (sealing.interval, self.line.end);
            let record = Interval { interval, base, counts, sealed_at: Timestamp::DISTANT_PAST, seed: None };
            self.line = self.line.after(&record);
            self.records.push(record);
        }

        fn place(&self, ticket: &LineTicket) -> Option<u64> {
            let record = self.records.get(usize::try_from(ticket.interval).unwrap());
            match record {
                Some(record) => Some(record.place(ticket).expect("a sealed ticket has a place").get()),
                None => self.line.calm_place(ticket).map(Place::get),
            }
        }
    }

    proptest! {
        #[test]
        fn places_are_contiguous_and_never_change(moves in prop::collection::vec((0u16..6, 1u16..6, 0u8..3), 1..120)) {
            let mut world = World::new();
            for (shard, wish, kind) in moves {
                if kind == 0 { world.step(wish); } else { world.join(shard); }
                let last = world.line.last_place(&world.shards[&0]).get();
                for (ticket, known) in &world.tickets {
                    let now = world.place(ticket);
                    if let (Some(known), Some(now)) = (known, now) { prop_assert_eq!(*known, now); }
                    prop_assert!(now.is_none_or(|place| place <= last));
                }
            }
            for _ in 0..9 { world.step(1); }
            prop_assert!(!world.step(1), "a calm end is reached");
            let mut places: Vec<u64> = world.tickets.iter().map(|(ticket, _)| world.place(ticket).unwrap()).collect();
            let in_order = world.tickets.clone();
            places.sort_unstable();
            prop_assert_eq!(places, (1..=in_order.len() as u64).collect::<Vec<_>>());
            for pair in in_order.windows(2) {
                if pair[0].0.interval < pair[1].0.interval {
                    prop_assert!(world.place(&pair[0].0) < world.place(&pair[1].0), "order across intervals");
                }
            }
        }
    }

    #[test]
    fn from_one_to_400_shards_and_back_with_joins_at_every_step() {
        let mut world = World::new();
        for wish in (1..=400).step_by(7).chain((1..=400).rev().step_by(9)) {
            for shard in (0..wish).step_by(3) {
                world.join(shard);
            }
            for _ in 0..2 {
                world.step(wish);
                world.join(wish - 1);
            }
        }
        while world.step(1) {}
        let mut places: Vec<u64> = world.tickets.iter().map(|(ticket, _)| world.place(ticket).unwrap()).collect();
        places.sort_unstable();
        assert_eq!(places, (1..=world.tickets.len() as u64).collect::<Vec<_>>());
        assert!(world.records.iter().any(|record| record.counts.as_slice().len() > 390));
    }

    #[test]
    fn a_line_that_lags_follows_the_records() {
        let ahead = Counter::first().cut(0, 0, 2).unwrap().cut(0, 1, 2).unwrap();
        assert_eq!(next_step(&ahead, &Line::default(), 1, false), Step::Follow(0));
        let line = Line { open: 3, end: Place::new(9), calm: false };
        assert_eq!(next_step(&ahead, &line, 1, true), Step::Rest, "a counter that was read before the line moved on");
    }
}
