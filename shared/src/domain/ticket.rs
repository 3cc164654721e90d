//! Tickets: places in a queue, and the waiting time that was promised when they were issued.

use super::{
    id::{QueueId, TicketId, UserId},
    line::LineTicket,
    time::{Seconds, Timestamp},
};
use serde::{Deserialize, Serialize};

/// The number of a place in a queue, from 1. A fan's place never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Place(u64);

impl Place {
    /// The number before the first place: `served` of a queue that has admitted nobody.
    pub const NONE: Place = Place(0);

    /// The place with this number.
    pub const fn new(number: u64) -> Self {
        Place(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The place this many places further back.
    pub const fn plus(self, places: u64) -> Place {
        Place(self.0.saturating_add(places))
    }

    /// How many places this one is behind `other`; 0 when it is not.
    pub const fn behind(self, other: Place) -> u64 {
        self.0.saturating_sub(other.0)
    }
}

/// Where a ticket stands: its place, or what gives the place once that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Spot {
    /// The place was known at the join, or is by now.
    Place(Place),
    /// The number that was drawn.
    Ticket(LineTicket),
}

/// A fan's place in a queue, with the waiting time that was promised when it was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// The id of the ticket: the `jti` of its queue token.
    pub ticket_id: TicketId,
    /// The fan.
    pub user_id: UserId,
    /// The queue.
    pub queue_id: QueueId,
    /// The place, or what gives it.
    #[serde(flatten)]
    pub spot: Spot,
    /// When the ticket was issued, in whole seconds: the `iat` of its queue token.
    pub issued_at: Timestamp,
    /// How long the place may wait. A later change of the setting does not change it.
    pub waiting_seconds: Seconds,
    /// The queue's clock when the place was drawn.
    pub wait_clock: QueueClock,
    /// The hour in which the fan last drew a place, and the number of places drawn in it.
    #[serde(default)]
    pub draws: Draws,
    /// Set when the fan left or was removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
}

impl Ticket {
    /// What decides how long the ticket may wait, at its place.
    pub fn wait(&self, place: Place) -> Wait {
        Wait { place, issued_at: self.issued_at, waiting: self.waiting_seconds, clock_at_issue: self.wait_clock }
    }
}

/// How many places a fan drew in one queue within one hour of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Draws {
    /// The hour, counted from the Unix epoch.
    pub hour: i64,
    /// Places drawn in it.
    pub count: u32,
}

impl Draws {
    const SECONDS_PER_HOUR: i64 = 3_600;

    /// The count in the hour of `now`. Places drawn in an earlier hour do not count.
    pub fn at(self, now: Timestamp) -> Self {
        let hour = now.seconds().div_euclid(Self::SECONDS_PER_HOUR);
        if hour == self.hour { self } else { Draws { hour, count: 0 } }
    }

    /// The count with one more place.
    pub fn and_one(self) -> Self {
        Draws { count: self.count.saturating_add(1), ..self }
    }

    /// When the next hour begins.
    pub fn hour_end(self) -> Timestamp {
        Timestamp::from_seconds((self.hour + 1) * Self::SECONDS_PER_HOUR)
    }
}

/// Milliseconds for which a queue was open and not paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QueueClock(i64);

impl QueueClock {
    /// The reading of this many milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        QueueClock(millis)
    }

    /// The reading in milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The reading after the clock has run for `millis` more; a number below 0 counts as 0.
    pub fn after(self, millis: i64) -> Self {
        QueueClock(self.0.saturating_add(millis.max(0)))
    }

    /// This reading moved back by a length of time; below 0 where the queue was not open for that long.
    pub fn before(self, length: Seconds) -> Self {
        QueueClock(self.0.saturating_sub(length.millis()))
    }
}

/// What decides how long a place may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// The place.
    pub place: Place,
    /// When the place was issued.
    pub issued_at: Timestamp,
    /// How long the place may wait while the queue is open and not paused.
    pub waiting: Seconds,
    /// The queue's clock when the place was drawn.
    pub clock_at_issue: QueueClock,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    #[test]
    fn draws_are_counted_by_the_hour() {
        let draws = Draws::default().at(NOW).and_one().and_one();
        assert_eq!(draws.at(NOW + Seconds(60)).count, 2);
        assert!(draws.hour_end() > NOW && draws.hour_end() <= NOW + Seconds(3_600));
        assert_eq!(draws.at(draws.hour_end()).count, 0);
    }
}
