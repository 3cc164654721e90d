//! What operators see of the last hour: a sample for each minute in which somebody looked.

use super::time::{Minute, Timestamp};
use serde::{Deserialize, Serialize};

/// The most minutes that are shown, including the running one.
pub const MAX_MINUTES: u32 = 60;
/// A stored sample younger than this is not replaced, so that many viewers write no more than one viewer.
const FRESH_MILLIS: i64 = 5_000;

/// The samples of an hour, oldest first, one for each minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History<S> {
    /// When the newest sample was taken.
    at: Timestamp,
    samples: Vec<(Minute, S)>,
}

impl<S> Default for History<S> {
    fn default() -> Self {
        History { at: Timestamp::DISTANT_PAST, samples: Vec::new() }
    }
}

impl<S: Copy> History<S> {
    /// Adds a sample, in place of an earlier one of the same minute. Keeps one minute more than is shown: the first
    /// shown one needs the sample before it. Returns whether the stored history is old enough to be replaced.
    pub fn note(&mut self, now: Timestamp, sample: S) -> bool {
        let (minute, stale) = (now.minute(), now.millis() - self.at.millis() >= FRESH_MILLIS);
        self.samples.retain(|(kept, _)| *kept < minute && *kept >= Minute(minute.0 - i64::from(MAX_MINUTES)));
        self.samples.push((minute, sample));
        if stale {
            self.at = now;
        }
        stale
    }

    /// The last minutes up to now, oldest first: the sample of each, with that of the minute before it.
    pub fn minutes(&self, now: Timestamp, count: u32) -> impl Iterator<Item = (Minute, Option<(S, Option<S>)>)> {
        let last = now.minute().0;
        let of = |minute: i64| self.samples.iter().find(|(kept, _)| kept.0 == minute).map(|(_, sample)| *sample);
        (last + 1 - i64::from(count)..=last)
            .map(move |minute| (Minute(minute), of(minute).map(|sample| (sample, of(minute - 1)))))
    }
}

/// A queue at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSample {
    /// Places drawn since the queue was created.
    pub drawn: u64,
    /// Places admitted since then.
    pub admitted: u64,
    /// Places that are not admitted yet.
    pub waiting: u64,
    /// Sessions and admitted places.
    pub inside: u64,
}

/// The seats of a concert at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatSample {
    /// Seats that can be held.
    pub free: u32,
    /// Seats that are held.
    pub held: u32,
    /// Seats that are sold.
    pub sold: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_minute_has_its_last_sample_and_a_gap_has_none() {
        let mut history = History::default();
        for (seconds, sample) in [(60, 1), (70, 2), (119, 3), (120, 4), (240, 5)] {
            history.note(at(seconds), sample);
        }
        let shown: Vec<_> = history.minutes(at(245), 4).map(|(minute, sample)| (minute.0, sample)).collect();
        assert_eq!(shown, [(1, Some((3, None))), (2, Some((4, Some(3)))), (3, None), (4, Some((5, None)))]);
    }

    #[test]
    fn many_viewers_write_one_sample_in_five_seconds() {
        let mut history = History::default();
        let written: Vec<bool> = (60..72).map(|second| history.note(at(second), second)).collect();
        assert_eq!(written.iter().filter(|written| **written).count(), 3);
        assert!(written[0] && written[5] && written[10]);
    }

    proptest! {
        #[test]
        fn no_more_than_an_hour_is_kept(mut times in prop::collection::vec(0_i64..20_000, 1..200)) {
            times.sort_unstable();
            let mut history = History::default();
            for time in &times {
                history.note(at(*time), *time);
                prop_assert!(history.samples.len() <= MAX_MINUTES as usize + 1);
                let shown: Vec<_> = history.minutes(at(*time), MAX_MINUTES).collect();
                prop_assert_eq!(shown.len(), MAX_MINUTES as usize);
                prop_assert_eq!(shown[shown.len() - 1].1.map(|(sample, _)| sample), Some(*time));
            }
        }
    }
}
