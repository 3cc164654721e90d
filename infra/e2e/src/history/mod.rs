//! The history checker: records the calls of clients with their answers, and finds what no correct system can answer.
//!
//! The checker sees only HTTP: the calls with their times, and the final state. An answer proves that the effect took
//! place between the call's start and its end. A call without an answer may take effect at any later time, once or
//! never.

mod answers;
mod line;
mod money;
mod seats;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use tokio::time;

pub use line::place;

use crate::{Reply, Request};

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

/// The final state of a fan's account.
#[derive(Debug, Default)]
pub struct Account {
    /// The entries of the ledger, oldest first.
    pub ledger: Vec<Value>,
    /// The balance.
    pub balance: u64,
    /// The reservations.
    pub reservations: Vec<Value>,
}

/// The final state, at quiescence, and the settings of the sale.
#[derive(Debug, Default)]
pub struct End {
    /// The accounts by fan id.
    pub accounts: BTreeMap<String, Account>,
    /// The status of each seat by its number.
    pub seats: BTreeMap<u64, String>,
    /// The revenue in the sales report.
    pub revenue: u64,
    /// The price of each seat.
    pub price: u64,
    /// The capacity of the queue: the number of sessions that may be live at once.
    pub capacity: usize,
    /// How long an admitted fan may take to claim the place (milliseconds).
    pub claim_window_ms: u64,
}

/// All calls, in the order of sending.
#[derive(Debug, Default)]
pub struct History {
    calls: Mutex<Vec<Call>>,
}

impl History {
    /// Sends a request and records the call with its times and outcome. Hangs up after `patience`. Returns `None`
    /// without an answer.
    pub async fn call(&self, mut call: Call, request: Request<'_>, patience: Duration) -> Option<Reply> {
        call.start_ms = now_ms();
        let index = {
            let mut calls = self.lock();
            calls.push(call);
            calls.len() - 1
        };
        let outcome = match time::timeout(patience, request.try_send()).await {
            Ok(Ok(reply)) => Outcome::Answer(reply),
            Ok(Err(error)) => Outcome::Failed(error),
            Err(_) => Outcome::GaveUp,
        };
        let end_ms = now_ms();
        let call = &mut self.lock()[index];
        call.outcome = outcome;
        if call.reply().is_some() {
            call.end_ms = end_ms;
        }
        call.reply().cloned()
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns every violation that the history proves, in words.
pub fn check(calls: &[Call], end: &End) -> Vec<String> {
    let mut wrong = Vec::new();
    answers::check(calls, &mut wrong);
    seats::check(calls, end, &mut wrong);
    money::check(calls, end, &mut wrong);
    line::check(calls, end, &mut wrong);
    wrong
}

/// Milliseconds since the epoch.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
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
    fn granted(&self) -> Option<&Reply> {
        self.reply().filter(|reply| reply.status < 300)
    }

    /// The problem code of the answer; empty if there is none.
    fn refusal(&self) -> &str {
        self.reply().map_or("", Reply::code)
    }

    /// Whether the answer proves that the call had no effect.
    fn is_refused(&self) -> bool {
        self.reply().is_some_and(|reply| (400..500).contains(&reply.status)) && self.done_by() == u64::MAX
    }

    /// When the effect had taken place at the latest: the end of the call if the answer acknowledges it, else
    /// `u64::MAX`.
    fn done_by(&self) -> u64 {
        let paid = matches!(self.op, Op::Pay(_)) && self.refusal() == "payment_already_processed";
        if self.granted().is_some() || paid { self.end_ms } else { u64::MAX }
    }

    /// Whether this call ended before `later` started.
    fn precedes(&self, later: &Self) -> bool {
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
fn short(id: &str) -> &str {
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

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_default()
}

fn number(body: &Value, name: &str) -> u64 {
    body[name].as_u64().unwrap_or_default()
}

/// Reads a time of an answer (milliseconds since 1970); 0 if it is missing.
fn millis(body: &Value, name: &str) -> u64 {
    let time = chrono::DateTime::parse_from_rfc3339(text(body, name));
    time.map_or(0, |time| u64::try_from(time.timestamp_millis()).unwrap_or_default())
}

fn seats_of(body: &Value) -> Vec<u64> {
    body["seatNumbers"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}
