//! How many shards a queue needs.

use crate::domain::time::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};

/// The most shards of a queue: enough for 200,000 joins a second.
pub const MAX_WIDTH: u16 = 800;
/// The shards of a draw, at least.
pub const DRAW_WIDTH: u16 = 64;
/// A calm queue is widened when more fans than this join in a second: long before a partition's 1,000 writes.
const WIDEN_ABOVE: u64 = 300;
/// A queue is narrowed after fewer fans than this joined in a second for [`SLOW`].
const NARROW_BELOW: u64 = 100;
const SLOW: Seconds = Seconds(30);
/// How long before its opening a queue is widened for the joins that its operator expects.
const AHEAD: Seconds = Seconds(600);
/// How long a queue that is open is kept wide for them, from the moment that they are set.
const AT_ONCE: Seconds = Seconds(60);

/// The width for a number of joins a second. Four times what the partitions could take: shards hash to partitions like
/// balls into bins.
pub fn width_for(joins_per_second: u64) -> u16 {
    let shards = joins_per_second.saturating_mul(4).div_ceil(1_000);
    u16::try_from(shards).unwrap_or(MAX_WIDTH).clamp(2, MAX_WIDTH)
}

/// The width of a draw for which the operator expects so many joins a second.
pub fn draw_width(expected: Option<u32>) -> u16 {
    expected.map_or(DRAW_WIDTH, |joins| width_for(joins.into()).max(DRAW_WIDTH))
}

/// The joins that an operator expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, Timestamp)", into = "(u32, Timestamp)")]
pub struct Expected {
    /// Joins a second.
    pub per_second: u32,
    /// When the operator set them.
    pub since: Timestamp,
}

impl From<(u32, Timestamp)> for Expected {
    fn from((per_second, since): (u32, Timestamp)) -> Self {
        Expected { per_second, since }
    }
}

impl From<Expected> for (u32, Timestamp) {
    fn from(expected: Expected) -> Self {
        (expected.per_second, expected.since)
    }
}

impl Expected {
    /// When the queue is widened for these joins: ten minutes before its opening, in an open queue at once.
    pub fn from(&self, opens_at: Option<Timestamp>) -> Timestamp {
        opens_at.map_or(self.since, |opens| Timestamp::from_millis(opens.millis() - AHEAD.millis()).max(self.since))
    }

    /// Until when the queue stays wide, however few join: its opening, in an open queue a minute.
    fn until(&self, opens_at: Option<Timestamp>) -> Timestamp {
        (self.since + AT_ONCE).max(opens_at.unwrap_or_default())
    }
}

/// The joins a second that the queue must be wide for at `now`, whatever is measured.
pub fn expected_at(expected: Option<Expected>, opens_at: Option<Timestamp>, now: Timestamp) -> Option<u32> {
    let expected = expected.filter(|expected| expected.from(opens_at) <= now && now < expected.until(opens_at));
    expected.map(|expected| expected.per_second)
}

/// How fast fans join, as the sequencer measured it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Joins a second, between the last two measurements.
    #[serde(default)]
    pub per_second: u64,
    /// Since when a much narrower queue would have been enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_since: Option<Timestamp>,
}

impl Traffic {
    /// The traffic after `drawn` numbers in `millis` milliseconds, in a queue of a width. A queue that must stay wide is
    /// not slow.
    pub fn after(self, drawn: u64, millis: i64, width: u16, expected: Option<u32>, now: Timestamp) -> Self {
        let per_second = drawn.saturating_mul(1_000) / u64::try_from(millis).unwrap_or_default().max(1);
        let slow = expected.is_none() && narrower(per_second) <= width / 4;
        Traffic { per_second, slow_since: slow.then(|| self.slow_since.unwrap_or(now)) }
    }
}

/// The width that a queue narrows to.
fn narrower(per_second: u64) -> u16 {
    if per_second < NARROW_BELOW { 0 } else { width_for(per_second) }
}

/// The width that the next interval should have. `asked` are the joins a second that a join met, and `expected` those that
/// the operator expects now.
pub fn wished_width(width: u16, traffic: Traffic, asked: u64, expected: Option<u32>, now: Timestamp) -> u16 {
    let most = traffic.per_second.max(asked).max(expected.map_or(0, u64::from));
    if expected.is_some() || most > WIDEN_ABOVE {
        let wider = width_for(most).max(width);
        if traffic.slow_since.is_none() || asked > WIDEN_ABOVE || expected.is_some() {
            return wider;
        }
    }
    match traffic.slow_since {
        Some(since) if since + SLOW <= now => narrower(traffic.per_second).max(1),
        _ => width,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn traffic(per_second: u64, slow_for: Option<u32>) -> Traffic {
        let before = |seconds: u32| Timestamp::from_millis(NOW.millis() - Seconds(seconds).millis());
        Traffic { per_second, slow_since: slow_for.map(before) }
    }

    #[test]
    fn a_width_is_four_times_what_partitions_take() {
        assert_eq!([1, 300, 1_000, 17_000, 100_000, 1_000_000].map(width_for), [2, 2, 4, 68, 400, 800]);
        assert_eq!([None, Some(1), Some(40_000)].map(draw_width), [64, 64, 160]);
    }

    #[test]
    fn a_queue_widens_above_300_a_second_and_narrows_after_30_seconds_below_100() {
        let wished = |width, traffic| wished_width(width, traffic, 0, None, NOW);
        assert_eq!(wished(1, traffic(300, None)), 1);
        assert_eq!(wished(1, traffic(301, None)), 2);
        assert_eq!(wished_width(1, traffic(0, None), 4_000, None, NOW), 16, "a join was throttled");
        assert_eq!(wished(16, traffic(9_000, None)), 36);
        assert_eq!(wished(16, traffic(99, Some(29))), 16);
        assert_eq!(wished(16, traffic(99, Some(30))), 1);
        assert_eq!(wished(400, traffic(5_000, Some(30))), 20, "as wide as it must be");
        assert_eq!(wished_width(16, traffic(0, Some(60)), 0, Some(20_000), NOW), 80);
    }

    #[test]
    fn traffic_is_slow_where_a_quarter_of_the_width_is_enough() {
        let after = |drawn, millis, width, expected| Traffic::default().after(drawn, millis, width, expected, NOW);
        assert_eq!(after(900, 1_500, 16, None), traffic(600, Some(0)));
        assert_eq!(after(6_000, 1_500, 16, None), traffic(4_000, None));
        assert_eq!(after(0, 1_000, 16, Some(9)), traffic(0, None), "must stay wide");
        assert_eq!(traffic(0, Some(20)).after(5, 1_000, 16, None, NOW), traffic(5, Some(20)));
        assert_eq!(after(50, 0, 2, None).per_second, 50_000, "no time passed");
    }

    #[test]
    fn expected_joins_count_from_ten_minutes_before_the_opening_to_the_opening() {
        let expected = Some(Expected { per_second: 7, since: NOW });
        let opens = NOW + Seconds(3_600);
        let at = |seconds| expected_at(expected, Some(opens), NOW + Seconds(seconds));
        assert_eq!([2_999, 3_000, 3_599, 3_600].map(at), [None, Some(7), Some(7), None]);
        let at_once = |seconds| expected_at(expected, None, NOW + Seconds(seconds));
        assert_eq!([0, 59, 60].map(at_once), [Some(7), Some(7), None]);
    }
}
