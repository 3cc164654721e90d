//! When a queue ticks next. A queue in which nobody waits sleeps until a place is drawn, a setting changes, or a
//! session may be over. A queue in which nobody is inside either is at rest, and costs nothing.

use super::{
    queue::QueueState,
    survey::Pass,
    ticket::Place,
    time::{Seconds, Timestamp},
};

/// How far ahead a queue in which fans wait has its alarm. Messages bring its ticks in between.
const MINUTE: Seconds = Seconds(60);
/// How long after a tick a queue in which nobody waits gets a second tick before it sleeps.
const SECOND_LOOK: Seconds = Seconds(20);
/// For how long regular ticks are sent at a time.
pub const TICKS_SENT: Seconds = MINUTE;
/// The least time between two ticks for sessions that end.
const MIN_SPACING: Seconds = Seconds(10);

/// What a queue needs after a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Fans wait: a tick every few seconds while the queue admits, and an alarm at this time.
    Waiting(Timestamp),
    /// The survey is not finished: another tick at once, and an alarm at this time.
    Unfinished(Timestamp),
    /// Nobody waits, but a fan joined since the previous tick: an alarm at this time.
    SecondLook(Timestamp),
    /// The queue may sleep until this time, when a session may be over; `None` is rest. The caller must make sure that
    /// no place was drawn since the last place was read.
    Sleep(Option<Timestamp>),
}

impl Wake {
    /// When the alarm is due.
    pub fn due(self) -> Option<Timestamp> {
        match self {
            Wake::Waiting(due) | Wake::Unfinished(due) | Wake::SecondLook(due) => Some(due),
            Wake::Sleep(due) => due,
        }
    }

    /// Whether fans wait for the tick. Other ticks must not delay it.
    pub fn is_urgent(self) -> bool {
        matches!(self, Wake::Waiting(_))
    }
}

/// What a queue needs after a tick that read `state`, the last known place and whether the queue is calm, surveyed with
/// `pass`, and moves the queue to `served` with `occupied` slots taken. In a queue that is not calm, fans may wait whose
/// places are not known.
pub fn after_tick(
    state: &QueueState,
    pass: &Pass,
    served: Place,
    occupied: u64,
    (last_place, calm): (Place, bool),
    now: Timestamp,
) -> Wake {
    if !pass.is_done() {
        return Wake::Unfinished(second_look(now));
    }
    if last_place > served || !calm {
        return Wake::Waiting(next_minute(state, now));
    }
    // Sleep only after two ticks with the same last place: steady walk-ins would wake a sleeping queue each time.
    if last_place != state.last_seen || pass.to < served {
        return Wake::SecondLook(second_look(now));
    }
    let end = pass.next_end.filter(|_| occupied > 0);
    Wake::Sleep(end.map(|end| end.max(now + MIN_SPACING)))
}

/// When a tick that is requested at `now` is due: at most one a second. `last` is when the previously requested tick
/// was due. `None` where that tick has not begun, since it will see the change that this one is requested for.
pub fn requested_tick(last: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    const SPACING: Seconds = Seconds(1);
    match last {
        Some(last) if now < last && last <= now + SPACING => None,
        Some(last) if last <= now && now < last + SPACING => Some(last + SPACING),
        _ => Some(now),
    }
}

/// Whether a queue that has regular ticks until `until`, one in every `every`, needs the next ones: its last one is here.
pub fn needs_ticks(until: Timestamp, every: Seconds, now: Timestamp) -> bool {
    until <= now + every
}

/// When a queue that is about to sleep gets its second tick.
pub fn second_look(now: Timestamp) -> Timestamp {
    now + SECOND_LOOK
}

/// A minute from now, or the opening if that comes first.
fn next_minute(state: &QueueState, now: Timestamp) -> Timestamp {
    let opening = state.settings.opens_at.filter(|opens| *opens > now && !state.settings.paused);
    opening.map_or(now + MINUTE, |opens| opens.min(now + MINUTE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        id::QueueId,
        queue::{QueueRules, QueueSettings},
    };

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
    const RULES: QueueRules =
        QueueRules { capacity: 2, claim_window: Seconds(60), active: Seconds(600), waiting: Seconds(100) };

    fn look(change: impl FnOnce(&mut QueueState, &mut Pass), served: u64, occupied: u64, last: u64) -> Wake {
        let mut state = QueueState::new(QueueId::main(), QueueSettings::default(), RULES, NOW);
        (state.served, state.last_seen) = (Place::new(served), Place::new(last));
        let mut pass = Pass { cursor: Place::new(served + 1), ..Pass::begin(&state, NOW) };
        change(&mut state, &mut pass);
        after_tick(&state, &pass, Place::new(served), occupied, (Place::new(last), true), NOW)
    }

    #[test]
    fn a_queue_in_which_fans_wait_has_an_alarm_in_a_minute_or_at_its_opening() {
        assert_eq!(look(|_, _| {}, 3, 2, 5), Wake::Waiting(NOW + Seconds(60)));
        let opens = |seconds| {
            move |state: &mut QueueState, _: &mut Pass| {
                state.settings.opens_at = Some(NOW + Seconds(seconds));
            }
        };
        assert_eq!(look(opens(7), 3, 2, 5), Wake::Waiting(NOW + Seconds(7)));
        assert_eq!(look(opens(700), 3, 2, 5), Wake::Waiting(NOW + Seconds(60)));
        let paused = |state: &mut QueueState, _: &mut Pass| {
            (state.settings.opens_at, state.settings.paused) = (Some(NOW + Seconds(7)), true);
        };
        assert_eq!(look(paused, 3, 2, 5), Wake::Waiting(NOW + Seconds(60)));
    }

    #[test]
    fn a_queue_sleeps_only_when_nobody_joined_between_two_ticks() {
        let inside = |pass: &mut Pass| (pass.alive, pass.next_end) = (1, Some(NOW + Seconds(300)));
        assert_eq!(look(|_, pass| inside(pass), 5, 1, 5), Wake::Sleep(Some(NOW + Seconds(300))));
        assert_eq!(look(|_, _| {}, 5, 0, 5), Wake::Sleep(None));
        let came = |state: &mut QueueState, _: &mut Pass| state.last_seen = Place::new(4);
        assert_eq!(look(came, 5, 1, 5), Wake::SecondLook(NOW + Seconds(20)));
        let unseen = |_: &mut QueueState, pass: &mut Pass| pass.to = Place::new(4);
        assert_eq!(look(unseen, 5, 1, 5), Wake::SecondLook(NOW + Seconds(20)));
        let unfinished = |_: &mut QueueState, pass: &mut Pass| pass.cursor = Place::new(5);
        assert_eq!(look(unfinished, 5, 1, 5), Wake::Unfinished(NOW + Seconds(20)));
    }

    #[test]
    fn a_queue_that_is_not_calm_never_sleeps() {
        let state = QueueState::new(QueueId::main(), QueueSettings::default(), RULES, NOW);
        let pass = Pass { cursor: Place::new(1), ..Pass::begin(&state, NOW) };
        let wake = |calm| after_tick(&state, &pass, Place::NONE, 0, (Place::NONE, calm), NOW);
        assert_eq!([wake(true), wake(false)], [Wake::Sleep(None), Wake::Waiting(NOW + Seconds(60))]);
    }

    #[test]
    fn a_requested_tick_comes_once_a_second_and_is_never_dropped_for_one_that_has_begun() {
        assert_eq!(requested_tick(None, NOW), Some(NOW));
        assert_eq!(requested_tick(Some(NOW), NOW), Some(NOW + Seconds(1)), "the previous tick has begun");
        assert_eq!(requested_tick(Some(NOW + Seconds(1)), NOW), None);
        assert_eq!(requested_tick(Some(NOW - Seconds(1)), NOW), Some(NOW));
        assert_eq!(requested_tick(Some(NOW + Seconds(50)), NOW), Some(NOW), "a clock was set back");
    }

    #[test]
    fn ends_that_follow_each_other_closely_share_a_tick() {
        let soon = |_: &mut QueueState, pass: &mut Pass| pass.next_end = Some(NOW + Seconds(1));
        assert_eq!(look(soon, 5, 1, 5), Wake::Sleep(Some(NOW + Seconds(10))));
    }
}
