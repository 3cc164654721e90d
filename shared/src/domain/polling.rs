//! The estimated wait, and when to poll again: one rule for `Token`, `Retry-After` and the table in `Queue`.

use super::{
    pace::Outlook,
    queue::{QueueRules, QueueState},
    time::{Seconds, Timestamp},
};

/// The longest interval between two polls, except behind [`FAR`].
const MAX_SECONDS: f64 = 60.0;
const PAUSED_SECONDS: f64 = 10.0;
/// Behind this position an interval is at least the number of waiting fans / [`POLLS_PER_SECOND`], so that a huge queue
/// does not overload the API.
const FAR: u64 = 1_000;
/// How many polls a second all waiting fans together may make.
const POLLS_PER_SECOND: f64 = 8_000.0;
/// How many polls a second may come when the queue opens.
const OPENING_PER_SECOND: f64 = 5_000.0;
/// The part of an interval that chance adds or takes, so that fans who polled together do not poll together again.
const JITTER: f64 = 0.15;
/// Seconds between two polls of a fan whose place is not known yet.
pub const UNKNOWN_SECONDS: u64 = 2;
/// Seconds between two polls of an admitted fan.
pub const ACTIVE_SECONDS: u64 = 5;

impl QueueState {
    /// The estimated seconds until the queue has moved by one place; `None` while nobody is admitted.
    pub fn seconds_per_place(&self, rules: QueueRules, now: Timestamp) -> Option<f64> {
        let moves = self.settings.admits(now) && rules.capacity > 0;
        moves.then(|| self.pace.seconds_per_place(rules.capacity, assumed(rules)))
    }

    /// The estimated wait of the fan at `position`; `None` while nobody is admitted.
    pub fn outlook(&self, position: u64, rules: QueueRules, now: Timestamp) -> Option<Outlook> {
        let moves = self.settings.admits(now) && rules.capacity > 0;
        moves.then(|| self.pace.outlook(position, rules.capacity, assumed(rules)))
    }
}

/// How long a slot is assumed to be taken before any came back, in seconds: half the length of a session.
fn assumed(rules: QueueRules) -> f64 {
    f64::from(rules.active.0) / 2.0
}

/// What decides when the fans of a queue should poll again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Polling {
    paused: bool,
    /// Seconds until the opening, where that is ahead.
    opens_in: Option<f64>,
    seconds_per_place: Option<f64>,
    waiting: u64,
    capacity: u64,
    claim_window: Seconds,
}

/// A row of the table: from `position` on, poll again after `seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The first position that the row is for.
    pub position: u64,
    /// Seconds to wait before the next poll.
    pub seconds: u64,
}

impl Polling {
    /// The rule for a queue in which `waiting` fans wait.
    pub fn of(state: &QueueState, waiting: u64, rules: QueueRules, now: Timestamp) -> Self {
        let ahead = state.settings.opens_at.filter(|opens| *opens > now);
        Polling {
            paused: state.settings.paused,
            opens_in: ahead.map(|opens| (opens.millis() - now.millis()) as f64 / 1_000.0),
            seconds_per_place: state.seconds_per_place(rules, now),
            waiting,
            capacity: rules.capacity,
            claim_window: rules.claim_window,
        }
    }

    /// Seconds after which the waiting fan at `position` should poll again. `chance` is a random number from 0 to 1.
    pub fn seconds(&self, position: u64, chance: f64) -> u64 {
        let jitter = 1.0 + JITTER * (2.0 * chance - 1.0);
        let seconds = match self.opening(position, chance) {
            Some(moment) => self.spared(moment, position),
            None => self.spared(self.usual(position), position) * jitter,
        };
        self.rounded(seconds, position)
    }

    /// The intervals by position, for clients that read only the queue. A row holds up to the next row; it may ask for
    /// polls up to twice as often as a token does.
    pub fn table(&self) -> Vec<Row> {
        // While nobody is admitted, one row is for all positions: the row of the fans far behind.
        let mut positions = vec![FAR.max(self.near()).saturating_add(1)];
        if !self.paused && self.opens_in.is_none() {
            positions = vec![1];
            positions.extend([6, 11, FAR + 1, self.near().saturating_add(1)]);
            let per_place = self.seconds_per_place.unwrap_or(MAX_SECONDS);
            let where_it_takes = |seconds: f64| (8.0 * seconds / per_place).ceil() as u64;
            positions.extend([2.0, 4.0, 8.0, 15.0, 30.0, MAX_SECONDS].map(where_it_takes).map(|at| at.max(11)));
        }
        positions.sort_unstable();
        let mut rows: Vec<Row> = Vec::new();
        for position in positions {
            let seconds = self.opening(position, 0.5).unwrap_or(self.usual(position));
            let seconds = self.rounded(self.spared(seconds, position), position);
            if rows.last().is_none_or(|row| row.seconds != seconds) {
                rows.push(Row { position, seconds });
            }
        }
        rows[0].position = 1;
        rows
    }

    /// The interval before jitter, in seconds: the first case that applies counts.
    fn usual(&self, position: u64) -> f64 {
        if self.paused {
            PAUSED_SECONDS
        } else if self.opens_in.is_some() {
            MAX_SECONDS
        } else if position <= 10 {
            if position <= 5 { 1.0 } else { 2.0 }
        } else {
            let wait = self.seconds_per_place.map(|seconds| seconds * position as f64);
            wait.map_or(MAX_SECONDS, |wait| (wait / 8.0).clamp(1.0, MAX_SECONDS))
        }
    }

    /// Lengthens the interval of a fan far behind, so that all waiting fans together stay within [`POLLS_PER_SECOND`].
    fn spared(&self, seconds: f64, position: u64) -> f64 {
        if position > FAR { seconds.max(self.waiting as f64 / POLLS_PER_SECOND) } else { seconds }
    }

    /// When to poll after the opening, in seconds from now; `None` unless that comes before the next usual poll. The
    /// polls are spread over some seconds; those of fans who may be admitted at once, over at most two thirds of the
    /// claim window.
    fn opening(&self, position: u64, chance: f64) -> Option<f64> {
        let spread = (self.waiting as f64 / OPENING_PER_SECOND).max(2.0);
        let claim = f64::from(self.claim_window.0) * 2.0 / 3.0;
        let spread = if position <= 2 * self.capacity { spread.min(claim) } else { spread };
        let moment = self.opens_in.filter(|_| !self.paused).map(|opens_in| opens_in + chance * spread);
        moment.filter(|moment| *moment < MAX_SECONDS)
    }

    /// Rounds to whole seconds, at least 1. For a fan who may be admitted soon, it is at most half of the claim window.
    fn rounded(&self, seconds: f64, position: u64) -> u64 {
        let most = if position <= self.near() { u64::from(self.claim_window.0 / 2).max(1) } else { u64::MAX };
        (seconds.round() as u64).clamp(1, most)
    }

    /// The last position whose fan may be admitted before the next poll: twice the capacity, and the places that the
    /// queue moves in one claim window.
    fn near(&self) -> u64 {
        let moved = self.seconds_per_place.map_or(0.0, |seconds| f64::from(self.claim_window.0) / seconds);
        (2 * self.capacity).saturating_add(moved as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{id::QueueId, queue::QueueSettings};
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
    const RULES: QueueRules =
        QueueRules { capacity: 10, claim_window: Seconds(180), active: Seconds(600), waiting: Seconds(7_200) };

    fn polling(settings: QueueSettings, waiting: u64) -> Polling {
        let rules = settings.rules(RULES);
        Polling::of(&QueueState::new(QueueId::main(), settings, rules, NOW), waiting, rules, NOW)
    }

    fn rows(polling: Polling) -> Vec<(u64, u64)> {
        polling.table().iter().map(|row| (row.position, row.seconds)).collect()
    }

    #[test]
    fn there_is_no_estimate_while_nobody_is_admitted() {
        let open = QueueState::new(QueueId::main(), QueueSettings::default(), RULES, NOW);
        assert_eq!(open.outlook(3, RULES, NOW).map(|outlook| outlook.seconds), Some(90), "300 s a slot, ten slots");
        for settings in [
            QueueSettings { paused: true, ..QueueSettings::default() },
            QueueSettings { opens_at: Some(NOW + Seconds(1)), ..QueueSettings::default() },
            QueueSettings { capacity: Some(0), ..QueueSettings::default() },
        ] {
            let rules = settings.rules(RULES);
            let state = QueueState::new(QueueId::main(), settings, rules, NOW);
            assert_eq!((state.outlook(3, rules, NOW), state.seconds_per_place(rules, NOW)), (None, None));
        }
    }

    #[test]
    fn paused_comes_before_not_open_and_that_before_the_position() {
        let open = polling(QueueSettings::default(), 100);
        assert_eq!(rows(open), [(1, 1), (6, 2), (11, 41), (16, 60)]);
        let paused = QueueSettings { paused: true, opens_at: Some(NOW + Seconds(5)), ..QueueSettings::default() };
        assert_eq!(rows(polling(paused, 100)), [(1, 10)]);
        let later = |seconds| QueueSettings { opens_at: Some(NOW + Seconds(seconds)), ..QueueSettings::default() };
        assert_eq!(rows(polling(later(600), 100)), [(1, 60)]);
        assert_eq!(rows(polling(later(7), 100)), [(1, 8)]);
        let closed = QueueSettings { capacity: Some(0), ..QueueSettings::default() };
        assert_eq!(rows(polling(closed, 100)), [(1, 1), (6, 2), (11, 60)]);
    }

    #[test]
    fn polls_are_spread_after_the_opening_and_come_in_time_to_claim_in_front() {
        let settings = QueueSettings {
            opens_at: Some(NOW + Seconds(5)),
            claim_window_seconds: Some(Seconds(9)),
            ..QueueSettings::default()
        };
        let polling = polling(settings, 500_000);
        assert_eq!(polling.seconds(30, 0.3), 35, "half a million fans poll within a hundred seconds");
        assert_eq!(polling.seconds(20, 1.0), 4, "at most half of the claim window");
    }

    #[test]
    fn a_million_fans_do_not_poll_every_minute() {
        let polling = polling(QueueSettings::default(), 1_000_000);
        assert_eq!(polling.seconds(1_000, 0.5), 60);
        assert_eq!(polling.seconds(1_001, 0.5), 125);
        assert_eq!(polling.table().last(), Some(&Row { position: 1_001, seconds: 125 }));
    }

    proptest! {
        #[test]
        fn a_row_is_at_most_the_interval_of_a_token_and_about_half_of_it_at_least(position in 1u64..3_000, waiting in 0u64..2_000_000, capacity in 1u64..2_000, window in 1u32..300) {
            let settings = QueueSettings {
                capacity: Some(capacity),
                claim_window_seconds: Some(Seconds(window)),
                ..QueueSettings::default()
            };
            let polling = polling(settings, waiting);
            let row = polling.table().into_iter().rfind(|row| row.position <= position).unwrap();
            let interval = polling.seconds(position, 0.5);
            prop_assert!(row.seconds <= interval && interval <= 2 * row.seconds + 1, "{row:?}, {interval}");
            for chance in [0.0, 1.0] {
                let other = polling.seconds(position, chance) as f64;
                prop_assert!((other - interval as f64).abs() <= 0.16 * interval as f64 + 1.0);
            }
        }
    }
}
