//! The parameters of template.yaml and what a function accepts from its environment: the same bounds, the same
//! defaults.

use crate::Outcome;
use shared::config::{Config, ConfigError};
use std::collections::BTreeMap;
use template::{Reference, Template};

type Environment = BTreeMap<String, String>;

/// The environment of every function, with one parameter set by the deployment.
fn environment(template: &Template, set: Option<(&str, i64)>) -> Result<Environment, template::TemplateError> {
    let parameters = set.map(|(name, value)| (name.to_owned(), value.to_string())).into_iter().collect();
    template.resolve_all(&template.common_environment, &parameters, &|reference| match reference {
        Reference::Resource(id) => Some(id.to_owned()),
        Reference::Attribute(..) => None,
    })
}

fn config(environment: &Environment) -> Result<Config, ConfigError> {
    Config::from_lookup(|name| environment.get(name).cloned())
}

#[test]
fn numbers_have_the_bounds_and_defaults_that_functions_accept() -> Outcome {
    let template = Template::load(&template::locate()?)?;
    let default = environment(&template, None)?;
    let numbers = template.parameters.iter().filter(|(_, it)| it.r#type == "Number");
    // Not those that only AWS reads.
    let numbers = numbers.filter(|(name, it)| {
        let other = it.max_value.or(it.min_value).unwrap_or_default();
        environment(&template, Some((name, other))).is_ok_and(|changed| changed != default)
    });
    let mut looked_at = 0;
    for (name, parameter) in numbers {
        let (Some(min), Some(max)) = (parameter.min_value, parameter.max_value) else {
            return Err(format!("{name} has no MinValue or no MaxValue").into());
        };
        let of = |value| environment(&template, Some((name, value)));
        for (value, accepted) in [(min - 1, false), (min, true), (max, true), (max + 1, false)] {
            assert_eq!(config(&of(value)?).is_ok(), accepted, "{name} = {value}");
        }
        let changed = of(min - 1)?;
        let mut unset = default.clone();
        unset.retain(|variable, value| changed[variable] == *value);
        assert_eq!(unset.len() + 1, default.len(), "{name} is one variable");
        assert_eq!(format!("{:?}", config(&unset)?), format!("{:?}", config(&default)?), "default of {name}");
        looked_at += 1;
    }
    assert!(looked_at >= 15, "{looked_at} parameters");
    Ok(())
}
