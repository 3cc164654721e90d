//! One tick of a queue: what a survey freed, how far the queue moves, and what is written for it.

use super::{
    buckets,
    pace::{Pace, Step},
    queue::{AdmissionBatch, QueueRules, QueueState},
    rate::PaidUntil,
    survey::{CLOCK_MARGIN, Pass},
    ticket::{Place, QueueClock},
    time::{Seconds, Timestamp},
};
use std::collections::BTreeSet;

/// How much longer than its waiting time a place must have waited before it is passed. The margin covers clock skew,
/// cached states and requests under way.
pub const WAITING_MARGIN: Seconds = Seconds(15);
/// The least time of the queue's clock between two samples.
const SAMPLE_SPACING: Seconds = Seconds(10);
/// Up to this many places that died of waiting get tombstones; more of them get a bucket.
pub const MAX_DEAD_TOMBSTONES: u64 = 100;
/// This many dead places in a row get a bucket of their own, so that no later survey reads their tombstones.
const DEAD_RUN: u64 = 256;
const MARK_SPACING: Seconds = Seconds(10);

/// What a tick found ahead of `served`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ahead {
    /// Places that are over: left, removed, drawn twice, or waited too long.
    pub dead: BTreeSet<Place>,
    /// The last place that was looked at.
    pub seen_to: Place,
    /// Every place up to here died of waiting and is passed at once, without tombstones.
    pub dead_to: Place,
}

/// The latest reading of the queue's clock C whose sample proves places dead; `None` while no place can be dead.
///
/// A place has waited `C(now) - C(issue)`, and no place was promised more than `longest_waiting`. A sample says which
/// place was the last one at its reading, so all places up to that one are dead.
pub fn dead_before(state: &QueueState, rules: QueueRules, now: Timestamp) -> Option<QueueClock> {
    let longest = state.longest_waiting.max(rules.waiting);
    let before = state.clock(now).before(longest).before(WAITING_MARGIN);
    (before.millis() >= 0).then_some(before)
}

/// The reading of the queue's clock for a sample of `last_place`; `None` while no sample is due.
pub fn sample_due(state: &QueueState, last_place: Place, now: Timestamp) -> Option<QueueClock> {
    let clock = state.clock(now);
    (last_place > state.served && clock.before(SAMPLE_SPACING) >= state.sampled).then_some(clock)
}

/// How far the queue moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// The new `served`.
    pub served: Place,
    /// Living places that got a slot.
    pub admitted: u64,
    /// Dead places that were passed.
    pub passed: u64,
    /// The last place of a new bucket of dead places; [`Place::NONE`] where there is none.
    pub dead_bucket: Place,
}

/// Moves `served` over contiguous places, each of which gets a slot or is dead for good (invariant 5), as long as free
/// and `freed` slots last (invariant 4). A queue that is paused or not open passes dead places and admits nobody.
pub fn advance(
    state: &QueueState,
    freed: u64,
    ahead: &Ahead,
    last_place: Place,
    rules: QueueRules,
    now: Timestamp,
) -> Advance {
    let slots = if state.settings.admits(now) { slots(state, freed, rules, now) } else { 0 };
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

/// The slots that may be given at `now`: those that are free, as far as the queue's rate allows.
fn slots(state: &QueueState, freed: u64, rules: QueueRules, now: Timestamp) -> u64 {
    let free = i128::from(state.free) + i128::from(freed) + i128::from(rules.capacity) - i128::from(state.capacity);
    u64::try_from(free.max(0)).unwrap_or(u64::MAX).min(state.credit(now))
}

/// The write of a tick. Numbers that other writers change too are written as differences, the others as values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// See [`Advance`].
    pub advance: Advance,
    /// Slots that the survey freed.
    pub freed: u64,
    /// The capacity that `free` is counted from after the tick. It changes with the deployment's default.
    pub capacity: u64,
    /// The lowest place that may still live.
    pub floor: Place,
    /// The unfinished survey, which goes on with the next tick.
    pub pass: Option<Pass>,
    /// The buckets of claim deadlines.
    pub buckets: Vec<AdmissionBatch>,
    /// See [`QueueState::marks`].
    pub marks: Vec<(Timestamp, u64)>,
    /// See [`QueueState::pace`].
    pub pace: Pace,
    /// See [`QueueState::unclaimed`].
    pub unclaimed: u64,
    /// See [`QueueState::paid`].
    pub paid: PaidUntil,
    /// The queue's clock at the newest sample.
    pub sampled: QueueClock,
    /// See [`QueueState::longest_waiting`].
    pub longest_waiting: Seconds,
    /// The last place that this tick saw.
    pub last_seen: Place,
    /// When the next alarm is due.
    pub next_alarm: Timestamp,
    /// See [`QueueState::ticks_until`].
    pub ticks_until: Timestamp,
    /// The time that the tick used.
    pub at: Timestamp,
}

/// What a tick read and computed beside the state. It stays the same when the write is planned again after a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The survey as far as it got.
    pub pass: Pass,
    /// Slots that the survey freed, by the state that was read before it.
    pub freed: u64,
    /// The last place that was drawn.
    pub last_place: Place,
    /// The queue's clock at the newest sample.
    pub sampled: QueueClock,
}

/// Plans the write of a tick that replaces `state`.
pub fn commit(state: &QueueState, seen: &Observed, advance: Advance, rules: QueueRules, now: Timestamp) -> Commit {
    let Observed { pass, freed, last_place, sampled } = seen;
    let mut buckets = state.buckets.clone();
    let floor = if pass.is_done() { pass.floor().max(state.floor) } else { state.floor };
    if pass.is_done() {
        buckets::prune(&mut buckets, floor, pass.to, |deadline| deadline + CLOCK_MARGIN <= pass.since);
    }
    // A bucket for walk-ins since the last bucket. Where nobody ever walked in, these places are passed tombstones,
    // which need no bucket.
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
        paid: if advance.admitted > 0 { state.charged(advance.admitted, now) } else { state.paid },
        sampled: *sampled,
        longest_waiting: longest_waiting(state, advance.served, *last_place, rules, now),
        last_seen: *last_place,
        next_alarm: state.next_alarm,
        ticks_until: state.ticks_until,
        at: now,
    }
}

impl Commit {
    /// The write without admissions, for a tick that met a conflict at every attempt: what the survey freed, and its
    /// progress.
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
            paid: state.paid,
            longest_waiting: state.longest_waiting,
            ..self
        }
    }

    /// Whether the write would change nothing.
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
            && self.ticks_until == state.ticks_until
    }
}

/// The pace with this tick's measurements. Slots that come back while nobody waits do not count: fans who walk in and
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

/// The new upper bound of promised waiting times. A lowered setting counts once nobody waits and every place that was
/// drawn under the old setting has been seen.
fn longest_waiting(state: &QueueState, served: Place, last_place: Place, rules: QueueRules, now: Timestamp) -> Seconds {
    let nobody_waits = served == last_place && last_place == state.last_seen;
    if nobody_waits && state.clock_since + WAITING_MARGIN <= now {
        rules.waiting
    } else {
        state.longest_waiting.max(rules.waiting)
    }
}

/// Marks the number of admitted fans. Keeps one mark that is at least a minute old, and the later ones at least
/// [`MARK_SPACING`] apart.
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
