//! Resolves CloudFormation's functions `Ref`, `Fn::GetAtt` and `Fn::Sub`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Function, Template, TemplateError};

/// A value as the template writes it: a literal, or one of CloudFormation's functions in its long form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(pub(crate) Value);

/// A reference that the template itself cannot resolve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// `!Ref` of a resource, by logical id, or of a pseudo parameter (`AWS::Region`). Its value is, for example, a
    /// table's name, the URL of a message queue or the ARN of a secret.
    Resource(&'a str),
    /// `!GetAtt` of a resource: logical id and attribute.
    Attribute(&'a str, &'a str),
}

impl Template {
    /// Resolves the environment variables of `function`. Values of parameters come from `parameters`, else from their
    /// defaults; all other references go to `lookup`.
    ///
    /// # Errors
    /// [`TemplateError::Unresolved`] with the reference that has no value.
    pub fn environment(
        &self,
        function: &Function,
        parameters: &BTreeMap<String, String>,
        lookup: &dyn Fn(Reference<'_>) -> Option<String>,
    ) -> Result<BTreeMap<String, String>, TemplateError> {
        self.resolve_all(&function.environment, parameters, lookup)
    }

    /// Resolves any set of expressions, for example [`Template::common_environment`], as [`Template::environment`]
    /// does.
    ///
    /// # Errors
    /// [`TemplateError::Unresolved`] with the reference that has no value.
    pub fn resolve_all(
        &self,
        expressions: &BTreeMap<String, Expression>,
        parameters: &BTreeMap<String, String>,
        lookup: &dyn Fn(Reference<'_>) -> Option<String>,
    ) -> Result<BTreeMap<String, String>, TemplateError> {
        let scope = Scope { template: self, parameters, lookup };
        (expressions.iter()).map(|(name, expression)| Ok((name.clone(), scope.text(&expression.0)?))).collect()
    }
}

struct Scope<'a> {
    template: &'a Template,
    parameters: &'a BTreeMap<String, String>,
    lookup: &'a dyn Fn(Reference<'_>) -> Option<String>,
}

impl Scope<'_> {
    fn text(&self, value: &Value) -> Result<String, TemplateError> {
        if let Some(text) = literal(value) {
            return Ok(text);
        }
        let unresolved = || TemplateError::Unresolved(value.to_string());
        let (function, argument) =
            value.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next()).ok_or_else(unresolved)?;
        match (function.as_str(), argument) {
            ("Ref", Value::String(name)) => self.reference(name),
            ("Fn::GetAtt", Value::Array(path)) => match path.as_slice() {
                [Value::String(resource), Value::String(attribute)] => self.attribute(resource, attribute),
                _ => Err(unresolved()),
            },
            ("Fn::Sub", Value::String(text)) => self.substitute(text),
            _ => Err(unresolved()),
        }
    }

    fn reference(&self, name: &str) -> Result<String, TemplateError> {
        if let Some(parameter) = self.template.parameters.get(name) {
            let given = self.parameters.get(name).cloned();
            let value = given.or_else(|| parameter.default.as_ref().and_then(literal));
            return value.ok_or_else(|| TemplateError::Unresolved(format!("parameter {name}")));
        }
        (self.lookup)(Reference::Resource(name)).ok_or_else(|| TemplateError::Unresolved(name.to_owned()))
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Result<String, TemplateError> {
        (self.lookup)(Reference::Attribute(resource, attribute))
            .ok_or_else(|| TemplateError::Unresolved(format!("{resource}.{attribute}")))
    }

    /// `Fn::Sub`: `${Name}` and `${Resource.Attribute}`; `${!Literal}` stays as `${Literal}`.
    fn substitute(&self, text: &str) -> Result<String, TemplateError> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or_else(|| TemplateError::Unresolved(text.to_owned()))?;
            result.push_str(before);
            match (name.strip_prefix('!'), name.split_once('.')) {
                (Some(literal), _) => result.push_str(&format!("${{{literal}}}")),
                (None, Some((resource, attribute))) => result.push_str(&self.attribute(resource, attribute)?),
                (None, None) => result.push_str(&self.reference(name)?),
            }
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }
}

/// A scalar as text, as CloudFormation passes it to a function; `None` for anything else.
fn literal(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
