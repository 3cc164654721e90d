//! The line: places, how far it was let in, and where a place stands. All place arithmetic is here and in
//! [`super::promotion`].

use super::{
    id::{QueueId, TicketId, UserId},
    time::{Seconds, Timestamp},
};
use serde::{Deserialize, Serialize};

/// A place in a queue, from 1; immutable once drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Place(u64);

impl Place {
    /// Before the first place; the `served` of a queue that let nobody in.
    pub const NONE: Place = Place(0);

    /// The place with this number.
    pub const fn new(number: u64) -> Self {
        Place(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The place that many further back.
    pub const fn plus(self, places: u64) -> Place {
        Place(self.0.saturating_add(places))
    }

    /// How many places this one is behind `other`; 0 when it is not.
    pub const fn behind(self, other: Place) -> u64 {
        self.0.saturating_sub(other.0)
    }
}

/// A fan's place in a queue, with the moment it was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// The `jti` of its token.
    pub ticket_id: TicketId,
    /// Whose.
    pub user_id: UserId,
    /// In which queue.
    pub queue_id: QueueId,
    /// The number.
    pub place: Place,
    /// When, in whole seconds: the `iat` of its token.
    pub issued_at: Timestamp,
    /// Set when the fan left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
}

/// The lengths of time and the capacity that apply to a queue: the deployment's, where the queue has none of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueRules {
    /// Sessions at once.
    pub capacity: u64,
    /// How long a fan who was let in may take to show up.
    pub claim_window: Seconds,
    /// How long a session lasts.
    pub active: Seconds,
    /// How long a fan may wait.
    pub waiting: Seconds,
}

/// What an admin set for a queue; absent means the deployment's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueSettings {
    /// See [`QueueRules::capacity`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u64>,
    /// See [`QueueRules::claim_window`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_window_seconds: Option<Seconds>,
    /// See [`QueueRules::active`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_seconds: Option<Seconds>,
    /// See [`QueueRules::waiting`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_seconds: Option<Seconds>,
    /// While paused nobody is let in; those inside go on.
    #[serde(default)]
    pub paused: bool,
    /// Nobody is let in earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Timestamp>,
}

impl QueueSettings {
    /// The rules that apply, over the deployment's `defaults`.
    pub fn rules(&self, defaults: QueueRules) -> QueueRules {
        QueueRules {
            capacity: self.capacity.unwrap_or(defaults.capacity),
            claim_window: self.claim_window_seconds.unwrap_or(defaults.claim_window),
            active: self.active_seconds.unwrap_or(defaults.active),
            waiting: self.waiting_seconds.unwrap_or(defaults.waiting),
        }
    }

    /// Whether fans may be let in at `now`.
    pub fn lets_in(&self, now: Timestamp) -> bool {
        !self.paused && self.opens_at.is_none_or(|opens| opens <= now)
    }
}

/// All places up to `up_to` (and behind the bucket before) were let in at `at` and must be claimed before `deadline`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// The last place.
    pub up_to: Place,
    /// The end of its claim window.
    pub deadline: Timestamp,
    /// When it was let in.
    pub at: Timestamp,
}

/// How far the queue had let in at a time; the rate is read off these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// How far.
    pub served: Place,
}

/// The one item that moves when fans are let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueState {
    /// Which queue.
    pub queue_id: QueueId,
    /// What an admin set.
    pub settings: QueueSettings,
    /// The highest place let in. Only grows.
    pub served: Place,
    /// Slots that a join may take at once: what the last promotion left, less the walk-ins since.
    pub free: u64,
    /// Live sessions and let-in fans who have not shown up, as last counted, with the walk-ins since.
    pub occupied: u64,
    /// The lowest place that may still live.
    pub floor: Place,
    /// Grows with every write.
    pub version: u64,
    /// The claim deadline of places let in since the last bucket (walk-ins).
    pub walk_in_deadline: Timestamp,
    /// When the last of them was let in.
    pub walk_in_at: Timestamp,
    /// Claim deadlines, at most [`super::promotion::MAX_BUCKETS`], by place.
    pub buckets: Vec<Bucket>,
    /// For the rate; the oldest is a minute old or the queue's beginning.
    pub marks: Vec<Mark>,
}

/// Where a place stands, by the queue's state alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In line.
    Waiting {
        /// 1 = next in.
        position: u64,
    },
    /// In line for longer than allowed, and not let in.
    WaitedTooLong,
    /// Let in; the session tells the rest, and until there is one it must be claimed in time. A fan who was let in
    /// only after waiting too long has no time left: a token that has expired does not come back, and its `exp` reckons
    /// with no longer wait.
    LetIn {
        /// The end of the claim window.
        claim_before: Timestamp,
    },
}

impl QueueState {
    /// A queue that nobody has joined, with `capacity` slots free.
    pub fn new(queue_id: QueueId, settings: QueueSettings, capacity: u64, now: Timestamp) -> Self {
        QueueState {
            queue_id,
            settings,
            served: Place::NONE,
            free: capacity,
            occupied: 0,
            floor: Place::new(1),
            version: 1,
            walk_in_deadline: Timestamp::NEVER,
            walk_in_at: Timestamp::NEVER,
            buckets: Vec::new(),
            marks: vec![Mark { at: now, served: Place::NONE }],
        }
    }

    /// Where `place`, issued at `issued_at`, stands at `now`.
    pub fn standing(&self, place: Place, issued_at: Timestamp, rules: QueueRules, now: Timestamp) -> Standing {
        if place <= self.served {
            let in_time = self.let_in_at(place) < issued_at + rules.waiting;
            Standing::LetIn { claim_before: if in_time { self.claim_deadline(place) } else { Timestamp::NEVER } }
        } else if issued_at + rules.waiting <= now {
            Standing::WaitedTooLong
        } else {
            Standing::Waiting { position: place.behind(self.served) }
        }
    }

    /// The end of the claim window of a place that was let in. Below the floor every place was claimed or fenced: an
    /// item that TTL has deleted since does not open it again.
    pub fn claim_deadline(&self, place: Place) -> Timestamp {
        if place < self.floor {
            return Timestamp::NEVER;
        }
        self.bucket_of(place).map_or(self.walk_in_deadline, |b| b.deadline)
    }

    fn let_in_at(&self, place: Place) -> Timestamp {
        self.bucket_of(place).map_or(self.walk_in_at, |b| b.at)
    }

    fn bucket_of(&self, place: Place) -> Option<&Bucket> {
        self.buckets.iter().find(|b| place <= b.up_to)
    }

    /// Fans let in during the minute before `now`.
    pub fn rate_per_minute(&self, now: Timestamp) -> u64 {
        let minute_ago = now - Seconds(60);
        let baseline = self.marks.iter().rfind(|m| m.at <= minute_ago).or(self.marks.first());
        self.served.behind(baseline.map_or(Place::NONE, |m| m.served))
    }

    /// Seconds until the fan at `position` is let in at the rate of the last minute; `None` when nobody was.
    pub fn estimated_wait_seconds(&self, position: u64, now: Timestamp) -> Option<u64> {
        match self.rate_per_minute(now) {
            0 => None,
            rate => Some(position.saturating_mul(60).div_ceil(rate)),
        }
    }

    /// Whether the place is among the next to be let in, where a poll should look at a fresher state.
    pub fn near_front(&self, place: Place, rules: QueueRules) -> bool {
        place.behind(self.served) <= rules.capacity
    }
}

/// Seconds after which a waiting fan at `position` should poll again: often near the front, seldom far behind.
pub fn poll_after_seconds(position: u64) -> u64 {
    (position / 100).clamp(1, 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
    const RULES: QueueRules =
        QueueRules { capacity: 2, claim_window: Seconds(60), active: Seconds(600), waiting: Seconds(100) };

    fn state() -> QueueState {
        let mut state = QueueState::new(QueueId::main(), QueueSettings::default(), 2, NOW);
        state.served = Place::new(10);
        state.floor = Place::new(3);
        state.walk_in_deadline = NOW + Seconds(9);
        state.buckets = vec![
            Bucket { up_to: Place::new(4), deadline: NOW + Seconds(1), at: NOW },
            Bucket { up_to: Place::new(8), deadline: NOW + Seconds(5), at: NOW + Seconds(3) },
        ];
        state
    }

    #[test]
    fn standing_is_computed() {
        let at = |place, seconds| state().standing(Place::new(place), NOW, RULES, NOW + Seconds(seconds));
        assert_eq!(at(11, 0), Standing::Waiting { position: 1 });
        assert_eq!(at(11, 99), Standing::Waiting { position: 1 });
        assert_eq!(at(11, 100), Standing::WaitedTooLong);
        assert_eq!(at(2, 0), Standing::LetIn { claim_before: Timestamp::NEVER });
        assert_eq!(at(4, 100), Standing::LetIn { claim_before: NOW + Seconds(1) });
        assert_eq!(at(5, 0), Standing::LetIn { claim_before: NOW + Seconds(5) });
        assert_eq!(at(10, 0), Standing::LetIn { claim_before: NOW + Seconds(9) });
        let waited = |place, seconds| state().standing(Place::new(place), NOW - Seconds(seconds), RULES, NOW);
        assert_eq!(waited(5, 96), Standing::LetIn { claim_before: NOW + Seconds(5) });
        assert_eq!(waited(5, 97), Standing::LetIn { claim_before: Timestamp::NEVER }, "let in after the wait was over");
    }

    #[test]
    fn the_rate_counts_the_last_minute_only() {
        let mut state = state();
        state.marks = vec![
            Mark { at: NOW - Seconds(90), served: Place::new(2) },
            Mark { at: NOW - Seconds(60), served: Place::new(5) },
            Mark { at: NOW - Seconds(30), served: Place::new(9) },
        ];
        assert_eq!(state.rate_per_minute(NOW), 5);
        assert_eq!(state.estimated_wait_seconds(7, NOW), Some(84));
        assert_eq!(state.rate_per_minute(NOW + Seconds(30)), 1);
        state.marks = vec![Mark { at: NOW, served: Place::new(10) }];
        assert_eq!(state.estimated_wait_seconds(7, NOW), None);
    }

    #[test]
    fn nobody_is_let_in_early_or_while_paused() {
        let mut settings = QueueSettings::default();
        assert!(settings.lets_in(NOW));
        settings.opens_at = Some(NOW + Seconds(1));
        assert!(!settings.lets_in(NOW) && settings.lets_in(NOW + Seconds(1)));
        settings.paused = true;
        assert!(!settings.lets_in(NOW + Seconds(1)));
    }
}
