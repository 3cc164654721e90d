//! A sequencer, one read or write at a time, in the order of the store's own.

use crate::{
    guard::Guard,
    model::LineModel,
    world::{World, rank},
};
use shared::domain::{
    line::{Burial, Counter, Counts, Interval, Line, Sealing, Secret, ShardStep, Step, Void, next_step, shard_step},
    time::Timestamp,
};

/// Where a sequencer stands. It may be cut off at any point, and forgets everything then.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sequencer {
    /// Between two runs.
    Idle,
    /// It reads shard 0 and the line, in any order.
    Reading(Option<Counter>, Option<(Line, u32)>),
    /// It cuts and opens the other shards, in any order.
    Sealing(Counter, (Line, u32), Sealing, Vec<Option<ShardStep>>),
    /// It knows the places of more numbers, and must look for VOIDs before the line says so.
    Known(Counter, u32, Line),
    /// It turns these VOIDs into tombstones, and then writes the line.
    Burying(Counter, u32, Line, Vec<usize>),
}

/// A move of a sequencer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Move {
    /// It is cut off. A lost answer is the same, after the write.
    Crash,
    /// Reads shard 0.
    ReadLead,
    /// Reads the line.
    ReadLine,
    /// Does the next step; the next interval should have this width.
    Step(u16),
    /// Brings a shard through the end of the interval.
    Pass(usize),
    /// Puts the record.
    Seal,
    /// Reads the VOIDs.
    ReadVoids,
    /// Turns the first VOID into a tombstone, or marks it.
    Bury,
    /// Writes the line.
    WriteLine,
}

impl Sequencer {
    /// The moves that it may make in a queue of so many shards.
    pub fn moves(&self, shards: u16) -> Vec<Move> {
        match self {
            Sequencer::Idle => vec![Move::ReadLead, Move::ReadLine],
            Sequencer::Reading(None, _) => vec![Move::ReadLead],
            Sequencer::Reading(_, None) => vec![Move::ReadLine],
            Sequencer::Reading(..) => (1..=shards).map(Move::Step).collect(),
            Sequencer::Sealing(_, _, _, passed) => {
                let open: Vec<_> = (0..passed.len()).filter(|shard| passed[*shard].is_none()).map(Move::Pass).collect();
                if open.is_empty() { vec![Move::Seal] } else { open }
            }
            Sequencer::Known(..) => vec![Move::ReadVoids],
            Sequencer::Burying(_, _, _, voids) if voids.is_empty() => vec![Move::WriteLine],
            Sequencer::Burying(..) => vec![Move::Bury],
        }
    }
}

impl LineModel {
    /// Moves the sequencer `me`; `None` where the move does nothing.
    pub(crate) fn sequence(&self, world: &mut World, me: usize, go: Move) -> Option<()> {
        let before = std::mem::replace(&mut world.sequencers[me], Sequencer::Idle);
        world.sequencers[me] = match (before, go) {
            (Sequencer::Idle, Move::Crash) => return None,
            (_, Move::Crash) => Sequencer::Idle,
            (Sequencer::Idle, Move::ReadLead) => Sequencer::Reading(Some(world.lead().clone()), None),
            (Sequencer::Idle, Move::ReadLine) => Sequencer::Reading(None, Some(world.line)),
            (Sequencer::Reading(_, line), Move::ReadLead) => Sequencer::Reading(Some(world.lead().clone()), line),
            (Sequencer::Reading(lead, _), Move::ReadLine) => Sequencer::Reading(lead, Some(world.line)),
            (Sequencer::Reading(Some(lead), Some(line)), Move::Step(wish)) => self.step(world, lead, line, wish),
            (Sequencer::Sealing(lead, line, sealing, mut passed), Move::Pass(shard)) => {
                passed[shard] = self.pass_on(world, shard, &sealing);
                Sequencer::Sealing(lead, line, sealing, passed)
            }
            (Sequencer::Sealing(lead, line, sealing, passed), Move::Seal) => {
                self.seal(world, lead, line, &sealing, &passed)?
            }
            (Sequencer::Known(lead, version, next), Move::ReadVoids) => {
                let of_next = |number: &usize| {
                    let interval = world.numbers[*number].ticket.interval;
                    if next.calm { interval == next.open } else { interval + 1 == next.open }
                };
                let voids = world.voids.keys().copied().filter(of_next).collect();
                let guard = if next.calm { Guard::BuryBeforeOffsetCounts } else { Guard::BuryBeforeRecordCounts };
                Sequencer::Burying(lead, version, next, if self.has(guard) { voids } else { Vec::new() })
            }
            (Sequencer::Burying(lead, version, next, voids), Move::Bury) => {
                let voids = self.bury(world, &next, voids);
                Sequencer::Burying(lead, version, next, voids)
            }
            (Sequencer::Burying(lead, version, next, _), Move::WriteLine) => {
                self.write_line(world, lead, version, next)
            }
            _ => return None,
        };
        Some(())
    }

    fn step(&self, world: &mut World, lead: Counter, line: (Line, u32), wish: u16) -> Sequencer {
        let waits = self.bounds.draw && !world.opened && lead.interval == 0;
        let next = match next_step(&lead, &line.0, wish, true) {
            Step::Cut { .. } if waits && self.has(Guard::DrawAtOpening) => Step::Rest,
            Step::Seal(_) if !self.has(Guard::CutAfterRecord) => Step::Cut { interval: lead.interval, width: wish },
            Step::Seal(sealing) if !self.has(Guard::OffsetAfterRecord) && sealing.next_width == 1 => {
                let offset = line.0.end.get().saturating_sub(lead.start);
                Step::Calm { interval: lead.interval, offset }
            }
            Step::Seal(sealing) if !self.has(Guard::WidthBefore) => {
                Step::Seal(Sealing { width: sealing.next_width, ..sealing })
            }
            Step::Cut { interval, width } if !self.has(Guard::FirstShardFirst) => {
                Step::Seal(Sealing { interval, width: lead.lead.map_or(1, |lead| lead.width), next_width: width })
            }
            step => step,
        };
        match next {
            Step::Rest => Sequencer::Idle,
            Step::Cut { interval, width } => match self.cut(world, 0, interval, width) {
                Some(cut) => Sequencer::Reading(Some(cut), Some(line)),
                None => Sequencer::Idle,
            },
            Step::Seal(sealing) => {
                let mut passed = vec![None; usize::from(sealing.shards())];
                if self.has(Guard::FirstShardFirst) {
                    passed[0] = Some(shard_step(0, Some(&lead), &sealing));
                }
                Sequencer::Sealing(lead, line, sealing, passed)
            }
            Step::Follow(interval) => match world.record(interval) {
                Some(record) => Sequencer::Known(lead, line.1, line.0.after(record)),
                None => Sequencer::Idle,
            },
            Step::Calm { interval, offset } => self.calm(world, lead, line, (interval, offset)),
        }
    }

    fn calm(&self, world: &mut World, lead: Counter, line: (Line, u32), offset: (u64, u64)) -> Sequencer {
        let found = world.lead();
        let interval = if self.has(Guard::OffsetInItsInterval) { offset.0 } else { found.interval };
        let Some(calm) = found.with_offset(interval, offset.1) else { return Sequencer::Idle };
        if self.has(Guard::BuryAfterOffset) {
            world.shards[0] = Some(calm);
        }
        Sequencer::Known(lead, line.1, Line { calm: true, ..line.0 })
    }

    /// Cuts a shard; returns it as it is then.
    fn cut(&self, world: &mut World, shard: usize, interval: u64, width: u16) -> Option<Counter> {
        let found = world.shards[shard].as_ref();
        let from = match found {
            Some(counter) if !self.has(Guard::CutOnce) => counter.interval,
            _ => interval,
        };
        let mut cut = Counter::cut_found(found, shard as u16, from, width)?;
        if !self.has(Guard::CutRemovesOffset)
            && let (Some(lead), Some(Some(before))) = (cut.lead.as_mut(), found.map(|counter| counter.lead))
        {
            lead.offset = before.offset;
        }
        world.shards[shard] = Some(cut.clone());
        Some(cut)
    }

    /// Makes the write that a shard most likely needs, and looks at what it returns.
    fn pass_on(&self, world: &mut World, shard: usize, sealing: &Sealing) -> Option<ShardStep> {
        if shard < usize::from(sealing.width) {
            self.cut(world, shard, sealing.interval, sealing.next_width);
        } else if let Some(open) = self.open(world.shards[shard].as_ref(), sealing.interval + 1) {
            world.shards[shard] = Some(open);
        }
        match shard_step(shard as u16, world.shards[shard].as_ref(), sealing) {
            ShardStep::Cut | ShardStep::Open => None,
            done => Some(done),
        }
    }

    fn open(&self, found: Option<&Counter>, interval: u64) -> Option<Counter> {
        match found {
            Some(counter) if !self.has(Guard::OpenOnce) => {
                Some(Counter { interval, start: counter.last, closed: None, ..counter.clone() })
            }
            _ => Counter::open(found, interval),
        }
    }

    /// Puts the record if it is absent; the one that stands counts.
    fn seal(
        &self,
        world: &mut World,
        lead: Counter,
        line: (Line, u32),
        sealing: &Sealing,
        passed: &[Option<ShardStep>],
    ) -> Option<Sequencer> {
        let mut counts = Vec::new();
        for step in passed {
            match step {
                Some(ShardStep::Counted(count)) => counts.push(*count),
                Some(ShardStep::Passed) => break,
                _ => {}
            }
        }
        if world.record(sealing.interval).is_none() {
            // A shard that is past the next interval means that the record exists: with all guards it does.
            if passed.contains(&Some(ShardStep::Passed)) || world.records.len() as u64 != sealing.interval {
                return Some(Sequencer::Idle);
            }
            let counts = Counts::new(counts).ok()?;
            let seed = (self.bounds.draw && sealing.interval == 0).then(|| Secret([7; 32]).seed(&counts));
            let (interval, base) = (sealing.interval, line.0.end);
            world.records.push(Interval { interval, base, counts, sealed_at: Timestamp::DISTANT_PAST, seed });
        }
        let next = line.0.after(world.record(sealing.interval)?);
        Some(Sequencer::Known(lead, line.1, next))
    }

    /// Takes one step with the first of the VOIDs; returns those that are left.
    fn bury(&self, world: &mut World, next: &Line, mut voids: Vec<usize>) -> Vec<usize> {
        let ticket = &world.numbers[voids[0]].ticket;
        let sealed = || rank(world.record(ticket.interval)?, ticket);
        let place = next.calm_place(ticket).or_else(sealed);
        if place.is_none_or(|place| self.bury_one(world, voids[0], place.get())) {
            voids.remove(0);
        }
        voids
    }

    /// Marks the VOID of a number, or puts its tombstone. Returns whether nothing more is to be done.
    pub(crate) fn bury_one(&self, world: &mut World, number: usize, place: u64) -> bool {
        let lot = self.is_lot(world, number) && self.has(Guard::MarkBeforeTombstone);
        let burial = if lot { Void::bury(world.voids.get(&number).copied()) } else { Burial::Entomb };
        match burial {
            Burial::Mark(marked) => {
                world.voids.insert(number, marked);
                return false;
            }
            Burial::Entomb if lot && !self.has(Guard::BuryMarked) => {}
            Burial::Entomb => {
                world.tombstones.insert(place);
            }
            Burial::Nothing => {}
        }
        true
    }

    fn write_line(&self, world: &mut World, lead: Counter, version: u32, next: Line) -> Sequencer {
        if world.line.1 != version && self.has(Guard::LineInOrder) {
            return Sequencer::Idle;
        }
        if next.calm && !self.has(Guard::BuryAfterOffset) {
            let offset = next.end.get().saturating_sub(lead.start);
            world.shards[0] = world.lead().with_offset(next.open, offset).or_else(|| world.shards[0].clone());
        }
        world.line = (next, version + 1);
        // Where the line is calm, the store reads shard 0 again, as a new run does.
        if next.calm { Sequencer::Idle } else { Sequencer::Reading(Some(lead), Some(world.line)) }
    }
}
