//! The model: its bounds, its moves, and the properties that hold in every state.

use crate::{
    fan::{Act, Fan, Request},
    guard::Guard,
    promoter::{Promoter, Promotion},
    sequencer::{Move, Sequencer},
    world::World,
};
use shared::domain::line::{Counter, Lead, Line};
use stateright::{Model, Property};
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
};

/// How far the model goes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The widest interval.
    pub shards: u16,
    /// Numbers that are drawn.
    pub numbers: usize,
    /// Intervals.
    pub intervals: u64,
    /// Sequencers. Each may be cut off at every point, any number of times.
    pub sequencers: usize,
    /// Fans who leave and come back. With 0, passers-by draw the numbers.
    pub fans: usize,
    /// Requests that each fan makes, beside polls.
    pub requests: usize,
    /// Requests of a fan that are under way at once.
    pub at_once: usize,
    /// Whether the first interval is a draw.
    pub draw: bool,
    /// Whether somebody promotes.
    pub promotes: bool,
}

/// The life of a line within bounds, with or without one guard.
#[derive(Debug, Clone, Copy)]
pub struct LineModel {
    /// How far it goes.
    pub bounds: Bounds,
    /// The guard that is left out.
    pub without: Option<Guard>,
}

/// A step of anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A passer-by draws from a shard.
    PassBy(usize),
    /// The queue opens.
    Open,
    /// A sequencer moves.
    Sequence(usize, Move),
    /// The promoter moves.
    Promote(Promotion),
    /// A poll with the token of a number learns the place.
    Poll(usize),
    /// A request of a fan moves.
    Fan(usize, usize, Act),
}

/// Steps within which a sequencer that runs alone must come to rest.
const MAX_ALONE: usize = 100;

impl LineModel {
    /// Whether a guard is in place.
    pub(crate) fn has(&self, guard: Guard) -> bool {
        self.without != Some(guard)
    }

    fn wishes(&self, world: &World) -> u16 {
        if world.lead().interval + 1 < self.bounds.intervals { self.bounds.shards } else { 1 }
    }

    /// Whether a sequencer may move so: the last interval is not cut.
    fn in_bounds(&self, sequencer: &Sequencer, go: Move) -> bool {
        match (sequencer, go) {
            (Sequencer::Reading(Some(lead), Some(line)), Move::Step(_)) => {
                lead.interval + 1 < self.bounds.intervals || line.0.open < lead.interval || !line.0.calm
            }
            _ => true,
        }
    }

    fn run(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::PassBy(shard) => self.draw(world, shard, None).map(|_| ())?,
            Action::Open => world.opened = true,
            Action::Sequence(me, go) => self.sequence(world, me, go)?,
            Action::Promote(go) => self.promote(world, go)?,
            Action::Poll(number) => world.numbers[number].placed = true,
            Action::Fan(who, which, act) => self.act(world, who, which, act)?,
        }
        world.learn();
        Some(())
    }

    /// Lets one sequencer run alone, while nobody joins and the queue is open. Returns the calm end, if it comes to one.
    fn calm_end(&self, world: &World) -> Option<World> {
        let mut world = world.clone();
        world.opened = true;
        world.sequencers = vec![Sequencer::Idle];
        for _ in 0..MAX_ALONE {
            let calm = world.line.0.gives_places(world.lead());
            if calm && world.sequencers[0] == Sequencer::Idle {
                return Some(world);
            }
            let go = world.sequencers[0].moves(1)[0];
            self.run(&mut world, Action::Sequence(0, go))?;
        }
        None
    }
}

impl Model for LineModel {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut shards = vec![None; usize::from(self.bounds.shards)];
        let (mut lead, mut line) = (Counter::first(), Line::default());
        if self.bounds.draw {
            lead.lead = Some(Lead { width: self.bounds.shards, before_width: 1, offset: None });
            line.calm = false;
            // The last shard of the draw lacks its counter: the request that set the draw was cut off.
            shards[1..].fill(Some(Counter::opened(0)));
            shards[1..].last_mut().into_iter().skip(usize::from(self.bounds.shards < 3)).for_each(|last| *last = None);
        }
        shards[0] = Some(lead);
        let requests = vec![Request::Idle; self.bounds.at_once];
        vec![World {
            shards,
            records: Vec::new(),
            line: (line, 0),
            opened: false,
            numbers: Vec::new(),
            voids: BTreeMap::new(),
            tombstones: BTreeSet::new(),
            served: 0,
            admitted_gone: false,
            fans: vec![Fan { requests, ..Fan::default() }; self.bounds.fans],
            sequencers: vec![Sequencer::Idle; self.bounds.sequencers],
            promoter: Promoter::Idle,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let may_draw = world.numbers.len() < self.bounds.numbers;
        let shards = usize::from(self.bounds.shards);
        if may_draw && self.bounds.fans == 0 {
            actions.extend((0..shards).map(Action::PassBy));
        }
        if self.bounds.draw && !world.opened {
            actions.push(Action::Open);
        }
        for (me, sequencer) in world.sequencers.iter().enumerate() {
            let moves = sequencer.moves(self.wishes(world)).into_iter().chain([Move::Crash]);
            actions.extend(moves.filter(|go| self.in_bounds(sequencer, *go)).map(|go| Action::Sequence(me, go)));
        }
        if self.bounds.promotes {
            actions.extend(world.promoter.moves().iter().copied().map(Action::Promote));
        }
        actions.extend((0..world.numbers.len()).filter(|number| self.hands_over(world, *number)).map(Action::Poll));
        for (who, fan) in world.fans.iter().enumerate() {
            let may_begin = fan.began < self.bounds.requests;
            for (which, request) in fan.requests.iter().enumerate() {
                // Of the idle requests, only the first one begins.
                let began = which > 0 && fan.requests[which - 1] == Request::Idle;
                let acts = request.acts(shards, may_begin && !began, may_draw);
                actions.extend(acts.into_iter().map(|act| Action::Fan(who, which, act)));
            }
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        self.run(&mut next, action)?;
        // Sequencers are alike: their order does not count.
        next.sequencers
            .sort_by_cached_key(|sequencer| BuildHasherDefault::<DefaultHasher>::default().hash_one(sequencer));
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("each place is given once", |_, world| given_once(world)),
            Property::always("places are contiguous over what is sealed", |_, world| contiguous(world)),
            Property::always("a final place never changes", |_, world| unchanged(world)),
            Property::always("joins before and after a cut keep their order", |_, world| ordered(world)),
            Property::always("promotion never passes what is known", |_, world| promoted_known(world)),
            Property::always("who left before the place was known is not admitted", |_, world: &World| {
                !world.admitted_gone
            }),
            Property::always("a fan has one live number", |_, world| one_live_number(world)),
            Property::always("a lot that was taken back lives", |_, world| taken_back_lives(world)),
            Property::always("nobody has a place before the opening", drawn_at_opening),
            Property::always("a calm end is reachable", ends_calm),
        ]
    }
}

fn given_once(world: &World) -> bool {
    let mut places = BTreeSet::new();
    (0..world.numbers.len()).filter_map(|number| world.place(number)).all(|place| places.insert(place))
}

/// Every place up to the last one that is known belongs to a number.
fn contiguous(world: &World) -> bool {
    let places: BTreeSet<u64> = (0..world.numbers.len()).filter_map(|number| world.place(number)).collect();
    let last = world.line.0.last_place(world.lead()).get();
    (1..=last).all(|place| places.contains(&place))
}

fn unchanged(world: &World) -> bool {
    let same = |(number, known): (usize, Option<u64>)| known.is_none() || world.place_by_line(number) == known;
    world.numbers.iter().map(|number| number.known).enumerate().all(same)
}

fn ordered(world: &World) -> bool {
    let places: Vec<_> = (0..world.numbers.len()).map(|number| world.place(number)).collect();
    world.numbers.iter().enumerate().all(|(at, earlier)| {
        let later = world.numbers.iter().enumerate().skip(at + 1).filter(|(_, later)| earlier.begun < later.ended);
        later.into_iter().all(|(then, _)| match (places[at], places[then]) {
            (Some(earlier), Some(later)) => earlier < later,
            (None, Some(_)) => false,
            _ => true,
        })
    })
}

fn promoted_known(world: &World) -> bool {
    let known = (0..world.numbers.len()).filter_map(|number| world.place_by_line(number));
    known.filter(|place| *place <= world.served).count() as u64 == world.served
}

fn one_live_number(world: &World) -> bool {
    world.fans.iter().enumerate().all(|(who, fan)| {
        let ticket = fan.ticket.filter(|(_, lot)| !lot.left).map(|(number, _)| number);
        let live = |(number, found): &(usize, &crate::world::Number)| {
            let dead = world.place(*number).is_some_and(|place| world.tombstones.contains(&place));
            found.fan == Some(who) && (found.placed || ticket == Some(*number)) && !dead
        };
        world.numbers.iter().enumerate().filter(live).count() <= 1
    })
}

fn taken_back_lives(world: &World) -> bool {
    world
        .numbers
        .iter()
        .enumerate()
        .filter(|(_, number)| number.taken_back)
        .all(|(number, _)| world.place(number).is_none_or(|place| !world.tombstones.contains(&place)))
}

fn drawn_at_opening(model: &LineModel, world: &World) -> bool {
    !model.bounds.draw || world.opened || world.numbers.iter().all(|number| number.known.is_none())
}

/// A sequencer that runs alone makes the queue calm, and then all numbers have the places 1, 2, 3 and so on, and who left
/// has a tombstone.
fn ends_calm(model: &LineModel, world: &World) -> bool {
    let sound = LineModel { without: None, ..*model };
    let Some(end) = sound.calm_end(world) else { return false };
    let places: BTreeSet<u64> = (0..end.numbers.len()).filter_map(|number| end.place_by_line(number)).collect();
    let gone = (0..end.numbers.len()).filter(|number| end.numbers[*number].gone);
    let mut buried = gone.filter_map(|number| end.place_by_line(number));
    places.into_iter().eq(1..=end.numbers.len() as u64)
        && buried.all(|place| end.tombstones.contains(&place) || place <= end.served)
}
