//! A session: the time of an admitted fan inside, with its holds.

use super::{
    id::{QueueId, ReservationId, UserId},
    queue::bounds,
    refusal::Refusal,
    ticket::Place,
    time::{Seconds, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A hold that a session has open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenHold {
    /// How many seats are held.
    pub seats: u32,
    /// When the hold ends.
    pub until: Timestamp,
}

/// Why a session is over, or why a tombstone keeps a place from being claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EndReason {
    /// The last open hold was paid.
    Paid,
    /// The fan left, while waiting or after being admitted.
    Left,
    /// The time of the session was up.
    Expired,
    /// The fan did not claim the place within the claim window.
    NoShow,
    /// The fan drew another place: at the same instant, or later, after this one had waited too long.
    Superseded,
    /// The fan waited too long.
    WaitedTooLong,
    /// An administrator removed the fan.
    Removed,
}

/// The session or tombstone of a place. Only TTL deletes the item, so that a token that is still valid cannot claim the
/// place again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The queue.
    pub queue_id: QueueId,
    /// The place in the queue.
    pub place: Place,
    /// The fan; unknown for a place that was fenced without a claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The session lives until here, or until `hold_until` if that is later.
    #[serde(default)]
    pub active_until: Timestamp,
    /// The end of the hold that ends last. It only grows, even with clock skew, and never past `hold_cap`.
    #[serde(default)]
    pub hold_until: Timestamp,
    /// The latest end of a hold: claim + active + hold time. Without this cap repeated holds would keep a session alive
    /// for ever.
    #[serde(default)]
    pub hold_cap: Timestamp,
    /// Seats that count against the limit of the session: those of the listed holds, and those that were bought.
    #[serde(default)]
    pub seats_taken: u32,
    /// How many holds the session has made, whatever became of them.
    #[serde(default)]
    pub holds_made: u32,
    /// The open holds; expired ones may still be listed.
    #[serde(default)]
    pub holds: BTreeMap<ReservationId, OpenHold>,
    /// Grows with every change of the holds.
    #[serde(default)]
    pub version: u64,
    /// When the session ended; set once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why the session ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<EndReason>,
}

/// The longest life of a session from its claim, whatever the settings.
pub const MAX_SESSION: Seconds = Seconds(*bounds::ACTIVE_SECONDS.end() + *bounds::HOLD_SECONDS.end());

/// The shortest hold that is granted: a fan needs about this long to pay.
const MIN_HOLD: Seconds = Seconds(30);

/// The end of a hold made at `now` in a session whose holds end at `latest`, where that is known: the whole hold time,
/// or what is left of it.
///
/// # Errors
/// `SessionEnding` where less is left than 30 s, or than the hold time where that is shorter.
pub fn hold_end(now: Timestamp, hold: Seconds, latest: Option<Timestamp>) -> Result<Timestamp, Refusal> {
    let end = latest.map_or(now + hold, |latest| latest.min(now + hold));
    if end < now + hold.min(MIN_HOLD) { Err(Refusal::SessionEnding) } else { Ok(end) }
}

impl Session {
    /// The session of a fan who claims the place at `now`.
    pub fn claimed(
        queue_id: QueueId,
        place: Place,
        user_id: UserId,
        now: Timestamp,
        active: Seconds,
        hold: Seconds,
    ) -> Self {
        Session {
            queue_id,
            place,
            user_id: Some(user_id),
            active_until: now + active,
            hold_until: Timestamp::DISTANT_PAST,
            hold_cap: now + active + hold,
            seats_taken: 0,
            holds_made: 0,
            holds: BTreeMap::new(),
            version: 0,
            ended: None,
            end_reason: None,
        }
    }

    /// The tombstone of a place, so that nobody can claim it any more.
    pub fn tombstone(
        queue_id: QueueId,
        place: Place,
        user_id: Option<UserId>,
        now: Timestamp,
        reason: EndReason,
    ) -> Self {
        Session {
            queue_id,
            place,
            user_id,
            active_until: Timestamp::DISTANT_PAST,
            hold_until: Timestamp::DISTANT_PAST,
            hold_cap: Timestamp::DISTANT_PAST,
            seats_taken: 0,
            holds_made: 0,
            holds: BTreeMap::new(),
            version: 0,
            ended: Some(now),
            end_reason: Some(reason),
        }
    }

    /// When the time of the session is up, unless it is ended before.
    pub fn life_end(&self) -> Timestamp {
        self.active_until.max(self.hold_until)
    }

    /// Whether the session is live at `now`.
    pub fn alive(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.life_end()
    }

    /// Why the session ended; `Expired` where its time is up and nothing has written that yet. Only for a session that
    /// is not live.
    pub fn end_reason_or_expired(&self) -> EndReason {
        self.end_reason.unwrap_or(EndReason::Expired)
    }

    /// How many seats the session bought, refunded ones included.
    pub fn bought_seats(&self) -> u32 {
        let listed: u32 = self.holds.values().map(|hold| hold.seats).sum();
        self.seats_taken.saturating_sub(listed)
    }

    /// Checks that the session may take this many `seats` more at `now` within its `limit`. Expired holds do not count.
    ///
    /// # Errors
    /// `SeatLimit`, with the seats that the session holds and has bought.
    pub fn check_room(&self, seats: u32, limit: u32, now: Timestamp) -> Result<(), Refusal> {
        let expired: u32 = self.expired_holds(now).iter().map(|(_, hold)| hold.seats).sum();
        let (bought, taken) = (self.bought_seats(), self.seats_taken.saturating_sub(expired));
        if taken + seats <= limit {
            return Ok(());
        }
        Err(Refusal::SeatLimit { limit, held: taken.saturating_sub(bought), bought })
    }

    /// Whether the session may make one more hold, if it may make at most `most` in all.
    pub fn may_hold_again(&self, most: u32) -> bool {
        self.holds_made < most
    }

    /// The listed holds whose time is up.
    pub fn expired_holds(&self, now: Timestamp) -> Vec<(ReservationId, OpenHold)> {
        self.holds.iter().filter(|(_, hold)| hold.until <= now).map(|(id, hold)| (*id, *hold)).collect()
    }

    /// The listed holds that are still open.
    pub fn open_holds(&self, now: Timestamp) -> impl Iterator<Item = ReservationId> {
        self.holds.iter().filter(move |(_, hold)| now < hold.until).map(|(id, _)| *id)
    }

    /// Whether a hold other than `paid` is still open: paying the last one ends the session.
    pub fn has_other_open_hold(&self, paid: ReservationId, now: Timestamp) -> bool {
        self.open_holds(now).any(|id| id != paid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn session(active: u32, hold: u32) -> Session {
        let user = UserId(Uuid::from_u128(1));
        Session::claimed(QueueId::main(), Place::new(1), user, NOW, Seconds(active), Seconds(hold))
    }

    proptest! {
        #[test]
        fn repeated_holds_never_extend_a_session_past_its_cap(active in 1u32..1000, hold in 1u32..1000, steps in prop::collection::vec(0u32..300, 0..30)) {
            let mut session = session(active, hold);
            let mut now = NOW;
            for step in steps {
                now = now + Seconds(step);
                if session.alive(now) {
                    let end = hold_end(now, Seconds(hold), Some(session.hold_cap));
                    session.hold_until = session.hold_until.max(end.unwrap_or(session.hold_until));
                }
            }
            prop_assert!(session.life_end() <= NOW + Seconds(active) + Seconds(hold));
        }
    }

    #[test]
    fn a_session_is_over_at_its_time_or_once_it_is_ended() {
        let mut s = session(10, 5);
        assert!(s.alive(NOW + Seconds(9)) && !s.alive(NOW + Seconds(10)));
        s.hold_until = NOW + Seconds(12);
        assert!(s.alive(NOW + Seconds(11)) && !s.alive(NOW + Seconds(12)));
        s.ended = Some(NOW);
        assert!(!s.alive(NOW));
    }

    #[test]
    fn a_hold_is_shortened_to_at_least_30_seconds() {
        let end = |hold, left| hold_end(NOW, Seconds(hold), Some(NOW + Seconds(left)));
        assert_eq!(hold_end(NOW, Seconds(300), None), Ok(NOW + Seconds(300)));
        assert_eq!(end(300, 500), Ok(NOW + Seconds(300)));
        assert_eq!(end(300, 30), Ok(NOW + Seconds(30)));
        assert_eq!(end(300, 29), Err(Refusal::SessionEnding));
        assert_eq!(end(20, 20), Ok(NOW + Seconds(20)));
        assert_eq!(end(20, 19), Err(Refusal::SessionEnding));
    }

    #[test]
    fn bought_seats_count_and_expired_holds_do_not() {
        let mut s = session(100, 50);
        s.seats_taken = 5;
        s.holds.insert(ReservationId(Uuid::from_u128(2)), OpenHold { seats: 2, until: NOW + Seconds(5) });
        s.holds.insert(ReservationId(Uuid::from_u128(3)), OpenHold { seats: 1, until: NOW + Seconds(50) });
        assert_eq!(s.bought_seats(), 2);
        assert_eq!(s.check_room(1, 6, NOW), Ok(()));
        assert_eq!(s.check_room(2, 6, NOW), Err(Refusal::SeatLimit { limit: 6, held: 3, bought: 2 }));
        assert_eq!(s.check_room(3, 6, NOW + Seconds(5)), Ok(()));
        let refused = Err(Refusal::SeatLimit { limit: 6, held: 1, bought: 2 });
        assert_eq!(s.check_room(4, 6, NOW + Seconds(5)), refused);
    }

    #[test]
    fn an_expired_hold_is_not_open() {
        let mut s = session(100, 50);
        let (a, b) = (ReservationId(Uuid::from_u128(2)), ReservationId(Uuid::from_u128(3)));
        s.holds.insert(a, OpenHold { seats: 1, until: NOW + Seconds(5) });
        s.holds.insert(b, OpenHold { seats: 1, until: NOW + Seconds(50) });
        assert!(s.has_other_open_hold(b, NOW + Seconds(4)));
        assert!(!s.has_other_open_hold(b, NOW + Seconds(5)));
        assert_eq!(s.expired_holds(NOW + Seconds(5)).len(), 1);
    }
}
