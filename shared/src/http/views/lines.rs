//! Tokens and queues.

use crate::{
    domain::{
        id::QueueId,
        line::{QueueRules, QueueState},
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
    /// By the rate of the last minute.
    pub estimated_wait_seconds: Option<u64>,
    /// When to ask again.
    pub poll_after_seconds: u64,
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
    /// Whether nobody is let in for now.
    paused: bool,
    /// Nobody is let in earlier.
    opens_at: Option<Rfc3339>,
    /// Fans let in during the last minute.
    rate_per_minute: u64,
}

impl QueueBody {
    /// The queue at `now`; `defaults` are the deployment's.
    pub fn new(view: &QueueView, defaults: QueueRules, now: Timestamp) -> Self {
        let QueueView { state, last_place } = view;
        QueueBody {
            queue_id: state.queue_id.clone(),
            served: state.served.get(),
            last_place: last_place.get(),
            waiting: last_place.behind(state.served),
            active: state.occupied,
            capacity: state.settings.rules(defaults).capacity,
            paused: state.settings.paused,
            opens_at: state.settings.opens_at.map(Rfc3339),
            rate_per_minute: state.rate_per_minute(now),
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
    /// How long a fan who was let in may take to show up.
    claim_window_seconds: Seconds,
    /// How long a session lasts.
    active_seconds: Seconds,
    /// How long a fan may wait in line.
    waiting_seconds: Seconds,
}

impl AdminQueueBody {
    /// The queue at `now` with its three times.
    pub fn new(view: &QueueView, defaults: QueueRules, now: Timestamp) -> Self {
        let state: &QueueState = &view.state;
        let rules = state.settings.rules(defaults);
        AdminQueueBody {
            queue: QueueBody::new(view, defaults, now),
            claim_window_seconds: rules.claim_window,
            active_seconds: rules.active,
            waiting_seconds: rules.waiting,
        }
    }
}
