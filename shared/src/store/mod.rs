//! DynamoDB: keys and expressions, with the invariant behind each condition. Conditions check expiry themselves; TTL
//! only cleans up.

pub mod accounts;
pub mod alarms;
mod availability;
pub mod cache;
pub mod concerts;
mod counts;
pub mod deliveries;
pub mod due;
pub mod expiry;
pub mod histories;
pub mod holds;
pub mod idempotency;
pub mod item_kind;
pub mod join;
pub mod keys;
mod layouts;
pub mod leaving;
pub mod limits;
pub mod lines;
pub mod listing;
pub mod money;
pub mod notices;
pub mod numbers;
pub mod payment;
pub mod queue_settings;
pub mod queue_state;
pub mod reconcile;
pub mod refund;
mod refused_holds;
pub mod release;
pub mod request;
pub mod reservations;
pub mod sales;
mod sealing;
pub mod seats;
pub mod sequencer;
pub mod sessions;
pub mod staff;
mod survey;
pub mod tick;
pub mod tickets;
pub mod transact_parts;
pub mod webhooks;

use crate::{
    config::Config,
    context::Context,
    domain::{
        availability::Availability,
        concert::Concert,
        id::{ConcertId, QueueId},
        layout::{Chunk, Layout},
        line::Interval,
        queue::{QueueRules, QueueState},
        refusal::Refusal,
        ticket::Place,
        time::{Seconds, Timestamp},
        webhook::WebhookId,
    },
    secrets::Secrets,
    telemetry::counted,
};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use cache::Cache;
use keys::{Key, Table};
use lines::LineItem;
use refused_holds::RefusedHolds;
use sales::QueueSales;
use std::sync::Arc;
use tokio::time::Instant;
use webhooks::Webhook;

/// The five tables, with the deployment's rules and the caches of this environment.
pub struct Store {
    dynamo: aws_sdk_dynamodb::Client,
    /// The same without the SDK's retries.
    impatient: aws_sdk_dynamodb::Client,
    tables: [String; 5],
    context: Context,
    rules: Rules,
    states: Cache<QueueId, QueueState>,
    /// The last place that this environment showed to everybody, by queue.
    last_places: Cache<QueueId, Place>,
    /// When the last tick that this environment asked for is due, by queue.
    wishes: Cache<QueueId, Timestamp>,
    /// What is sold through each queue.
    sales: Cache<QueueId, Arc<QueueSales>>,
    /// What everybody may know of a queue's line.
    lines: Cache<QueueId, LineItem>,
    /// Sealed intervals. They never change, so their age does not matter.
    intervals: Cache<(QueueId, u64), Arc<Interval>>,
    /// A number that this environment drew from each calm queue, and when: for the joins a second.
    draws: Cache<QueueId, (Timestamp, u64)>,
    /// When this environment last asked the sequencer for each queue.
    asked_sequencer: Cache<QueueId, ()>,
    concerts: Cache<ConcertId, Arc<Concert>>,
    /// Layouts by concert and number. They never change, so their age does not matter.
    layouts: Cache<(ConcertId, u32), Arc<Layout>>,
    /// Which seats of a concert are free, with the newest counts that this environment read.
    availabilities: Cache<ConcertId, Arc<Availability>>,
    /// When this environment last recounted each chunk, and added up the counts of each concert (no chunk), by tokio's
    /// clock, which `sleep_until` takes.
    recounts: Cache<(ConcertId, Option<Chunk>), Instant>,
    /// Limit counters that are known to be full until their window ends.
    full_counters: Cache<Key, ()>,
    refused_holds: RefusedHolds,
    /// The concerts of which this environment refused a seat lately.
    refused_seats: Cache<ConcertId, ()>,
    /// The webhooks, where events are sent.
    webhooks: Cache<(), Arc<Vec<Webhook>>>,
    /// The webhooks whose receivers did not answer lately.
    out_of_reach: Cache<WebhookId, ()>,
    secrets: Arc<Secrets>,
}

/// Parameters of the deployment that decide what may be written.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How long a seat is held.
    pub hold: Seconds,
    /// Seats that one session may hold and buy, together.
    pub seats_per_session: u32,
    /// Holds that one session may make in its life.
    pub holds_per_session: u32,
    /// Places that one fan may draw in one queue in an hour; 0 is no limit.
    pub places_per_fan: u32,
    /// Whether the seats are freed when a payment is refused because the balance is too low.
    pub release_unpaid: bool,
    /// The time between two regular ticks of a queue.
    pub tick: Seconds,
    /// The rules of queues without settings of their own.
    pub queue: QueueRules,
}

/// A request to DynamoDB or SQS that failed. The text is for the log, never for a client; [`telemetry::chain`] adds the
/// sources to it.
///
/// [`telemetry::chain`]: crate::telemetry::chain
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// No answer, throttled, or too many conflicts. The write may have been applied.
    #[error("database unavailable: {what}")]
    Unavailable {
        /// What failed.
        what: String,
        /// The error that it came from, if there is one.
        source: Option<Source>,
    },
    /// The request was malformed, or an item could not be read: a bug.
    #[error("database request failed: {what}")]
    Internal {
        /// What failed.
        what: String,
        /// The error that it came from, if there is one.
        source: Option<Source>,
    },
}

/// The error that another one came from.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

impl StoreError {
    /// A dependency that is unavailable, where no error says why.
    pub fn unavailable(what: impl Into<String>) -> Self {
        StoreError::Unavailable { what: what.into(), source: None }
    }

    /// A bug, with the error that shows it.
    pub(crate) fn internal(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        StoreError::Internal { what: what.to_owned(), source: Some(Arc::new(source)) }
    }
}

/// Why an operation failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The rules say no; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Attempts at an operation that conflicts with concurrent writers.
pub const MAX_ATTEMPTS: u32 = 8;

impl Store {
    /// Creates the store of a deployment.
    pub fn new(dynamo: aws_sdk_dynamodb::Client, config: &Config, secrets: Arc<Secrets>, context: Context) -> Self {
        let dynamo = counted(&dynamo);
        let once = dynamo.config().to_builder().retry_config(RetryConfig::disabled()).build();
        Store {
            impatient: aws_sdk_dynamodb::Client::from_conf(once),
            dynamo,
            tables: [
                config.fans_table.clone(),
                config.concerts_table.clone(),
                config.queues_table.clone(),
                config.limits_table.clone(),
                config.joins_table.clone(),
            ],
            context,
            rules: Rules {
                hold: config.hold,
                seats_per_session: config.seats_per_session,
                holds_per_session: config.holds_per_session,
                places_per_fan: config.places_per_fan,
                release_unpaid: config.release_hold_on_insufficient_balance,
                tick: Seconds(config.tick_seconds),
                queue: config.queue_rules,
            },
            states: Cache::new(),
            last_places: Cache::new(),
            wishes: Cache::new(),
            lines: Cache::new(),
            intervals: Cache::new(),
            draws: Cache::new(),
            asked_sequencer: Cache::new(),
            sales: Cache::new(),
            concerts: Cache::new(),
            layouts: Cache::new(),
            availabilities: Cache::new(),
            recounts: Cache::new(),
            full_counters: Cache::new(),
            refused_holds: RefusedHolds::default(),
            refused_seats: Cache::new(),
            webhooks: Cache::new(),
            out_of_reach: Cache::new(),
            secrets,
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
            Table::Joins => &self.tables[4],
        }
    }

    fn now(&self) -> Timestamp {
        self.context.now()
    }
}

/// The error of an operation whose every attempt conflicted with concurrent writers.
fn contention(what: &str) -> StoreError {
    StoreError::unavailable(format!("gave up on {what} after too many attempts"))
}

impl Store {
    /// Opens the connection before the first request needs it. Ignores a failure: the first request meets it again.
    pub async fn warm_up(&self) {
        let _ = self.check().await;
    }

    /// Checks that DynamoDB answers, with one read of the `Queues` table.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.get::<serde::de::IgnoredAny>(&keys::health(), false).await.map(|_| ())
    }
}
