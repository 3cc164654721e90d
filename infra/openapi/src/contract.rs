//! Checks an HTTP exchange against the document. The tests check every answer that they get.

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// Headers that any answer may have, which the document describes in words: those of the message and of CORS.
const OF_EVERY_ANSWER: [&str; 5] = [
    "content-type",
    "content-length",
    "content-encoding",
    "access-control-allow-origin",
    "access-control-expose-headers",
];

const BASE: &str = "urn:stagedoor:document";

static DOCUMENT: LazyLock<Value> = LazyLock::new(crate::document);
static REGISTRY: LazyLock<Registry<'static>> = LazyLock::new(|| {
    let registry = Registry::new().add(BASE, &*DOCUMENT).expect("the document is a resource");
    registry.prepare().expect("every reference of the document resolves")
});
static VALIDATORS: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());

/// Returns the validator of the schema at a JSON pointer of the document. The validator checks formats, too.
///
/// # Panics
/// When there is no schema at the pointer.
pub fn validator(pointer: &str) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let build = || {
        let fragment = pointer.replace('{', "%7B").replace('}', "%7D");
        let options = jsonschema::options().with_registry(&REGISTRY).should_validate_formats(true);
        let validator = options.build(&json!({ "$ref": format!("{BASE}#{fragment}") }));
        Arc::new(validator.expect("a schema"))
    };
    Arc::clone(validators.entry(pointer.to_owned()).or_insert_with(build))
}

/// A request and its answer.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The route, such as `GET /api/v1/queues/{queueId}`.
    pub route: &'a str,
    /// The body of the request, if it was JSON.
    pub asked: Option<&'a Value>,
    /// The status of the answer.
    pub status: u16,
    /// The headers of the answer, by lower-case name.
    pub headers: &'a BTreeMap<String, String>,
    /// The body of the answer; null where there is none.
    pub answered: &'a Value,
}

impl Exchange<'_> {
    /// Returns every difference between this exchange and the document.
    pub fn faults(&self) -> Vec<String> {
        let Some((method, path)) = self.route.split_once(' ') else { return vec![format!("{}: no route", self.route)] };
        // The document describes HEAD in words: GET without the body.
        let (method, head) = if method == "HEAD" { ("GET", true) } else { (method, false) };
        let at = format!("/paths/{}/{}", path.replace('~', "~0").replace('/', "~1"), method.to_lowercase());
        let status = self.status;
        let Some((at_answer, answer)) = resolved(&format!("{at}/responses/{status}")) else {
            return vec![format!("{}: {status} is not documented", self.route)];
        };
        let mut faults = self.header_faults(answer);
        match self.headers.get("content-type") {
            Some(_) if head => {}
            Some(media) => match answer["content"].get(media.split(';').next().unwrap_or_default()) {
                // Without a schema: a page, not JSON.
                Some(described) if described.get("schema").is_none() => {}
                Some(_) => {
                    let pointer = format!("{at_answer}/content/{}/schema", media.replace('/', "~1"));
                    faults.extend(mismatches("answer", &pointer, self.answered));
                }
                None => faults.push(format!("{media} is not documented")),
            },
            None if answer.get("content").is_some() && !head => faults.push("the answer has no content".to_owned()),
            None => {}
        }
        // The document must allow every request that succeeded. A route without a body ignores one.
        let takes_body = DOCUMENT.pointer(&format!("{at}/requestBody")).is_some();
        if let Some(asked) = self.asked.filter(|_| takes_body && status < 300) {
            faults.extend(mismatches("request", &format!("{at}/requestBody/content/application~1json/schema"), asked));
        }
        faults.iter().map(|fault| format!("{} {status}: {fault}", self.route)).collect()
    }

    fn header_faults(&self, answer: &Value) -> Vec<String> {
        let known: BTreeMap<String, &String> =
            answer["headers"].as_object().into_iter().flatten().map(|(name, _)| (name.to_lowercase(), name)).collect();
        let unknown =
            self.headers.keys().filter(|name| !OF_EVERY_ANSWER.contains(&name.as_str()) && !known.contains_key(*name));
        let mut faults: Vec<String> = unknown.map(|name| format!("the header {name} is not documented")).collect();
        for (lower, name) in known {
            let header = &DOCUMENT["components"]["headers"][name];
            match self.headers.get(&lower) {
                Some(text) => {
                    let value = text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number));
                    faults.extend(mismatches(name, &format!("/components/headers/{name}/schema"), &value));
                }
                None if header["required"] == json!(true) => faults.push(format!("the header {name} is missing")),
                None => {}
            }
        }
        faults
    }
}

/// The object at a pointer of the document, with its pointer. Follows a reference.
fn resolved(pointer: &str) -> Option<(String, &'static Value)> {
    let object = DOCUMENT.pointer(pointer)?;
    match object["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(target) => Some((target.to_owned(), DOCUMENT.pointer(target)?)),
        None => Some((pointer.to_owned(), object)),
    }
}

fn mismatches(what: &str, pointer: &str, value: &Value) -> Vec<String> {
    validator(pointer).iter_errors(value).map(|e| format!("{what}{}: {e}", e.instance_path())).collect()
}
