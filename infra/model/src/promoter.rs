//! The promoter, as far as the line concerns it: how far it may go, and whom it passes.

use crate::{guard::Guard, model::LineModel, world::World};
use shared::domain::line::{Counter, Line};

/// Where a tick stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Promoter {
    /// Between two ticks.
    Idle,
    /// It reads shard 0 and the line, in any order.
    Reading(Option<Counter>, Option<Line>),
    /// It may go on to this place.
    Until(u64),
}

/// A move of the promoter. A tick that is cut off does no more: the model need not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Promotion {
    /// Reads shard 0.
    ReadLead,
    /// Reads the line.
    ReadLine,
    /// Passes or admits the next place.
    Next,
}

impl Promoter {
    /// The moves that it may make.
    pub fn moves(&self) -> &'static [Promotion] {
        match self {
            Promoter::Idle => &[Promotion::ReadLead, Promotion::ReadLine],
            Promoter::Reading(None, _) => &[Promotion::ReadLead],
            Promoter::Reading(..) => &[Promotion::ReadLine],
            Promoter::Until(_) => &[Promotion::Next],
        }
    }
}

impl LineModel {
    /// Moves the promoter; `None` where the move does nothing.
    pub(crate) fn promote(&self, world: &mut World, go: Promotion) -> Option<()> {
        let served = world.served;
        let known = |lead: Option<Counter>, line: Option<Line>| match (lead, line) {
            (Some(lead), Some(line)) => match self.last_place(&lead, line) {
                last if last > served => Promoter::Until(last),
                _ => Promoter::Idle,
            },
            (lead, line) => Promoter::Reading(lead, line),
        };
        world.promoter = match (&world.promoter, go) {
            (Promoter::Idle, Promotion::ReadLead) => known(Some(world.lead().clone()), None),
            (Promoter::Idle, Promotion::ReadLine) => known(None, Some(world.line.0)),
            (Promoter::Reading(None, line), Promotion::ReadLead) => known(Some(world.lead().clone()), *line),
            (Promoter::Reading(lead, None), Promotion::ReadLine) => known(lead.clone(), Some(world.line.0)),
            (Promoter::Until(last), Promotion::Next) if world.served < *last => {
                let last = *last;
                world.served += 1;
                let gone = |number: usize| world.numbers[number].gone && world.place(number) == Some(world.served);
                world.admitted_gone |= !world.tombstones.contains(&world.served) && (0..world.numbers.len()).any(gone);
                if world.served < last { Promoter::Until(last) } else { Promoter::Idle }
            }
            _ => return None,
        };
        Some(())
    }

    fn last_place(&self, lead: &Counter, line: Line) -> u64 {
        if !self.has(Guard::PromoteKnown) {
            return line.end.get() + lead.number();
        }
        let calm = line.calm || (!self.has(Guard::PromoteByLine) && lead.interval == line.open);
        Line { calm, ..line }.last_place(lead).get()
    }
}
