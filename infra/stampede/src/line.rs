//! The line: counters, and the sequencer that cuts and seals. What happens to them is the domain's code; here is when.

use crate::{MILLI, Micros, SECOND, options::Options, sale::at, table::Table};
use shared::domain::{
    line::{
        Counter, Counts, Expected, Interval, Line, LineTicket, Sealing, ShardStep, Step, Traffic, expected_at,
        next_step, shard_step, wished_width,
    },
    ticket::Place,
    time::Timestamp,
};

/// Shards that are cut at once.
const CUTS_AT_ONCE: u64 = 100;
/// A write of the sequencer: at least, and beyond that at most.
const WRITE: (Micros, Micros) = (4 * MILLI, 12 * MILLI);
/// A sequencer tries a throttled cut again after this time.
const AGAIN: Micros = 20 * MILLI;
/// Keys of the counters begin here.
const COUNTERS: u64 = 1 << 40;

/// When an interval was cut, first and last.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// The cut of shard 0.
    pub first: Micros,
    /// The cut of the last shard.
    pub last: Micros,
    /// When the line said that its places are known.
    pub known: Micros,
    /// Its shards.
    pub width: u16,
}

/// The line of the queue.
#[derive(Debug)]
pub struct Lanes {
    /// The counters.
    pub shards: Vec<Option<Counter>>,
    /// The records.
    pub records: Vec<Interval>,
    /// What is known of places.
    pub line: Line,
    /// The cuts of the intervals.
    pub cuts: Vec<Cut>,
    /// Numbers that were drawn.
    pub drawn: u64,
    /// The widest interval.
    pub widest: u16,
    /// The number of shards that joins are spread over, as the line says.
    pub width: u16,
    sealing: Option<(Sealing, usize)>,
    traffic: Traffic,
    sealed_at: Timestamp,
    expected: Option<Expected>,
    opens_at: Timestamp,
    single: bool,
    drawn_before: (u64, Micros),
}

/// Why a shard gave no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDrawn {
    /// Its partition throttles.
    Throttled,
    /// It is closed, by an interval of this width.
    Closed(u16),
}

/// What the sequencer does later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// It cuts or opens a shard.
    Shard(u16),
    /// It puts the record.
    Seal,
}

impl Lanes {
    /// The line of a queue that fans may join from `begins` on.
    pub fn new(options: &Options, begins: Micros) -> Self {
        let per_second = options.joins_per_second() * if options.even { 1 } else { 2 };
        let forecast = options.forecast && !options.single_counter;
        Lanes {
            shards: vec![Some(Counter::first())],
            records: Vec::new(),
            line: Line::default(),
            cuts: Vec::new(),
            drawn: 0,
            widest: 1,
            width: 1,
            sealing: None,
            traffic: Traffic::default(),
            sealed_at: at(0),
            expected: forecast.then(|| Expected { per_second, since: at(0) }),
            opens_at: at(begins + Micros::from(options.opens_after) * SECOND),
            single: options.single_counter,
            drawn_before: (0, 0),
        }
    }

    fn lead(&self) -> &Counter {
        self.shards[0].as_ref().expect("shard 0 is there from the start")
    }

    /// Draws a number from a shard: the ticket, and the place if it is known.
    ///
    /// # Errors
    /// [`NotDrawn`].
    pub fn draw(&mut self, shard: u16, joins: &mut Table, now: Micros) -> Result<(LineTicket, Option<u64>), NotDrawn> {
        if !joins.write(COUNTERS + u64::from(shard), 1.0, now) {
            return Err(NotDrawn::Throttled);
        }
        let found = self.shards.get(usize::from(shard)).and_then(Option::as_ref);
        let Some(drawn) = found.and_then(Counter::draw) else {
            return Err(NotDrawn::Closed(found.and_then(|counter| counter.closed).unwrap_or(1)));
        };
        let ticket = LineTicket { interval: drawn.interval, shard, number: drawn.number() };
        let place = drawn.place();
        self.shards[usize::from(shard)] = Some(drawn);
        self.drawn += 1;
        Ok((ticket, place))
    }

    /// The place of a ticket, where the line of this moment knows it.
    pub fn place(&self, ticket: &LineTicket) -> Option<Place> {
        let sealed = || self.records.get(ticket.interval as usize).filter(|_| ticket.interval < self.line.open);
        self.line.calm_place(ticket).or_else(|| sealed()?.place(ticket))
    }

    /// The last place that is known.
    pub fn last_place(&self) -> Place {
        self.line.last_place(self.lead())
    }

    /// A run of the sequencer. Returns what it does later.
    pub fn run(&mut self, joins: &mut Table, now: Micros) -> Vec<(Micros, Later)> {
        if self.sealing.is_some() || self.single {
            return Vec::new();
        }
        let (drawn, before) = self.drawn_before;
        let asked = (self.drawn - drawn) * SECOND / (now - before).max(1);
        self.drawn_before = (self.drawn, now);
        self.steps(joins, if self.line.calm { asked } else { 0 }, now)
    }

    fn steps(&mut self, joins: &mut Table, asked: u64, now: Micros) -> Vec<(Micros, Later)> {
        loop {
            let lead = self.lead().clone();
            let width = lead.lead.map_or(1, |lead| lead.width);
            let expected = expected_at(self.expected, Some(self.opens_at), at(now));
            let wish = wished_width(width, self.traffic, asked, expected, at(now));
            let open = self.shards.iter().flatten().filter(|shard| shard.interval == lead.interval);
            let drawn = width > 1 && open.map(Counter::number).sum::<u64>() > 0;
            match next_step(&lead, &self.line, wish, drawn) {
                Step::Rest | Step::Follow(_) => return Vec::new(),
                Step::Cut { interval, width } => {
                    if !joins.write(COUNTERS, 1.0, now) {
                        return Vec::new();
                    }
                    self.widest = self.widest.max(width);
                    self.cuts.push(Cut {
                        first: now,
                        last: now,
                        known: 0,
                        width: lead.lead.map_or(1, |lead| lead.width),
                    });
                    self.shards[0] = lead.cut(0, interval, width);
                }
                Step::Seal(sealing) => return self.begin(sealing, now),
                Step::Calm { interval, offset } => {
                    self.shards[0] = lead.with_offset(interval, offset);
                    self.line.calm = true;
                    self.traffic = Traffic::default();
                }
            }
        }
    }

    fn begin(&mut self, sealing: Sealing, now: Micros) -> Vec<(Micros, Later)> {
        let others = sealing.shards() - 1;
        self.shards.resize(self.shards.len().max(usize::from(sealing.shards())), None);
        self.sealing = Some((sealing, usize::from(others)));
        if others == 0 {
            return vec![(now + WRITE.0, Later::Seal)];
        }
        let wave = |shard: u16| u64::from(shard - 1) / CUTS_AT_ONCE;
        let moment = |shard| now + WRITE.0 + fastrand::u64(0..WRITE.1) + wave(shard) * (WRITE.0 + WRITE.1);
        (1..=others).map(|shard| (moment(shard), Later::Shard(shard))).collect()
    }

    /// Does what the sequencer left for later; returns what comes next.
    pub fn go_on(&mut self, later: Later, joins: &mut Table, now: Micros) -> Vec<(Micros, Later)> {
        match (later, self.sealing) {
            (Later::Shard(shard), Some((sealing, left))) => {
                let found = &self.shards[usize::from(shard)];
                let step = shard_step(shard, found.as_ref(), &sealing);
                let next = match step {
                    ShardStep::Cut => Counter::cut_found(found.as_ref(), shard, sealing.interval, sealing.next_width),
                    ShardStep::Open => Counter::open(found.as_ref(), sealing.interval + 1),
                    _ => None,
                };
                if !joins.write(COUNTERS + u64::from(shard), 1.0, now) {
                    return vec![(now + AGAIN, later)];
                }
                if next.is_some() {
                    self.shards[usize::from(shard)] = next;
                }
                if let (ShardStep::Cut, Some(cut)) = (step, self.cuts.last_mut()) {
                    cut.last = now;
                }
                self.sealing = Some((sealing, left - 1));
                if left == 1 { vec![(now + 2 * WRITE.0 + fastrand::u64(0..WRITE.1), Later::Seal)] } else { Vec::new() }
            }
            (Later::Seal, Some((sealing, _))) => {
                self.seal(&sealing, joins, now);
                self.sealing = None;
                // A narrow interval is made calm in the same run.
                self.steps_after_seal(joins, now)
            }
            (_, None) => Vec::new(),
        }
    }

    fn steps_after_seal(&mut self, joins: &mut Table, now: Micros) -> Vec<(Micros, Later)> {
        if self.lead().lead.is_some_and(|lead| lead.width == 1) { self.steps(joins, 0, now) } else { Vec::new() }
    }

    fn seal(&mut self, sealing: &Sealing, joins: &mut Table, now: Micros) {
        let counted = self.shards.iter().take(usize::from(sealing.width)).zip(0u16..);
        let counts = counted.filter_map(|(found, shard)| match shard_step(shard, found.as_ref(), sealing) {
            ShardStep::Counted(count) => Some(count),
            _ => None,
        });
        let counts = Counts::new(counts).expect("no shard has four billion joins");
        // The record, its kilobytes, and the line.
        joins.write(COUNTERS - 1 - sealing.interval, (f64::from(sealing.width) * 4.0 / 1_024.0).ceil() + 1.0, now);
        let record =
            Interval { interval: sealing.interval, base: self.line.end, counts, sealed_at: at(now), seed: None };
        let (drawn, age) = (record.counts.sum(), at(now).millis() - self.sealed_at.millis());
        let expected = expected_at(self.expected, Some(self.opens_at), at(now));
        let width = self.lead().lead.map_or(1, |lead| lead.width);
        self.traffic = self.traffic.after(drawn, age, width, expected, at(now));
        self.width = width;
        self.line = self.line.after(&record);
        self.sealed_at = at(now);
        self.records.push(record);
        if let Some(cut) = self.cuts.last_mut() {
            cut.known = now;
        }
    }
}
