use super::*;
use crate::domain::{
    buckets::MAX_BUCKETS,
    line::Expected,
    pace::Pace,
    queue::{AdmissionBatch, QueueRules},
    rate::AdmitPerMinute,
    survey::Pass,
    time::{Seconds, Timestamp},
};

/// The size of a value in bytes, as DynamoDB counts it.
fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + size(value)).sum::<usize>(),
        AttributeValue::M(values) => 3 + values.iter().map(|(name, value)| 1 + name.len() + size(value)).sum::<usize>(),
        _ => 1,
    }
}

#[test]
fn writing_the_largest_queue_state_costs_one_unit() -> Result<(), StoreError> {
    let (now, large) = (Timestamp::from_millis(1_795_176_000_123), 1_999_999_999);
    let rules =
        QueueRules { capacity: 1_000_000, claim_window: Seconds(180), active: Seconds(600), waiting: Seconds(604_800) };
    let settings = QueueSettings {
        capacity: Some(1_000_000),
        claim_window_seconds: Some(Seconds(3_600)),
        active_seconds: Some(Seconds(14_400)),
        waiting_seconds: Some(Seconds(604_800)),
        paused: false,
        opens_at: Some(now),
        expected_joins: Some(Expected { per_second: 200_000, since: now }),
        admit_per_minute: Some(AdmitPerMinute(1_000_000)),
    };
    let queue = QueueId::try_from("a".repeat(32)).expect("a slug");
    let mut state = QueueState::new(queue.clone(), settings, rules, now);
    (state.served, state.floor, state.last_seen) = (Place::new(large), Place::new(large), Place::new(large));
    (state.admitted, state.tick, state.settings_version, state.unclaimed) = (large, large, large, 1_000_000);
    state.buckets = vec![AdmissionBatch { up_to: Place::new(large), deadline: now }; MAX_BUCKETS];
    state.marks = vec![(now, large); 8];
    state.pace = Pace::from([
        1_795_176_000_123,
        600_000_000_000,
        1_000_000_000,
        -999_000,
        999_999_000,
        999_999_000,
        1_000_000_000,
        600_000,
    ]);
    state.paid = state.charged(1_000, now);
    state.pass = Some(Pass { next_end: Some(now), low: Some(Place::new(large)), ..Pass::begin(&state, now) });
    let item = request::item(&keys::queue_state(&queue), &state, None)?;
    let bytes: usize = item.iter().map(|(name, value)| name.len() + size(value)).sum();
    assert!(bytes <= 1_024, "{bytes} bytes");
    Ok(())
}
