//! Admission by rate: how many fans a queue may admit by now, where an operator limits them by the minute.

use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a queue may save up while it admits nobody: the admissions of this time. It is the time between two ticks.
const MAX_SAVED_MICROS: i64 = 10_000_000;
const MINUTE_MICROS: i64 = 60_000_000;

/// Until when the admissions of a queue are paid for, in microseconds since the epoch. Each admission adds its share of a
/// minute, and the clock pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaidUntil(i64);

impl PaidUntil {
    /// Whether no admission was ever counted.
    pub fn is_unset(&self) -> bool {
        self.0 == 0
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

/// The most fans that a queue admits in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AdmitPerMinute(pub u32);

impl AdmitPerMinute {
    /// What one admission costs, in microseconds, rounded up.
    fn cost(self) -> i64 {
        let fans = i64::from(self.0.max(1));
        (MINUTE_MICROS + fans - 1) / fans
    }

    /// How many fans may be admitted at `now`. Admissions that were possible longer than 10 s ago, or before the queue
    /// `opened`, are lost: else a queue would admit all of them at once.
    pub fn credit(self, paid: PaidUntil, opened: Timestamp, now: Timestamp) -> u64 {
        let left = micros(now) - self.since(paid, opened, now);
        u64::try_from(left / self.cost()).unwrap_or_default()
    }

    /// The mark after `admitted` fans were admitted at `now`.
    pub fn charge(self, paid: PaidUntil, opened: Timestamp, now: Timestamp, admitted: u64) -> PaidUntil {
        let cost = self.cost().saturating_mul(i64::try_from(admitted).unwrap_or(i64::MAX));
        PaidUntil(self.since(paid, opened, now).saturating_add(cost))
    }

    fn since(self, paid: PaidUntil, opened: Timestamp, now: Timestamp) -> i64 {
        let saved = MAX_SAVED_MICROS.max(self.cost());
        paid.0.max(micros(now) - saved).max(micros(opened))
    }
}

fn micros(at: Timestamp) -> i64 {
    at.millis().saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Seconds;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    #[test]
    fn an_opening_admits_the_first_fans_as_time_passes() {
        let rate = AdmitPerMinute(600);
        let credit = |seconds| rate.credit(PaidUntil::default(), NOW, NOW + Seconds(seconds));
        assert_eq!([0, 1, 5, 10, 3_600].map(credit), [0, 10, 50, 100, 100]);
        assert_eq!(
            AdmitPerMinute(1).credit(PaidUntil::default(), Timestamp::DISTANT_PAST, NOW),
            1,
            "slower than a tick"
        );
    }

    proptest! {
        #[test]
        fn no_minute_admits_more_than_its_rate_and_what_was_saved(rate in 1u32..1_000_000, steps in prop::collection::vec((1i64..5_000, 0u64..100_000), 1..40)) {
            let rate = AdmitPerMinute(rate);
            let (mut paid, mut now, mut admitted) = (PaidUntil::default(), NOW, 0);
            for (millis, wished) in steps {
                now = Timestamp::from_millis(now.millis() + millis);
                let some = wished.min(rate.credit(paid, Timestamp::DISTANT_PAST, now));
                paid = rate.charge(paid, Timestamp::DISTANT_PAST, now, some);
                admitted += some;
            }
            let seconds = (now.millis() - NOW.millis()) as f64 / 1_000.0 + 10.0;
            prop_assert!(admitted as f64 <= f64::from(rate.0) * seconds / 60.0 + 1.0);
        }
    }
}
