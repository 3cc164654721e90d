//! Counting who is inside, a stretch of places at a time.

use super::{
    line::QueueState,
    ticket::Place,
    time::{Seconds, Timestamp},
};
use serde::{Deserialize, Serialize};

/// How far clocks of functions may be apart: a slot is reused only so long after its owner's time is up.
pub const CLOCK_MARGIN: Seconds = Seconds(2);

/// A survey of the places from the floor to `to`. It may take several ticks; what it proved does not lapse, since a
/// session that ended never lives again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pass {
    /// The last place that is surveyed.
    pub to: Place,
    /// The next place to look at; behind `to` when all are done.
    pub cursor: Place,
    /// Places that were not proved to be over.
    pub alive: u64,
    /// Those of them that nobody has claimed yet.
    #[serde(default)]
    pub unclaimed: u64,
    /// The lowest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<Place>,
    /// Places behind `to` that were passed as dead since it began: they take no slot.
    pub passed: u64,
    /// When it began.
    pub since: Timestamp,
    /// The first time at which one of the living may be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_end: Option<Timestamp>,
}

impl Pass {
    /// A survey of everything that was admitted.
    pub fn begin(state: &QueueState, now: Timestamp) -> Self {
        Pass {
            to: state.served,
            cursor: state.floor,
            alive: 0,
            unclaimed: 0,
            low: None,
            passed: 0,
            since: now,
            next_end: None,
        }
    }

    /// Whether every place was looked at.
    pub fn is_done(&self) -> bool {
        self.cursor > self.to
    }

    /// Skips places that died of waiting: they were never admitted, and have no sessions.
    pub fn skip_dead(&mut self, state: &QueueState) {
        while let Some(bucket) = state.bucket_of(self.cursor).filter(|bucket| bucket.is_dead()) {
            self.cursor = bucket.up_to.plus(1);
        }
    }

    /// Notes what the place at the cursor was found to be, and goes on to the next.
    pub fn note(&mut self, ends: Option<Timestamp>) {
        if let Some(end) = ends {
            self.alive += 1;
            self.low = self.low.or(Some(self.cursor));
            self.next_end = Some(self.next_end.map_or(end, |next| next.min(end)));
        }
        self.cursor = self.cursor.plus(1);
    }

    /// Notes the place at the cursor as admitted and unclaimed; it takes a slot until `end` at least.
    pub fn note_unclaimed(&mut self, end: Timestamp) {
        self.unclaimed += 1;
        self.note(Some(end));
    }

    /// Slots that a finished survey proves to be free, by the state that was read before its last stretch. Places behind
    /// `to` count whole: their sessions were not looked at (invariant 4).
    pub fn freed(&self, state: &QueueState) -> u64 {
        if !self.is_done() {
            return 0;
        }
        let admitted_since = state.served.behind(self.to).saturating_sub(self.passed);
        state.occupied.saturating_sub(self.alive).saturating_sub(admitted_since)
    }

    /// The lowest place that may still live, after a finished survey.
    pub fn floor(&self) -> Place {
        self.low.unwrap_or(self.to.plus(1))
    }
}

/// What the survey needs to know of a session or tombstone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Its place.
    pub place: Place,
    /// The session lives until here, or until `hold_until` if that is later.
    #[serde(default)]
    pub active_until: Timestamp,
    /// The end of the longest hold.
    #[serde(default)]
    pub hold_until: Timestamp,
    /// When it ended.
    #[serde(default)]
    pub ended: Option<Timestamp>,
}

/// A place whose owner must be shut out before its slot is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// Nobody claimed it in time: put a tombstone if there is still no session.
    NoShow(Place),
    /// The session's time is up: end it if that is still so. Only holds move the time of a session.
    Expired {
        /// The place.
        place: Place,
        /// As read.
        hold_until: Timestamp,
    },
}

impl Fence {
    /// The place to fence.
    pub fn place(&self) -> Place {
        match self {
            Fence::NoShow(place) | Fence::Expired { place, .. } => *place,
        }
    }
}

/// What an admitted place is found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Over for good.
    Over,
    /// It takes a slot, until this time at least.
    Alive(Timestamp),
    /// The same, and nobody has claimed it yet.
    Unclaimed(Timestamp),
    /// Its time is up; it takes a slot until it is fenced.
    ToFence(Fence),
}

/// Judges an admitted place by its session or tombstone, if it has one.
pub fn judge(state: &QueueState, place: Place, seen: Option<&Seen>, now: Timestamp) -> Finding {
    let (end, fence) = match seen {
        Some(seen) if seen.ended.is_some() => return Finding::Over,
        Some(seen) => (seen.active_until.max(seen.hold_until), Fence::Expired { place, hold_until: seen.hold_until }),
        None => (state.claim_deadline(place), Fence::NoShow(place)),
    };
    match (end + CLOCK_MARGIN, seen) {
        (over, _) if over <= now => Finding::ToFence(fence),
        (over, Some(_)) => Finding::Alive(over),
        (over, None) => Finding::Unclaimed(over),
    }
}
