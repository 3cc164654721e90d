//! The document is written for a stranger: everything is described in plain words, and every operation shows an example.

use serde_json::{Value, json};

const MIN_WORDS: usize = 4;

/// Words that descriptions avoid, and the words of other systems for a queue and for what happens in it.
const AVOIDED: [&str; 16] = [
    "let in",
    "lets in",
    "turn",
    "turns",
    "whoever",
    "anew",
    "told",
    "in the way of",
    "merely",
    "had its fill",
    "so many",
    "the one that",
    "in line",
    "the line",
    "place in line",
    "ticket number",
];

/// What only somebody who reads Rust knows.
const RUST: [&str; 29] = [
    "Debug", "Option", "Some", "None", "Result", "Ok", "Err", "Vec", "String", "str", "Box", "Arc", "Self", "self",
    "struct", "enum", "impl", "fn", "pub", "serde", "utoipa", "u8", "u16", "u32", "u64", "usize", "i32", "i64", "f64",
];

/// Members that hold values of a client or server, not descriptions.
const VALUES: [&str; 6] = ["example", "examples", "default", "enum", "const", "links"];

fn step(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Every object of the document with its JSON pointer, values left out.
fn objects<'a>(value: &'a Value, at: &str, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(members) => {
            found.push((at.to_owned(), value));
            let named_freely = at.ends_with("/properties");
            let described = members.iter().filter(|(name, _)| named_freely || !VALUES.contains(&name.as_str()));
            described.for_each(|(name, member)| objects(member, &step(at, name), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| objects(item, &step(at, &index.to_string()), found));
        }
        _ => {}
    }
}

/// Whether the object at a pointer must have a description of its own.
fn wants_description(at: &str, object: &Value) -> bool {
    let mut steps = at.rsplit('/').skip(1);
    let parent = steps.next().unwrap_or_default();
    let within_components = steps.next() == Some("components");
    match parent {
        // A reference without a description says what type it has, not what it means here.
        "properties" => true,
        "parameters" | "headers" | "responses" => object.get("$ref").is_none(),
        "schemas" | "securitySchemes" => within_components,
        "tags" => true,
        _ => object.get("operationId").is_some_and(|_| object.get("responses").is_some()),
    }
}

/// What is wrong with a text for people.
fn word_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for code in text.split('`').skip(1).step_by(2) {
        let rust = code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').find(|word| RUST.contains(word));
        if rust.is_some() || code.contains("::") {
            faults.push(format!("`{code}` is a word of Rust"));
        }
    }
    let words: Vec<_> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let plain = format!(" {} ", words.join(" ").to_lowercase());
    let avoided = AVOIDED.iter().filter(|phrase| plain.contains(&format!(" {phrase} ")));
    faults.extend(avoided.map(|phrase| format!("\"{phrase}\" is to be avoided")));
    faults
}

fn description_faults(at: &str, object: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    match object["description"].as_str() {
        Some(text) if text.split_whitespace().count() < MIN_WORDS => {
            faults.push(format!("{at}/description: \"{text}\" has fewer than {MIN_WORDS} words"));
        }
        None if wants_description(at, object) => faults.push(format!("{at}: has no description")),
        _ => {}
    }
    for member in ["description", "summary", "title"] {
        let found = object[member].as_str().map(word_faults).unwrap_or_default();
        faults.extend(found.into_iter().map(|fault| format!("{at}/{member}: {fault}")));
    }
    faults
}

/// The bodies below a pointer that show no example.
fn unshown(at: &str, holder: &Value) -> Vec<String> {
    let media = holder["content"].as_object().into_iter().flatten();
    let bare = media.filter(|(_, body)| {
        let several = body["examples"].as_object().is_some_and(|examples| !examples.is_empty());
        body.get("example").is_none() && !several
    });
    bare.map(|(name, _)| format!("{}: has no example", step(&format!("{at}/content"), name))).collect()
}

fn example_faults(at: &str, operation: &Value) -> Vec<String> {
    let mut faults = unshown(&format!("{at}/requestBody"), &operation["requestBody"]);
    let responses = operation["responses"].as_object().into_iter().flatten();
    let successes = responses.filter(|(status, _)| status.starts_with('2'));
    faults.extend(successes.flat_map(|(status, answer)| unshown(&format!("{at}/responses/{status}"), answer)));
    faults
}

/// Every fault of a document, each with its JSON pointer.
fn faults(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    objects(document, "", &mut found);
    let mut faults = Vec::new();
    for (at, object) in found {
        faults.extend(description_faults(&at, object));
        if object.get("operationId").is_some() {
            faults.extend(example_faults(&at, object));
        }
    }
    faults
}

#[test]
fn everything_is_described_in_plain_words_and_shown_by_example() {
    let faults = faults(&openapi::document());
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn a_fault_is_found_wherever_it_stands() {
    let good = "The number of the seat.";
    let body = |example: Value| json!({ "content": { "application/json": example } });
    let document = |description: &str| {
        json!({
            "tags": [{ "name": "Queue", "description": description }],
            "components": {
                "schemas": { "Seat": { "description": description, "properties": { "example": { "description": description } } } },
                "headers": { "Link": { "description": description } },
            },
            "paths": { "/a": { "get": {
                "operationId": "a", "description": description,
                "parameters": [{ "name": "b", "description": description }],
                "requestBody": body(json!({ "example": 1 })),
                "responses": {
                    "200": { "description": description, "content": { "text/html": { "examples": { "c": {} } } } },
                },
            } } },
        })
    };
    assert_eq!(faults(&document(good)), Vec::<String>::new());
    let everywhere = [
        "/components/headers/Link",
        "/components/schemas/Seat",
        "/components/schemas/Seat/properties/example",
        "/paths/~1a/get",
        "/paths/~1a/get/parameters/0",
        "/paths/~1a/get/responses/200",
        "/tags/0",
    ];
    for bad in [
        "Which one it",
        "A text that has no `Debug` at all.",
        "Why, as in `Refusal::Forbidden` it was.",
        "The fan who was let in.",
        "The fan who was\ntold of it.",
    ] {
        let found = faults(&document(bad));
        let mut pointers: Vec<_> = found.iter().filter_map(|fault| fault.split_once("/description: ")).collect();
        pointers.sort_unstable();
        assert_eq!(pointers.iter().map(|(at, _)| *at).collect::<Vec<_>>(), everywhere, "{found:?}");
    }
}

#[test]
fn what_is_missing_is_found_too() {
    let document = json!({
        "components": {
            "schemas": { "Seat": { "description": "One seat of a concert.", "properties": { "a": { "$ref": "#/b" } } } },
        },
        "paths": { "/a": { "post": {
            "operationId": "a", "description": "Holds a seat for a fan.",
            "parameters": [{ "$ref": "#/c" }],
            "requestBody": { "content": { "application/json": { "schema": {} } } },
            "responses": {
                "200": { "description": "The seat is held now.", "content": { "application/json": { "examples": {} } } },
                "204": { "description": "The seat is not held." },
                "409": { "description": "The seat is held already.", "content": { "application/json": {} } },
            },
        } } },
    });
    assert_eq!(
        faults(&document),
        [
            "/components/schemas/Seat/properties/a: has no description",
            "/paths/~1a/post/requestBody/content/application~1json: has no example",
            "/paths/~1a/post/responses/200/content/application~1json: has no example",
        ]
    );
}
