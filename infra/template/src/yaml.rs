//! Converts YAML with CloudFormation's short tags to JSON with the long form, so that the rest of this crate sees no
//! difference between `!Ref X` and `{"Ref": "X"}`.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Number, Value, json};

use crate::TemplateError;

/// The template in `text` as JSON.
pub(crate) fn to_json(text: &str) -> Result<Value, TemplateError> {
    let documents = Yaml::load_from_str(text).map_err(|error| TemplateError::Syntax(error.to_string()))?;
    match documents.as_slice() {
        [document] => value(document),
        _ => Err(TemplateError::Syntax(format!("{} YAML documents instead of one", documents.len()))),
    }
}

fn value(node: &Yaml<'_>) -> Result<Value, TemplateError> {
    Ok(match node {
        Yaml::Value(scalar) => from_scalar(scalar)?,
        Yaml::Sequence(items) => Value::Array(items.iter().map(value).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, entry) in entries {
                map.insert(key_text(key)?, value(entry)?);
            }
            Value::Object(map)
        }
        Yaml::Tagged(tag, inner) => long_form(&tag.suffix, value(inner)?)?,
        other => {
            return Err(TemplateError::Syntax(format!("unsupported YAML: {other:?}")));
        }
    })
}

fn from_scalar(scalar: &Scalar<'_>) -> Result<Value, TemplateError> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(flag) => Value::Bool(*flag),
        Scalar::Integer(number) => json!(number),
        Scalar::FloatingPoint(number) => Number::from_f64(number.into_inner())
            .map(Value::Number)
            .ok_or_else(|| TemplateError::Syntax(format!("{number} is not a JSON number")))?,
        Scalar::String(text) => Value::String(text.to_string()),
    })
}

fn key_text(key: &Yaml<'_>) -> Result<String, TemplateError> {
    match key {
        Yaml::Value(Scalar::String(text)) => Ok(text.to_string()),
        other => Err(TemplateError::Syntax(format!("a key must be a string: {other:?}"))),
    }
}

/// The long form of a tag. `!Ref` and `!Condition` keep their names, all others become `Fn::Name`; the argument of
/// `!GetAtt A.B` becomes a list.
fn long_form(tag: &str, argument: Value) -> Result<Value, TemplateError> {
    Ok(match tag {
        "Ref" | "Condition" => json!({ tag: argument }),
        "GetAtt" => match &argument {
            Value::String(path) => {
                let (resource, attribute) = path
                    .split_once('.')
                    .ok_or_else(|| TemplateError::Syntax(format!("!GetAtt {path} names no attribute")))?;
                json!({ "Fn::GetAtt": [resource, attribute] })
            }
            _ => json!({ "Fn::GetAtt": argument }),
        },
        _ => json!({ (format!("Fn::{tag}")): argument }),
    })
}
