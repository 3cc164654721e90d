//! What clients asked for and what they were told, and whether that can be.
//!
//! Nothing is known here but what went over HTTP: the calls with their times, and what is there in the end. An answer
//! says that something happened between its call and its return; a call without an answer may have had its effect at any
//! time after, once, or never.

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

/// Something that a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// To join the line.
    Join,
    /// Where the turn stands.
    Poll,
    /// To leave the line.
    Leave,
    /// The seat map.
    SeatMap,
    /// To hold these seats.
    Hold(Vec<u64>),
    /// To cancel a hold, by its reservation.
    Cancel(String),
    /// A reservation.
    Reservation(String),
    /// The fan's reservations.
    Reservations,
    /// To put money on the balance. No fan asks for the same amount twice, but to repeat himself.
    Recharge(u64),
    /// To pay a reservation.
    Pay(String),
    /// To give the payment of a reservation back.
    Refund(String),
    /// The balance.
    Balance,
    /// The ledger.
    Ledger,
}

/// What came back.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// An answer.
    Answer(Reply),
    /// The client hung up before there was one, or there is none yet.
    GaveUp,
    /// No answer can come, and why.
    Failed(String),
}

/// One call of a client.
#[derive(Debug, Clone)]
pub struct Call {
    /// The fan's id.
    pub fan: String,
    /// The place of the queue token that it was made with; nothing with an access token.
    pub place: Option<u64>,
    /// What was asked for.
    pub op: Op,
    /// The idempotency key.
    pub key: Option<String>,
    /// When it was sent, in milliseconds since the epoch.
    pub start_ms: u64,
    /// When its answer was there; `u64::MAX` without one.
    pub end_ms: u64,
    /// What came back.
    pub outcome: Outcome,
}

/// What a fan has in the end.
#[derive(Debug, Default)]
pub struct Account {
    /// The entries of the ledger, oldest first.
    pub ledger: Vec<Value>,
    /// The balance.
    pub balance: u64,
    /// The reservations.
    pub reservations: Vec<Value>,
}

/// What is there in the end, when every hold has ended, and the rules of the sale.
#[derive(Debug, Default)]
pub struct End {
    /// The accounts by their fans' ids.
    pub accounts: BTreeMap<String, Account>,
    /// Each seat's status, by its number.
    pub seats: BTreeMap<u64, String>,
    /// What the sales report says was earned.
    pub revenue: u64,
    /// What each seat costs.
    pub price: u64,
    /// How many fans may be inside at once.
    pub capacity: usize,
    /// How long a fan who was let in may take to show up, in milliseconds.
    pub claim_window_ms: u64,
}

/// All calls, in the order of sending.
#[derive(Debug, Default)]
pub struct History {
    calls: Mutex<Vec<Call>>,
}

impl History {
    /// Makes a call, noting when it was sent and what came back. The caller hangs up after `patience`; then, and when no
    /// answer can come, there is none.
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

/// Everything that cannot be, in words.
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
    /// A call that has not been sent yet.
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

    /// The code of a refusal; empty if it is none.
    fn refusal(&self) -> &str {
        self.reply().map_or("", Reply::code)
    }

    /// Whether the answer says that it changed nothing.
    fn is_refused(&self) -> bool {
        self.reply().is_some_and(|reply| (400..500).contains(&reply.status)) && self.done_by() == u64::MAX
    }

    /// When its effect was there at the latest: its return, if that says so.
    fn done_by(&self) -> u64 {
        let paid = matches!(self.op, Op::Pay(_)) && self.refusal() == "payment_already_processed";
        if self.granted().is_some() || paid { self.end_ms } else { u64::MAX }
    }

    /// Whether it was over before another began.
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
            Self::Join => f.write_str("joins the line"),
            Self::Poll => f.write_str("asks for the turn"),
            Self::Leave => f.write_str("leaves the line"),
            Self::SeatMap => f.write_str("looks at the seat map"),
            Self::Hold(seats) => write!(f, "holds seats {seats:?}"),
            Self::Cancel(id) => write!(f, "cancels reservation {}", short(id)),
            Self::Reservation(id) => write!(f, "looks at reservation {}", short(id)),
            Self::Reservations => f.write_str("looks at the reservations"),
            Self::Recharge(amount) => write!(f, "puts in {amount}"),
            Self::Pay(id) => write!(f, "pays reservation {}", short(id)),
            Self::Refund(id) => write!(f, "gives the payment of reservation {} back", short(id)),
            Self::Balance => f.write_str("looks at the balance"),
            Self::Ledger => f.write_str("looks at the ledger"),
        }
    }
}

/// The end of an id: enough to find it by.
fn short(id: &str) -> &str {
    id.get(id.len().saturating_sub(6)..).unwrap_or(id)
}

/// Seconds of the day.
fn clock(ms: u64) -> String {
    let second = ms / 1_000 % 86_400;
    format!("{:02}:{:02}:{:02}.{:03}", second / 3_600, second / 60 % 60, second % 60, ms % 1_000)
}

/// The members of an answer that checks look at.
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

/// A time of an answer, in milliseconds since the epoch.
fn millis(body: &Value, name: &str) -> u64 {
    let time = chrono::DateTime::parse_from_rfc3339(text(body, name));
    time.map_or(0, |time| u64::try_from(time.timestamp_millis()).unwrap_or_default())
}

fn seats_of(body: &Value) -> Vec<u64> {
    body["seatNumbers"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}
