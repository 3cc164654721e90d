//! The status of places, and the queue's clock.

use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
const RULES: QueueRules =
    QueueRules { capacity: 2, claim_window: Seconds(60), active: Seconds(600), waiting: Seconds(100) };

fn state() -> QueueState {
    let mut state = QueueState::new(QueueId::main(), QueueSettings::default(), RULES, NOW);
    state.served = Place::new(12);
    state.floor = Place::new(3);
    state.walk_in_deadline = NOW + Seconds(9);
    let bucket = |up_to, deadline| AdmissionBatch { up_to: Place::new(up_to), deadline };
    state.buckets = vec![bucket(4, NOW + Seconds(1)), bucket(6, Timestamp::DISTANT_PAST), bucket(10, NOW + Seconds(5))];
    state
}

fn wait(place: u64) -> Wait {
    let clock_at_issue = QueueClock::default();
    Wait { place: Place::new(place), issued_at: NOW, waiting: Seconds(100), clock_at_issue }
}

#[test]
fn the_status_of_a_place_follows_from_the_state() {
    let at = |place, seconds| state().place_status(wait(place), NOW + Seconds(seconds));
    assert_eq!(at(13, 0), PlaceStatus::Waiting { position: 1 });
    assert_eq!(at(13, 99), PlaceStatus::Waiting { position: 1 });
    assert_eq!(at(13, 100), PlaceStatus::WaitedTooLong);
    assert_eq!(at(2, 0), PlaceStatus::Admitted { claim_before: Timestamp::DISTANT_PAST });
    assert_eq!(at(4, 100), PlaceStatus::Admitted { claim_before: NOW + Seconds(1) }, "admitted for good");
    assert_eq!(at(5, 0), PlaceStatus::WaitedTooLong, "passed as dead");
    assert_eq!(at(7, 0), PlaceStatus::Admitted { claim_before: NOW + Seconds(5) });
    assert_eq!(at(12, 0), PlaceStatus::Admitted { claim_before: NOW + Seconds(9) });
}

#[test]
fn waiting_time_runs_only_while_the_queue_is_open_and_not_paused() {
    let mut state = state();
    state.settings.opens_at = Some(NOW + Seconds(50));
    assert_eq!(state.waits_until(wait(13), NOW), NOW + Seconds(150));
    assert_eq!(state.waits_until(wait(13), NOW + Seconds(60)), NOW + Seconds(150));
    state.clock_then = state.clock(NOW + Seconds(60));
    state.clock_since = NOW + Seconds(60);
    state.settings.paused = true;
    assert_eq!(state.clock(NOW + Seconds(500)), QueueClock::from_millis(10_000));
    assert_eq!(state.waits_until(wait(13), NOW + Seconds(500)), NOW + Seconds(590));
    let years_later = NOW + Seconds(200 * 24 * 3_600);
    assert_eq!(state.place_status(wait(13), years_later), PlaceStatus::WaitedTooLong, "a place lives 60 days at most");
}

proptest! {
    #[test]
    fn the_clock_never_runs_backwards_or_faster_than_time(steps in prop::collection::vec((0u32..100, any::<bool>(), prop::option::of(0u32..200)), 1..20)) {
        let mut state = state();
        let (mut now, mut last) = (NOW, state.clock(NOW));
        for (seconds, paused, opens) in steps {
            let then = now;
            now = now + Seconds(seconds);
            let clock = state.clock(now);
            prop_assert!(last <= clock && clock.millis() - last.millis() <= now.millis() - then.millis());
            (state.clock_then, state.clock_since) = (clock, now);
            state.settings.paused = paused;
            state.settings.opens_at = opens.map(|opens| NOW + Seconds(opens));
            prop_assert_eq!(state.clock(now), clock, "a changed setting does not move the clock");
            last = clock;
        }
    }
}

#[test]
fn the_rate_counts_only_admissions_of_the_last_minute() {
    let mut state = state();
    state.admitted = 10;
    state.marks = vec![(NOW - Seconds(90), 2), (NOW - Seconds(60), 5), (NOW - Seconds(30), 9)];
    assert_eq!(state.rate_per_minute(NOW), 5);
    assert_eq!(state.rate_per_minute(NOW + Seconds(30)), 1);
}

#[test]
fn nobody_is_admitted_early_or_while_paused() {
    let mut settings = QueueSettings::default();
    assert!(settings.admits(NOW));
    settings.opens_at = Some(NOW + Seconds(1));
    assert!(!settings.admits(NOW) && settings.admits(NOW + Seconds(1)));
    settings.paused = true;
    assert!(!settings.admits(NOW + Seconds(1)));
}
