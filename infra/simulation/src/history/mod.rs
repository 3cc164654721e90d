//! The history of a run: what fans requested and what they were answered.

pub mod check;
mod money;
mod queue;
mod seats;
#[cfg(test)]
mod tests;

use acceptance::Reply;
use std::fmt;

/// A request of a fan or an admin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Joins the queue.
    Join,
    /// Polls the status in the queue.
    Poll,
    /// Leaves the queue.
    Leave,
    /// Reads the seat map.
    SeatMap,
    /// Holds these seats, perhaps with an idempotency key.
    Hold(Vec<u64>, Option<String>),
    /// Cancels this held reservation.
    Cancel(String),
    /// Reads this reservation.
    Reservation(String),
    /// Recharges the balance by this amount, perhaps with an idempotency key.
    Recharge(u64, Option<String>),
    /// Pays this reservation, perhaps with an idempotency key.
    Pay(String, Option<String>),
    /// Refunds the payment of this reservation, perhaps with an idempotency key.
    Refund(String, Option<String>),
    /// Reads the balance.
    Balance,
    /// Reads the ledger.
    Ledger,
    /// A request that the checker does not judge: it changes nothing, or an admin sends it.
    Other(String),
    /// A request that must be refused.
    Forbidden(String),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = |key: &Option<String>| key.as_ref().map(|key| format!(" (key {key})")).unwrap_or_default();
        match self {
            Op::Join => f.write_str("joins the queue"),
            Op::Poll => f.write_str("polls the queue"),
            Op::Leave => f.write_str("leaves the queue"),
            Op::SeatMap => f.write_str("looks at the seat map"),
            Op::Hold(seats, with) => write!(f, "holds seats {seats:?}{}", key(with)),
            Op::Cancel(id) => write!(f, "cancels reservation {id}"),
            Op::Reservation(id) => write!(f, "looks at reservation {id}"),
            Op::Recharge(amount, with) => write!(f, "recharges {amount}{}", key(with)),
            Op::Pay(id, with) => write!(f, "pays reservation {id}{}", key(with)),
            Op::Refund(id, with) => write!(f, "refunds reservation {id}{}", key(with)),
            Op::Balance => f.write_str("looks at the balance"),
            Op::Ledger => f.write_str("looks at the ledger"),
            Op::Other(what) => f.write_str(what),
            Op::Forbidden(what) => write!(f, "{what}, which must be refused"),
        }
    }
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// An answer.
    Answer(Reply),
    /// No answer. The request may have been applied or not, or may still be.
    Unknown,
}

impl Outcome {
    /// The answer, if there is one.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Outcome::Answer(reply) => Some(reply),
            Outcome::Unknown => None,
        }
    }

    /// Whether the request is settled: there is an answer, and it does not ask the client to try again.
    pub fn definite(&self) -> bool {
        self.reply().is_some_and(|reply| {
            reply.status < 500 && reply.status != 429 && reply.text("code") != "request_in_progress"
        })
    }
}

/// One request and its answer.
#[derive(Debug, Clone)]
pub struct Call {
    /// The account of the sender.
    pub user_id: String,
    /// The request.
    pub op: Op,
    /// When it was sent, in milliseconds since the epoch.
    pub start_ms: u64,
    /// When the answer came; `u64::MAX` while there is none.
    pub end_ms: u64,
    /// The answer.
    pub outcome: Outcome,
    /// How often it was delivered to a function.
    pub deliveries: usize,
}

/// All requests of a run.
#[derive(Debug, Default)]
pub struct History {
    /// In the order of sending.
    pub calls: Vec<Call>,
}

impl History {
    /// Records that a request of an account is sent, and returns its number.
    pub fn begin(&mut self, user_id: &str, op: Op, start_ms: u64) -> usize {
        let user_id = user_id.to_owned();
        self.calls.push(Call { user_id, op, start_ms, end_ms: u64::MAX, outcome: Outcome::Unknown, deliveries: 1 });
        self.calls.len() - 1
    }

    /// Records that a request is delivered once more.
    pub fn again(&mut self, number: usize) {
        self.calls[number].deliveries += 1;
    }

    /// Records the outcome of a request. Without an answer it has no end, since it may still be applied at any time.
    pub fn end(&mut self, number: usize, outcome: &Outcome, end_ms: u64) {
        let call = &mut self.calls[number];
        call.outcome = outcome.clone();
        call.end_ms = if outcome.reply().is_some() { end_ms } else { u64::MAX };
    }
}
