//! The calls of clients: what was asked, when, and what became of it.

use std::fmt;

use serde_json::Value;

use client::Reply;

/// An operation of a client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// Joins the queue.
    Join,
    /// Polls the queue token.
    Poll,
    /// Leaves the queue.
    Leave,
    /// Reads the seat map.
    SeatMap,
    /// Holds these seats.
    Hold(Vec<u64>),
    /// Cancels the hold of this reservation.
    Cancel(String),
    /// Reads this reservation.
    Reservation(String),
    /// Reads the fan's reservations.
    Reservations,
    /// Recharges this amount. A fan uses an amount again only to repeat the same recharge.
    Recharge(u64),
    /// Pays this reservation.
    Pay(String),
    /// Refunds the payment of this reservation.
    Refund(String),
    /// Reads the balance.
    Balance,
    /// Reads the ledger.
    Ledger,
}

/// What became of a call.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// An answer.
    Answer(Reply),
    /// No answer yet, or the client hung up before it came.
    GaveUp,
    /// No answer can come, for this reason.
    Failed(String),
}

/// One call of a client.
#[derive(Debug, Clone)]
pub struct Call {
    /// The fan's id.
    pub fan: String,
    /// The place in the queue token of the call; `None` with an access token.
    pub place: Option<u64>,
    /// The operation.
    pub op: Op,
    /// The idempotency key.
    pub key: Option<String>,
    /// When the request was sent (milliseconds since 1970).
    pub start_ms: u64,
    /// When the answer was complete (milliseconds since 1970); `u64::MAX` without an answer.
    pub end_ms: u64,
    /// What became of the call.
    pub outcome: Outcome,
}

impl Call {
    /// Makes a call that is not sent yet.
    pub fn new(fan: &str, op: Op) -> Self {
        let (fan, outcome) = (fan.to_owned(), Outcome::GaveUp);
        Self { fan, place: None, op, key: None, start_ms: 0, end_ms: u64::MAX, outcome }
    }

    /// The answer, if there is one.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.outcome {
            Outcome::Answer(reply) => Some(reply),
            Outcome::GaveUp | Outcome::Failed(_) => None,
        }
    }

    /// The answer, if it is a success.
    pub(super) fn granted(&self) -> Option<&Reply> {
        self.reply().filter(|reply| reply.status < 300)
    }

    /// The problem code of the answer; empty if there is none.
    pub(super) fn refusal(&self) -> &str {
        self.reply().map_or("", Reply::code)
    }

    /// Whether the answer proves that the call had no effect.
    pub(super) fn is_refused(&self) -> bool {
        self.reply().is_some_and(|reply| (400..500).contains(&reply.status)) && self.done_by() == u64::MAX
    }

    /// When the effect had taken place at the latest: the end of the call if the answer acknowledges it, else
    /// `u64::MAX`.
    pub(super) fn done_by(&self) -> u64 {
        let paid = matches!(self.op, Op::Pay(_)) && self.refusal() == "payment_already_processed";
        if self.granted().is_some() || paid { self.end_ms } else { u64::MAX }
    }

    /// Whether this call ended before `later` started.
    pub(super) fn precedes(&self, later: &Self) -> bool {
        self.end_ms < later.start_ms
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fan {} {}", clock(self.start_ms), short(&self.fan), self.op)?;
        if let Some(key) = &self.key {
            write!(f, " (key {})", short(key))?;
        }
        match &self.outcome {
            Outcome::Answer(reply) => {
                write!(f, " -> {} {}", clock(self.end_ms), reply.status)?;
                match reply.code() {
                    "" => write!(f, " {}", brief(&reply.body)),
                    code => write!(f, " {code}"),
                }
            }
            Outcome::GaveUp => f.write_str(" -> hung up"),
            Outcome::Failed(error) => write!(f, " -> {error}"),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Join => f.write_str("joins the queue"),
            Self::Poll => f.write_str("polls the queue token"),
            Self::Leave => f.write_str("leaves the queue"),
            Self::SeatMap => f.write_str("reads the seat map"),
            Self::Hold(seats) => write!(f, "holds seats {seats:?}"),
            Self::Cancel(id) => write!(f, "cancels reservation {}", short(id)),
            Self::Reservation(id) => write!(f, "reads reservation {}", short(id)),
            Self::Reservations => f.write_str("reads the reservations"),
            Self::Recharge(amount) => write!(f, "recharges {amount}"),
            Self::Pay(id) => write!(f, "pays reservation {}", short(id)),
            Self::Refund(id) => write!(f, "refunds reservation {}", short(id)),
            Self::Balance => f.write_str("reads the balance"),
            Self::Ledger => f.write_str("reads the ledger"),
        }
    }
}

/// The last 6 characters of an id: enough to find it in the log.
pub(super) fn short(id: &str) -> &str {
    id.get(id.len().saturating_sub(6)..).unwrap_or(id)
}

/// The time of day (UTC) with milliseconds.
fn clock(ms: u64) -> String {
    let second = ms / 1_000 % 86_400;
    format!("{:02}:{:02}:{:02}.{:03}", second / 3_600, second / 60 % 60, second % 60, ms % 1_000)
}

/// The members of an answer that the checks use.
fn brief(body: &Value) -> String {
    let members = ["reservationId", "status", "expiresAt", "currentBalance", "newBalance", "queuePosition"];
    let known = members.iter().filter(|name| !body[**name].is_null());
    known.map(|name| format!("{name}={} ", body[*name])).collect()
}
