//! DynamoDB: keys, expressions, and what each of them guards. Every condition checks expiry itself; TTL only cleans up.

pub mod accounts;
pub mod alarms;
pub mod cache;
pub mod concerts;
pub mod due;
pub mod expiry;
pub mod holds;
pub mod idempotency;
pub mod join;
pub mod keys;
pub mod limits;
pub mod money;
pub mod notices;
pub mod payment;
pub mod queue_settings;
pub mod queue_state;
pub mod refund;
mod refused_holds;
pub mod release;
pub mod request;
pub mod reservations;
pub mod sales;
pub mod seats;
pub mod sessions;
mod survey;
pub mod tick;
pub mod tickets;

use crate::{
    config::{Config, Secret},
    context::Context,
    domain::{
        concert::Concert,
        id::{ConcertId, QueueId},
        layout::Chunk,
        line::{QueueRules, QueueState},
        refusal::Refusal,
        time::{Seconds, Timestamp},
    },
};
use cache::Cache;
use keys::{Key, Table};
use limits::Pseudonyms;
use notices::Notice;
use refused_holds::RefusedHolds;
use std::sync::Arc;
use tokio::time::Instant;

/// The tables, with the parameters that their conditions need.
pub struct Store {
    dynamo: aws_sdk_dynamodb::Client,
    tables: [String; 4],
    context: Context,
    rules: Rules,
    states: Cache<QueueId, QueueState>,
    /// When the last tick that was wished for a queue is due.
    wishes: Cache<QueueId, Timestamp>,
    /// Which concerts are sold through a queue.
    sales: Cache<QueueId, Vec<ConcertId>>,
    /// What those who wait are told.
    notices: Cache<QueueId, Notice>,
    concerts: Cache<ConcertId, Arc<Concert>>,
    /// When each chunk was last recounted by this environment, by the clock that waits go by.
    recounts: Cache<(ConcertId, Chunk), Instant>,
    /// Counters whose window is known to have had its fill.
    full_counters: Cache<Key, ()>,
    refused_holds: RefusedHolds,
    pseudonyms: Pseudonyms,
}

/// Parameters of the deployment that decide what may be written.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How long a seat is held.
    pub hold: Seconds,
    /// Seats one session may hold.
    pub seats_per_session: u32,
    /// Holds one session may make.
    pub holds_per_session: u32,
    /// Places that one fan may draw in one queue in an hour; 0 is no limit.
    pub places_per_fan: u32,
    /// Whether a payment refused for want of money gives the seats back.
    pub release_unpaid: bool,
    /// For queues that have none of their own.
    pub queue: QueueRules,
}

/// A database that did not do its part. The text is for the log, never for a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It did not answer, throttled, or was in the way of itself: try again, nothing is lost.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// It refused the request as such, or an item is not what it should be: a bug.
    #[error("database request failed: {0}")]
    Internal(String),
}

/// Why an operation did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The rules say no; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How often an operation is tried again when others were in its way.
pub const MAX_ATTEMPTS: u32 = 8;

impl Store {
    /// The tables of a deployment.
    pub fn new(dynamo: aws_sdk_dynamodb::Client, config: &Config, context: Context) -> Self {
        Store {
            dynamo,
            tables: [
                config.fans_table.clone(),
                config.concerts_table.clone(),
                config.queues_table.clone(),
                config.limits_table.clone(),
            ],
            context,
            rules: Rules {
                hold: config.hold,
                seats_per_session: config.seats_per_session,
                holds_per_session: config.holds_per_session,
                places_per_fan: config.places_per_fan,
                release_unpaid: config.release_hold_on_insufficient_balance,
                queue: config.queue_rules,
            },
            states: Cache::new(),
            wishes: Cache::new(),
            notices: Cache::new(),
            sales: Cache::new(),
            concerts: Cache::new(),
            recounts: Cache::new(),
            full_counters: Cache::new(),
            refused_holds: RefusedHolds::default(),
            pseudonyms: Pseudonyms::new(config.token_signing_secrets.first().map_or("", |Secret(secret)| secret)),
        }
    }

    /// The deployment's parameters.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    fn table(&self, table: Table) -> &str {
        match table {
            Table::Fans => &self.tables[0],
            Table::Concerts => &self.tables[1],
            Table::Queues => &self.tables[2],
            Table::Limits => &self.tables[3],
        }
    }

    fn now(&self) -> Timestamp {
        self.context.now()
    }
}

/// The error of an operation that others were in the way of for too long.
fn contention(what: &str) -> StoreError {
    StoreError::Unavailable(format!("gave up on {what} after {MAX_ATTEMPTS} attempts"))
}

impl Store {
    /// Opens the connection before the first request needs it; whether it worked shows then.
    pub async fn warm_up(&self) {
        let _ = self.check().await;
    }

    /// Whether the tables answer.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.get::<serde::de::IgnoredAny>(&keys::health(), false).await.map(|_| ())
    }
}
