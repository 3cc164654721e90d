//! Converts a template as JSON to the model. Shapes and defaults are those of SAM and CloudFormation.

use std::{collections::BTreeMap, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    Expression, Function, Grant, KeyAttribute, Parameter, Queue, QueueTrigger, Redrive, Route, RouteKey, Schedule,
    StreamTrigger, Table, Template, TemplateError,
    access::grants,
    sam::{
        Document, Event, FunctionProperties, HttpApiEvent, QueueEvent, QueueProperties, Resource, RoleProperties,
        ScheduleEvent, StreamEvent, TableProperties,
    },
};

/// Reads the whole template.
pub(crate) fn template(json: &Value) -> Result<Template, TemplateError> {
    let document: Document =
        serde_json::from_value(json.clone()).map_err(|error| TemplateError::Syntax(error.to_string()))?;
    let mut template = Template {
        common_environment: expressions(document.globals.function.environment.variables.clone()),
        parameters: document.parameters,
        tables: Vec::new(),
        queues: Vec::new(),
        functions: Vec::new(),
        routes: Vec::new(),
        schedules: Vec::new(),
        queue_triggers: Vec::new(),
        stream_triggers: Vec::new(),
        secrets: Vec::new(),
    };
    let roles = roles(&document.resources)?;
    for (id, mut resource) in document.resources {
        apply_defaults(&mut resource.properties, &template.parameters, &document.conditions);
        match resource.r#type.as_str() {
            "AWS::DynamoDB::Table" => template.tables.push(table(&id, resource.properties)?),
            "AWS::SQS::Queue" => template.queues.push(queue(&id, resource.properties)?),
            "AWS::Serverless::Function" => {
                function(&mut template, &id, &document.globals.function, resource.properties, &roles)?;
            }
            "AWS::SecretsManager::Secret" => template.secrets.push(id),
            _ => {}
        }
    }
    Ok(template)
}

/// What each role of the template allows, by its logical id.
fn roles(resources: &BTreeMap<String, Resource>) -> Result<BTreeMap<String, Vec<Grant>>, TemplateError> {
    let roles = resources.iter().filter(|(_, resource)| resource.r#type == "AWS::IAM::Role");
    let grants = roles.map(|(id, role)| {
        let properties: RoleProperties = typed(id, role.properties.clone())?;
        let documents = properties.policies.into_iter().map(|policy| policy.policy_document);
        Ok((id.clone(), grants(id, documents.flat_map(|policy| policy.statement).collect())?))
    });
    grants.collect()
}

/// Replaces each `Ref` to a parameter by the parameter's default, and each `Fn::If` by the branch that the defaults
/// choose, except in environments, which are resolved later with the real values of the parameters.
fn apply_defaults(value: &mut Value, parameters: &BTreeMap<String, Parameter>, conditions: &BTreeMap<String, Value>) {
    match value {
        Value::Object(map) => {
            let chosen = parameter_default(map, parameters).or_else(|| branch(map, parameters, conditions));
            if let Some(chosen) = chosen {
                *value = chosen;
                return;
            }
            for (key, entry) in map {
                if key != "Environment" {
                    apply_defaults(entry, parameters, conditions);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| apply_defaults(item, parameters, conditions)),
        _ => {}
    }
}

/// The branch of `Fn::If` that the defaults of the parameters choose; `None` for anything else.
fn branch(
    map: &Map<String, Value>,
    parameters: &BTreeMap<String, Parameter>,
    conditions: &BTreeMap<String, Value>,
) -> Option<Value> {
    let [Value::String(name), then, otherwise] = map.get("Fn::If")?.as_array()?.as_slice() else { return None };
    let mut chosen = if holds(conditions.get(name)?, parameters)? { then.clone() } else { otherwise.clone() };
    apply_defaults(&mut chosen, parameters, conditions);
    Some(chosen)
}

/// Whether a condition of `Fn::Equals` and `Fn::Not` holds with the defaults; `None` if it is something else.
fn holds(condition: &Value, parameters: &BTreeMap<String, Parameter>) -> Option<bool> {
    if let Some([inner]) = condition.get("Fn::Not").and_then(Value::as_array).map(Vec::as_slice) {
        return holds(inner, parameters).map(|holds| !holds);
    }
    let sides = condition.get("Fn::Equals")?.as_array()?.iter().map(|side| {
        let default = side.as_object().and_then(|map| parameter_default(map, parameters));
        default.unwrap_or_else(|| side.clone())
    });
    let [one, other] = <[Value; 2]>::try_from(sides.collect::<Vec<_>>()).ok()?;
    Some(one == other)
}

fn parameter_default(map: &Map<String, Value>, parameters: &BTreeMap<String, Parameter>) -> Option<Value> {
    let name = map.get("Ref").filter(|_| map.len() == 1)?.as_str()?;
    parameters.get(name)?.default.clone()
}

fn expressions(variables: BTreeMap<String, Value>) -> BTreeMap<String, Expression> {
    variables.into_iter().map(|(name, value)| (name, Expression(value))).collect()
}

fn typed<T: DeserializeOwned>(resource: &str, properties: Value) -> Result<T, TemplateError> {
    // No properties at all mean the same as an empty map.
    let properties = if properties.is_null() { Value::Object(Map::new()) } else { properties };
    serde_json::from_value(properties).map_err(|error| TemplateError::resource(resource, error))
}

/// The logical id in `!Ref Id` or `!GetAtt Id.Arn`.
pub(crate) fn logical_id(resource: &str, value: &Value) -> Result<String, TemplateError> {
    let id = value.get("Ref").or_else(|| value.get("Fn::GetAtt").and_then(|path| path.get(0)));
    (id.and_then(Value::as_str).map(str::to_owned))
        .ok_or_else(|| TemplateError::resource(resource, format!("{value} is not a resource of this template")))
}

fn table(id: &str, properties: Value) -> Result<Table, TemplateError> {
    let properties: TableProperties = typed(id, properties)?;
    let keys = (properties.key_schema.into_iter())
        .map(|key| {
            let definition =
                properties.attribute_definitions.iter().find(|entry| entry.attribute_name == key.attribute_name);
            let definition = definition.ok_or_else(|| {
                TemplateError::resource(id, format!("key attribute {} has no definition", key.attribute_name))
            })?;
            Ok(KeyAttribute { name: key.attribute_name, r#type: definition.attribute_type, role: key.key_type })
        })
        .collect::<Result<_, TemplateError>>()?;
    Ok(Table {
        logical_id: id.to_owned(),
        name: properties.table_name.unwrap_or_else(|| id.strip_suffix("Table").unwrap_or(id).to_owned()),
        keys,
        ttl_attribute: properties.time_to_live_specification.filter(|ttl| ttl.enabled).map(|ttl| ttl.attribute_name),
        stream_view: properties.stream_specification.map(|stream| stream.stream_view_type),
    })
}

fn queue(id: &str, properties: Value) -> Result<Queue, TemplateError> {
    let properties: QueueProperties = typed(id, properties)?;
    let redrive = (properties.redrive_policy)
        .map(|policy| {
            Ok::<_, TemplateError>(Redrive {
                target: logical_id(id, &policy.dead_letter_target_arn)?,
                max_receive_count: policy.max_receive_count,
            })
        })
        .transpose()?;
    Ok(Queue {
        logical_id: id.to_owned(),
        visibility_timeout_seconds: properties.visibility_timeout.unwrap_or(30),
        delay_seconds: properties.delay_seconds.unwrap_or(0),
        message_retention_seconds: properties.message_retention_period.unwrap_or(345_600),
        redrive,
    })
}

fn function(
    template: &mut Template,
    id: &str,
    globals: &FunctionProperties,
    properties: Value,
    roles: &BTreeMap<String, Vec<Grant>>,
) -> Result<(), TemplateError> {
    let properties: FunctionProperties = typed(id, properties)?;
    let name = properties.handler.or_else(|| globals.handler.clone());
    let name = name.ok_or_else(|| TemplateError::resource(id, "no Handler to take the name from"))?;
    let mut environment = template.common_environment.clone();
    environment.extend(expressions(properties.environment.variables));
    for (event_name, event) in properties.events {
        attach(template, &name, &event_name, event)?;
    }
    let grants = if properties.role.is_null() {
        grants(id, properties.policies.into_iter().flat_map(|policy| policy.statement).collect())?
    } else {
        roles.get(&logical_id(id, &properties.role)?).cloned().unwrap_or_default()
    };
    let destination = properties.event_invoke_config.destination_config;
    let on_failure = destination.map(|config| logical_id(id, &config.on_failure.destination)).transpose()?;
    template.functions.push(Function {
        name,
        logical_id: id.to_owned(),
        timeout_seconds: properties.timeout.or(globals.timeout).unwrap_or(3),
        memory_mb: properties.memory_size.or(globals.memory_size).unwrap_or(128),
        environment,
        grants,
        on_failure,
    });
    Ok(())
}

/// Adds the route, schedule or trigger of an event of `function`.
fn attach(template: &mut Template, function: &str, name: &str, event: Event) -> Result<(), TemplateError> {
    let place = format!("{function}, event {name}");
    let function = function.to_owned();
    match event.r#type.as_str() {
        "HttpApi" => {
            let key = route_key(typed(&place, event.properties)?);
            template.routes.push(Route { key, function });
        }
        "Schedule" => {
            let properties: ScheduleEvent = typed(&place, event.properties)?;
            let every = rate(&properties.schedule).ok_or_else(|| {
                TemplateError::resource(&place, format!("{} is not a rate(...)", properties.schedule))
            })?;
            let enabled = properties.state.as_deref() != Some("DISABLED");
            template.schedules.push(Schedule { function, name: name.to_owned(), every, enabled });
        }
        "SQS" => {
            let properties: QueueEvent = typed(&place, event.properties)?;
            template.queue_triggers.push(QueueTrigger {
                function,
                queue: logical_id(&place, &properties.queue)?,
                batch_size: properties.batching.batch_size.unwrap_or(10),
                batching_window_seconds: properties.batching.maximum_batching_window_in_seconds,
                partial_responses: properties.batching.partial_responses(),
            });
        }
        "DynamoDB" => template.stream_triggers.push(stream_trigger(&place, function, name, event.properties)?),
        other => {
            return Err(TemplateError::resource(&place, format!("unknown event type {other}")));
        }
    }
    Ok(())
}

fn route_key(event: HttpApiEvent) -> RouteKey {
    match event.path {
        None => RouteKey::Default,
        Some(path) if path == "$default" => RouteKey::Default,
        Some(path) => RouteKey::Path { method: event.method.unwrap_or_else(|| "ANY".to_owned()).to_uppercase(), path },
    }
}

fn stream_trigger(
    place: &str,
    function: String,
    name: &str,
    properties: Value,
) -> Result<StreamTrigger, TemplateError> {
    let properties: StreamEvent = typed(place, properties)?;
    let filters = (properties.filter_criteria.map(|criteria| criteria.filters).unwrap_or_default().iter())
        .map(|filter| serde_json::from_str(&filter.pattern).map_err(|error| TemplateError::resource(place, error)))
        .collect::<Result<_, _>>()?;
    let on_failure =
        (properties.destination_config).map(|config| logical_id(place, &config.on_failure.destination)).transpose()?;
    Ok(StreamTrigger {
        function,
        name: name.to_owned(),
        table: logical_id(place, &properties.stream)?,
        starting_position: properties.starting_position,
        batch_size: properties.batching.batch_size.unwrap_or(100),
        batching_window_seconds: properties.batching.maximum_batching_window_in_seconds,
        bisect_on_error: properties.bisect_batch_on_function_error,
        // On AWS, -1 means no limit.
        maximum_retry_attempts: properties.maximum_retry_attempts.and_then(|attempts| u32::try_from(attempts).ok()),
        partial_responses: properties.batching.partial_responses(),
        on_failure,
        filters,
    })
}

/// Reads `rate(5 minutes)` as a duration; `None` if it is something else.
fn rate(expression: &str) -> Option<Duration> {
    let (count, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let seconds = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(count.parse::<u64>().ok()?.checked_mul(seconds)?))
}
