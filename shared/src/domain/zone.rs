//! Time zones, and the days that calendars at the venue show.

use super::time::{Seconds, Timestamp};
use chrono::{DateTime, Datelike, NaiveDate, TimeZone as _};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{fmt, str::FromStr};

/// How far the clocks of the earliest zone are ahead of UTC: a day begins there first.
const EARLIEST_ZONE: Seconds = Seconds(14 * 3_600);
/// How far the clocks of the latest zone are behind UTC: a day ends there last.
const LATEST_ZONE: Seconds = Seconds(12 * 3_600);
const DAY: Seconds = Seconds(24 * 3_600);
const LAST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(day) => day,
    None => NaiveDate::MAX,
};

/// A time zone by its name in the IANA database, such as `Asia/Seoul`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeZone(Tz);

impl TimeZone {
    /// The default of a deployment, beside its default currency, the Korean won.
    pub const SEOUL: TimeZone = TimeZone(Tz::Asia__Seoul);

    /// The names of all zones.
    pub fn names() -> impl Iterator<Item = &'static str> {
        chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())
    }

    /// The day that calendars in this zone show at a time. The last hours of the year 9999 in UTC count as its last day
    /// everywhere, since a year of five digits is no date of RFC 3339.
    pub fn day_of(self, at: Timestamp) -> Day {
        let utc = DateTime::from_timestamp_millis(at.millis()).unwrap_or_default();
        let day = self.0.from_utc_datetime(&utc.naive_utc()).date_naive();
        Day(day.min(LAST_DAY))
    }
}

impl FromStr for TimeZone {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.parse().map(TimeZone).map_err(|_| "must be the name of an IANA time zone, such as Asia/Seoul")
    }
}

impl Serialize for TimeZone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A day of the calendar, as in `2026-12-24`. Texts of days sort in the order of the days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, format = Date, example = "2026-12-24"))]
pub struct Day(NaiveDate);

impl Day {
    /// When this day begins in the first zone where it does. A concert on this day or later starts then or later,
    /// whatever its zone.
    pub fn first_moment_anywhere(self) -> Timestamp {
        self.midnight_utc() - EARLIEST_ZONE
    }

    /// When this day ends in the last zone where it does. A concert on this day or earlier starts before, whatever its
    /// zone.
    pub fn last_moment_anywhere(self) -> Timestamp {
        self.midnight_utc() + DAY + LATEST_ZONE
    }

    fn midnight_utc(self) -> Timestamp {
        Timestamp::from_seconds(self.0.and_time(chrono::NaiveTime::MIN).and_utc().timestamp())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl FromStr for Day {
    type Err = &'static str;

    /// Parses a day of the years 1970 to 9999, with two digits for month and day.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Day);
        // chrono also accepts one digit, a sign and blanks.
        day.ok().filter(|day| (1970..=9999).contains(&day.0.year()) && day.to_string() == text).ok_or("must be a day")
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        NaiveDate::parse_from_str(&text, "%Y-%m-%d").map(Day).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).expect("a time")
    }

    fn day(zone: &str, time: &str) -> String {
        zone.parse::<TimeZone>().expect("a zone").day_of(at(time)).to_string()
    }

    #[test]
    fn a_day_is_that_of_the_zone() {
        assert_eq!(day("Asia/Seoul", "2026-12-24T14:59:59.999Z"), "2026-12-24");
        assert_eq!(day("Asia/Seoul", "2026-12-24T15:00:00Z"), "2026-12-25");
        assert_eq!(day("America/New_York", "2026-12-25T04:59:59Z"), "2026-12-24");
        assert_eq!(day("Pacific/Kiritimati", "2026-12-24T10:00:00Z"), "2026-12-25");
        assert_eq!(day("America/New_York", "1970-01-01T00:00:00Z"), "1969-12-31");
        assert_eq!(day("Asia/Seoul", "9999-12-31T23:59:59Z"), "9999-12-31");
    }

    #[test]
    fn a_day_may_have_23_or_25_hours() {
        let berlin = |time| day("Europe/Berlin", time);
        // The clocks go forward on 2027-03-28, which has 23 hours, and back on 2027-10-31, which has 25.
        assert_eq!((berlin("2027-03-27T22:59:59Z"), berlin("2027-03-27T23:00:00Z")), both("2027-03-27", "2027-03-28"));
        assert_eq!((berlin("2027-03-28T21:59:59Z"), berlin("2027-03-28T22:00:00Z")), both("2027-03-28", "2027-03-29"));
        assert_eq!((berlin("2027-10-30T21:59:59Z"), berlin("2027-10-30T22:00:00Z")), both("2027-10-30", "2027-10-31"));
        assert_eq!((berlin("2027-10-31T22:59:59Z"), berlin("2027-10-31T23:00:00Z")), both("2027-10-31", "2027-11-01"));
    }

    fn both(before: &str, after: &str) -> (String, String) {
        (before.to_owned(), after.to_owned())
    }

    #[test]
    fn names_of_zones_and_days_are_exact() {
        assert_eq!("Asia/Seoul".parse(), Ok(TimeZone::SEOUL));
        for wrong in ["", "Seoul", "asia/seoul", "Asia/Seoul ", "+09:00", "Asia/Seoul\0", "Mars/Olympus"] {
            assert!(wrong.parse::<TimeZone>().is_err(), "{wrong:?}");
        }
        assert_eq!("2028-02-29".parse::<Day>().map(|day| day.to_string()), Ok("2028-02-29".to_owned()));
        for wrong in ["", "2027-02-29", "2026-1-02", "2026-01-02 ", "+2026-01-02", "1969-12-31", "10000-01-01", "today"]
        {
            assert!(wrong.parse::<Day>().is_err(), "{wrong:?}");
        }
        assert!("9999-12-31".parse::<Day>().is_ok() && "1970-01-01".parse::<Day>().is_ok());
    }

    proptest! {
        #[test]
        fn a_concert_of_any_zone_starts_within_the_moments_of_its_day(
            zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
            seconds in 0i64..4_102_444_800,
        ) {
            let starts_at = Timestamp::from_seconds(seconds);
            let day = TimeZone(zone).day_of(starts_at);
            prop_assert!(day.first_moment_anywhere() <= starts_at && starts_at < day.last_moment_anywhere());
            prop_assert!(day.to_string() < TimeZone(zone).day_of(starts_at + Seconds(26 * 3_600)).to_string());
        }
    }
}
