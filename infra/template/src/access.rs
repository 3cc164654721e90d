//! What the policy of a function allows.

use std::fmt::{self, Display};

use serde_json::Value;

use crate::{TemplateError, parse::logical_id, sam::Statement};

/// One action that a function may perform at one resource. A statement of a policy is several of these: one for each
/// of its actions, resources and leading keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The action, by IAM's name: `dynamodb:PutItem`.
    pub action: String,
    /// The logical id of a table, message queue or secret.
    pub resource: String,
    /// Which partitions of a table: `FAN#*`, or `QUEUES` for the one with this key; `None` for all.
    pub leading_key: Option<String>,
}

impl Grant {
    /// Whether it allows `action` at a resource; `partition` is the partition key where the resource is a table. A request
    /// whose partition is not known is not covered by a grant for some partitions. (IAM would allow it; but only a scan
    /// has none, and only `reconcile` may scan.)
    #[must_use]
    pub fn covers(&self, action: &str, resource: &str, partition: Option<&str>) -> bool {
        let matches = |pattern: &str, key: &str| match pattern.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => key == pattern,
        };
        let within = match (&self.leading_key, partition) {
            (Some(pattern), Some(key)) => matches(pattern, key),
            (Some(_), None) => false,
            (None, _) => true,
        };
        self.action == action && self.resource == resource && within
    }
}

impl Display for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.action, self.resource)?;
        self.leading_key.iter().try_for_each(|key| write!(formatter, " {key}"))
    }
}

/// The grants of the statements of a policy.
pub(crate) fn grants(place: &str, statements: Vec<Statement>) -> Result<Vec<Grant>, TemplateError> {
    let mut grants = Vec::new();
    for statement in statements {
        if statement.effect != "Allow" {
            return Err(TemplateError::resource(place, format!("a statement with the effect {}", statement.effect)));
        }
        let keys = leading_keys(place, &statement.condition)?;
        for action in statement.action.each() {
            for resource in statement.resource.each() {
                let resource = logical_id(place, resource)?;
                for leading_key in &keys {
                    grants.push(Grant {
                        action: action.clone(),
                        resource: resource.clone(),
                        leading_key: leading_key.clone(),
                    });
                }
            }
        }
    }
    Ok(grants)
}

/// The leading keys of a condition, which may hold nothing else; one `None` without a condition.
fn leading_keys(place: &str, condition: &Value) -> Result<Vec<Option<String>>, TemplateError> {
    let unknown = || TemplateError::resource(place, format!("the condition {condition} is not known"));
    if condition.is_null() {
        return Ok(vec![None]);
    }
    let keys = &condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    let keys = keys.as_array().filter(|_| condition.as_object().is_some_and(|map| map.len() == 1));
    keys.ok_or_else(unknown)?
        .iter()
        .map(|key| key.as_str().map(|key| Some(key.to_owned())).ok_or_else(unknown))
        .collect()
}
