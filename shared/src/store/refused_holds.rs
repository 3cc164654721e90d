//! Counts the refused holds of each fan in the memory of one environment. After too many, the fan's requests are
//! refused without reading seats or session, and without a transaction.

use crate::domain::{id::UserId, limit::Refusals, refusal::Refusal, time::Timestamp};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Fans who are counted at the same time: as many as one environment can refuse in a window, since it answers one
/// request at a time and a refusal takes at least a millisecond. At most 4 MB.
const MAX_FANS: usize = 10_000;

/// Counts by fan. A count is dropped only once it is over, so no fan can push out another fan's count. While
/// [`MAX_FANS`] counts are running, further fans are not counted.
#[derive(Default)]
pub(super) struct RefusedHolds(Mutex<HashMap<UserId, Refusals>>);

impl RefusedHolds {
    /// Refuses a fan who had too many holds refused lately.
    pub(super) fn check(&self, user: UserId, now: Timestamp) -> Result<(), Refusal> {
        let fans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let retry_after = fans.get(&user).and_then(|refusals| refusals.retry_after(now));
        retry_after.map_or(Ok(()), |retry_after| Err(Refusal::TooManyRequests { retry_after }))
    }

    /// Counts a refused hold, if its refusal counts.
    pub(super) fn count(&self, user: UserId, refusal: &Refusal, now: Timestamp) {
        if !counts(refusal) {
            return;
        }
        let mut fans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if fans.len() >= MAX_FANS && !fans.contains_key(&user) {
            fans.retain(|_, refusals| !refusals.are_over(now));
            if fans.len() >= MAX_FANS {
                return;
            }
        }
        fans.entry(user).or_default().count(now);
    }
}

/// Whether a refusal counts: those because of the seats, the session or the place do, since they cost reads or a
/// transaction, and conflicts for the next fan who wants the seats. `RequestInProgress` does not: it asks the client to
/// try again.
fn counts(refusal: &Refusal) -> bool {
    use Refusal::{HoldLimit, NotActive, SeatLimit, SeatUnavailable, SessionEnding, SessionOver};
    matches!(
        refusal,
        SeatUnavailable { .. }
            | SeatLimit { .. }
            | HoldLimit { .. }
            | NotActive { .. }
            | SessionEnding
            | SessionOver { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        limit::{MAX_REFUSALS, REFUSALS_WINDOW},
        time::Seconds,
    };
    use uuid::Uuid;

    const REFUSAL: Refusal = Refusal::HoldLimit { limit: 1 };
    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn fan(number: usize) -> UserId {
        UserId(Uuid::from_u128(number as u128))
    }

    #[test]
    fn a_running_count_outlasts_any_number_of_other_fans_and_memory_is_bounded() {
        let refused = RefusedHolds::default();
        let len = || refused.0.lock().unwrap().len();
        (0..MAX_REFUSALS).for_each(|_| refused.count(fan(0), &REFUSAL, NOW));
        (1..MAX_FANS + 10).for_each(|number| refused.count(fan(number), &REFUSAL, NOW));
        assert_eq!((len(), refused.check(fan(0), NOW).is_err()), (MAX_FANS, true));
        refused.count(fan(MAX_FANS + 10), &REFUSAL, NOW + REFUSALS_WINDOW);
        assert_eq!(len(), 1, "counts that are over make room");
    }

    #[test]
    fn other_refusals_do_not_count() {
        let refused = RefusedHolds::default();
        (0..2 * MAX_REFUSALS).for_each(|_| refused.count(fan(0), &Refusal::RequestInProgress, NOW));
        (0..2 * MAX_REFUSALS).for_each(|_| refused.count(fan(0), &Refusal::WrongQueue, NOW));
        assert_eq!(refused.check(fan(0), NOW), Ok(()));
        (0..MAX_REFUSALS).for_each(|_| refused.count(fan(0), &REFUSAL, NOW + Seconds(1)));
        assert_eq!(refused.check(fan(0), NOW + Seconds(1)), Err(Refusal::TooManyRequests { retry_after: 10 }));
        assert_eq!(refused.check(fan(1), NOW + Seconds(1)), Ok(()), "another fan");
    }
}
