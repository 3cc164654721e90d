//! IAM, as far as the template uses it: what each request needs, and whether its function's policy grants that.

use std::collections::BTreeMap;

use serde_json::Value;
use template::{Grant, Template};

tokio::task_local! {
    static FUNCTION: String;
}

/// Runs `work` as the function with this name: where [`crate::Engine::enforce`] was called, the engine refuses the
/// requests of `work` that the function's policy does not grant.
pub async fn run_as<T>(function: &str, work: impl Future<Output = T>) -> T {
    FUNCTION.scope(function.to_owned(), work).await
}

/// The function that the current task runs as, if there is one.
pub(crate) fn function() -> Option<String> {
    FUNCTION.try_with(Clone::clone).ok()
}

/// The policies of a template's functions.
#[derive(Debug)]
pub struct Access {
    /// By the function's name.
    policies: BTreeMap<String, Vec<Grant>>,
    /// By the name of a table, or the URL of a message queue, which is its logical id.
    resources: BTreeMap<String, Resource>,
}

#[derive(Debug)]
struct Resource {
    logical_id: String,
    /// The attribute with the partition key; empty for a message queue.
    partition_key: String,
}

/// One action at one resource that a request needs.
struct Need {
    action: String,
    /// The name of the table, or the URL of the message queue.
    resource: String,
    /// The partition key, where the resource is a table.
    partition: Option<String>,
}

impl Access {
    /// The policies of `template`. Tables must have their local names, and the URL of each message queue must be its
    /// logical id.
    #[must_use]
    pub fn of(template: &Template) -> Self {
        let tables = template.tables.iter().map(|table| {
            let partition_key = table.keys.first().map(|key| key.name.clone()).unwrap_or_default();
            (table.name.clone(), Resource { logical_id: table.logical_id.clone(), partition_key })
        });
        let queues = template.queues.iter().map(|queue| {
            (queue.logical_id.clone(), Resource { logical_id: queue.logical_id.clone(), partition_key: String::new() })
        });
        Self {
            policies: template.functions.iter().map(|f| (f.name.clone(), f.grants.clone())).collect(),
            resources: tables.chain(queues).collect(),
        }
    }

    /// The grants that `function` uses with a request to DynamoDB or SQS.
    ///
    /// # Errors
    /// The first thing that the request needs and the function's policy does not grant.
    pub fn check(&self, function: &str, operation: &str, body: &Value) -> Result<Vec<&Grant>, String> {
        let policy = self.policies.get(function).map(Vec::as_slice).unwrap_or_default();
        let mut used = Vec::new();
        for need in self.needs(operation, body) {
            let resource = self.resources.get(&need.resource).map_or(&need.resource, |known| &known.logical_id);
            let partition = need.partition.as_deref();
            let grants = policy.iter().filter(|grant| grant.covers(&need.action, resource, partition));
            let before = used.len();
            used.extend(grants);
            if used.len() == before {
                // Without the ids in the key: one line for all partitions of a kind.
                let kind = partition.and_then(|key| key.split('#').next()).unwrap_or_default();
                return Err(format!("{function} may not {} {resource} {kind}", need.action).trim_end().to_owned());
            }
        }
        Ok(used)
    }

    fn needs(&self, operation: &str, body: &Value) -> Vec<Need> {
        match operation {
            "SendMessage" | "SendMessageBatch" => vec![Need {
                action: "sqs:SendMessage".to_owned(),
                resource: body["QueueUrl"].as_str().unwrap_or_default().to_owned(),
                partition: None,
            }],
            "TransactWriteItems" | "TransactGetItems" => {
                let actions = body["TransactItems"].as_array().into_iter().flatten().filter_map(Value::as_object);
                let actions = actions.flat_map(|action| action.iter());
                // IAM has no action for a transaction: each of its parts needs the action of its kind.
                let needs = actions.map(|(kind, detail)| match kind.as_str() {
                    "ConditionCheck" => self.need("ConditionCheckItem", &detail["TableName"], detail),
                    kind => self.need(&format!("{kind}Item"), &detail["TableName"], detail),
                });
                needs.collect()
            }
            "BatchGetItem" => {
                let tables = body["RequestItems"].as_object().into_iter().flatten();
                let keys = tables.flat_map(|(table, asked)| {
                    let keys = asked["Keys"].as_array().into_iter().flatten();
                    keys.map(move |key| (Value::from(table.as_str()), serde_json::json!({ "Key": key })))
                });
                keys.map(|(table, key)| self.need(operation, &table, &key)).collect()
            }
            _ => vec![self.need(operation, &body["TableName"], body)],
        }
    }

    /// What an action of DynamoDB needs; `detail` holds its key, its item, or its key condition.
    fn need(&self, action: &str, table: &Value, detail: &Value) -> Need {
        let table = table.as_str().unwrap_or_default();
        let attribute = self.resources.get(table).map_or("", |known| &known.partition_key);
        let in_condition = || {
            let condition = detail["KeyConditionExpression"].as_str()?;
            let mut words = condition.split_whitespace();
            let (name, equals, placeholder) = (words.next()?, words.next()?, words.next()?);
            (name == attribute && equals == "=").then(|| &detail["ExpressionAttributeValues"][placeholder])
        };
        let value = [&detail["Key"][attribute], &detail["Item"][attribute]].into_iter().find(|value| !value.is_null());
        let partition = value.or_else(in_condition).and_then(|value| value["S"].as_str());
        Need {
            action: format!("dynamodb:{action}"),
            resource: table.to_owned(),
            partition: partition.map(str::to_owned),
        }
    }
}
