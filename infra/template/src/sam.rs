//! The shapes of SAM and CloudFormation, with the properties that the model needs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{KeyRole, Parameter, ScalarType};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Document {
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, Parameter>,
    #[serde(default)]
    pub(crate) conditions: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) globals: Globals,
    pub(crate) resources: BTreeMap<String, Resource>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Globals {
    pub(crate) function: FunctionProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Resource {
    pub(crate) r#type: String,
    #[serde(default)]
    pub(crate) properties: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct FunctionProperties {
    pub(crate) handler: Option<String>,
    pub(crate) timeout: Option<u32>,
    pub(crate) memory_size: Option<u32>,
    pub(crate) environment: Environment,
    pub(crate) policies: Vec<Policy>,
    pub(crate) role: Value,
    pub(crate) event_invoke_config: EventInvokeConfig,
    pub(crate) events: BTreeMap<String, Event>,
}

/// What becomes of an asynchronous invocation that fails, such as that of a schedule.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct EventInvokeConfig {
    pub(crate) destination_config: Option<DestinationConfig>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Environment {
    pub(crate) variables: BTreeMap<String, Value>,
}

/// A policy that a function has of its own.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Policy {
    pub(crate) statement: Vec<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Statement {
    pub(crate) effect: String,
    pub(crate) action: OneOrMore<String>,
    pub(crate) resource: OneOrMore<Value>,
    #[serde(default)]
    pub(crate) condition: Value,
}

/// IAM writes a list of one without its brackets, too.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMore<T> {
    More(Vec<T>),
    One(T),
}

impl<T> OneOrMore<T> {
    pub(crate) fn each(&self) -> &[T] {
        match self {
            Self::More(all) => all,
            Self::One(one) => std::slice::from_ref(one),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RoleProperties {
    pub(crate) policies: Vec<RolePolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RolePolicy {
    pub(crate) policy_document: Policy,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Event {
    pub(crate) r#type: String,
    #[serde(default)]
    pub(crate) properties: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TableProperties {
    pub(crate) table_name: Option<String>,
    pub(crate) attribute_definitions: Vec<AttributeDefinition>,
    pub(crate) key_schema: Vec<KeySchema>,
    pub(crate) time_to_live_specification: Option<TimeToLive>,
    pub(crate) stream_specification: Option<StreamSpecification>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttributeDefinition {
    pub(crate) attribute_name: String,
    pub(crate) attribute_type: ScalarType,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct KeySchema {
    pub(crate) attribute_name: String,
    pub(crate) key_type: KeyRole,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TimeToLive {
    pub(crate) attribute_name: String,
    pub(crate) enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StreamSpecification {
    pub(crate) stream_view_type: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct QueueProperties {
    pub(crate) visibility_timeout: Option<u32>,
    pub(crate) delay_seconds: Option<u32>,
    pub(crate) message_retention_period: Option<u32>,
    pub(crate) redrive_policy: Option<RedrivePolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RedrivePolicy {
    pub(crate) dead_letter_target_arn: Value,
    pub(crate) max_receive_count: u32,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct HttpApiEvent {
    pub(crate) method: Option<String>,
    pub(crate) path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ScheduleEvent {
    pub(crate) schedule: String,
    pub(crate) state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueEvent {
    pub(crate) queue: Value,
    #[serde(flatten)]
    pub(crate) batching: Batching,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StreamEvent {
    pub(crate) stream: Value,
    pub(crate) starting_position: String,
    #[serde(default)]
    pub(crate) bisect_batch_on_function_error: bool,
    pub(crate) maximum_retry_attempts: Option<i64>,
    pub(crate) destination_config: Option<DestinationConfig>,
    pub(crate) filter_criteria: Option<FilterCriteria>,
    #[serde(flatten)]
    pub(crate) batching: Batching,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Batching {
    pub(crate) batch_size: Option<u32>,
    #[serde(default)]
    pub(crate) maximum_batching_window_in_seconds: u32,
    #[serde(default)]
    pub(crate) function_response_types: Vec<String>,
}

impl Batching {
    /// Whether the function names the items that failed.
    pub(crate) fn partial_responses(&self) -> bool {
        self.function_response_types.iter().any(|kind| kind == "ReportBatchItemFailures")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DestinationConfig {
    pub(crate) on_failure: Destination,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Destination {
    pub(crate) destination: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FilterCriteria {
    pub(crate) filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Filter {
    pub(crate) pattern: String,
}
