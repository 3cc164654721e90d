//! Tokens and queues.

use crate::{
    domain::{
        id::{ConcertId, QueueId},
        line::LineTicket,
        polling::Polling,
        queue::{QueueRules, QueueStatus},
        text::Message,
        time::{Seconds, Timestamp},
    },
    http::values::Rfc3339,
    store::queue_state::QueueSnapshot,
};
use serde::Serialize;

/// A fan's place in a queue, and the queue token that proves it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Token))]
#[serde(rename_all = "camelCase")]
pub struct TokenBody {
    /// The queue token, a signed JWT (EdDSA). Send it as `Authorization: Bearer <token>`. Keep the one of the newest
    /// answer and drop older ones: a poll can answer another token than the one it was sent with.
    #[cfg_attr(feature = "openapi", schema(example = "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2lnbmF0dXJl"))]
    pub token: String,
    /// Whether the fan waits or has been admitted. A place or session that is over is answered as 410 instead.
    pub status: TokenStatus,
    /// How many places the queue must move until it is this fan's, 1 being the next; 0 when ACTIVE. It is an upper bound:
    /// places of fans who left are passed by faster.
    #[cfg_attr(feature = "openapi", schema(example = 17))]
    pub queue_position: u64,
    /// Whole seconds until `expiresAt`. The JWT itself is signed for longer, so do not judge a place by its `exp`.
    #[cfg_attr(feature = "openapi", schema(example = 7200))]
    pub remaining_time: u64,
    /// The queue that the place is in.
    pub queue_id: QueueId,
    /// When the fan joined the queue and got this place.
    pub issued_at: Rfc3339,
    /// While WAITING: when the waiting time of the place ends, as things stand. That time only runs while the queue is
    /// open and not paused, so the date moves. While ACTIVE: when the session ends. A hold moves that to the end of the
    /// hold, at most to the claim + `activeSeconds` + `holdSeconds`, and giving the hold back does not move it again.
    pub expires_at: Rfc3339,
    /// The estimated wait in seconds; 0 when ACTIVE. Null while the queue admits nobody: it is paused, it opens later, or,
    /// where neither is the case, its capacity is 0.
    #[cfg_attr(feature = "openapi", schema(example = 425))]
    pub estimated_wait_seconds: Option<u64>,
    /// Seconds to wait before the next poll. Take it from each answer: it follows the position, the opening and the load.
    #[cfg_attr(feature = "openapi", schema(example = 53))]
    pub poll_after_seconds: u64,
    /// The fan's number in the queue, from 1. It never changes, and the fan is admitted once the queue's `served` reaches it.
    /// Null while it is not known: in a queue that many join at once it is known within 2 seconds.
    #[cfg_attr(feature = "openapi", schema(example = 137))]
    pub place: Option<u64>,
    /// Whether `place` and `queuePosition` are final. While they are not, `queuePosition` is an estimate: poll again after
    /// `pollAfterSeconds`, and keep the token of that answer, which carries the place.
    pub position_final: bool,
    /// What gives the fan's place once it is known; null where it is known.
    pub ticket: Option<LineTicket>,
    /// When the queue opens; nobody is admitted before. Null for a queue without an opening time, which is open.
    pub opens_at: Option<Rfc3339>,
    /// Before this time an admitted fan must claim the place, else it is lost (`NO_SHOW`). Always null for fans, because
    /// their own request claims the place. An admin who looks at another fan sees it from the admission to the claim; the
    /// status is ACTIVE then, and `expiresAt` is the same time.
    pub claim_before: Option<Rfc3339>,
    /// Whether an administrator has paused the queue. Then nobody is admitted and the waiting time stands still. Fans
    /// inside go on, and an admitted fan must still claim in time.
    pub paused: bool,
    /// A message of the administrators to the fans of this queue; null when there is none. Show it as plain text.
    pub message: Option<Message>,
    /// Whether every seat of the queue's concerts is sold, as far as their sales have not closed. Some seconds old. It
    /// stops nobody: a refund frees a seat and ends it.
    pub sold_out: bool,
    /// The range of the wait, in seconds: it usually holds the true wait, and does so in about half of
    /// the cases where fans come out in waves. Null where `estimatedWaitSeconds`
    /// is null.
    pub wait_range_seconds: Option<WaitRange>,
}

/// A range of waiting times, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WaitRange {
    /// The lower end of the range, in seconds.
    #[cfg_attr(feature = "openapi", schema(example = 251))]
    pub low: u64,
    /// The upper end of the range, in seconds.
    #[cfg_attr(feature = "openapi", schema(example = 720))]
    pub high: u64,
}

/// Where a fan with a live place stands.
///
/// | status | meaning |
/// |---|---|
/// | `WAITING` | The fan waits. Poll again after `pollAfterSeconds`. |
/// | `ACTIVE` | The fan is admitted and the session runs until `expiresAt`: see the seats, hold, pay. |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum TokenStatus {
    /// The fan waits.
    Waiting,
    /// The fan is admitted.
    Active,
}

/// The public state of a queue, the same for every fan.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Queue))]
#[serde(rename_all = "camelCase")]
pub struct QueueBody {
    /// The id of the queue.
    queue_id: QueueId,
    /// The highest admitted place, which never goes back. Every place up to it has been admitted, or passed because its fan
    /// left or waited too long.
    #[cfg_attr(feature = "openapi", schema(example = 120))]
    served: u64,
    /// The highest place that is known so far.
    #[cfg_attr(feature = "openapi", schema(example = 137))]
    last_place: u64,
    /// How many fans are not admitted yet: `lastPlace - served`, and `joined`. Some of them may have left.
    #[cfg_attr(feature = "openapi", schema(example = 17))]
    waiting: u64,
    /// How many fans joined whose place is not known yet, as the queue last counted them. Their places come behind `lastPlace`.
    #[cfg_attr(feature = "openapi", schema(example = 0))]
    joined: u64,
    /// How many slots of the capacity are taken: live sessions, and admitted fans who have not claimed their place yet.
    #[cfg_attr(feature = "openapi", schema(example = 10))]
    active: u64,
    /// How many fans may be inside at once.
    #[cfg_attr(feature = "openapi", schema(example = 10))]
    capacity: u64,
    /// Whether an administrator has paused the queue. Then nobody is admitted; fans who are inside go on.
    paused: bool,
    /// When the queue opens; nobody is admitted before, but fans can join. Null for a queue without an opening time, which
    /// is open.
    opens_at: Option<Rfc3339>,
    /// How many fans were admitted in the last minute, including those who joined while a slot was free and nobody waited.
    #[cfg_attr(feature = "openapi", schema(example = 24))]
    rate_per_minute: u64,
    /// Whether the queue admits fans; the first row that applies counts.
    ///
    /// | state | meaning |
    /// |---|---|
    /// | `PAUSED` | An operator has paused it. |
    /// | `NOT_OPEN` | It opens at `opensAt`. |
    /// | `SOLD_OUT` | Every seat of its concerts is sold. It still admits fans, since a refund frees a seat. |
    /// | `OPEN` | It admits fans as slots become free. |
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^(NOT_OPEN|OPEN|PAUSED|SOLD_OUT)$", example = "OPEN"))]
    state: QueueStatus,
    /// A message of the administrators to the fans of this queue; null when there is none. Show it as plain text.
    message: Option<Message>,
    /// The rule by which fans are put in order.
    order: Order,
    /// How many admitted fans have not claimed their place yet; a few seconds old.
    #[cfg_attr(feature = "openapi", schema(example = 2))]
    unclaimed: u64,
    /// How long an admitted fan may take to claim the place, in seconds. A poll, a join, a look at the seat map,
    /// a hold or a payment claims it. The time runs on while the queue is paused.
    claim_window_seconds: Seconds,
    /// How long a session lasts from its claim, in seconds. A hold can move the end, at most to the claim +
    /// `activeSeconds` + `holdSeconds`.
    active_seconds: Seconds,
    /// Seconds in which the queue moves by one place, so that wait = position * this. Null while the queue admits nobody:
    /// paused, not open yet, or with a capacity of 0.
    #[cfg_attr(feature = "openapi", schema(example = 25.0))]
    wait_seconds_per_place: Option<f64>,
    /// How long a fan should wait before the next poll, by position. Rows are in ascending order: take the last row whose
    /// `position` is at most the fan's own. For clients that follow the queue without a token.
    poll_after_seconds: Vec<PollRow>,
    /// The concerts that are on sale through this queue now, at most 20.
    concert_ids: Vec<ConcertId>,
}

/// The rule by which fans are put in order, always `arrival` in this version: first come, first served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
enum Order {
    /// First come, first served.
    Arrival,
}

/// The time between polls of fans from one position on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct PollRow {
    /// The first position that the row is for, 1 being the next fan.
    #[cfg_attr(feature = "openapi", schema(example = 11))]
    position: u64,
    /// Seconds to wait before the next poll.
    #[cfg_attr(feature = "openapi", schema(example = 34))]
    seconds: u64,
}

impl QueueBody {
    /// The queue at `now`; `defaults` are the deployment's.
    pub fn new(view: &QueueSnapshot, defaults: QueueRules, now: Timestamp) -> Self {
        let QueueSnapshot { state, last_place, joined, notice, sales } = view;
        let rules = state.settings.rules(defaults);
        let waiting = last_place.behind(state.served) + joined;
        let rows = Polling::of(state, waiting, rules, now).table();
        QueueBody {
            queue_id: state.queue_id.clone(),
            served: state.served.get(),
            last_place: last_place.get(),
            waiting,
            joined: *joined,
            active: state.occupied,
            capacity: rules.capacity,
            paused: state.settings.paused,
            opens_at: state.settings.opens_at.map(Rfc3339),
            rate_per_minute: state.rate_per_minute(now),
            state: state.settings.status(sales.sold_out, now),
            message: notice.message.clone(),
            concert_ids: sales.on_sale.clone(),
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

/// A queue as admins see it: the public state, and the settings as they apply.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = AdminQueue))]
#[serde(rename_all = "camelCase")]
pub struct AdminQueueBody {
    #[serde(flatten)]
    queue: QueueBody,
    /// How long a place may wait, in seconds, counted only while the queue is open and not paused. A place keeps the value
    /// of its join.
    waiting_seconds: Seconds,
    /// The joins a second that an operator expects; null where none were set.
    #[cfg_attr(feature = "openapi", schema(example = 20_000))]
    expected_joins_per_second: Option<u32>,
    /// The most fans that are admitted in a minute; null where as many are admitted as fit.
    #[cfg_attr(feature = "openapi", schema(example = 600))]
    admit_per_minute: Option<u32>,
}

impl AdminQueueBody {
    /// The queue at `now` with all of its times.
    pub fn new(view: &QueueSnapshot, defaults: QueueRules, now: Timestamp) -> Self {
        let waiting_seconds = view.state.settings.rules(defaults).waiting;
        let settings = &view.state.settings;
        AdminQueueBody {
            queue: QueueBody::new(view, defaults, now),
            waiting_seconds,
            expected_joins_per_second: settings.expected_joins.map(|expected| expected.per_second),
            admit_per_minute: settings.admit_per_minute.map(|rate| rate.0),
        }
    }
}
