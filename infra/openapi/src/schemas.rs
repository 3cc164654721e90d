//! The schemas of bodies, generated from the types that the handlers read and write.

use crate::{
    examples,
    problem::{end_reason, problem},
};
use serde_json::{Map, Value, json};
use utoipa::{ToSchema, openapi::RefOr, openapi::schema::Schema};

/// The component schemas, by name.
#[derive(Default)]
pub struct Schemas(Map<String, Value>);

impl Schemas {
    /// Adds the schema of a type in requests or parameters, and returns a reference to it.
    pub fn request<T: ToSchema>(&mut self) -> Value {
        self.reference::<T>(false)
    }

    /// Adds the schema of a type in answers, where every field is required, and returns a reference to it.
    pub fn answer<T: ToSchema>(&mut self) -> Value {
        self.reference::<T>(true)
    }

    /// Returns the `components.schemas` of the document.
    pub fn into_components(mut self) -> Value {
        self.0.insert("Problem".to_owned(), problem());
        self.0.insert("EndReason".to_owned(), end_reason());
        self.0.insert("KeySet".to_owned(), key_set());
        for (name, example) in EXAMPLES {
            self.0[*name]["examples"] = json!([example]);
        }
        either_one_seat_or_several(&mut self.0["NewReservation"]);
        Value::Object(self.0)
    }

    fn reference<T: ToSchema>(&mut self, whole: bool) -> Value {
        let mut found: Vec<(String, RefOr<Schema>)> = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            let mut schema = serde_json::to_value(schema).unwrap_or_default();
            forget_machine_types(&mut schema);
            describe_properties(&mut schema);
            tidy(&mut schema);
            if whole {
                require_all(&mut schema);
            }
            self.0.insert(name, schema);
        }
        json!({ "$ref": format!("#/components/schemas/{}", T::name()) })
    }
}

/// Examples of ids. Their types have no examples of their own.
const EXAMPLES: &[(&str, &str)] = &[
    ("UserId", examples::USER),
    ("ConcertId", examples::CONCERT),
    ("EventId", examples::EVENT),
    ("ReservationId", examples::RESERVATION),
    ("PaymentId", examples::PAYMENT),
];

/// Moves the description of a nullable property from the alternative that is not null to the property itself.
fn describe_properties(schema: &mut Value) {
    for property in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        let inside = property.pointer_mut("/oneOf/0").and_then(Value::as_object_mut);
        if let Some(description) = inside.and_then(|alternative| alternative.remove("description")) {
            property["description"] = description;
        }
    }
    schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten().for_each(describe_properties);
}

/// Joins the lines of doc comments to paragraphs, and moves each `example` into a list `examples`, as OpenAPI 3.1 has
/// it.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(example) = members.remove("example") {
                members.insert("examples".to_owned(), json!([example]));
            }
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = paragraphs(text);
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// Joins the lines of each paragraph to one; rows of a table stay separate lines.
fn paragraphs(text: &str) -> String {
    text.lines().fold(String::new(), |mut all, line| {
        let glued = all.is_empty() || all.ends_with('\n') || line.is_empty() || line.starts_with('|');
        all.push_str(if all.is_empty() {
            ""
        } else if glued {
            "\n"
        } else {
            " "
        });
        all + line
    })
}

/// Makes every property required: answers leave no field out, and send null for unknown values.
fn require_all(schema: &mut Value) {
    if let Some(properties) = schema["properties"].as_object() {
        let names: Vec<&String> = properties.keys().collect();
        schema["required"] = json!(names);
    }
    for part in schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        require_all(part);
    }
}

/// Removes the formats `int32` and `int64`: clients need the bounds of a number, not its width in Rust.
fn forget_machine_types(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("format").is_some_and(|format| format == "int32" || format == "int64") {
                members.remove("format");
            }
            members.values_mut().for_each(forget_machine_types);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_machine_types),
        _ => {}
    }
}

/// Adds rules that the Rust type of a hold's request cannot express: either one seat or several, without duplicates.
fn either_one_seat_or_several(schema: &mut Value) {
    schema["properties"]["seatNumbers"]["uniqueItems"] = json!(true);
    let only = |some: &str, other: &str| {
        let properties = json!({
            some: { "not": { "type": "null" }, "description": format!("Sent, where `{other}` is not.") },
            other: { "type": "null", "description": format!("Left out or null, where `{some}` is sent.") },
        });
        json!({ "required": [some], "properties": properties })
    };
    schema["oneOf"] = json!([only("seatNumber", "seatNumbers"), only("seatNumbers", "seatNumber")]);
}

/// The schema of the key set (RFC 7517), as `shared::http::tokens` writes it.
fn key_set() -> Value {
    let constant = |value: &str, description: &str| json!({ "const": value, "description": description });
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "A JSON Web Key Set (RFC 7517) with the public keys of all tokens that are good now.",
        "required": ["keys"],
        "properties": { "keys": {
            "type": "array",
            "minItems": 1,
            "description": "The public keys. There are several while a signing secret is replaced.",
            "items": {
                "type": "object",
                "description": "One Ed25519 public key (RFC 8037).",
                "required": ["kty", "crv", "alg", "use", "kid", "x"],
                "properties": {
                    "kty": constant("OKP", "The key type, always `OKP`."),
                    "crv": constant("Ed25519", "The curve, always `Ed25519`."),
                    "alg": constant("EdDSA", "The algorithm of the signatures, always `EdDSA`."),
                    "use": constant("sig", "What the key is for: `sig`, checking signatures."),
                    "kid": text("The id of the key. A token names it in the `kid` of its header."),
                    "x": text("The 32 bytes of the public key, in base64url without padding."),
                },
            },
        } },
    })
}
