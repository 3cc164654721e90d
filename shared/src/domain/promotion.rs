//! One tick of a queue: what a survey freed, how far the queue moves, and what is written for it.

use super::{
    buckets,
    line::{AdmissionBatch, QueueRules, QueueState},
    pace::{Pace, Step},
    survey::{CLOCK_MARGIN, Pass},
    ticket::{Place, QueueClock},
    time::{Seconds, Timestamp},
};
use std::collections::BTreeSet;

/// How much longer than its waiting time a place must have waited before it is passed: clocks are apart, states are
/// cached, requests are under way.
pub const WAITING_MARGIN: Seconds = Seconds(15);
/// The queue's clock between two samples.
const SAMPLE_SPACING: Seconds = Seconds(10);
/// Places that died of waiting get tombstones up to this number, else a bucket.
pub const MAX_DEAD_TOMBSTONES: u64 = 100;
/// As many dead places in a row get a bucket of their own, so that no later survey reads their tombstones.
const DEAD_RUN: u64 = 256;
const MARK_SPACING: Seconds = Seconds(10);

/// What was found ahead of `served`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ahead {
    /// Places that are over: left, removed, drawn twice, or waited too long.
    pub dead: BTreeSet<Place>,
    /// Places up to here were looked at.
    pub seen_to: Place,
    /// Every place up to here died of waiting and is passed at once, without tombstones.
    pub dead_to: Place,
}

/// The newest sample that is long enough ago for its places to be dead: `None` while none can be.
///
/// A place waited `C(now) - C(issue)`, and no place was promised more than `longest_waiting`. A sample says which place
/// was the last one at its time, so all up to that place are dead.
pub fn dead_before(state: &QueueState, rules: QueueRules, now: Timestamp) -> Option<QueueClock> {
    let longest = state.longest_waiting.max(rules.waiting);
    let before = state.clock(now).before(longest).before(WAITING_MARGIN);
    (before.millis() >= 0).then_some(before)
}

/// The sample that is due: the queue's clock with the last place by then.
pub fn sample_due(state: &QueueState, last_place: Place, now: Timestamp) -> Option<QueueClock> {
    let clock = state.clock(now);
    (last_place > state.served && clock.before(SAMPLE_SPACING) >= state.sampled).then_some(clock)
}

/// How far the queue moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// The new `served`.
    pub served: Place,
    /// Living places that were given a slot.
    pub admitted: u64,
    /// Dead places that were passed.
    pub passed: u64,
    /// The last of the dead places that a bucket stands for; [`Place::NONE`] where there is none.
    pub dead_bucket: Place,
}

/// Moves over contiguous places, each of which is given a slot or dead for good (invariant 5), while `freed` and free
/// slots last (invariant 4). A queue that is paused or not open passes dead places and admits nobody.
pub fn advance(
    state: &QueueState,
    freed: u64,
    ahead: &Ahead,
    last_place: Place,
    rules: QueueRules,
    now: Timestamp,
) -> Advance {
    let slots = if state.settings.admits(now) { slots(state, freed, rules) } else { 0 };
    let mut next = Advance { served: state.served, admitted: 0, passed: 0, dead_bucket: Place::NONE };
    if ahead.dead_to > state.served {
        (next.served, next.dead_bucket) = (ahead.dead_to, ahead.dead_to);
        next.passed = ahead.dead_to.behind(state.served);
    }
    let end = last_place.min(ahead.seen_to);
    while next.served < end {
        let place = next.served.plus(1);
        let dead = ahead.dead.contains(&place);
        if !dead && next.admitted == slots {
            break;
        }
        next.served = place;
        next.passed += u64::from(dead);
        next.admitted += u64::from(!dead);
        if dead && next.admitted == 0 && next.passed >= DEAD_RUN && buckets::has_room_for_dead(&state.buckets) {
            next.dead_bucket = place;
        }
    }
    next
}

fn slots(state: &QueueState, freed: u64, rules: QueueRules) -> u64 {
    let free = i128::from(state.free) + i128::from(freed) + i128::from(rules.capacity) - i128::from(state.capacity);
    u64::try_from(free.max(0)).unwrap_or(u64::MAX)
}

/// What a tick writes: numbers that others write too as differences, the rest as it then is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// See [`Advance`].
    pub advance: Advance,
    /// Slots that the survey freed.
    pub freed: u64,
    /// The capacity that `free` reckons with from now on: a deployment may have another default by now.
    pub capacity: u64,
    /// The lowest place that may still live.
    pub floor: Place,
    /// The survey that goes on with the next tick.
    pub pass: Option<Pass>,
    /// Claim deadlines.
    pub buckets: Vec<AdmissionBatch>,
    /// For the rate.
    pub marks: Vec<(Timestamp, u64)>,
    /// See [`QueueState::pace`].
    pub pace: Pace,
    /// See [`QueueState::unclaimed`].
    pub unclaimed: u64,
    /// The queue's clock at the newest sample.
    pub sampled: QueueClock,
    /// See [`QueueState::longest_waiting`].
    pub longest_waiting: Seconds,
    /// The last place that this tick saw.
    pub last_seen: Place,
    /// When the next alarm is due.
    pub next_alarm: Timestamp,
    /// The time that the tick went by.
    pub at: Timestamp,
}

/// What a tick knows beside the state: read and reckoned once, however often its write is planned again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The survey as it stands.
    pub pass: Pass,
    /// Slots that it freed, by the state that was read before it.
    pub freed: u64,
    /// The last place that was drawn.
    pub last_place: Place,
    /// The queue's clock at the newest sample.
    pub sampled: QueueClock,
}

/// The write of a tick, by the state that it replaces.
pub fn commit(state: &QueueState, seen: &Observed, advance: Advance, rules: QueueRules, now: Timestamp) -> Commit {
    let Observed { pass, freed, last_place, sampled } = seen;
    let mut buckets = state.buckets.clone();
    let floor = if pass.is_done() { pass.floor().max(state.floor) } else { state.floor };
    if pass.is_done() {
        buckets::prune(&mut buckets, floor, pass.to, |deadline| deadline + CLOCK_MARGIN <= pass.since);
    }
    // Walk-ins since the last bucket. Where nobody ever walked in, what lies there are tombstones that were passed.
    if state.walk_in_deadline != Timestamp::DISTANT_PAST {
        buckets::push(&mut buckets, AdmissionBatch { up_to: state.served, deadline: state.walk_in_deadline });
    }
    if advance.dead_bucket > Place::NONE {
        buckets::push(&mut buckets, AdmissionBatch { up_to: advance.dead_bucket, deadline: Timestamp::DISTANT_PAST });
    }
    if advance.admitted > 0 {
        let deadline = buckets::claim_deadline(now, rules.claim_window);
        buckets::push(&mut buckets, AdmissionBatch { up_to: advance.served, deadline });
    }
    let mut marks = state.marks.clone();
    mark(&mut marks, now, state.admitted + advance.admitted);
    Commit {
        advance,
        freed: *freed,
        capacity: rules.capacity,
        floor,
        pass: (!pass.is_done()).then(|| Pass { passed: pass.passed + advance.passed, ..*pass }),
        buckets,
        marks,
        pace: pace(state, *freed, advance, *last_place, now),
        unclaimed: if pass.is_done() { pass.unclaimed } else { state.unclaimed } + advance.admitted,
        sampled: *sampled,
        longest_waiting: longest_waiting(state, advance.served, *last_place, rules, now),
        last_seen: *last_place,
        next_alarm: state.next_alarm,
        at: now,
    }
}

impl Commit {
    /// The same where somebody else moved the queue at every try: what the survey freed and its progress, and no more.
    pub fn without_admitting(self, state: &QueueState) -> Self {
        let advance = Advance { served: state.served, admitted: 0, passed: 0, dead_bucket: Place::NONE };
        let pass = self.pass.map(|pass| Pass { passed: pass.passed - self.advance.passed, ..pass });
        Commit {
            advance,
            pass,
            capacity: state.capacity,
            buckets: state.buckets.clone(),
            marks: state.marks.clone(),
            pace: state.pace,
            unclaimed: state.unclaimed,
            longest_waiting: state.longest_waiting,
            ..self
        }
    }

    /// Whether it would change nothing.
    pub fn is_idle(&self, state: &QueueState) -> bool {
        self.advance.served == state.served
            && self.freed == 0
            && self.capacity == state.capacity
            && self.floor == state.floor
            && self.unclaimed == state.unclaimed
            && self.pass.is_none()
            && state.pass.is_none()
            && self.sampled == state.sampled
            && self.longest_waiting == state.longest_waiting
            && self.last_seen == state.last_seen
            && self.next_alarm == state.next_alarm
    }
}

/// What the queue has learned by this tick. Slots that come back while nobody waits teach nothing: else fans who walk in and
/// leave would make waits look short.
fn pace(state: &QueueState, freed: u64, advance: Advance, last_place: Place, now: Timestamp) -> Pace {
    let waits = |last: Place| last > state.served;
    state.pace.after(Step {
        clock: state.clock(now),
        waited: waits(state.last_seen) && waits(last_place) && state.settings.admits(now),
        occupied: (state.occupied, state.occupied.saturating_sub(freed) + advance.admitted),
        freed,
        admitted: advance.admitted,
        passed: advance.passed,
    })
}

/// A lowered waiting time applies to the dead once nobody waits who was promised more, and whoever drew a place under
/// the old setting would be seen by now.
fn longest_waiting(state: &QueueState, served: Place, last_place: Place, rules: QueueRules, now: Timestamp) -> Seconds {
    let nobody_waits = served == last_place && last_place == state.last_seen;
    if nobody_waits && state.clock_since + WAITING_MARGIN <= now {
        rules.waiting
    } else {
        state.longest_waiting.max(rules.waiting)
    }
}

/// Keeps one mark that is a minute old, and those since at some distance.
fn mark(marks: &mut Vec<(Timestamp, u64)>, now: Timestamp, admitted: u64) {
    if marks.last().is_some_and(|(_, known)| *known == admitted) {
        return;
    }
    let minute_ago = now - Seconds(60);
    while marks.len() > 1 && marks[1].0 <= minute_ago {
        marks.remove(0);
    }
    match marks.last_mut() {
        Some((at, known)) if *known > 0 && now < *at + MARK_SPACING => *known = admitted,
        _ => marks.push((now, admitted)),
    }
}

#[cfg(test)]
mod tests;
