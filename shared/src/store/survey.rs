//! How a tick reads sessions and tombstones, a stretch of places at a time.

use super::{
    Store, StoreError, keys,
    keys::Table,
    request::{self, s},
    tick::rules_of,
};
use crate::domain::{
    id::QueueId,
    promotion::{self, Ahead, MAX_DEAD_TOMBSTONES},
    queue::QueueState,
    session::EndReason,
    survey::{Fence, Finding, Pass, Seen, judge},
    ticket::{Place, QueueClock},
    time::{Seconds, Timestamp},
};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a tick reads before it writes its result.
const READING: Duration = Duration::from_millis(1_500);
/// Sessions and tombstones that a tick reads.
const MAX_ITEMS: usize = 25_000;
/// Fences and tombstones that a tick writes.
const MAX_FENCES: usize = 500;
/// Fences and tombstones that are written in parallel.
const FENCES_AT_ONCE: usize = 50;
/// Places of one read: 16 queries of at most 256 items each.
const STRETCH: u64 = 4_096;
/// Places of the first read ahead of `served`; each further one is twice as long.
const FIRST_LOOK: u64 = 256;
const LONGEST_LOOK: u64 = 16_384;
/// Samples are kept as long as tickets and tombstones.
const SAMPLE_TTL: Seconds = super::sessions::QUEUE_ITEM_TTL;

/// What a tick may still spend.
#[derive(Debug)]
pub(super) struct Budget {
    until: Instant,
    items: usize,
    fences: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Budget { until: Instant::now() + READING, items: MAX_ITEMS, fences: MAX_FENCES }
    }

    fn is_spent(&self) -> bool {
        self.fences == 0 || self.is_read_out()
    }

    fn is_read_out(&self) -> bool {
        self.items == 0 || Instant::now() >= self.until
    }
}

/// The sessions and tombstones of a range of places.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    from: Place,
    to: Place,
    seen: BTreeMap<Place, Seen>,
}

impl Sightings {
    /// Reads those of a stretch of places.
    pub(super) async fn read(store: &Store, queue: &QueueId, from: Place) -> Result<Self, StoreError> {
        Self::between(store, queue, from, from.plus(STRETCH - 1)).await
    }

    /// Reads those between two places, eventually consistent, so the newest may be missing. A slot is still safe: its
    /// place is fenced before the slot is used again. A place ahead whose tombstone is missing is admitted, and takes a
    /// slot until a survey sees the tombstone.
    async fn between(store: &Store, queue: &QueueId, from: Place, to: Place) -> Result<Self, StoreError> {
        let partitions = (0..keys::SESSION_PARTITIONS).map(|partition| async move {
            let query = store
                .query(Table::Queues, &keys::session_partition(queue, partition))
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .projection_expression("#place, activeUntil, holdUntil, ended")
                .expression_attribute_names("#place", "place")
                .expression_attribute_values(":from", s(keys::place_sort(from)))
                .expression_attribute_values(":to", s(keys::place_sort(to)));
            store.all_pages(query).await
        });
        let items = try_join_all(partitions).await?.into_iter().flatten();
        let seen = items.map(|item| request::parse::<Seen>(item).map(|seen| (seen.place, seen)));
        Ok(Sightings { from, to, seen: seen.collect::<Result<_, _>>()? })
    }

    /// Reads the sightings between two places, unless they cover these already. The items count against the budget.
    async fn cover(
        &mut self,
        store: &Store,
        queue: &QueueId,
        from: Place,
        to: Place,
        budget: &mut Budget,
    ) -> Result<(), StoreError> {
        if from < self.from || self.to < to {
            *self = Self::between(store, queue, from, to).await?;
            budget.items = budget.items.saturating_sub(self.seen.len());
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sample {
    last_place: Place,
}

impl Store {
    /// Continues a survey until it is done or the budget is spent. Fences the places whose time is up; a place whose
    /// fence is refused is alive. Notes the places in ascending order.
    pub(super) async fn survey(
        &self,
        state: &QueueState,
        pass: &mut Pass,
        sightings: &mut Sightings,
        budget: &mut Budget,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        loop {
            pass.skip_dead(state);
            if pass.is_done() || budget.is_spent() {
                return Ok(());
            }
            let known_to = if pass.cursor >= sightings.from { sightings.to } else { Place::NONE };
            let end = if known_to >= pass.cursor { known_to } else { pass.cursor.plus(STRETCH - 1) }.min(pass.to);
            sightings.cover(self, &state.queue_id, pass.cursor, end, budget).await?;
            let places = (pass.cursor.get()..=end.get()).map(Place::new);
            let mut findings: Vec<Finding> = Vec::new();
            let mut fences: Vec<Fence> = Vec::new();
            for finding in places.map(|place| judge(state, place, sightings.seen.get(&place), now)) {
                if let Finding::ToFence(fence) = finding {
                    if fences.len() == budget.fences {
                        break;
                    }
                    fences.push(fence);
                }
                findings.push(finding);
            }
            budget.fences -= fences.len();
            let mut living = self.fence_all(state, &fences).await?;
            for finding in findings {
                match finding {
                    Finding::Over => pass.note(None),
                    Finding::Alive(end) => pass.note(Some(end)),
                    Finding::Unclaimed(end) => pass.note_unclaimed(end),
                    // A place whose fence was refused is alive. Its end is unknown: `now` brings the next look soon.
                    Finding::ToFence(fence) => pass.note(living.remove(&fence.place()).map(|()| now)),
                }
            }
        }
    }

    /// Fences places, several in parallel. Returns those whose fence was refused: they are alive.
    async fn fence_all(&self, state: &QueueState, fences: &[Fence]) -> Result<BTreeMap<Place, ()>, StoreError> {
        let mut living = BTreeMap::new();
        for some in fences.chunks(FENCES_AT_ONCE) {
            let fenced = try_join_all(some.iter().map(|fence| self.fence(&state.queue_id, fence))).await?;
            living.extend(some.iter().zip(fenced).filter(|(_, done)| !done).map(|(fence, _)| (fence.place(), ())));
        }
        Ok(living)
    }

    /// Puts a sample if one is due, and returns the queue's clock at the newest one. The sample is put before the state
    /// that names it is written: a crash in between leaves a spare sample, which is correct.
    pub(super) async fn sample(
        &self,
        state: &QueueState,
        last_place: Place,
        now: Timestamp,
    ) -> Result<QueueClock, StoreError> {
        let Some(clock) = promotion::sample_due(state, last_place, now) else { return Ok(state.sampled) };
        let key = keys::sample(&state.queue_id, clock);
        let item = request::item(&key, &Sample { last_place }, Some(now + SAMPLE_TTL))?;
        self.send_unconditional_put(self.put(Table::Queues, item)).await?;
        Ok(clock)
    }

    /// Reads the last drawn place from the newest sample at or before a reading of the queue's clock.
    async fn last_place_at(&self, queue: &QueueId, clock: QueueClock) -> Result<Place, StoreError> {
        let query = self
            .query(Table::Queues, &keys::sample_partition(queue))
            .key_condition_expression("pk = :pk AND sk <= :clock")
            .expression_attribute_values(":clock", s(keys::sample_sort(clock)))
            .scan_index_forward(false);
        let newest = self.first_items(query, 1).await?.pop();
        let newest = newest.map(request::parse::<Sample>).transpose()?;
        Ok(newest.map_or(Place::NONE, |sample| sample.last_place))
    }

    /// Looks for dead places ahead of `served`: first for those that waited too long, then for tombstones. Stops at the
    /// first living place without a slot, or when the budget is spent.
    pub(super) async fn look_ahead(
        &self,
        state: &QueueState,
        freed: u64,
        last_place: Place,
        sightings: &mut Sightings,
        budget: &mut Budget,
        now: Timestamp,
    ) -> Result<Ahead, StoreError> {
        let mut ahead = Ahead { seen_to: state.served, ..Ahead::default() };
        if last_place == state.served {
            return Ok(ahead);
        }
        let rules = rules_of(self, state);
        if let Some(before) = promotion::dead_before(state, rules, now) {
            let dead_to = self.last_place_at(&state.queue_id, before).await?.min(last_place);
            self.mark_dead(state, dead_to, &mut ahead, budget).await?;
        }
        let mut look = FIRST_LOOK;
        loop {
            let from = ahead.seen_to.max(ahead.dead_to).plus(1);
            let to = from.plus(look - 1).min(last_place);
            if from > to {
                return Ok(ahead);
            }
            sightings.cover(self, &state.queue_id, from, to, budget).await?;
            let dead = sightings.seen.range(from..=to).filter(|(_, seen)| seen.ended.is_some());
            ahead.dead.extend(dead.map(|(place, _)| *place));
            ahead.seen_to = to;
            let next = promotion::advance(state, freed, &ahead, last_place, rules, now);
            if next.served < to || budget.is_read_out() {
                return Ok(ahead);
            }
            look = (look * 2).min(LONGEST_LOOK);
        }
    }

    /// Makes sure that nobody can claim the places that waited too long: puts tombstones at few of them, and leaves
    /// many to a bucket of the state.
    async fn mark_dead(
        &self,
        state: &QueueState,
        dead_to: Place,
        ahead: &mut Ahead,
        budget: &mut Budget,
    ) -> Result<(), StoreError> {
        let dead = dead_to.behind(state.served);
        if dead > MAX_DEAD_TOMBSTONES && crate::domain::buckets::has_room_for_dead(&state.buckets) {
            ahead.dead_to = dead_to;
            return Ok(());
        }
        let first = state.served.plus(1).get();
        let last = dead_to.get().min(state.served.plus(budget.fences as u64).get());
        let places: Vec<Place> = (first..=last).map(Place::new).collect();
        budget.fences -= places.len();
        for some in places.chunks(FENCES_AT_ONCE) {
            let shut = some.iter().map(|place| async move {
                let found = self.put_tombstone(&state.queue_id, *place, None, EndReason::WaitedTooLong).await?;
                Ok::<_, StoreError>(found.is_none_or(|session| session.ended.is_some()).then_some(*place))
            });
            ahead.dead.extend(try_join_all(shut).await?.into_iter().flatten());
        }
        Ok(())
    }
}
