//! Letting fans in: who still occupies a slot, who must be fenced before the slot is used again, how far the line moves.

use super::{
    line::{Bucket, Mark, Place, QueueRules, QueueState},
    session::Session,
    time::{Seconds, Timestamp},
};
use std::collections::{BTreeMap, BTreeSet};

/// Claim deadlines kept in a queue's state.
pub const MAX_BUCKETS: usize = 12;
/// How far clocks of functions may be apart: a slot is reused only so long after its owner's time is up.
pub const CLOCK_MARGIN: Seconds = Seconds(2);
const MARK_SPACING: Seconds = Seconds(5);

/// A place whose owner must be shut out before its slot is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// Nobody showed up: put a tombstone if there is still no session.
    NoShow(Place),
    /// The session's time is up: end it if that is still so. Only holds move the time of a session.
    Expired {
        /// Whose.
        place: Place,
        /// As read.
        hold_until: Timestamp,
    },
}

impl Fence {
    /// The place to fence.
    pub fn place(&self) -> Place {
        match self {
            Fence::NoShow(place) | Fence::Expired { place, .. } => *place,
        }
    }
}

/// What the sessions between floor and served tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// Places that take a slot.
    pub occupied: BTreeSet<Place>,
    /// Places to fence; each takes its slot until that is done.
    pub to_fence: Vec<Fence>,
    /// Places still in line that nobody will claim (left, drawn twice): the line passes over them without a slot.
    pub shut_ahead: BTreeSet<Place>,
}

/// Looks at every place from the floor to `served`, and at those shut further back.
pub fn survey(state: &QueueState, sessions: &BTreeMap<Place, Session>, now: Timestamp) -> Survey {
    let mut survey = Survey::default();
    for number in state.floor.get()..=state.served.get() {
        let place = Place::new(number);
        match sessions.get(&place) {
            Some(session) if session.ended.is_some() => {}
            Some(session) if now < session.life_end() + CLOCK_MARGIN => {
                survey.occupied.insert(place);
            }
            Some(session) => survey.to_fence.push(Fence::Expired { place, hold_until: session.hold_until }),
            None if now < state.claim_deadline(place) + CLOCK_MARGIN => {
                survey.occupied.insert(place);
            }
            None => survey.to_fence.push(Fence::NoShow(place)),
        }
    }
    let ahead = sessions.range(state.served.plus(1)..);
    survey.shut_ahead = ahead.filter(|(_, session)| session.ended.is_some()).map(|(place, _)| *place).collect();
    survey
}

/// The state after a promotion: `served` moved by the free slots, first come first let in, and never more than
/// capacity inside (invariants 4 and 5). `survey.occupied` must hold every place that was not found over or fenced, and
/// `now` be the time of the survey: a claim deadline is dropped only when every place under it was seen to be past it.
/// `None` when nothing changes.
pub fn promote(
    state: &QueueState,
    survey: &Survey,
    last_place: Place,
    rules: QueueRules,
    now: Timestamp,
) -> Option<QueueState> {
    let mut next = state.clone();
    let inside = survey.occupied.len() as u64;
    let slots = rules.capacity.saturating_sub(inside);
    let mut admitted = 0;
    while state.settings.lets_in(now) && next.served < last_place {
        let place = next.served.plus(1);
        let shut = survey.shut_ahead.contains(&place);
        if !shut && admitted == slots {
            break;
        }
        next.served = place;
        admitted += u64::from(!shut);
    }
    next.occupied = inside + admitted;
    next.free = slots - admitted;
    next.floor = survey.occupied.first().copied().unwrap_or(state.served.plus(1));
    next.buckets.retain(|b| next.floor <= b.up_to && now < b.deadline + CLOCK_MARGIN);
    let last_bucket = next.buckets.last().map_or(Place::NONE, |b| b.up_to);
    if last_bucket < state.served && now < state.walk_in_deadline + CLOCK_MARGIN {
        let walk_ins = Bucket { up_to: state.served, deadline: state.walk_in_deadline, at: state.walk_in_at };
        push(&mut next.buckets, walk_ins, rules.claim_window);
    }
    if admitted > 0 {
        let let_in = Bucket { up_to: next.served, deadline: now + rules.claim_window, at: now };
        push(&mut next.buckets, let_in, rules.claim_window);
    }
    let unmarked = state.marks.last().is_none_or(|m| m.served != next.served);
    if unmarked {
        mark(&mut next.marks, Mark { at: now, served: next.served });
    }
    let moved = next.served != state.served
        || next.free != state.free
        || next.occupied != state.occupied
        || next.floor != state.floor;
    (moved || unmarked).then(|| {
        next.version = state.version + 1;
        next
    })
}

/// Adds a bucket. Those let in within an eighth of the claim window share one, so that a window takes nine at most and a
/// place gains an eighth of it at most, never loses any. Should a changed window leave more, the oldest two are merged.
fn push(buckets: &mut Vec<Bucket>, new: Bucket, claim_window: Seconds) {
    let spacing = Seconds(claim_window.0.div_ceil(8));
    match buckets.last_mut() {
        Some(last) if new.at < last.at + spacing => {
            last.up_to = new.up_to;
            last.deadline = last.deadline.max(new.deadline);
        }
        _ => buckets.push(new),
    }
    while buckets.len() > MAX_BUCKETS {
        let first = buckets.remove(0);
        buckets[0].deadline = buckets[0].deadline.max(first.deadline);
        buckets[0].at = buckets[0].at.min(first.at);
    }
}

/// Keeps one mark that is a minute old, and those since at some distance.
fn mark(marks: &mut Vec<Mark>, new: Mark) {
    let minute_ago = new.at - Seconds(60);
    while marks.len() > 1 && marks[1].at <= minute_ago {
        marks.remove(0);
    }
    match marks.last_mut() {
        Some(last) if last.served != Place::NONE && new.at < last.at + MARK_SPACING => last.served = new.served,
        _ => marks.push(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        id::{QueueId, UserId},
        line::QueueSettings,
    };
    use proptest::prelude::*;
    use uuid::Uuid;

    const START: Timestamp = Timestamp::from_seconds(1_000_000);
    const CLAIM: Seconds = Seconds(20);

    #[derive(Debug, Clone)]
    enum Step {
        Join(u64),
        Claim(usize),
        End(usize),
        Tick,
        Wait(u32),
        Capacity(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1u64..6).prop_map(Step::Join),
            (0usize..20).prop_map(Step::Claim),
            (0usize..20).prop_map(Step::End),
            Just(Step::Tick),
            (1u32..30).prop_map(Step::Wait),
            (0u64..6).prop_map(Step::Capacity),
        ]
    }

    fn rules(capacity: u64) -> QueueRules {
        QueueRules { capacity, claim_window: CLAIM, active: Seconds(50), waiting: Seconds(10_000) }
    }

    /// One tick as the store does it, with every fence granted.
    fn tick(
        state: &mut QueueState,
        sessions: &mut BTreeMap<Place, Session>,
        last: Place,
        capacity: u64,
        now: Timestamp,
    ) {
        let survey = survey(state, sessions, now);
        for fence in &survey.to_fence {
            let ended = sessions.entry(fence.place()).or_insert_with(|| session(fence.place(), now));
            ended.ended = Some(now);
        }
        if let Some(next) = promote(state, &survey, last, rules(capacity), now) {
            *state = next;
        }
    }

    fn session(place: Place, now: Timestamp) -> Session {
        Session::claimed(QueueId::main(), place, UserId(Uuid::nil()), now, Seconds(50), Seconds(5))
    }

    proptest! {
        #[test]
        fn never_more_inside_than_capacity_and_nobody_is_overtaken(steps in prop::collection::vec(step(), 1..80)) {
            let (mut now, mut capacity, mut last) = (START, 3, Place::NONE);
            let mut state = QueueState::new(QueueId::main(), QueueSettings::default(), capacity, now);
            let mut sessions = BTreeMap::new();
            for step in steps {
                let before = state.clone();
                match step {
                    Step::Join(fans) => last = last.plus(fans),
                    Step::Wait(seconds) => now = now + Seconds(seconds),
                    Step::Capacity(new) => capacity = new,
                    Step::Claim(nth) => {
                        let place = Place::new(nth as u64 + 1);
                        if place <= state.served && now < state.claim_deadline(place) {
                            sessions.entry(place).or_insert_with(|| session(place, now));
                        }
                    }
                    Step::End(nth) => {
                        if let Some(s) = sessions.get_mut(&Place::new(nth as u64 + 1)) {
                            s.ended.get_or_insert(now);
                        }
                    }
                    Step::Tick => tick(&mut state, &mut sessions, last, capacity, now),
                }
                let live = sessions.values().filter(|s| s.alive(now)).count() as u64;
                let unclaimed = (1..=state.served.get()).map(Place::new)
                    .filter(|p| !sessions.contains_key(p) && now < state.claim_deadline(*p)).count() as u64;
                prop_assert!(before.served <= state.served && state.served <= last);
                prop_assert!(before.floor <= state.floor && state.floor <= state.served.plus(1));
                prop_assert!(state.served == before.served || live + unclaimed <= capacity);
                prop_assert!(state.buckets.len() <= MAX_BUCKETS && state.marks.len() <= 16);
                prop_assert!(state.buckets.windows(2).all(|w| w[0].up_to < w[1].up_to));
            }
        }
    }

    #[test]
    fn a_second_tick_changes_nothing() {
        let mut state = QueueState::new(QueueId::main(), QueueSettings::default(), 3, START);
        let (mut sessions, last) = (BTreeMap::new(), Place::new(10));
        tick(&mut state, &mut sessions, last, 3, START);
        assert_eq!((state.served, state.occupied, state.free), (Place::new(3), 3, 0));
        let found = survey(&state, &sessions, START);
        assert_eq!(promote(&state, &found, last, rules(3), START), None);
    }

    #[test]
    fn frequent_promotions_stretch_no_claim_window_by_more_than_an_eighth() {
        let mut state = QueueState::new(QueueId::main(), QueueSettings::default(), 1, START);
        let mut sessions = BTreeMap::new();
        for second in 0..100 {
            let now = START + Seconds(second);
            let capacity = u64::from(second) + 1;
            tick(&mut state, &mut sessions, Place::new(1_000), capacity, now);
            for place in (state.floor.get()..=state.served.get()).map(Place::new) {
                assert!(state.claim_deadline(place) <= now + CLAIM + Seconds(CLAIM.0.div_ceil(8)));
            }
            if now >= START + CLAIM + Seconds(CLAIM.0.div_ceil(8)) + CLOCK_MARGIN {
                assert!(sessions.contains_key(&Place::new(1)), "the no-show at the front is fenced in time");
            }
            assert!(state.buckets.len() <= MAX_BUCKETS);
        }
    }

    #[test]
    fn places_that_were_shut_in_line_take_no_slot() {
        let mut state = QueueState::new(QueueId::main(), QueueSettings::default(), 2, START);
        let (mut sessions, last) = (BTreeMap::new(), Place::new(60));
        for place in (1..=50).chain(52..=55).map(Place::new) {
            let mut left = session(place, START);
            left.ended = Some(START);
            sessions.insert(place, left);
        }
        tick(&mut state, &mut sessions, last, 2, START);
        assert_eq!((state.served, state.occupied, state.free), (Place::new(56), 2, 0));
        let mut over = QueueState::new(QueueId::main(), QueueSettings::default(), 2, START);
        tick(&mut over, &mut sessions, Place::new(50), 2, START);
        assert_eq!((over.served, over.occupied, over.free), (Place::new(50), 0, 2));
    }

    #[test]
    fn no_shows_are_passed_by_after_window_and_margin() {
        let mut state = QueueState::new(QueueId::main(), QueueSettings::default(), 2, START);
        let (mut sessions, last) = (BTreeMap::new(), Place::new(10));
        tick(&mut state, &mut sessions, last, 2, START);
        sessions.insert(Place::new(1), session(Place::new(1), START));
        tick(&mut state, &mut sessions, last, 2, START + CLAIM);
        assert_eq!(state.served, Place::new(2), "the margin is not over");
        tick(&mut state, &mut sessions, last, 2, START + CLAIM + CLOCK_MARGIN);
        assert_eq!((state.served, state.floor), (Place::new(3), Place::new(1)));
        assert!(sessions[&Place::new(2)].ended.is_some());
    }

    #[test]
    fn pausing_lets_nobody_in_and_lowering_never_puts_anybody_out() {
        let mut state = QueueState::new(QueueId::main(), QueueSettings::default(), 2, START);
        state.settings.paused = true;
        let (mut sessions, last) = (BTreeMap::new(), Place::new(10));
        tick(&mut state, &mut sessions, last, 2, START);
        assert_eq!((state.served, state.free), (Place::NONE, 2));
        state.settings.paused = false;
        tick(&mut state, &mut sessions, last, 2, START);
        tick(&mut state, &mut sessions, last, 1, START);
        assert_eq!((state.served, state.occupied, state.free), (Place::new(2), 2, 0));
    }
}
