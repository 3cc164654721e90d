//! The files in `events/` and their expected answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::{Value, json};
use template::Template;
use tools::workspace;

/// Functions without input, for which no event can be bad.
const WITHOUT_BAD_EVENT: [&str; 6] =
    ["check_health", "describe_api", "get_jwks", "reconcile", "show_docs", "sweep_holds"];
/// The extension of an event. `create_user.json` is the good event of a function, `create_user.short.json` a bad one.
const EXTENSION: &str = ".json";
/// The end of the name of a file with the expected answers to a function's events.
const ANSWERS: &str = ".answers.json";

/// The names of the JSON files in `events/`.
fn files() -> BTreeSet<String> {
    let directory = fs::read_dir(workspace::root().join("events")).expect("there are events");
    let files = directory.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"));
    files.filter(|file| file.ends_with(EXTENSION)).collect()
}

/// The text of a file in `events/`.
fn read(file: &str) -> String {
    fs::read_to_string(workspace::root().join("events").join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The expected answer of each event, by the event's file name.
pub fn answers() -> BTreeMap<String, Value> {
    let mut answers = BTreeMap::new();
    for file in files() {
        let Some(function) = file.strip_suffix(ANSWERS) else { continue };
        let of_function: BTreeMap<String, Value> =
            serde_json::from_str(&read(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        answers.extend(of_function.into_iter().map(|(what, answer)| (event_file(function, &what), answer)));
    }
    answers
}

/// The file of a function's event. `what` is empty for the good event.
fn event_file(function: &str, what: &str) -> String {
    let dot = if what.is_empty() { "" } else { "." };
    format!("{function}{dot}{what}{EXTENSION}")
}

/// The function that an event is for.
pub fn function_of(file: &str) -> &str {
    file.split_once('.').map_or(file, |(function, _)| function)
}

/// The text of an event, with its placeholders filled in.
pub fn rendered(file: &str, values: &BTreeMap<&str, String>) -> String {
    let text = filled_in(&read(file), values);
    assert!(!text.contains("${"), "{file}: a placeholder without a value: {text}");
    text
}

/// Replaces the known placeholders in a text; others stay.
pub fn filled_in(text: &str, values: &BTreeMap<&str, String>) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
}

/// Returns how `actual` differs from what was expected; `None` if it does not. Members that are not expected may have
/// any value; `${any}` stands for anything but null.
pub fn difference(expected: &Value, actual: &Value) -> Option<String> {
    match (expected, actual) {
        (Value::String(any), actual) if any == "${any}" => actual.is_null().then(|| "is null".to_owned()),
        (Value::Object(expected), Value::Object(actual)) => expected.iter().find_map(|(name, value)| {
            let found = actual.get(name).ok_or("is missing".to_owned());
            let why = found.map_or_else(Some, |found| difference(value, found));
            why.map(|why| format!("{name}: {why}"))
        }),
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            (expected.iter().zip(actual)).find_map(|(expected, actual)| difference(expected, actual))
        }
        (expected, actual) => (expected != actual).then(|| format!("{actual}, not {expected}")),
    }
}

#[test]
fn every_function_has_a_good_and_a_bad_event() {
    let files: BTreeSet<_> = files().into_iter().filter(|file| !file.ends_with(ANSWERS)).collect();
    let expected: BTreeSet<_> = answers().into_keys().collect();
    assert_eq!(files, expected, "each event needs an answer, and each answer an event");
    let template = Template::load(&template::path_in(workspace::root())).expect("it is valid");
    let names: BTreeSet<_> = template.functions.iter().map(|function| function.name.as_str()).collect();
    for name in &names {
        assert!(files.contains(&event_file(name, "")), "{name} has no good event");
        let others = files.iter().filter(|file| function_of(file) == *name).count() - 1;
        assert!(others > 0 || WITHOUT_BAD_EVENT.contains(name), "{name} has no bad event");
    }
    for file in &files {
        assert!(names.contains(function_of(file)), "{file} belongs to no function");
    }
}

#[test]
fn events_of_routes_have_the_route_key_of_the_template() {
    let template = Template::load(&template::path_in(workspace::root())).expect("it is valid");
    for file in answers().keys() {
        let event: Value = serde_json::from_str(&read(file)).expect("JSON");
        let route = template.routes.iter().find(|route| route.function == function_of(file));
        assert_eq!(event.get("routeKey").cloned(), route.map(|route| json!(route.key.to_string())), "{file}");
    }
}

#[test]
fn difference_ignores_unexpected_members_only() {
    let json = |text: &str| serde_json::from_str(text).expect("JSON");
    let same = |expected: &str, actual: &str| difference(&json(expected), &json(actual)).is_none();
    assert!(same(r#"{"a":1,"b":"${any}"}"#, r#"{"a":1,"b":[],"c":2}"#));
    assert!(same(r#"[{"a":null}]"#, r#"[{"a":null,"b":1}]"#));
    assert!(!same(r#"{"a":1}"#, r#"{"a":2}"#) && !same(r#"{"a":1}"#, "{}") && !same(r#"{"a":null}"#, "{}"));
    assert!(!same("[1]", "[1,2]") && !same(r#"{"a":"${any}"}"#, r#"{"a":null}"#));
}
