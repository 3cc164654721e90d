//! Fans: they join, look, leave and join again, each request one read or write at a time. A fan may have several requests
//! under way (a double click), and any of them may be cut off, or its answer lost.

use crate::{
    guard::Guard,
    model::LineModel,
    world::{World, rank},
};
use shared::domain::line::{Burial, Lot, Void};

/// A fan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Fan {
    /// The fan's ticket: its number, and what became of it.
    pub ticket: Option<(usize, Lot)>,
    /// The requests under way.
    pub requests: Vec<Request>,
    /// How many requests began.
    pub began: usize,
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// There is none.
    Idle,
    /// It joins, and must draw; the ticket has this number, which is over.
    Drawing(Option<usize>),
    /// It drew a number, and must put the ticket.
    Putting(usize, Option<usize>),
    /// It leaves with a number whose place it does not know, and must mark the ticket.
    Marking(usize),
    /// It must put the VOID of a number.
    Voiding(usize, Then),
    /// It looks for the place of a number: in the record, in shard 0 and in the line, in any order.
    Looking(usize, [bool; 3], Option<u64>, Then),
    /// It must put the tombstone of a place.
    Entombing(usize, u64, Then),
    /// It must put the tombstone of a lot, if the VOID is still there.
    Burying(usize, u64, Then),
    /// It must mark the ticket, after the tombstone was put.
    MarkingLast(usize),
    /// It leaves a draw with the ticket as it was read.
    LeavingLot(usize, u32),
    /// It comes back to a lot with the ticket as it was read.
    ComingBack(usize, u32),
}

/// What a request does after it gave up a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Then {
    /// It answers that the fan left.
    Left,
    /// It answers with the ticket that another request put first.
    Superseded,
    /// It draws another number.
    Draw,
}

/// A move of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// It is cut off.
    Crash,
    /// Begins to join: reads the ticket.
    Join,
    /// Begins to leave, with the place if it is known to the token.
    Leave,
    /// Begins to leave by a token without the place, where the line that is cached does not know it either.
    LeaveUnknown,
    /// Draws from a shard.
    Draw(usize),
    /// Draws from a shard; the answer is lost, and it will draw again.
    DrawLost(usize),
    /// Does its next write. The answer is not lost.
    Write,
    /// Puts the ticket, and is cut off before the fan is answered.
    PutLost,
    /// Looks for the place in the record, in shard 0 or in the line.
    Look(usize),
}

impl Request {
    /// The moves that a request may make.
    pub fn acts(&self, shards: usize, may_begin: bool, may_draw: bool) -> Vec<Act> {
        match self {
            Request::Idle if may_begin => vec![Act::Join, Act::Leave, Act::LeaveUnknown],
            Request::Idle => Vec::new(),
            Request::Drawing(_) if may_draw => {
                let draws = (0..shards).flat_map(|shard| [Act::Draw(shard), Act::DrawLost(shard)]);
                draws.chain([Act::Crash]).collect()
            }
            Request::Drawing(_) => vec![Act::Crash],
            Request::Putting(..) => vec![Act::Write, Act::PutLost, Act::Crash],
            // What is found stays: the other looks change nothing.
            Request::Looking(_, looked, None, _) if looked.contains(&false) => {
                (0..3).filter(|at| !looked[*at]).map(Act::Look).chain([Act::Crash]).collect()
            }
            _ => vec![Act::Write, Act::Crash],
        }
    }
}

impl LineModel {
    /// Whether a number is a lot: it stands in the draw.
    pub(crate) fn is_lot(&self, world: &World, number: usize) -> bool {
        self.bounds.draw && world.numbers[number].ticket.interval == 0
    }

    /// Moves a request of the fan `who`; `None` where the move does nothing.
    pub(crate) fn act(&self, world: &mut World, who: usize, which: usize, act: Act) -> Option<()> {
        let before = world.fans[who].requests[which].clone();
        let next = match (before, act) {
            (Request::Idle, Act::Join) => self.join(world, who),
            (Request::Idle, Act::Leave) => self.leave(world, who, true)?,
            (Request::Idle, Act::LeaveUnknown) => self.leave(world, who, false)?,
            (Request::Idle, _) => return None,
            (_, Act::Crash) => Request::Idle,
            (Request::Drawing(old), Act::Draw(shard)) => Request::Putting(self.draw(world, shard, Some(who))?, old),
            (Request::Drawing(old), Act::DrawLost(shard)) => {
                self.draw(world, shard, Some(who))?;
                Request::Drawing(old)
            }
            (Request::Putting(number, old), Act::Write) => put(world, who, number, old, true),
            (Request::Putting(number, old), Act::PutLost) => put(world, who, number, old, false),
            (Request::Looking(number, looked, place, then), Act::Look(at)) => {
                look(world, number, (looked, at), place, then)
            }
            (request, Act::Write) => self.write(world, who, request)?,
            _ => return None,
        };
        if matches!(act, Act::Join | Act::Leave | Act::LeaveUnknown) {
            world.fans[who].began += 1;
        }
        world.fans[who].requests[which] = next;
        // Requests are alike: their order does not count.
        world.fans[who].requests.sort_unstable();
        Some(())
    }

    fn join(&self, world: &mut World, who: usize) -> Request {
        let Some((number, lot)) = world.fans[who].ticket else { return Request::Drawing(None) };
        let place = world.place_by_line(number);
        if !lot.left {
            if place.is_some_and(|place| world.tombstones.contains(&place)) {
                return Request::Drawing(Some(number));
            }
            let token = &mut world.numbers[number];
            (token.token, token.placed) = (true, token.placed || place.is_some());
            return Request::Idle;
        }
        if self.is_lot(world, number) {
            return Request::ComingBack(number, lot.version);
        }
        // Where the place was known at the join, its tombstone was put before the ticket was marked.
        let unfinished = world.numbers[number].at_join.is_none() && self.has(Guard::FinishLeaving);
        if unfinished { self.give_up(number, Then::Draw) } else { Request::Drawing(Some(number)) }
    }

    fn give_up(&self, number: usize, then: Then) -> Request {
        if self.has(Guard::VoidBeforeLook) {
            Request::Voiding(number, then)
        } else {
            Request::Looking(number, [false; 3], None, then)
        }
    }

    fn leave(&self, world: &mut World, who: usize, knows: bool) -> Option<Request> {
        let (number, lot) = world.fans[who].ticket.filter(|(number, _)| world.numbers[*number].token)?;
        let place = world.place_by_line(number);
        match (place, knows) {
            (Some(place), true) => {
                world.numbers[number].taken_back = false;
                Some(Request::Entombing(number, place, Then::Left))
            }
            (None, true) => None,
            (_, false) if world.numbers[number].at_join.is_some() => None,
            (_, false) if self.is_lot(world, number) => (!lot.left).then_some(Request::LeavingLot(number, lot.version)),
            (_, false) => Some(Request::Marking(number)),
        }
    }

    /// Whether a poll with the token of a number would be answered with a token that has the place.
    pub(crate) fn hands_over(&self, world: &World, number: usize) -> bool {
        let found = &world.numbers[number];
        let ticket = found.fan.and_then(|who| world.fans[who].ticket);
        let mine = ticket.is_some_and(|(ticket, lot)| ticket == number && !lot.left);
        let may = mine || !self.has(Guard::HandOverByTicket);
        may && found.token && !found.placed && world.place_by_line(number).is_some()
    }

    /// The next write of a request.
    fn write(&self, world: &mut World, who: usize, request: Request) -> Option<Request> {
        Some(match request {
            Request::Marking(number) => {
                mark(world, who, number);
                self.give_up(number, Then::Left)
            }
            Request::Voiding(number, then) => {
                world.voids.entry(number).or_default();
                if self.has(Guard::VoidBeforeLook) {
                    Request::Looking(number, [false; 3], None, then)
                } else {
                    finish(world, who, number, then)
                }
            }
            Request::Looking(number, _, Some(place), then) if self.is_lot(world, number) => {
                Request::Burying(number, place, then)
            }
            Request::Looking(number, _, Some(place), then) => Request::Entombing(number, place, then),
            Request::Looking(number, _, None, then) if !self.has(Guard::VoidBeforeLook) => {
                Request::Voiding(number, then)
            }
            Request::Looking(number, _, None, then) => finish(world, who, number, then),
            Request::Entombing(number, place, then) => self.entomb(world, who, number, place, then),
            Request::Burying(number, place, then) if !self.bury_one(world, number, place) => {
                Request::Burying(number, place, then)
            }
            Request::Burying(number, _, then) => finish(world, who, number, then),
            Request::MarkingLast(number) => {
                mark(world, who, number);
                finish(world, who, number, Then::Left)
            }
            Request::LeavingLot(number, seen) => {
                let (ticket, lot) = world.fans[who].ticket?;
                let Some(left) = lot.leave(seen).filter(|_| ticket == number) else { return Some(Request::Idle) };
                world.fans[who].ticket = Some((number, left));
                world.voids.insert(number, Void::default());
                world.numbers[number].taken_back = false;
                Request::Looking(number, [false; 3], None, Then::Left)
            }
            Request::ComingBack(number, seen) => self.come_back(world, who, number, seen)?,
            _ => return None,
        })
    }

    fn entomb(&self, world: &mut World, who: usize, number: usize, place: u64, then: Then) -> Request {
        world.tombstones.insert(place);
        let still_in = world.fans[who].ticket.is_some_and(|(ticket, lot)| ticket == number && !lot.left);
        if then == Then::Left && still_in { Request::MarkingLast(number) } else { finish(world, who, number, then) }
    }

    fn come_back(&self, world: &mut World, who: usize, number: usize, seen: u32) -> Option<Request> {
        let (_, lot) = world.fans[who].ticket.filter(|(ticket, _)| *ticket == number)?;
        let mut found = world.voids.get(&number).copied();
        if !self.has(Guard::MarkedIsLost) {
            found = found.map(|_| Void::default());
        }
        if let Some(back) = lot.come_back(seen, found) {
            world.voids.remove(&number);
            world.fans[who].ticket = Some((number, back));
            let found = &mut world.numbers[number];
            (found.taken_back, found.gone, found.token) = (true, false, true);
            return Some(Request::Idle);
        }
        // Another request came first: this one answers by the ticket as it is now, which is to join again.
        if lot.version != seen || Void::bury(found) != Burial::Entomb {
            return Some(Request::Idle);
        }
        Some(match world.place(number) {
            Some(place) => Request::Entombing(number, place, Then::Draw),
            None => Request::Idle,
        })
    }

    /// Draws a number, with the guards of the model.
    pub(crate) fn draw(&self, world: &mut World, shard: usize, fan: Option<usize>) -> Option<usize> {
        world.draw(shard, fan, (!self.has(Guard::ClosedTakesNoJoins), !self.has(Guard::AbsentTakesNoJoins)))
    }
}

/// Puts a ticket, if the fan has none or the one that is over. The loser gives its number up.
fn put(world: &mut World, who: usize, number: usize, old: Option<usize>, answered: bool) -> Request {
    let found = world.fans[who].ticket.map(|(ticket, _)| ticket);
    if found != old {
        let place = world.numbers[number].at_join;
        let give_up = Request::Voiding(number, Then::Superseded);
        return place.map_or(give_up, |place| Request::Entombing(number, place, Then::Superseded));
    }
    world.fans[who].ticket = Some((number, Lot::default()));
    let mine = &mut world.numbers[number];
    (mine.token, mine.placed) = (answered, answered && mine.at_join.is_some());
    Request::Idle
}

/// Marks the ticket of a fan, if it still has the number.
fn mark(world: &mut World, who: usize, number: usize) {
    if let Some((ticket, lot)) = &mut world.fans[who].ticket
        && *ticket == number
    {
        lot.left = true;
    }
}

/// Looks at one of three places where a place may be known.
fn look(world: &World, number: usize, at: ([bool; 3], usize), place: Option<u64>, then: Then) -> Request {
    let ticket = &world.numbers[number].ticket;
    let found = match at.1 {
        0 => world.record(ticket.interval).and_then(|record| rank(record, ticket)),
        1 => world.lead().place_of(ticket),
        _ => world.line.0.calm_place(ticket),
    };
    let mut looked = at.0;
    looked[at.1] = true;
    Request::Looking(number, looked, place.or(found.map(|place| place.get())), then)
}

/// Ends a request that gave a number up.
fn finish(world: &mut World, who: usize, number: usize, then: Then) -> Request {
    if then == Then::Draw {
        return Request::Drawing(Some(number));
    }
    world.numbers[number].gone = !world.numbers[number].taken_back;
    if then == Then::Superseded
        && let Some((winner, Lot { left: false, .. })) = world.fans[who].ticket
    {
        world.numbers[winner].token = true;
    }
    Request::Idle
}
