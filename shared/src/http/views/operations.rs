//! What operators see of the last hour.

use crate::{
    domain::{
        history::{History, QueueSample, SeatSample},
        time::{Minute, Timestamp},
    },
    http::values::Rfc3339,
};
use serde::Serialize;

/// A queue, and the seats of a concert if one was asked for, minute by minute.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Operations))]
#[serde(rename_all = "camelCase")]
pub struct OperationsBody {
    /// When the numbers of the running minute were read.
    at: Rfc3339,
    /// The minutes, oldest first; the last one is running.
    minutes: Vec<OperationsMinute>,
}

/// One minute of a sale.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OperationsMinute {
    /// The beginning of the minute.
    minute: Rfc3339,
    /// The queue at the end of the minute; null where nobody looked in it.
    queue: Option<OperationsQueue>,
    /// The seats at the end of the minute; null where nobody looked in it, or no concert was asked for.
    seats: Option<OperationsSeats>,
}

/// A queue in one minute.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OperationsQueue {
    /// Places drawn in the minute; null where nobody looked in the minute before.
    #[cfg_attr(feature = "openapi", schema(example = 120))]
    joined: Option<u64>,
    /// Places admitted in the minute; null where nobody looked in the minute before.
    #[cfg_attr(feature = "openapi", schema(example = 30))]
    admitted: Option<u64>,
    /// Places that are not admitted yet. Some of these fans may have left.
    #[cfg_attr(feature = "openapi", schema(example = 90))]
    waiting: u64,
    /// Fans with a session, and admitted fans who have not claimed it yet.
    #[cfg_attr(feature = "openapi", schema(example = 30))]
    inside: u64,
}

/// The seats of a concert in one minute.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OperationsSeats {
    /// Seats that can be held.
    #[cfg_attr(feature = "openapi", schema(example = 31))]
    free: u32,
    /// Seats that are held and not paid.
    #[cfg_attr(feature = "openapi", schema(example = 2))]
    held: u32,
    /// Seats that are paid.
    #[cfg_attr(feature = "openapi", schema(example = 17))]
    sold: u32,
}

impl OperationsBody {
    /// The last `count` minutes of a queue, and of a concert's seats.
    pub fn new(queue: &History<QueueSample>, seats: Option<&History<SeatSample>>, count: u32, now: Timestamp) -> Self {
        let mut seats = seats.map(|seats| seats.minutes(now, count));
        let minutes = queue.minutes(now, count).map(|(Minute(minute), queue)| OperationsMinute {
            minute: Rfc3339(Timestamp::from_seconds(minute * 60)),
            queue: queue.map(|(sample, before)| OperationsQueue::new(sample, before)),
            seats: seats.as_mut().and_then(Iterator::next).and_then(|(_, seats)| seats).map(|(seats, _)| seats.into()),
        });
        OperationsBody { at: Rfc3339(now), minutes: minutes.collect() }
    }
}

impl OperationsQueue {
    fn new(sample: QueueSample, before: Option<QueueSample>) -> Self {
        OperationsQueue {
            joined: before.map(|before| sample.drawn.saturating_sub(before.drawn)),
            admitted: before.map(|before| sample.admitted.saturating_sub(before.admitted)),
            waiting: sample.waiting,
            inside: sample.inside,
        }
    }
}

impl From<SeatSample> for OperationsSeats {
    fn from(sample: SeatSample) -> Self {
        let SeatSample { free, held, sold } = sample;
        OperationsSeats { free, held, sold }
    }
}
