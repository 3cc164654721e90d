//! Tokens and queues.

use crate::{
    domain::{
        id::{ConcertId, QueueId},
        line::{QueueRules, QueueStatus},
        polling::Polling,
        text::Message,
        time::{Seconds, Timestamp},
    },
    http::values::Rfc3339,
    store::queue_state::QueueView,
};
use serde::Serialize;

/// A fan's place in line, with the token that proves it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Token))]
#[serde(rename_all = "camelCase")]
pub struct TokenView {
    /// The queue token.
    pub token: String,
    /// Where the fan stands.
    pub status: TokenStatus,
    /// 1 = next in, 0 when active.
    pub queue_position: u64,
    /// Whole seconds until this token expires.
    pub remaining_time: u64,
    /// The line.
    pub queue_id: QueueId,
    /// When the place was issued.
    pub issued_at: Rfc3339,
    /// When the wait or the session ends.
    pub expires_at: Rfc3339,
    /// The estimated wait in seconds. Null while nobody is admitted, 0 when active.
    pub estimated_wait_seconds: Option<u64>,
    /// When to ask again.
    pub poll_after_seconds: u64,
    /// The fan's number in the line; it never changes.
    pub place: Option<u64>,
    /// Whether `queuePosition` is exact. Always true for now.
    pub position_final: bool,
    /// Nobody is admitted before this time.
    pub opens_at: Option<Rfc3339>,
    /// Until when an admitted fan may claim the place. Null for the fan, whose own look claims it.
    pub claim_before: Option<Rfc3339>,
    /// Whether an operator has paused the queue.
    pub paused: bool,
    /// What the operators say.
    pub message: Option<Message>,
    /// Whether every seat of this queue's concerts is sold. Always false for now.
    pub sold_out: bool,
    /// The wait is within this range in eight of ten cases. Null while nobody is admitted.
    pub wait_range_seconds: Option<WaitRange>,
}

/// A range in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WaitRange {
    /// At least.
    pub low: u64,
    /// At most.
    pub high: u64,
}

/// Where a fan with a place stands. One whose turn is over is told so by 410.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum TokenStatus {
    /// In line.
    Waiting,
    /// Let in.
    Active,
}

/// How a line moves.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Queue))]
#[serde(rename_all = "camelCase")]
pub struct QueueBody {
    /// Which.
    queue_id: QueueId,
    /// The highest place that was let in.
    served: u64,
    /// The highest place that was given out.
    last_place: u64,
    /// Places behind `served`.
    waiting: u64,
    /// Live sessions, and the let-in who have not shown up.
    active: u64,
    /// Sessions at once.
    capacity: u64,
    /// Whether an operator has paused the queue.
    paused: bool,
    /// Nobody is admitted before this time.
    opens_at: Option<Rfc3339>,
    /// Fans admitted in the last minute, walk-ins included.
    rate_per_minute: u64,
    /// Whether the queue moves. `SOLD_OUT` is not sent yet.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^(NOT_OPEN|OPEN|PAUSED|SOLD_OUT)$"))]
    state: QueueStatus,
    /// What the operators say.
    message: Option<Message>,
    /// First come, first served.
    order: Order,
    /// Admitted fans who have not claimed their place yet, as of the last tick.
    unclaimed: u64,
    /// How long an admitted fan may take to claim the place, in seconds.
    claim_window_seconds: Seconds,
    /// How long a session lasts.
    active_seconds: Seconds,
    /// Seconds until the queue has moved by one place. Null while nobody is admitted.
    wait_seconds_per_place: Option<f64>,
    /// When to poll again, in seconds: the last row whose position is at most the fan's own.
    poll_after_seconds: Vec<PollRow>,
    /// At most twenty concerts that are sold through the queue now.
    concert_ids: Vec<ConcertId>,
}

/// How places become positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// In the order of joining.
    Arrival,
}

/// When a fan from this position on should ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PollRow {
    /// The first position that it is for.
    pub position: u64,
    /// After so many seconds.
    pub seconds: u64,
}

impl QueueBody {
    /// The queue at `now`; `defaults` are the deployment's.
    pub fn new(view: &QueueView, defaults: QueueRules, now: Timestamp) -> Self {
        let QueueView { state, last_place, notice, concerts } = view;
        let rules = state.settings.rules(defaults);
        let waiting = last_place.behind(state.served);
        let rows = Polling::of(state, waiting, rules, now).table();
        QueueBody {
            queue_id: state.queue_id.clone(),
            served: state.served.get(),
            last_place: last_place.get(),
            waiting,
            active: state.occupied,
            capacity: rules.capacity,
            paused: state.settings.paused,
            opens_at: state.settings.opens_at.map(Rfc3339),
            rate_per_minute: state.rate_per_minute(now),
            state: state.settings.status(now),
            message: notice.message.clone(),
            concert_ids: concerts.clone(),
            order: Order::Arrival,
            unclaimed: state.unclaimed.min(state.occupied),
            claim_window_seconds: rules.claim_window,
            active_seconds: rules.active,
            wait_seconds_per_place: state
                .seconds_per_place(rules, now)
                .map(|seconds| (seconds * 1_000.0).round() / 1_000.0),
            poll_after_seconds: rows
                .iter()
                .map(|row| PollRow { position: row.position, seconds: row.seconds })
                .collect(),
        }
    }
}

/// How a line moves, and its times.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = AdminQueue))]
#[serde(rename_all = "camelCase")]
pub struct AdminQueueBody {
    #[serde(flatten)]
    queue: QueueBody,
    /// How long a fan may wait in line.
    waiting_seconds: Seconds,
}

impl AdminQueueBody {
    /// The queue at `now` with all of its times.
    pub fn new(view: &QueueView, defaults: QueueRules, now: Timestamp) -> Self {
        let waiting_seconds = view.state.settings.rules(defaults).waiting;
        AdminQueueBody { queue: QueueBody::new(view, defaults, now), waiting_seconds }
    }
}
