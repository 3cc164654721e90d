//! EventBridge's event patterns, as Lambda's filters use them.

use serde_json::Value;

use crate::failure::Failure;

/// A pattern. An event matches if every field that the pattern names matches.
#[derive(Debug)]
pub struct Pattern(Node);

#[derive(Debug)]
enum Node {
    /// Fields, all of which must match.
    Fields(Vec<(String, Node)>),
    /// Ways to match a value, of which one must match.
    AnyOf(Vec<Matcher>),
}

#[derive(Debug)]
enum Matcher {
    Equals(Value),
    Prefix(String),
    Suffix(String),
    AnythingBut(Vec<Value>),
    Exists(bool),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When the pattern uses an operator that this module does not have.
    pub fn parse(pattern: &Value) -> Result<Self, Failure> {
        node(pattern).map(Self)
    }

    /// Whether `event` matches.
    pub fn matches(&self, event: &Value) -> bool {
        matches(&self.0, Some(event))
    }
}

fn node(pattern: &Value) -> Result<Node, Failure> {
    match pattern {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, inner)| Ok((name.clone(), node(inner)?)));
            fields.collect::<Result<_, Failure>>().map(Node::Fields)
        }
        Value::Array(ways) => ways.iter().map(matcher).collect::<Result<_, _>>().map(Node::AnyOf),
        other => Err(Failure::new(format!("filter pattern: {other} must be in a list"))),
    }
}

fn matcher(way: &Value) -> Result<Matcher, Failure> {
    let Value::Object(operator) = way else {
        return Ok(Matcher::Equals(way.clone()));
    };
    let mut entries = operator.iter();
    match (entries.next().map(|(name, argument)| (name.as_str(), argument)), entries.next()) {
        (Some(("prefix", Value::String(text))), None) => Ok(Matcher::Prefix(text.clone())),
        (Some(("suffix", Value::String(text))), None) => Ok(Matcher::Suffix(text.clone())),
        (Some(("exists", Value::Bool(wanted))), None) => Ok(Matcher::Exists(*wanted)),
        (Some(("anything-but", Value::Array(values))), None) => Ok(Matcher::AnythingBut(values.clone())),
        (Some(("anything-but", value @ (Value::String(_) | Value::Number(_)))), None) => {
            Ok(Matcher::AnythingBut(vec![value.clone()]))
        }
        _ => Err(Failure::new(format!("filter pattern: {way} is not supported"))),
    }
}

fn matches(node: &Node, value: Option<&Value>) -> bool {
    match node {
        Node::Fields(fields) => {
            fields.iter().all(|(name, inner)| matches(inner, value.and_then(|value| value.get(name))))
        }
        Node::AnyOf(ways) => ways.iter().any(|way| way.accepts(value)),
    }
}

impl Matcher {
    fn accepts(&self, value: Option<&Value>) -> bool {
        // A list matches if one of its items does.
        if let Some(Value::Array(items)) = value {
            return items.iter().any(|item| self.accepts(Some(item)));
        }
        let text = value.and_then(Value::as_str);
        match self {
            Self::Equals(wanted) => value == Some(wanted),
            Self::Prefix(prefix) => text.is_some_and(|text| text.starts_with(prefix)),
            Self::Suffix(suffix) => text.is_some_and(|text| text.ends_with(suffix)),
            Self::AnythingBut(refused) => value.is_some_and(|value| !refused.contains(value)),
            // For `exists`, only leaves count, as on AWS.
            Self::Exists(wanted) => value.is_some_and(|value| !value.is_object()) == *wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn accepts(pattern: Value, event: Value) -> bool {
        Pattern::parse(&pattern).expect("a pattern").matches(&event)
    }

    #[test]
    fn all_fields_must_match_each_in_any_of_its_ways() {
        let pattern = json!({ "a": { "b": ["x", { "prefix": "SEAT#" }] }, "c": [1] });
        assert!(accepts(pattern.clone(), json!({ "a": { "b": "SEAT#7" }, "c": 1, "d": 0 })));
        assert!(accepts(pattern.clone(), json!({ "a": { "b": "x" }, "c": 1 })));
        assert!(!accepts(pattern.clone(), json!({ "a": { "b": "SEAT#7" }, "c": 2 })));
        assert!(!accepts(pattern, json!({ "a": { "b": "COUNT#7" } })));
    }

    #[test]
    fn operators_match_as_on_aws_and_unknown_ones_are_errors() {
        assert!(accepts(json!({ "a": [{ "suffix": "z" }] }), json!({ "a": "xyz" })));
        assert!(accepts(json!({ "a": [{ "exists": false }] }), json!({ "b": 1 })));
        assert!(!accepts(json!({ "a": [{ "exists": false }] }), json!({ "a": 1 })));
        assert!(accepts(json!({ "a": [{ "anything-but": "x" }] }), json!({ "a": "y" })));
        assert!(!accepts(json!({ "a": [{ "anything-but": ["x", "y"] }] }), json!({ "a": "y" })));
        assert!(Pattern::parse(&json!({ "a": [{ "numeric": [">", 1] }] })).is_err());
        assert!(Pattern::parse(&json!({ "a": "x" })).is_err());
    }
}
