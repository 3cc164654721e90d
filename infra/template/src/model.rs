//! The typed model of a template.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Expression, Grant};

/// A whole template. Every list is ordered by logical id, then by the event's name.
#[derive(Debug, Clone)]
pub struct Template {
    /// Parameters by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// DynamoDB tables.
    pub tables: Vec<Table>,
    /// SQS message queues.
    pub queues: Vec<Queue>,
    /// Lambda functions.
    pub functions: Vec<Function>,
    /// Routes: requests and the functions that answer them.
    pub routes: Vec<Route>,
    /// Schedules: functions that run at a fixed rate.
    pub schedules: Vec<Schedule>,
    /// Message queues and the functions that handle their messages.
    pub queue_triggers: Vec<QueueTrigger>,
    /// Table streams and the functions that handle their changes.
    pub stream_triggers: Vec<StreamTrigger>,
    /// Environment variables that every function has.
    pub common_environment: BTreeMap<String, Expression>,
    /// Logical ids of the secrets in Secrets Manager.
    pub secrets: Vec<String>,
}

/// A parameter of the deployment.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Parameter {
    /// CloudFormation's type: `Number`, `String`.
    pub r#type: String,
    /// The value where the deployment sets none.
    pub default: Option<Value>,
    /// The least value of a `Number` that CloudFormation accepts; `None` without a bound.
    pub min_value: Option<i64>,
    /// The greatest value of a `Number` that CloudFormation accepts; `None` without a bound.
    pub max_value: Option<i64>,
}

/// A DynamoDB table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The id in the template: `FansTable`.
    pub logical_id: String,
    /// The table's name on a laptop: `TableName`, or the logical id without the suffix `Table`.
    pub name: String,
    /// The partition key, then the sort key where there is one.
    pub keys: Vec<KeyAttribute>,
    /// The attribute that holds the time of expiry (seconds since 1970).
    pub ttl_attribute: Option<String>,
    /// What a stream record holds: `NEW_AND_OLD_IMAGES`; `None` without a stream.
    pub stream_view: Option<String>,
}

/// One part of a table's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAttribute {
    /// The attribute's name.
    pub name: String,
    /// The attribute's type.
    pub r#type: ScalarType,
    /// Which part of the key it is.
    pub role: KeyRole,
}

/// The type of a key attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ScalarType {
    /// A string.
    S,
    /// A number.
    N,
    /// Bytes.
    B,
}

/// A part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyRole {
    /// The partition key.
    Hash,
    /// The sort key.
    Range,
}

impl Table {
    /// The table as a `CreateTable` request of DynamoDB's JSON protocol.
    #[must_use]
    pub fn create_request(&self) -> Value {
        let attributes: Vec<_> = (self.keys.iter())
            .map(|key| json!({ "AttributeName": key.name, "AttributeType": format!("{:?}", key.r#type) }))
            .collect();
        let schema: Vec<_> = (self.keys.iter())
            .map(|key| {
                let role = match key.role {
                    KeyRole::Hash => "HASH",
                    KeyRole::Range => "RANGE",
                };
                json!({ "AttributeName": key.name, "KeyType": role })
            })
            .collect();
        let mut request = json!({
            "TableName": self.name,
            "AttributeDefinitions": attributes,
            "KeySchema": schema,
            "BillingMode": "PAY_PER_REQUEST",
        });
        if let Some(view) = &self.stream_view {
            request["StreamSpecification"] = json!({ "StreamEnabled": true, "StreamViewType": view });
        }
        request
    }

    /// The `UpdateTimeToLive` request of DynamoDB's JSON protocol that follows the table's creation, if it has a TTL.
    #[must_use]
    pub fn time_to_live_request(&self) -> Option<Value> {
        self.ttl_attribute.as_ref().map(|attribute| {
            json!({
                "TableName": self.name,
                "TimeToLiveSpecification": { "AttributeName": attribute, "Enabled": true },
            })
        })
    }
}

/// An SQS message queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The id in the template: `TimersQueue`.
    pub logical_id: String,
    /// How long a received message stays hidden from other receivers (seconds).
    pub visibility_timeout_seconds: u32,
    /// How long a new message stays hidden, unless the sender sets another delay (seconds).
    pub delay_seconds: u32,
    /// How long a message is kept (seconds).
    pub message_retention_seconds: u32,
    /// Where a message goes that was received too often.
    pub redrive: Option<Redrive>,
}

/// Moves messages that cannot be handled to a dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// The logical id of the dead-letter queue.
    pub target: String,
    /// How often a message is received before it is moved.
    pub max_receive_count: u32,
}

/// A Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    /// The name of its crate, which is its `Handler`: `create_user`.
    pub name: String,
    /// The id in the template: `CreateUser`.
    pub logical_id: String,
    /// How long one invocation may take (seconds).
    pub timeout_seconds: u32,
    /// The memory of a process (MB).
    pub memory_mb: u32,
    /// The environment variables, unresolved; see [`Template::environment`].
    pub environment: BTreeMap<String, Expression>,
    /// What its policy allows, in the order of the template.
    pub grants: Vec<Grant>,
    /// The logical id of the message queue that learns of an asynchronous invocation that failed, as a schedule's may.
    pub on_failure: Option<String>,
}

/// A request and the function that answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Which requests it takes.
    pub key: RouteKey,
    /// The name of the function.
    pub function: String,
}

/// Which requests a route takes. Displays as API Gateway's route key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteKey {
    /// Every request that no other route takes.
    Default,
    /// The requests to a path.
    Path {
        /// The method in capitals, or `ANY`.
        method: String,
        /// The path, with `{name}` for a segment that is a parameter.
        path: String,
    },
}

impl Display for RouteKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("$default"),
            Self::Path { method, path } => write!(formatter, "{method} {path}"),
        }
    }
}

/// A function that runs at a fixed rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The name of the function.
    pub function: String,
    /// The event's name within the function: `EveryMinute`.
    pub name: String,
    /// The time between two runs.
    pub every: Duration,
    /// Whether it runs where the deployment sets no parameter.
    pub enabled: bool,
}

/// A function that handles the messages of a message queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueTrigger {
    /// The name of the function.
    pub function: String,
    /// The logical id of the message queue.
    pub queue: String,
    /// The most messages in one invocation.
    pub batch_size: u32,
    /// How long to wait for a batch to fill (seconds).
    pub batching_window_seconds: u32,
    /// Whether the function names the messages that failed (`ReportBatchItemFailures`).
    pub partial_responses: bool,
}

/// A function that handles a table's changes.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamTrigger {
    /// The name of the function.
    pub function: String,
    /// The event's name within the function: `Seats`.
    pub name: String,
    /// The table's logical id.
    pub table: String,
    /// `TRIM_HORIZON` or `LATEST`.
    pub starting_position: String,
    /// The most records in one invocation.
    pub batch_size: u32,
    /// How long to wait for a batch to fill (seconds).
    pub batching_window_seconds: u32,
    /// Whether a failed batch is cut in two before it is tried again.
    pub bisect_on_error: bool,
    /// How often a batch is tried again; `None` for no limit.
    pub maximum_retry_attempts: Option<u32>,
    /// Whether the function names the first record that failed (`ReportBatchItemFailures`).
    pub partial_responses: bool,
    /// The logical id of the message queue that gets a message about records that could not be handled.
    pub on_failure: Option<String>,
    /// EventBridge patterns. The function gets the records that match at least one; all records if there are no
    /// patterns.
    pub filters: Vec<Value>,
}

impl Template {
    /// The function with this name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// The table with this logical id.
    #[must_use]
    pub fn table(&self, logical_id: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.logical_id == logical_id)
    }

    /// The message queue with this logical id.
    #[must_use]
    pub fn queue(&self, logical_id: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.logical_id == logical_id)
    }
}
