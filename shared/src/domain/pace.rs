//! The estimated wait of a fan, computed from how long slots are taken, which ticks measure while fans wait.
//!
//! The estimated wait is position x seconds per slot x share of living places / capacity. A count of recent admissions
//! would fail in a queue that has just opened: nobody leaves at first, then many leave at once. So seconds per slot is
//! the time that slots were taken, divided by the slots that came back and half of the growth in taken slots: a running
//! session counts as half over. When the number inside is steady the growth is zero.

use super::ticket::QueueClock;
use serde::{Deserialize, Serialize};

/// Measurements fade exponentially with this time of the queue's clock, in milliseconds. Most of their weight is of the
/// last ten minutes.
const FADE_MILLIS: f64 = 300_000.0;
/// From this many slots that came back on, only the measurement counts; with fewer, the assumed time has a share.
const ENOUGH: f64 = 6.0;
/// Dead places passed in one tick count up to this many times the admitted ones: a crowd that leaves must not make the
/// wait of all others look short.
const MAX_PASSED_PER_ADMITTED: u64 = 3;
/// Eight of ten cases of a normal distribution lie within this many standard deviations.
const EIGHT_OF_TEN: f64 = 1.28;
/// The standard deviation of the time that a fan stays inside, as a part of its mean.
const SPREAD: f64 = 1.0;
/// The deviation of the assumed time, as a natural logarithm.
const UNKNOWN: f64 = 0.8;
/// The least deviation of an estimate, even in a well-measured queue, as a natural logarithm.
const MIN_DEVIATION: f64 = 0.25;

/// What ticks have measured, in thousandths. The numbers fade with the queue's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "[i64; 8]", into = "[i64; 8]")]
pub struct Pace {
    /// The queue's clock at the last tick.
    at: QueueClock,
    /// Seconds for which slots were taken while fans waited, summed over the slots.
    taken: i64,
    /// Slots that came back in that time.
    returned: i64,
    /// How many more slots are taken now than at first.
    grown: i64,
    /// Dead places that were passed.
    passed: i64,
    /// Fans who were admitted.
    admitted: i64,
    /// Slots that were taken after the last tick. Growth is counted from here, since walk-ins take slots between two
    /// ticks.
    inside: i64,
    /// Seconds that a slot is taken, as last measured from at least [`ENOUGH`] slots that came back; 0 before that.
    slot: i64,
}

/// What a tick saw and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The queue's clock.
    pub clock: QueueClock,
    /// Whether fans waited and could be admitted since the previous tick.
    pub waited: bool,
    /// Slots that were taken before and after the tick.
    pub occupied: (u64, u64),
    /// Slots that came back.
    pub freed: u64,
    /// Fans that the tick admitted.
    pub admitted: u64,
    /// Dead places that the tick passed.
    pub passed: u64,
}

/// The estimated wait that a fan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Seconds until the fan is admitted.
    pub seconds: u64,
    /// The lower end of the range that holds the true wait in eight of ten cases, in seconds.
    pub low: u64,
    /// The upper end of that range, in seconds.
    pub high: u64,
}

impl Pace {
    /// The measurements with those of one more tick.
    pub fn after(self, step: Step) -> Self {
        let elapsed = (step.clock.millis() - self.at.millis()).max(0);
        let kept = (-(elapsed as f64) / FADE_MILLIS).exp();
        let faded = |amount: i64| (amount as f64 * kept).round() as i64;
        let mut pace = Pace {
            at: step.clock.max(self.at),
            taken: faded(self.taken),
            returned: faded(self.returned),
            grown: faded(self.grown) + thousand(step.occupied.1) - self.inside,
            passed: faded(self.passed),
            admitted: faded(self.admitted),
            inside: thousand(step.occupied.1),
            slot: self.slot,
        };
        if step.waited {
            pace.taken += i64::try_from(step.occupied.0).unwrap_or(i64::MAX).saturating_mul(elapsed);
            pace.returned += thousand(step.freed);
            pace.admitted += thousand(step.admitted);
            pace.passed += thousand(step.passed.min(MAX_PASSED_PER_ADMITTED * step.admitted));
        }
        if pace.returned as f64 >= 1_000.0 * ENOUGH {
            pace.slot = (1_000.0 * pace.seen()).round() as i64;
        }
        pace
    }

    /// How long a slot was taken, in seconds, as measured.
    fn seen(self) -> f64 {
        let ended = self.returned as f64 + self.grown as f64 / 2.0;
        self.taken as f64 / ended.max(1_000.0)
    }

    /// The share of the measurement in an estimate, from 0 to 1.
    fn known(self) -> f64 {
        (self.returned as f64 / 1_000.0 / ENOUGH).min(1.0)
    }

    /// How long a slot is taken, in seconds, as estimated. Where few slots came back, an earlier measurement or else
    /// `assumed` has a share.
    fn slot_seconds(self, assumed: f64) -> f64 {
        let assumed = if self.slot > 0 { self.slot as f64 / 1_000.0 } else { assumed };
        match self.known() {
            0.0 => assumed,
            known => known * self.seen() + (1.0 - known) * assumed,
        }
    }

    /// The share of living places, from 0 to 1, by the dead places that were passed lately.
    fn living(self) -> f64 {
        let admitted = self.admitted as f64 + 1_000.0 * ENOUGH;
        admitted / (admitted + self.passed as f64)
    }

    /// The estimated seconds until the queue has moved by one place, with `capacity` slots.
    pub fn seconds_per_place(self, capacity: u64, assumed: f64) -> f64 {
        self.slot_seconds(assumed) * self.living() / capacity.max(1) as f64
    }

    /// How long the fan at `position` will wait.
    pub fn outlook(self, position: u64, capacity: u64, assumed: f64) -> Outlook {
        let seconds = position as f64 * self.seconds_per_place(capacity, assumed);
        let known = self.known();
        let ended = (self.returned as f64 / 1_000.0).max(1.0);
        let by_number = SPREAD * SPREAD * (1.0 / position.max(1) as f64 + known / ended);
        let deviation = (by_number + ((1.0 - known) * UNKNOWN).powi(2) + MIN_DEVIATION * MIN_DEVIATION).sqrt();
        let factor = (EIGHT_OF_TEN * deviation).exp();
        Outlook {
            seconds: seconds.ceil() as u64,
            low: (seconds / factor).floor() as u64,
            high: (seconds * factor).ceil() as u64,
        }
    }
}

fn thousand(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(1_000)
}

impl From<[i64; 8]> for Pace {
    fn from([at, taken, returned, grown, passed, admitted, inside, slot]: [i64; 8]) -> Self {
        Pace { at: QueueClock::from_millis(at), taken, returned, grown, passed, admitted, inside, slot }
    }
}

impl From<Pace> for [i64; 8] {
    fn from(pace: Pace) -> Self {
        let Pace { at, taken, returned, grown, passed, admitted, inside, slot } = pace;
        [at.millis(), taken, returned, grown, passed, admitted, inside, slot]
    }
}

#[cfg(test)]
mod tests;
