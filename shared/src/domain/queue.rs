//! The state of a queue: its settings, its clock, and the status of a place. [`super::promotion`] moves the queue.

use super::{
    id::QueueId,
    line::Expected,
    pace::Pace,
    rate::{AdmitPerMinute, PaidUntil},
    survey::Pass,
    ticket::{Place, QueueClock, Wait},
    time::{Seconds, Timestamp},
};
use serde::{Deserialize, Serialize};

/// The capacity and the lengths of time that apply to a queue: its own, or the deployment's where it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueRules {
    /// How many fans may be inside at once.
    pub capacity: u64,
    /// How long an admitted fan may take to claim the place.
    pub claim_window: Seconds,
    /// How long a session lasts from its claim, without holds.
    pub active: Seconds,
    /// How long a place may wait while the queue is open and not paused.
    pub waiting: Seconds,
}

/// What an admin set for a queue. Where a number is absent, the deployment's parameter applies.
// Stored under short names: the state of a queue must stay under 1 KB.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueSettings {
    /// See [`QueueRules::capacity`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u64>,
    /// See [`QueueRules::claim_window`].
    #[serde(rename = "claimWindow", default, skip_serializing_if = "Option::is_none")]
    pub claim_window_seconds: Option<Seconds>,
    /// See [`QueueRules::active`].
    #[serde(rename = "active", default, skip_serializing_if = "Option::is_none")]
    pub active_seconds: Option<Seconds>,
    /// See [`QueueRules::waiting`].
    #[serde(rename = "waiting", default, skip_serializing_if = "Option::is_none")]
    pub waiting_seconds: Option<Seconds>,
    /// While paused nobody is admitted; sessions go on.
    #[serde(default)]
    pub paused: bool,
    /// When the queue opens; nobody is admitted earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Timestamp>,
    /// The joins that the operator expects. They widen the queue ahead of them, and limit nothing.
    #[serde(rename = "joins", default, skip_serializing_if = "Option::is_none")]
    pub expected_joins: Option<Expected>,
    /// The most fans that are admitted in a minute. Where it is absent, as many as fit.
    #[serde(rename = "rate", default, skip_serializing_if = "Option::is_none")]
    pub admit_per_minute: Option<AdmitPerMinute>,
}

/// Whether a queue admits fans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum QueueStatus {
    /// The queue opens later.
    NotOpen,
    /// The queue admits fans as slots become free.
    Open,
    /// An operator has paused the queue.
    Paused,
    /// Every seat of its concerts is sold. The queue admits fans all the same.
    SoldOut,
}

/// The ranges of the settings of a queue and of a deployment.
pub mod bounds {
    use std::ops::RangeInclusive;

    /// How many fans may be inside at once.
    pub const CAPACITY: RangeInclusive<u64> = 0..=1_000_000;
    /// The claim window.
    pub const CLAIM_WINDOW_SECONDS: RangeInclusive<u32> = 1..=3_600;
    /// How long a session lasts from its claim.
    pub const ACTIVE_SECONDS: RangeInclusive<u32> = 1..=14_400;
    /// How long seats are held.
    pub const HOLD_SECONDS: RangeInclusive<u32> = 1..=43_200;
    /// The joins a second that an operator may expect.
    pub const EXPECTED_JOINS: RangeInclusive<u32> = 1..=200_000;
    /// The most fans that may be admitted in a minute.
    pub const ADMIT_PER_MINUTE: RangeInclusive<u32> = 1..=1_000_000;
    /// How long a place may wait.
    pub const WAITING_SECONDS: RangeInclusive<u32> = 1..=604_800;
}

impl QueueSettings {
    /// The status at `now` of a queue whose concerts are sold out or not. The first that applies counts: paused, not
    /// open yet, sold out.
    pub fn status(&self, sold_out: bool, now: Timestamp) -> QueueStatus {
        match self.opens_at {
            _ if self.paused => QueueStatus::Paused,
            Some(opens_at) if now < opens_at => QueueStatus::NotOpen,
            _ if sold_out => QueueStatus::SoldOut,
            _ => QueueStatus::Open,
        }
    }

    /// The rules that apply: the queue's settings, with the deployment's `defaults` for what is not set.
    pub fn rules(&self, defaults: QueueRules) -> QueueRules {
        QueueRules {
            capacity: self.capacity.unwrap_or(defaults.capacity),
            claim_window: self.claim_window_seconds.unwrap_or(defaults.claim_window),
            active: self.active_seconds.unwrap_or(defaults.active),
            waiting: self.waiting_seconds.unwrap_or(defaults.waiting),
        }
    }

    /// Whether fans may be admitted at `now`.
    pub fn admits(&self, now: Timestamp) -> bool {
        !self.paused && self.opens_at.is_none_or(|opens_at| opens_at <= now)
    }
}

/// The longest that a place lives, whatever pauses and moved openings add to its waiting time.
pub const MAX_PLACE_LIFE: Seconds = Seconds(60 * 24 * 3_600);

/// A bucket: the places behind the previous bucket up to `up_to`. They share one claim deadline, or all are dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Place, Timestamp)", into = "(Place, Timestamp)")]
pub struct AdmissionBatch {
    /// The last place of the bucket.
    pub up_to: Place,
    /// Before this time an admitted place must be claimed; [`Timestamp::DISTANT_PAST`] for dead places.
    pub deadline: Timestamp,
}

impl AdmissionBatch {
    /// Whether its places were passed without being admitted. They need no tombstones: the bucket stands for them.
    pub fn is_dead(&self) -> bool {
        self.deadline == Timestamp::DISTANT_PAST
    }
}

impl From<(Place, Timestamp)> for AdmissionBatch {
    fn from((up_to, deadline): (Place, Timestamp)) -> Self {
        AdmissionBatch { up_to, deadline }
    }
}

impl From<AdmissionBatch> for (Place, Timestamp) {
    fn from(bucket: AdmissionBatch) -> Self {
        (bucket.up_to, bucket.deadline)
    }
}

/// The state of a queue: the item that every admission writes. It stays under 1 KB.
///
/// `free` and `occupied` are only ever written as differences, so that ticks, walk-ins and changed settings commute;
/// `free` + `occupied` = `capacity`, and `occupied` is never below the number of fans inside (invariant 4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueState {
    /// The queue.
    pub queue_id: QueueId,
    /// The settings that an admin made.
    pub settings: QueueSettings,
    /// Grows with every change of the settings.
    pub settings_version: u64,
    /// The capacity that `free` is counted from.
    pub capacity: u64,
    /// The highest admitted place. Only grows.
    pub served: Place,
    /// Slots that are free; below 0 after the capacity was lowered.
    pub free: i64,
    /// Slots that are taken: live sessions, unclaimed places, and places that no survey has found to be over yet.
    pub occupied: u64,
    /// Fans admitted since the queue was created, walk-ins included.
    pub admitted: u64,
    /// The lowest place that may still live.
    pub floor: Place,
    /// Grows with every commit of a tick.
    pub tick: u64,
    /// The latest time that a tick or a change of the settings has used. No later one uses an earlier time: a function
    /// that thaws with an old clock would end claim windows before they begin, or count a pause as waiting.
    pub at: Timestamp,
    /// The queue's clock when the settings last changed.
    pub clock_then: QueueClock,
    /// When the settings last changed. The clock runs on from then, or from the opening if that is later.
    pub clock_since: Timestamp,
    /// An upper bound of the waiting times that waiting places were promised.
    pub longest_waiting: Seconds,
    /// The queue's clock at the newest sample.
    pub sampled: QueueClock,
    /// The last place that was drawn, as the previous tick saw it.
    pub last_seen: Place,
    /// When the next alarm is due; a time in the past where there is none.
    #[serde(rename = "alarm")]
    pub next_alarm: Timestamp,
    /// Until when regular ticks were sent. Only the tick that moves this on sends the next ones, so that they are sent once
    /// however many ticks there are.
    #[serde(rename = "ticks")]
    pub ticks_until: Timestamp,
    /// The claim deadline of the places behind the last bucket (walk-ins).
    pub walk_in_deadline: Timestamp,
    /// Claim deadlines by place, at most [`super::buckets::MAX_BUCKETS`].
    pub buckets: Vec<AdmissionBatch>,
    /// Times with the number of fans admitted by then, for the rate. The oldest is at least a minute old, or the
    /// queue's beginning.
    pub marks: Vec<(Timestamp, u64)>,
    /// What ticks have measured of the speed of the queue.
    pub pace: Pace,
    /// Admitted places that were unclaimed at the last finished survey, and those that ticks admitted since.
    pub unclaimed: u64,
    /// Until when the admissions are paid for, where the queue admits by the minute.
    #[serde(default, skip_serializing_if = "PaidUntil::is_unset")]
    pub paid: PaidUntil,
    /// The survey that is not finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<Pass>,
    /// Whether the queue was deleted. `served` stays, so that a queue created with the same id uses no place twice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// The status of a place, by the queue's state alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceStatus {
    /// Not admitted yet.
    Waiting {
        /// How many places the queue must move until this one is admitted; 1 is next.
        position: u64,
    },
    /// Not admitted within the waiting time, or passed as dead.
    WaitedTooLong,
    /// Admitted. While there is no session, the place must be claimed in time; from then on the session says more.
    Admitted {
        /// The end of the claim window.
        claim_before: Timestamp,
    },
}

impl QueueState {
    /// A queue that nobody has joined.
    pub fn new(queue_id: QueueId, settings: QueueSettings, rules: QueueRules, now: Timestamp) -> Self {
        QueueState {
            queue_id,
            settings,
            settings_version: 1,
            capacity: rules.capacity,
            served: Place::NONE,
            free: i64::try_from(rules.capacity).unwrap_or(i64::MAX),
            occupied: 0,
            admitted: 0,
            floor: Place::new(1),
            tick: 0,
            at: now,
            clock_then: QueueClock::default(),
            clock_since: now,
            longest_waiting: rules.waiting,
            sampled: QueueClock::default(),
            last_seen: Place::NONE,
            next_alarm: Timestamp::DISTANT_PAST,
            ticks_until: Timestamp::DISTANT_PAST,
            walk_in_deadline: Timestamp::DISTANT_PAST,
            buckets: Vec::new(),
            marks: vec![(now, 0)],
            pace: Pace::default(),
            unclaimed: 0,
            paid: PaidUntil::default(),
            pass: None,
            deleted: false,
        }
    }

    /// The queue's clock at `now`. It stands still before the opening and while the queue is paused.
    pub fn clock(&self, now: Timestamp) -> QueueClock {
        if self.settings.paused {
            return self.clock_then;
        }
        let runs_since = self.settings.opens_at.map_or(self.clock_since, |opens| opens.max(self.clock_since));
        self.clock_then.after(now.millis() - runs_since.millis())
    }

    /// When the waiting time of a place ends, as things stand at `now`. It assumes that the opening is not moved, and
    /// that a paused queue goes on at once.
    pub fn waits_until(&self, wait: Wait, now: Timestamp) -> Timestamp {
        let waited = self.clock(now).millis().saturating_sub(wait.clock_at_issue.millis());
        let left = wait.waiting.millis().saturating_sub(waited);
        let runs_from = self.settings.opens_at.map_or(now, |opens| opens.max(now));
        Timestamp::from_millis(runs_from.millis().saturating_add(left)).min(wait.issued_at + MAX_PLACE_LIFE)
    }

    /// The status of a place at `now`. How long an admitted place has waited does not matter: a place dies of waiting
    /// for good only when a tick passes it as dead.
    pub fn place_status(&self, wait: Wait, now: Timestamp) -> PlaceStatus {
        if self.died_waiting(wait.place) {
            PlaceStatus::WaitedTooLong
        } else if wait.place <= self.served {
            PlaceStatus::Admitted { claim_before: self.claim_deadline(wait.place) }
        } else if self.waits_until(wait, now) <= now {
            PlaceStatus::WaitedTooLong
        } else {
            PlaceStatus::Waiting { position: wait.place.behind(self.served) }
        }
    }

    /// Whether the place is in a dead bucket: a tick passed it with many others, and it was never admitted.
    fn died_waiting(&self, place: Place) -> bool {
        place >= self.floor && self.bucket_of(place).is_some_and(AdmissionBatch::is_dead)
    }

    /// How many fans the queue's rate lets in at `now`; all, where it has none.
    pub fn credit(&self, now: Timestamp) -> u64 {
        let opened = self.settings.opens_at.unwrap_or_default();
        self.settings.admit_per_minute.map_or(u64::MAX, |rate| rate.credit(self.paid, opened, now))
    }

    /// [`QueueState::paid`] after some fans were admitted.
    pub fn charged(&self, admitted: u64, now: Timestamp) -> PaidUntil {
        let opened = self.settings.opens_at.unwrap_or_default();
        self.settings.admit_per_minute.map_or(self.paid, |rate| rate.charge(self.paid, opened, now, admitted))
    }

    /// The end of the claim window of an admitted place. Below the floor, where every place was claimed or fenced, it
    /// is long past: else a place could be claimed again once TTL has deleted its session or tombstone.
    pub fn claim_deadline(&self, place: Place) -> Timestamp {
        if place < self.floor {
            return Timestamp::DISTANT_PAST;
        }
        self.bucket_of(place).map_or(self.walk_in_deadline, |bucket| bucket.deadline)
    }

    /// The bucket that a place is in; `None` for walk-ins behind the last bucket.
    pub fn bucket_of(&self, place: Place) -> Option<&AdmissionBatch> {
        self.buckets.iter().find(|bucket| place <= bucket.up_to)
    }

    /// Fans admitted during the minute before `now`.
    pub fn rate_per_minute(&self, now: Timestamp) -> u64 {
        let minute_ago = now - Seconds(60);
        let baseline = self.marks.iter().rfind(|(at, _)| *at <= minute_ago).or(self.marks.first());
        self.admitted.saturating_sub(baseline.map_or(0, |(_, admitted)| *admitted))
    }

    /// Whether the place is within one capacity of being admitted. A poll then reads a fresher state.
    pub fn near_front(&self, place: Place) -> bool {
        place.behind(self.served) <= self.capacity
    }
}

#[cfg(test)]
mod tests;
