use super::*;
use crate::domain::{
    id::QueueId,
    queue::QueueSettings,
    survey::{Finding, Seen, judge},
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const START: Timestamp = Timestamp::from_seconds(1_000_000);
const CLAIM: Seconds = Seconds(20);
const ACTIVE: Seconds = Seconds(50);
const WAITING: Seconds = Seconds(60);

#[derive(Debug, Clone)]
enum Step {
    Join(u64),
    WalkIn,
    Claim(usize),
    End(usize),
    Leave(usize),
    Wait(u32),
    Capacity(u64),
    Pause(bool),
    /// A tick that looks at this many places, and the number of walk-ins between its reads and its write.
    Tick(u64, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1u64..6).prop_map(Step::Join),
        Just(Step::WalkIn),
        (0usize..30).prop_map(Step::Claim),
        (0usize..30).prop_map(Step::End),
        (0usize..30).prop_map(Step::Leave),
        (1u32..40).prop_map(Step::Wait),
        (0u64..6).prop_map(Step::Capacity),
        any::<bool>().prop_map(Step::Pause),
        (1u64..40, 0u8..3).prop_map(|(most, walk_ins)| Step::Tick(most, walk_ins)),
        (1u64..40, 0u8..1).prop_map(|(most, walk_ins)| Step::Tick(most, walk_ins)),
    ]
}

/// A queue with its sessions, as the tables hold them, and the queue's clock at the issue of each place.
struct Model {
    now: Timestamp,
    state: QueueState,
    sessions: BTreeMap<Place, Seen>,
    samples: BTreeMap<QueueClock, Place>,
    issued: Vec<QueueClock>,
}

impl Model {
    fn new(capacity: u64) -> Self {
        let state = QueueState::new(QueueId::main(), QueueSettings::default(), rules(capacity), START);
        Model { now: START, state, sessions: BTreeMap::new(), samples: BTreeMap::new(), issued: Vec::new() }
    }

    fn rules(&self) -> QueueRules {
        self.state.settings.rules(rules(3))
    }

    fn last(&self) -> Place {
        Place::new(self.issued.len() as u64)
    }

    fn join(&mut self) {
        self.issued.push(self.state.clock(self.now));
    }

    fn put(&mut self, place: Place, ended: Option<Timestamp>) {
        let active_until = if ended.is_some() { Timestamp::DISTANT_PAST } else { self.now + ACTIVE };
        self.sessions.entry(place).or_insert(Seen { place, active_until, hold_until: Timestamp::DISTANT_PAST, ended });
    }

    fn walk_in(&mut self) {
        let next = self.state.served.plus(1) == self.last().plus(1);
        if next && self.state.free > 0 && self.state.settings.admits(self.now) {
            self.join();
            let state = &mut self.state;
            (state.served, state.free, state.occupied) = (state.served.plus(1), state.free - 1, state.occupied + 1);
            state.admitted += 1;
            state.walk_in_deadline = state.walk_in_deadline.max(self.now + CLAIM);
        }
    }

    fn configure(&mut self, change: impl Fn(&mut QueueSettings)) {
        let (clock, before) = (self.state.clock(self.now), self.state.capacity);
        change(&mut self.state.settings);
        (self.state.clock_then, self.state.clock_since) = (clock, self.now);
        self.state.settings_version += 1;
        self.state.capacity = self.rules().capacity;
        self.state.free += self.state.capacity as i64 - before as i64;
    }

    /// A tick as the store runs it, where every fence succeeds.
    fn tick(&mut self, most: u64, walk_ins: u8) {
        let read = self.state.clone();
        let (now, last_place) = (self.now, self.last());
        let mut pass = read.pass.unwrap_or_else(|| Pass::begin(&read, now));
        for _ in 0..most {
            pass.skip_dead(&read);
            if pass.is_done() {
                break;
            }
            match judge(&read, pass.cursor, self.sessions.get(&pass.cursor), now) {
                Finding::Over => pass.note(None),
                Finding::Alive(end) => pass.note(Some(end)),
                Finding::Unclaimed(end) => pass.note_unclaimed(end),
                Finding::ToFence(fence) => {
                    self.put(fence.place(), Some(now));
                    self.sessions.get_mut(&fence.place()).unwrap().ended.get_or_insert(now);
                    pass.note(None);
                }
            }
        }
        let sampled = sample_due(&read, last_place, now);
        if let Some(clock) = sampled {
            self.samples.insert(clock, last_place);
        }
        let dead_to = dead_before(&read, self.rules(), now)
            .and_then(|before| self.samples.range(..=before).next_back())
            .map_or(Place::NONE, |(_, last)| *last);
        let ended = self.sessions.values().filter(|seen| seen.ended.is_some() && seen.place > read.served);
        let dead = ended.map(|seen| seen.place).collect();
        let seen_to = read.served.plus(most);
        let ahead = Ahead { dead, seen_to: seen_to.max(dead_to), dead_to };
        let observed =
            Observed { pass, freed: pass.freed(&read), last_place, sampled: sampled.unwrap_or(read.sampled) };
        for _ in 0..walk_ins {
            self.walk_in();
        }
        // Two walk-ins stand for a conflict at every attempt; otherwise the write is planned again.
        let planned = advance(&self.state, observed.freed, &ahead, last_place, self.rules(), now);
        let commit = commit(&self.state, &observed, planned, self.rules(), now);
        let commit = if walk_ins == 2 { commit.without_admitting(&self.state) } else { commit };
        self.apply(commit);
    }

    fn apply(&mut self, commit: Commit) {
        let state = &mut self.state;
        let Advance { served, admitted, .. } = commit.advance;
        state.free += commit.freed as i64 - admitted as i64 + commit.capacity as i64 - state.capacity as i64;
        state.occupied = state.occupied - commit.freed + admitted;
        state.admitted += admitted;
        (state.served, state.capacity, state.floor) = (served, commit.capacity, commit.floor);
        (state.pass, state.buckets, state.marks) = (commit.pass, commit.buckets, commit.marks);
        (state.sampled, state.last_seen) = (commit.sampled, commit.last_seen);
        state.longest_waiting = commit.longest_waiting;
        state.tick += 1;
    }

    fn claims(&self, place: Place) -> bool {
        place <= self.state.served && !self.sessions.contains_key(&place) && self.now < self.state.claim_deadline(place)
    }

    /// Fans inside: live sessions, and admitted places that can still be claimed.
    fn inside(&self) -> u64 {
        let lives = |seen: &&Seen| seen.ended.is_none() && self.now < seen.active_until;
        let unclaimed = (1..=self.state.served.get()).filter(|place| self.claims(Place::new(*place))).count();
        self.sessions.values().filter(lives).count() as u64 + unclaimed as u64
    }
}

fn rules(capacity: u64) -> QueueRules {
    QueueRules { capacity, claim_window: CLAIM, active: ACTIVE, waiting: WAITING }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn never_more_inside_than_capacity_and_the_dead_take_no_slot(steps in prop::collection::vec(step(), 1..120)) {
        let mut model = Model::new(3);
        for step in steps {
            let before = model.state.clone();
            match step {
                Step::Join(fans) => (0..fans).for_each(|_| model.join()),
                Step::WalkIn => model.walk_in(),
                Step::Wait(seconds) => model.now = model.now + Seconds(seconds),
                Step::Capacity(new) => model.configure(|settings| settings.capacity = Some(new)),
                Step::Pause(paused) => model.configure(|settings| settings.paused = paused),
                Step::Claim(nth) => {
                    let place = Place::new(nth as u64 + 1);
                    if model.claims(place) {
                        model.put(place, None);
                    }
                }
                Step::End(nth) => {
                    let now = model.now;
                    if let Some(seen) = model.sessions.get_mut(&Place::new(nth as u64 + 1)) {
                        seen.ended.get_or_insert(now);
                    }
                }
                Step::Leave(nth) => {
                    let place = Place::new(nth as u64 + 1);
                    if place <= model.last() {
                        model.put(place, Some(model.now));
                    }
                }
                Step::Tick(most, walk_ins) => model.tick(most, walk_ins),
            }
            let state = &model.state;
            prop_assert!(before.served <= state.served && state.served <= model.last());
            prop_assert!(before.floor <= state.floor && state.floor <= state.served.plus(1));
            prop_assert!(state.occupied as i64 + state.free == state.capacity as i64);
            prop_assert!(model.inside() <= state.occupied, "{} inside, {state:?}", model.inside());
            let admitted = state.admitted > before.admitted;
            prop_assert!(!admitted || state.free >= 0, "admitted above capacity: {state:?}");
            let dead = state.buckets.iter().filter(|bucket| bucket.is_dead()).count();
            prop_assert!(state.buckets.len() <= buckets::MAX_BUCKETS && dead <= buckets::MAX_DEAD_BUCKETS, "{state:?}");
            prop_assert!(state.marks.len() <= 16);
            for place in (before.served.get() + 1..=state.served.get()).map(Place::new) {
                let waited = state.clock(model.now).millis() - model.issued[place.get() as usize - 1].millis();
                let dead = state.bucket_of(place).is_some_and(AdmissionBatch::is_dead) && !model.sessions.contains_key(&place);
                prop_assert!(!dead || waited >= WAITING.millis(), "passed before its time: {place:?}");
            }
        }
    }

    #[test]
    fn the_queue_always_moves(leavers in 0u64..900, dead in 0u64..900, capacity in 1u64..3) {
        let mut model = Model::new(capacity);
        model.state.settings.capacity = Some(capacity);
        for _ in 0..dead {
            model.join();
        }
        model.configure(|settings| settings.paused = true);
        model.tick(100, 0);
        model.configure(|settings| settings.paused = false);
        for second in [10, 120] {
            model.now = model.now + Seconds(second);
            model.configure(|settings| settings.capacity = Some(0));
            model.tick(5_000, 0);
        }
        for _ in 0..leavers {
            model.join();
            model.put(model.last(), Some(model.now));
        }
        model.join();
        model.configure(|settings| settings.capacity = Some(capacity));
        let mut ticks = 0;
        while model.state.served < model.last() {
            model.tick(2_000, 0);
            ticks += 1;
            prop_assert!(ticks <= 2, "{:?}", model.state);
        }
        prop_assert_eq!((model.state.admitted, model.claims(model.last())), (1, true));
    }
}

#[test]
fn leavers_where_nobody_ever_walked_in_fill_no_buckets() {
    let mut model = Model::new(1);
    (0..60).for_each(|_| model.join());
    model.state.settings.capacity = Some(1);
    for place in (1..60).map(Place::new) {
        model.tick(100, 0);
        // The session of the admitted fan ends before the next tick.
        model.put(place, Some(model.now));
        model.now = model.now + Seconds(1);
        let dead = model.state.buckets.iter().filter(|bucket| bucket.is_dead()).count();
        assert!(dead == 0 && model.state.buckets.len() <= buckets::MAX_BUCKETS, "{:?}", model.state);
    }
}

#[test]
fn a_second_tick_changes_nothing() {
    let mut model = Model::new(3);
    (0..10).for_each(|_| model.join());
    model.tick(100, 0);
    assert_eq!((model.state.served, model.state.occupied, model.state.free), (Place::new(3), 3, 0));
    model.tick(100, 0);
    let read = model.state.clone();
    let mut pass = Pass::begin(&read, model.now);
    while !pass.is_done() {
        pass.note(Some(model.now + CLAIM));
    }
    let seen = Observed { pass, freed: pass.freed(&read), last_place: model.last(), sampled: read.sampled };
    let planned = advance(&read, seen.freed, &Ahead::default(), model.last(), rules(3), model.now);
    assert!(commit(&read, &seen, planned, rules(3), model.now).is_idle(&read));
}

#[test]
fn no_shows_are_passed_after_window_and_margin() {
    let mut model = Model::new(2);
    model.state.settings.capacity = Some(2);
    (0..10).for_each(|_| model.join());
    model.tick(100, 0);
    model.put(Place::new(1), None);
    let end = model.state.claim_deadline(Place::new(2));
    model.now = end;
    model.tick(100, 0);
    assert_eq!(model.state.served, Place::new(2), "the margin is not over");
    model.now = end + CLOCK_MARGIN;
    model.tick(100, 0);
    assert_eq!((model.state.served, model.state.floor), (Place::new(3), Place::new(1)));
    assert!(model.sessions[&Place::new(2)].ended.is_some());
}

#[test]
fn a_new_default_capacity_of_the_deployment_applies_at_the_next_tick() {
    let mut model = Model::new(2);
    (0..10).for_each(|_| model.join());
    model.tick(100, 0);
    // The default of rules(3) applies from here on.
    model.tick(100, 0);
    assert_eq!((model.state.served, model.state.capacity, model.state.free), (Place::new(3), 3, 0));
}
