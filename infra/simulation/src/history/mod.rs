//! What fans asked for and what they were told.

mod check;
mod money;
mod queue;
mod seats;
#[cfg(test)]
mod tests;

pub use check::check;

use crate::door::Client;
use acceptance::Reply;
use std::fmt;

/// Something that a fan asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// To join the line.
    Join,
    /// Where the turn stands.
    Poll,
    /// To leave the line.
    Leave,
    /// The seat map.
    SeatMap,
    /// To hold seats, with an idempotency key.
    Hold(Vec<u64>, Option<String>),
    /// To cancel a hold.
    Cancel(String),
    /// A reservation.
    Reservation(String),
    /// Money in, with an idempotency key.
    Recharge(u64, Option<String>),
    /// To pay a reservation, with an idempotency key.
    Pay(String, Option<String>),
    /// To get the money of a reservation's payment back, with an idempotency key.
    Refund(String, Option<String>),
    /// The balance.
    Balance,
    /// The ledger.
    Ledger,
    /// Something that changes nothing, or that an admin does.
    Other(String),
    /// Something that must be refused.
    Forbidden(String),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = |key: &Option<String>| key.as_ref().map(|key| format!(" (key {key})")).unwrap_or_default();
        match self {
            Op::Join => f.write_str("joins the line"),
            Op::Poll => f.write_str("asks for the turn"),
            Op::Leave => f.write_str("leaves the line"),
            Op::SeatMap => f.write_str("looks at the seat map"),
            Op::Hold(seats, with) => write!(f, "holds seats {seats:?}{}", key(with)),
            Op::Cancel(id) => write!(f, "cancels reservation {id}"),
            Op::Reservation(id) => write!(f, "looks at reservation {id}"),
            Op::Recharge(amount, with) => write!(f, "puts in {amount}{}", key(with)),
            Op::Pay(id, with) => write!(f, "pays reservation {id}{}", key(with)),
            Op::Refund(id, with) => write!(f, "wants the money of reservation {id} back{}", key(with)),
            Op::Balance => f.write_str("looks at the balance"),
            Op::Ledger => f.write_str("looks at the ledger"),
            Op::Other(what) => f.write_str(what),
            Op::Forbidden(what) => write!(f, "{what}, which must be refused"),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// An answer.
    Answer(Reply),
    /// Nothing: it may have happened or not, or may still happen.
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

    /// Whether the fan knows where things stand: neither silence nor "try again".
    pub fn definite(&self) -> bool {
        self.reply().is_some_and(|reply| {
            reply.status < 500 && reply.status != 429 && reply.text("code") != "request_in_progress"
        })
    }
}

/// One request and its answer.
#[derive(Debug, Clone)]
pub struct Call {
    /// Whose account.
    pub user_id: String,
    /// What.
    pub op: Op,
    /// When it was sent, in milliseconds since the epoch.
    pub start_ms: u64,
    /// When the answer came; `u64::MAX` while there is none.
    pub end_ms: u64,
    /// The answer.
    pub outcome: Outcome,
    /// How often it was delivered.
    pub deliveries: usize,
}

/// All requests of a run.
#[derive(Debug, Default)]
pub struct History {
    /// In the order of sending.
    pub calls: Vec<Call>,
}

impl History {
    /// A request is sent; returns its number.
    pub fn begin(&mut self, client: &Client, op: Op, start_ms: u64) -> usize {
        let user_id = client.user_id.clone();
        self.calls.push(Call { user_id, op, start_ms, end_ms: u64::MAX, outcome: Outcome::Unknown, deliveries: 1 });
        self.calls.len() - 1
    }

    /// It is delivered once more.
    pub fn again(&mut self, number: usize) {
        self.calls[number].deliveries += 1;
    }

    /// Its answer came, or will not come. One that got no answer may happen at any time after.
    pub fn end(&mut self, number: usize, outcome: &Outcome, end_ms: u64) {
        let call = &mut self.calls[number];
        call.outcome = outcome.clone();
        call.end_ms = if outcome.reply().is_some() { end_ms } else { u64::MAX };
    }
}
