//! Points in time and lengths of time, in whole milliseconds and whole seconds.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z. Stored as a number so that conditions can compare it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// A length of time as a whole number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Seconds(pub u32);

/// A minute: whole minutes since the epoch, rounded down. 0 compares as earlier than every minute of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Minute(pub i64);

impl Timestamp {
    /// Long before any sale. It stands for a time that is not set, where that must compare as over.
    pub const DISTANT_PAST: Timestamp = Timestamp(0);

    /// The time of this many milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Timestamp(millis)
    }

    /// The time of this many whole seconds since the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Timestamp(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The minute that this time lies in.
    pub const fn minute(self) -> Minute {
        Minute(self.0.div_euclid(60_000))
    }

    /// The same time without its fraction of a second.
    pub const fn whole_seconds(self) -> Self {
        Timestamp::from_seconds(self.seconds())
    }

    /// Milliseconds that passed since an earlier time; 0 if that time is still to come. For measurements.
    pub fn millis_since(self, earlier: Timestamp) -> f64 {
        self.0.saturating_sub(earlier.0).max(0) as f64
    }

    /// Whole seconds from `now` until this time, rounded up; 0 when it has passed.
    pub fn seconds_left(self, now: Timestamp) -> u64 {
        u64::try_from(self.0 - now.0).unwrap_or(0).div_ceil(1000)
    }

    /// RFC 3339 in UTC with milliseconds, as in `2026-12-24T19:00:00.000Z`.
    pub fn rfc3339(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Parses RFC 3339 with any offset; `None` for anything else or a year outside 1970 to 9999. A leap second is
    /// accepted only as the last second of a day in UTC, and counts as the first second of the next day.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        // chrono also accepts a space instead of the T, and a minus sign that is not ASCII.
        let plain = text.is_ascii() && text.as_bytes().get(10).is_some_and(|b| b.eq_ignore_ascii_case(&b'T'));
        let time = DateTime::parse_from_rfc3339(text).ok().filter(|_| plain)?;
        let millis = time.timestamp_millis();
        let misplaced_leap = time.timestamp_subsec_millis() >= 1000 && (time.timestamp() + 1) % 86_400 != 0;
        (!misplaced_leap && (0..253_402_300_800_000).contains(&millis)).then_some(Timestamp(millis))
    }

    fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }
}

impl Seconds {
    /// Milliseconds.
    pub const fn millis(self) -> i64 {
        self.0 as i64 * 1000
    }
}

impl Add<Seconds> for Timestamp {
    type Output = Timestamp;
    fn add(self, length: Seconds) -> Timestamp {
        Timestamp(self.0.saturating_add(length.millis()))
    }
}

impl Sub<Seconds> for Timestamp {
    type Output = Timestamp;
    fn sub(self, length: Seconds) -> Timestamp {
        Timestamp(self.0.saturating_sub(length.millis()))
    }
}

impl Add for Seconds {
    type Output = Seconds;
    fn add(self, other: Seconds) -> Seconds {
        Seconds(self.0.saturating_add(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_time_parses_back_from_its_text(millis in 0i64..253_402_300_800_000) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(Timestamp::parse_rfc3339(&time.rfc3339()), Some(time));
        }

        #[test]
        fn seconds_left_never_promises_less_than_there_is(end in 0i64..1_000_000, now in 0i64..1_000_000) {
            let left = Timestamp(end).seconds_left(Timestamp(now));
            prop_assert!(i64::try_from(left).unwrap() * 1000 >= end - now);
            prop_assert!(end > now || left == 0);
        }
    }

    #[test]
    fn any_offset_is_parsed_and_malformed_text_is_refused() {
        assert_eq!(Timestamp::parse_rfc3339("1970-01-01T09:00:01+09:00"), Some(Timestamp(1000)));
        let leap = Timestamp::parse_rfc3339("2017-01-01T08:59:60.5+09:00");
        assert_eq!(leap, Timestamp::parse_rfc3339("2017-01-01T00:00:00.5Z"));
        for odd in [
            "",
            "2026-12-24",
            "2026-13-24T00:00:00Z",
            "2026-12-24 00:00:00Z",
            "2026-12-24T00:00:00",
            "2026-12-24T00:00:60Z",
            "2026-12-24T24:00:00Z",
            "2026-12-24T00:00:00\u{2212}05:00",
            "2026-12-24T00:00:00Z\0",
            "yesterday",
            "1969-12-31T23:59:59Z",
            "9999-12-31T23:59:60Z",
            "+10000-01-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(odd), None, "{odd}");
        }
    }
}
