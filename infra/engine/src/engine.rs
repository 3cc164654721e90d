//! The engine: an embedded DynamoDB, SQS and Secrets Manager, as a test sees them.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use serde_json::Value;
use template::{Grant, Table};

use crate::access::Access;
use crate::clock::{Clock, SharedClock};
use crate::connector::Connector;
use crate::fault::{Call, Fault};
use crate::meter::Meter;
use crate::protocol::Answer;
use crate::queues::{Listener, Message};
use crate::world::World;

/// The longest back-off of the SDK's retries: short, so that tests do not wait.
const MAX_BACKOFF: Duration = Duration::from_millis(2);

/// An embedded DynamoDB, SQS and Secrets Manager; clones share one world.
#[derive(Debug, Clone)]
pub struct Engine {
    world: Arc<World>,
}

impl Engine {
    /// An empty world on the given clock.
    pub fn new(clock: impl Clock + 'static) -> Self {
        Self { world: Arc::new(World::new(SharedClock::new(clock))) }
    }

    /// Creates tables as the template describes them, with their streams and TTL, under their local names.
    ///
    /// # Panics
    /// If DynamoDB would refuse one of them, or it exists already.
    pub fn create_tables(&self, tables: &[Table]) {
        for table in tables {
            self.world.tables.create_table(table);
        }
    }

    /// Refuses requests within [`crate::run_as`] that the function's policy does not grant, as IAM does. `log` hears of
    /// each grant that is used and of each refusal.
    ///
    /// # Panics
    /// If it was called before.
    pub fn enforce(&self, access: Access, log: impl Fn(&str, Result<&Grant, &str>) + Send + Sync + 'static) {
        assert!(self.world.access.set((access, Box::new(log))).is_ok(), "policies are set once");
    }

    /// Calls `hear` with the URL of the message queue and the body of every message that is sent from now on.
    ///
    /// # Panics
    /// If it was called before.
    pub fn on_message(&self, hear: impl Fn(&str, &str) + Send + Sync + 'static) {
        assert!(self.world.queues.listener.set(Listener(Box::new(hear))).is_ok(), "there is one listener");
    }

    /// The HTTP client that takes the SDK's requests to this world.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(Connector::new(Arc::clone(&self.world)))
    }

    /// Runs one operation of DynamoDB's API and answers as DynamoDB would, without faults and without the meter: for
    /// callers that put a network of their own in front of the tables.
    pub fn execute(&self, operation: &str, body: Value) -> Answer {
        self.world.tables.execute(operation, body)
    }

    /// A configuration for real SDK clients of this world: three attempts with hardly any back-off, the engine's clock
    /// for signatures. The SDK's sleeps are tokio's, so a paused runtime skips them. As in production, the SDK stops
    /// retrying when its retry quota is spent on requests that failed in the end; all clients of one engine share it.
    pub fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::new("embedded", "embedded", None, None, "engine");
        let retries = RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(MAX_BACKOFF)
            .with_max_backoff(MAX_BACKOFF);
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(self.world.region.clone())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(self.http_client())
            .sleep_impl(TokioSleep::new())
            .time_source(self.world.clock.clone())
            .retry_config(retries)
            .build()
    }

    /// What was used since the start or the last reset.
    pub fn meter(&self) -> Meter {
        self.world.metering.read()
    }

    /// Sets every figure of the meter to zero.
    pub fn reset_meter(&self) {
        self.world.metering.reset();
    }

    /// Asks `decide` about every request from now on, in the order in which the engine takes them. `decide` must not
    /// send requests of its own, and must not change the faults.
    pub fn set_faults(&self, decide: impl FnMut(&Call<'_>) -> Fault + Send + 'static) {
        self.world.set_faults(Some(Box::new(decide)));
    }

    /// Removes the faults: every request is applied and answered again.
    pub fn clear_faults(&self) {
        self.world.set_faults(None);
    }

    /// Stores a new version of a secret.
    pub fn put_secret(&self, name: &str, value: &str) {
        self.world.secrets.put(name, value, self.world.clock.now_ms());
    }

    /// All messages in a message queue, in the order of sending; empty if none was ever sent to it.
    pub fn messages(&self, queue_url: &str) -> Vec<Message> {
        self.world.queues.messages(queue_url)
    }

    /// Empties a message queue and returns its messages in the order of sending.
    pub fn take_messages(&self, queue_url: &str) -> Vec<Message> {
        self.world.queues.take(queue_url)
    }

    /// The records that a table's stream gained since the last call (of any clone), as Lambda delivers them.
    ///
    /// # Panics
    /// If there is no such table, or it has no stream.
    pub fn stream_records(&self, table: &str) -> Vec<Value> {
        self.world.tables.stream_records(table)
    }

    /// Deletes every item whose TTL has passed, as DynamoDB does within days, and returns how many; the stream says
    /// that the service deleted them.
    pub fn sweep_ttl(&self) -> usize {
        self.world.tables.sweep_ttl()
    }

    /// Every item of a table as plain JSON, unmetered: for checking invariants. `{"N": "7"}` becomes `7`, a number that
    /// is no 64-bit integer keeps its digits as a string, sets become lists and binary stays base64.
    ///
    /// # Panics
    /// If there is no such table.
    pub fn items(&self, table: &str) -> Vec<Value> {
        self.world.tables.items(table)
    }
}
