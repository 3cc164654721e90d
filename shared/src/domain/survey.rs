//! The survey: counting the fans inside, a stretch of places at a time.

use super::{
    queue::QueueState,
    ticket::Place,
    time::{Seconds, Timestamp},
};
use serde::{Deserialize, Serialize};

/// The greatest clock skew between functions. A slot is reused only this long after its owner's time is up.
pub const CLOCK_MARGIN: Seconds = Seconds(2);

/// A survey of the places from the floor to `to`. It may take several ticks. A proof that a place is over stays valid,
/// since a session that ended never lives again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pass {
    /// The last place to survey.
    pub to: Place,
    /// The next place to look at; behind `to` when all are done.
    pub cursor: Place,
    /// Places that were not proved to be over.
    pub alive: u64,
    /// How many of these are not claimed yet.
    #[serde(default)]
    pub unclaimed: u64,
    /// The lowest place that was not proved to be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<Place>,
    /// Places behind `to` that were passed as dead since the survey began: they take no slot.
    pub passed: u64,
    /// When the survey began.
    pub since: Timestamp,
    /// The first time at which one of the places that still live may be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_end: Option<Timestamp>,
}

impl Pass {
    /// Begins a survey of the places from the floor to `served`.
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

    /// Skips the places of dead buckets: they were never admitted, so none of them has a live session.
    pub fn skip_dead(&mut self, state: &QueueState) {
        while let Some(bucket) = state.bucket_of(self.cursor).filter(|bucket| bucket.is_dead()) {
            self.cursor = bucket.up_to.plus(1);
        }
    }

    /// Counts the place at the cursor and goes on to the next. The place takes a slot until `ends`; `None` means that
    /// it is over.
    pub fn note(&mut self, ends: Option<Timestamp>) {
        if let Some(end) = ends {
            self.alive += 1;
            self.low = self.low.or(Some(self.cursor));
            self.next_end = Some(self.next_end.map_or(end, |next| next.min(end)));
        }
        self.cursor = self.cursor.plus(1);
    }

    /// Counts the place at the cursor as unclaimed; it takes a slot until `end` at least.
    pub fn note_unclaimed(&mut self, end: Timestamp) {
        self.unclaimed += 1;
        self.note(Some(end));
    }

    /// Slots that a finished survey proves to be free, by the state that was read before its last stretch. Every place
    /// that was admitted behind `to` counts as taken, since its session was not looked at (invariant 4).
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
    /// The place.
    pub place: Place,
    /// The session lives until here, or until `hold_until` if that is later.
    #[serde(default)]
    pub active_until: Timestamp,
    /// The end of the longest hold.
    #[serde(default)]
    pub hold_until: Timestamp,
    /// When the session ended; always set for a tombstone.
    #[serde(default)]
    pub ended: Option<Timestamp>,
}

/// The write that proves a place or session over before its slot is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// The place was not claimed in time: put a tombstone if there is still no session.
    NoShow(Place),
    /// The session's time is up: end it if `hold_until` is still the time that was read. Only holds move the end of a
    /// session.
    Expired {
        /// The place.
        place: Place,
        /// The end of the longest hold, as read.
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
    /// The place takes a slot, until this time at least.
    Alive(Timestamp),
    /// The place is not claimed yet, and takes a slot until this time at least.
    Unclaimed(Timestamp),
    /// The time of the place is up; it takes a slot until it is fenced.
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
