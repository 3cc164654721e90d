//! How long an invocation may take.

use crate::domain::time::Timestamp;
use std::time::Duration;

/// Time that is kept back for sending the answer.
const RESERVE: Duration = Duration::from_millis(500);
/// The limit of an invocation without a deadline: the default `Timeout` of functions in template.yaml.
const DEFAULT_LIMIT: Duration = Duration::from_secs(8);

/// The time that is left at `now` for the work of an invocation, less half a second for the answer. Lambda ends the
/// invocation at `deadline`, in milliseconds since the Unix epoch.
pub fn time_left(deadline: Option<u64>, now: Timestamp) -> Duration {
    let limit = match deadline {
        Some(deadline) => Duration::from_millis(deadline.saturating_sub(now.millis().unsigned_abs())),
        None => DEFAULT_LIMIT,
    };
    limit.saturating_sub(RESERVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invocation_ends_half_a_second_before_its_limit() {
        let now = Timestamp::from_seconds(1_000);
        assert_eq!(time_left(Some(1_008_000), now), Duration::from_millis(7_500));
        assert_eq!(time_left(Some(1_000_400), now), Duration::ZERO);
        assert_eq!(time_left(Some(900_000), now), Duration::ZERO);
        assert_eq!(time_left(None, now), Duration::from_millis(7_500));
    }
}
