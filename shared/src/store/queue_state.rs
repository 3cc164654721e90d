//! The state of a queue: one item that says how far the line was let in.

use super::{
    Failure, MAX_ATTEMPTS, Store, StoreError, contention, keys,
    keys::Table,
    request::{self, TransactFailure, WriteFailure, n, part},
};
use crate::domain::{
    id::QueueId,
    line::{Place, QueueSettings, QueueState},
    promotion::{self, Survey},
    refusal::Refusal,
};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use futures_util::{future::try_join_all, try_join};
use serde::{Deserialize, Serialize};

/// How old the state may be that a waiting fan's poll is answered from.
pub const STATE_AGE_MILLIS: i64 = 1_000;
/// The same for the next in line.
pub const FRONT_STATE_AGE_MILLIS: i64 = 200;
/// Fences that are written at once.
const FENCES_AT_ONCE: usize = 50;
const WALK_IN_ATTEMPTS: u32 = 3;

/// A queue with the last place that was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueView {
    /// Its state.
    pub state: QueueState,
    /// The last place.
    pub last_place: Place,
}

/// Whether a fan who joins is let in at once.
pub(crate) enum WalkIn {
    /// Yes; the place is to be claimed.
    LetIn,
    /// No, by this state.
    Wait(QueueState),
}

/// A queue's entry in the registry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registered {
    /// Which queue.
    pub queue_id: QueueId,
}

#[derive(Deserialize)]
struct Drawn {
    last: Place,
}

impl Store {
    /// The state of a queue, at most `max_age_millis` old. The queue `main` exists without anyone creating it.
    pub async fn queue_state(&self, queue: &QueueId, max_age_millis: i64) -> Result<QueueState, Failure> {
        let now = self.now();
        if let Some(state) = self.states.get(queue, now, max_age_millis) {
            return Ok(state);
        }
        let key = keys::queue_state(queue);
        let mut state: Option<QueueState> = self.get(&key, max_age_millis == 0).await?;
        if state.is_none() {
            // Only what a consistent read lacks does not exist.
            state = self.get(&key, true).await?;
        }
        let state = match state {
            Some(state) => state,
            None if queue.is_main() => self.ensure_queue(queue).await?,
            None => return Err(Refusal::QueueNotFound.into()),
        };
        self.states.put(queue.clone(), state.clone(), now);
        Ok(state)
    }

    /// The queue's state, made with the deployment's parameters if there is none.
    pub(crate) async fn ensure_queue(&self, queue: &QueueId) -> Result<QueueState, StoreError> {
        let settings = QueueSettings::default();
        let state = QueueState::new(queue.clone(), settings, self.rules.queue.capacity, self.now());
        Ok(self.create_queue(&state).await?.unwrap_or(state))
    }

    /// Puts a queue and its entry in the registry; returns the state that is already there instead.
    async fn create_queue(&self, state: &QueueState) -> Result<Option<QueueState>, StoreError> {
        let queue = &state.queue_id;
        let registered = request::item(&keys::queue_registry(queue), &Registered { queue_id: queue.clone() }, None)?;
        let state = request::item(&keys::queue_state(queue), state, None)?;
        let parts = vec![
            part(self.put_part(Table::Queues, state).condition_expression("attribute_not_exists(pk)"))?,
            part(self.put_part(Table::Queues, registered))?,
        ];
        match self.transact(parts).await {
            Ok(()) => Ok(None),
            Err(TransactFailure::Store(error)) => Err(error),
            Err(TransactFailure::Cancelled(_) | TransactFailure::Contended) => {
                match self.get(&keys::queue_state(queue), true).await? {
                    Some(found) => Ok(Some(found)),
                    None => Err(contention("create queue")),
                }
            }
        }
    }

    /// All queues, for the schedule; not on a fan's path.
    pub async fn all_queues(&self) -> Result<Vec<QueueId>, StoreError> {
        let query = self.query(Table::Queues, keys::REGISTRY_PARTITION).key_condition_expression("pk = :pk");
        let items = self.all_pages(query).await?.into_iter();
        items.map(|item| request::parse::<Registered>(item).map(|r| r.queue_id)).collect()
    }

    /// A queue as it is now.
    pub async fn queue_view(&self, queue: &QueueId) -> Result<QueueView, Failure> {
        let (state, last_place) = try_join!(self.queue_state(queue, 0), self.last_place(queue))?;
        Ok(QueueView { state, last_place })
    }

    async fn last_place(&self, queue: &QueueId) -> Result<Place, Failure> {
        let drawn: Option<Drawn> = self.get(&keys::join_counter(queue), true).await?;
        Ok(drawn.map_or(Place::NONE, |drawn| drawn.last))
    }

    /// Changes what an admin may set, making the queue if there is none. A changed capacity frees or takes slots in the
    /// same write.
    pub async fn configure_queue(
        &self,
        queue: &QueueId,
        change: impl Fn(&mut QueueSettings),
    ) -> Result<QueueState, StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            let now = self.now();
            let Some(state) = self.get::<QueueState>(&keys::queue_state(queue), true).await? else {
                self.ensure_queue(queue).await?;
                continue;
            };
            let mut next = state.clone();
            change(&mut next.settings);
            next.free = next.settings.rules(self.rules.queue).capacity.saturating_sub(next.occupied);
            next.version = state.version + 1;
            if self.replace_state(&state, &next).await? {
                self.states.put(queue.clone(), next.clone(), now);
                return Ok(next);
            }
            self.context.back_off(attempt).await;
        }
        Err(contention("configure queue"))
    }

    /// Writes the next state if nobody has written since (invariants 4 and 5: each slot is given once).
    async fn replace_state(&self, state: &QueueState, next: &QueueState) -> Result<bool, StoreError> {
        let item = request::item(&keys::queue_state(&state.queue_id), next, None)?;
        let put = self
            .put(Table::Queues, item)
            .condition_expression("version = :version")
            .expression_attribute_values(":version", n(state.version));
        match self.send_put(put).await {
            Ok(_) => Ok(true),
            Err(WriteFailure::Condition(_)) => Ok(false),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Lets the fan at `place` in at once, with all who are still ahead, if the free slots suffice for everyone. Losing
    /// the condition just means waiting for the tick.
    pub(crate) async fn walk_in(&self, mut state: QueueState, place: Place) -> Result<WalkIn, StoreError> {
        let queue = state.queue_id.clone();
        for _ in 0..WALK_IN_ATTEMPTS {
            let now = self.now();
            let ahead = place.behind(state.served);
            if ahead == 0 {
                return Ok(WalkIn::LetIn);
            }
            if state.free < ahead || !state.settings.lets_in(now) {
                break;
            }
            let deadline = now + state.settings.rules(self.rules.queue).claim_window;
            // Invariant 5: only from the `served` that was read, so that nobody ahead is passed by. Invariant 4: only
            // into free slots. The version makes a promotion that read before this write start anew.
            let update = self
                .update(&keys::queue_state(&queue))
                .update_expression(
                    "SET served = :place, #free = #free - :slots, occupied = occupied + :slots, \
                     walkInDeadline = :deadline, walkInAt = :now, version = version + :one",
                )
                .condition_expression(
                    "served = :seen AND #free >= :slots AND #settings.paused = :no \
                     AND (attribute_not_exists(#settings.opensAt) OR #settings.opensAt <= :now)",
                )
                .expression_attribute_names("#settings", "settings")
                .expression_attribute_names("#free", "free")
                .expression_attribute_values(":place", n(place.get()))
                .expression_attribute_values(":seen", n(state.served.get()))
                .expression_attribute_values(":slots", n(ahead))
                .expression_attribute_values(":deadline", n(deadline.millis()))
                .expression_attribute_values(":one", n(1))
                .expression_attribute_values(":no", AttributeValue::Bool(false))
                .expression_attribute_values(":now", n(now.millis()))
                .return_values(ReturnValue::AllNew);
            match self.send_update(update).await {
                Ok(output) => {
                    self.states.put(queue, request::parse(output.attributes.unwrap_or_default())?, now);
                    return Ok(WalkIn::LetIn);
                }
                Err(WriteFailure::Condition(Some(item))) => state = request::parse(item)?,
                Err(WriteFailure::Condition(None)) => break,
                Err(WriteFailure::Store(error)) => return Err(error),
            }
            self.states.put(queue.clone(), state.clone(), now);
        }
        Ok(WalkIn::Wait(state))
    }

    /// One promotion: counts who is inside, fences those whose time is up, moves `served` by the free slots in one
    /// write. Doubled, late or concurrent ones do no harm. Returns how many fans it let in.
    pub async fn promote(&self, queue: &QueueId) -> Result<u64, Failure> {
        // A floor read earlier is never above the present one, so sessions and state can be read at once.
        let mut floor = self.states.get(queue, self.now(), i64::MAX).map(|state| state.floor);
        for attempt in 0..MAX_ATTEMPTS {
            let (view, sessions) = match floor {
                Some(floor) => {
                    let sessions = async { self.sessions_from(queue, floor).await.map_err(Failure::from) };
                    try_join!(self.queue_view(queue), sessions)?
                }
                None => {
                    let view = self.queue_view(queue).await?;
                    let sessions = self.sessions_from(queue, view.state.floor).await?;
                    (view, sessions)
                }
            };
            let state = view.state;
            let rules = state.settings.rules(self.rules.queue);
            let now = self.now();
            let mut survey = promotion::survey(&state, &sessions, now);
            self.fence_all(&state, &mut survey).await?;
            let Some(next) = promotion::promote(&state, &survey, view.last_place, rules, now) else {
                return Ok(0);
            };
            if self.replace_state(&state, &next).await? {
                self.states.put(queue.clone(), next.clone(), now);
                return Ok(next.occupied.saturating_sub(survey.occupied.len() as u64));
            }
            floor = Some(state.floor);
            self.context.back_off(attempt).await;
        }
        Err(contention("promote").into())
    }

    /// Fences what the survey found; owners that turn out to live take their slot.
    async fn fence_all(&self, state: &QueueState, survey: &mut Survey) -> Result<(), StoreError> {
        let rules = state.settings.rules(self.rules.queue);
        let to_fence = std::mem::take(&mut survey.to_fence);
        for some in to_fence.chunks(FENCES_AT_ONCE) {
            let fenced = try_join_all(some.iter().map(|fence| self.fence(&state.queue_id, fence, rules))).await?;
            let living = some.iter().zip(fenced).filter(|(_, done)| !done).map(|(fence, _)| fence.place());
            survey.occupied.extend(living);
        }
        Ok(())
    }

    /// Draws the next place. A retry whose first answer was lost leaves a hole, which is passed by as a no-show.
    pub(crate) async fn draw_place(&self, queue: &QueueId) -> Result<Place, StoreError> {
        let update = self
            .update(&keys::join_counter(queue))
            .update_expression("ADD #last :one")
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::UpdatedNew);
        match self.send_update(update).await {
            Ok(output) => request::parse::<Drawn>(output.attributes.unwrap_or_default()).map(|drawn| drawn.last),
            Err(WriteFailure::Condition(_)) => Err(StoreError::Internal("counter with a condition".to_owned())),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}
