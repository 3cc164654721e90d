//! The document is the one that was reviewed, it names what there is, and its examples are what it says.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use template::{RouteKey, Template};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn the_document_is_the_reviewed_one() {
    let reviewed = fs::read_to_string(root().join("functions/describe_api/openapi.json")).unwrap();
    let generated = serde_json::to_string_pretty(&openapi::document()).unwrap() + "\n";
    assert!(reviewed == generated, "the document changed: run `cargo openapi` and review the difference");
}

/// Function, method and path of each operation.
type Routes = BTreeSet<(String, String, String)>;

/// The operations of the document; the id of each is the name of its function in camel case.
fn documented() -> Routes {
    let document = openapi::document();
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, operation)| {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let words = id.chars().flat_map(|c| c.is_uppercase().then_some('_').into_iter().chain(c.to_lowercase()));
            (words.collect(), method.to_uppercase(), path.clone())
        })
    });
    operations.collect()
}

fn assert_same<T: Ord + std::fmt::Debug>(one: &BTreeSet<T>, other: &BTreeSet<T>, its_name: &str, others_name: &str) {
    let only = |set: &BTreeSet<T>, without: &BTreeSet<T>| format!("{:?}", set.difference(without).collect::<Vec<_>>());
    assert_eq!(only(one, other), "[]", "only in {its_name}, not in {others_name}");
    assert_eq!(only(other, one), "[]", "only in {others_name}, not in {its_name}");
}

#[test]
fn template_document_and_workspace_name_the_same_routes() {
    let template = Template::load(&template::path_in(root())).unwrap();
    let routed = template.routes.iter().filter_map(|route| {
        let RouteKey::Path { method, path } = &route.key else { return None };
        // Each HEAD belongs to a GET, as the tests of the template say; the document describes it in words.
        if method == "HEAD" || route.function == "reject_route" {
            return None;
        }
        Some((route.function.clone(), method.clone(), path.clone()))
    });
    assert_same(&documented(), &routed.collect(), "the document", "template.yaml");

    let deployed: BTreeSet<String> = template.functions.iter().map(|function| function.name.clone()).collect();
    let crates = fs::read_dir(root().join("functions")).unwrap();
    let crates = crates.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_same(&crates.collect(), &deployed, "functions/", "template.yaml");

    let answering: BTreeSet<String> = documented().into_iter().map(|(function, ..)| function).collect();
    let started_by_events = template.schedules.iter().map(|t| &t.function);
    let started_by_events = started_by_events
        .chain(template.queue_triggers.iter().map(|t| &t.function))
        .chain(template.stream_triggers.iter().map(|t| &t.function));
    let others: BTreeSet<&String> = started_by_events.collect();
    let unexplained: Vec<_> =
        deployed.iter().filter(|f| !answering.contains(*f) && !others.contains(f) && *f != "reject_route").collect();
    assert!(unexplained.is_empty(), "functions that nothing calls: {unexplained:?}");
}

/// Every object of the document, with its JSON pointer.
fn objects<'a>(value: &'a Value, at: String, found: &mut BTreeMap<String, &'a Value>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                objects(member, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
            found.insert(at, value);
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| objects(item, format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

#[test]
fn references_and_links_lead_somewhere() {
    let document = openapi::document();
    let mut found = BTreeMap::new();
    objects(&document, String::new(), &mut found);
    let ids: BTreeSet<&str> = found.values().filter_map(|object| object["operationId"].as_str()).collect();
    for (at, object) in &found {
        if let Some(reference) = object["$ref"].as_str() {
            let target = reference.strip_prefix('#').unwrap_or(reference);
            assert!(document.pointer(target).is_some(), "{at}: {reference}");
        }
        for (name, link) in object["links"].as_object().into_iter().flatten() {
            assert!(ids.contains(link["operationId"].as_str().unwrap()), "{at}: {name}");
        }
    }
    let defined = document["components"]["schemas"].as_object().unwrap();
    let used: BTreeSet<&str> = found.values().filter_map(|object| object["$ref"].as_str()).collect();
    let unused = defined.keys().filter(|name| !used.contains(format!("#/components/schemas/{name}").as_str()));
    assert_eq!(unused.collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn every_example_is_what_its_schema_says() {
    let document = openapi::document();
    let mut found = BTreeMap::new();
    objects(&document, String::new(), &mut found);
    let mut examples = 0;
    for (at, schema) in found.iter().filter(|(_, object)| object["examples"].is_array()) {
        let validator = openapi::contract::validator(at);
        for example in schema["examples"].as_array().into_iter().flatten() {
            let faults: Vec<String> = validator.iter_errors(example).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{at}: {faults:?}");
            examples += 1;
        }
    }
    for (at, media) in found.iter().filter(|(_, object)| object.get("schema").is_some()) {
        let validator = openapi::contract::validator(&format!("{at}/schema"));
        let several = media["examples"].as_object().into_iter().flat_map(|named| named.values().map(|e| &e["value"]));
        for example in media.get("example").into_iter().chain(several) {
            let faults: Vec<String> = validator.iter_errors(example).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{at}: {faults:?}");
            examples += 1;
        }
    }
    assert!(examples > 120, "{examples} examples");
}
