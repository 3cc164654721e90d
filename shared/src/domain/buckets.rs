//! Claim deadlines of admitted places, kept in a few buckets.

use super::{
    queue::AdmissionBatch,
    ticket::Place,
    time::{Seconds, Timestamp},
};

/// The most buckets that a queue's state keeps.
pub const MAX_BUCKETS: usize = 12;
/// The most of them that hold dead places. With so few, two buckets of admitted places are always neighbours and can be
/// merged.
pub const MAX_DEAD_BUCKETS: usize = 3;

/// The end of a claim window that begins at `now`, rounded up to an eighth of the window, so that places admitted soon
/// after each other share a bucket. Admissions within one window fill at most nine buckets. A place gains at most an
/// eighth of the window, and never loses time.
pub fn claim_deadline(now: Timestamp, claim_window: Seconds) -> Timestamp {
    let spacing = (claim_window.millis() / 8).max(1);
    let end = (now + claim_window).millis();
    Timestamp::from_millis(end.saturating_add(spacing - 1).div_euclid(spacing) * spacing)
}

/// Whether dead places behind the last bucket can share that bucket, or have one of their own.
pub fn has_room_for_dead(buckets: &[AdmissionBatch]) -> bool {
    let dead = buckets.iter().filter(|bucket| bucket.is_dead()).count();
    buckets.last().is_some_and(AdmissionBatch::is_dead) || dead < MAX_DEAD_BUCKETS
}

/// Adds a bucket for places behind the last bucket. Dead and admitted places never share a bucket: under the deadline
/// of admitted places, dead ones could be claimed.
pub fn push(buckets: &mut Vec<AdmissionBatch>, new: AdmissionBatch) {
    match buckets.last_mut() {
        Some(last) if new.up_to <= last.up_to => return,
        Some(last) if last.is_dead() == new.is_dead() && new.deadline <= last.deadline => last.up_to = new.up_to,
        _ => buckets.push(new),
    }
    while buckets.len() > MAX_BUCKETS {
        let Some(pair) = buckets.windows(2).position(|pair| !pair[0].is_dead() && !pair[1].is_dead()) else { return };
        merge(buckets, pair);
    }
}

/// Removes the buckets below the floor. Merges a bucket into the next one if its deadline was `over` when a survey of
/// every place up to `surveyed` began: each of its places has a session or a tombstone by now. A bucket in front of a
/// dead bucket stays, since its places would count as dead in that one.
pub fn prune(buckets: &mut Vec<AdmissionBatch>, floor: Place, surveyed: Place, over: impl Fn(Timestamp) -> bool) {
    buckets.retain(|bucket| floor <= bucket.up_to);
    let mut index = 0;
    while index + 1 < buckets.len() {
        let (bucket, next) = (buckets[index], buckets[index + 1]);
        if !bucket.is_dead() && !next.is_dead() && bucket.up_to <= surveyed && over(bucket.deadline) {
            merge(buckets, index);
        } else {
            index += 1;
        }
    }
}

/// Merges a bucket into the next one, with the later of the two deadlines. A place may gain time and never loses any.
fn merge(buckets: &mut Vec<AdmissionBatch>, index: usize) {
    let first = buckets.remove(index);
    buckets[index].deadline = buckets[index].deadline.max(first.deadline);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::from_seconds(1_000_000);

    fn bucket(up_to: u64, deadline: Timestamp) -> AdmissionBatch {
        AdmissionBatch { up_to: Place::new(up_to), deadline }
    }

    fn deadline_of(buckets: &[AdmissionBatch], place: u64) -> Option<Timestamp> {
        buckets.iter().find(|bucket| Place::new(place) <= bucket.up_to).map(|bucket| bucket.deadline)
    }

    proptest! {
        #[test]
        fn dead_places_stay_dead_and_admitted_places_lose_no_time(steps in prop::collection::vec((1u64..50, 0u32..400, any::<bool>()), 1..60)) {
            let (mut buckets, mut served, mut promised) = (Vec::new(), 0, Vec::new());
            for (places, deadline, dead) in steps {
                if dead && !has_room_for_dead(&buckets) {
                    continue;
                }
                served += places;
                let deadline = if dead { Timestamp::DISTANT_PAST } else { START + Seconds(deadline) };
                push(&mut buckets, bucket(served, deadline));
                promised.push((served, deadline));
                prop_assert!(buckets.len() <= MAX_BUCKETS);
                prop_assert!(buckets.windows(2).all(|pair| pair[0].up_to < pair[1].up_to));
                for (place, deadline) in &promised {
                    let now = deadline_of(&buckets, *place).unwrap();
                    prop_assert!(now >= *deadline && (now == Timestamp::DISTANT_PAST) == (*deadline == Timestamp::DISTANT_PAST));
                }
            }
        }
    }

    #[test]
    fn surveyed_buckets_that_are_over_are_merged_but_not_into_dead_ones() {
        let past = START - Seconds(9);
        let mut buckets = vec![
            bucket(2, past),
            bucket(5, past),
            bucket(7, START + Seconds(5)),
            bucket(9, past),
            bucket(20, Timestamp::DISTANT_PAST),
            bucket(22, past),
        ];
        prune(&mut buckets, Place::new(3), Place::new(21), |deadline| deadline < START);
        assert_eq!(
            buckets,
            [bucket(7, START + Seconds(5)), bucket(9, past), bucket(20, Timestamp::DISTANT_PAST), bucket(22, past)]
        );
    }

    #[test]
    fn admissions_within_a_claim_window_have_at_most_nine_deadlines() {
        let ends = (0..60).map(|second| claim_deadline(START + Seconds(second), Seconds(60)));
        let mut ends: Vec<Timestamp> = ends.collect();
        ends.dedup();
        assert!(ends.len() <= 9, "{ends:?}");
        for second in 0..60 {
            let now = START + Seconds(second);
            let end = claim_deadline(now, Seconds(60));
            assert!(now + Seconds(60) <= end && end.millis() < now.millis() + 67_500);
        }
        let short = claim_deadline(Timestamp::from_millis(1_000_001), Seconds(1));
        assert_eq!(short, Timestamp::from_millis(1_001_125), "a window of one second is rounded up by at most 125 ms");
    }
}
