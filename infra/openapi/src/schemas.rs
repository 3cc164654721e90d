//! The schemas of bodies, from the types that the handlers read and write.

use serde_json::{Map, Value, json};
use utoipa::{ToSchema, openapi::RefOr, openapi::schema::Schema};

/// The component schemas, by name.
#[derive(Default)]
pub struct Schemas(Map<String, Value>);

impl Schemas {
    /// A reference to the schema of a type that requests or parameters are made of.
    pub fn request<T: ToSchema>(&mut self) -> Value {
        self.reference::<T>(false)
    }

    /// A reference to the schema of a type that answers are made of: each of its fields is always there.
    pub fn answer<T: ToSchema>(&mut self) -> Value {
        self.reference::<T>(true)
    }

    /// The `components.schemas` of the document.
    pub fn into_components(mut self) -> Value {
        self.0.insert("Problem".to_owned(), problem());
        self.0.insert("KeySet".to_owned(), key_set());
        either_one_seat_or_several(&mut self.0["NewReservation"]);
        Value::Object(self.0)
    }

    fn reference<T: ToSchema>(&mut self, whole: bool) -> Value {
        let mut found: Vec<(String, RefOr<Schema>)> = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            let mut schema = serde_json::to_value(schema).unwrap_or_default();
            forget_machine_types(&mut schema);
            if whole {
                require_all(&mut schema);
            }
            self.0.insert(name, schema);
        }
        json!({ "$ref": format!("#/components/schemas/{}", T::name()) })
    }
}

/// Answers leave no field out; what is not known is null.
fn require_all(schema: &mut Value) {
    if let Some(properties) = schema["properties"].as_object() {
        let names: Vec<&String> = properties.keys().collect();
        schema["required"] = json!(names);
    }
    for part in schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        require_all(part);
    }
}

/// How wide a number is in our memory is nothing to a client; its bounds are.
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

/// What the type of a reservation's request cannot say: either one seat or several, each named once.
fn either_one_seat_or_several(schema: &mut Value) {
    schema["properties"]["seatNumbers"]["uniqueItems"] = json!(true);
    let only = |some: &str, other: &str| {
        let properties = json!({ some: { "not": { "type": "null" } }, other: { "type": "null" } });
        json!({ "required": [some], "properties": properties })
    };
    schema["oneOf"] = json!([only("seatNumber", "seatNumbers"), only("seatNumbers", "seatNumber")]);
}

/// RFC 9457, as `shared::http::Problem` writes it.
fn problem() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "RFC 9457 problem details.",
        "required": ["type", "title", "status", "detail", "instance", "code"],
        "properties": {
            "type": text("A URN that ends with the code."),
            "title": text("The status in words."),
            "status": { "type": "integer", "description": "The HTTP status." },
            "detail": text("One sentence for people."),
            "instance": text("The request's id, as in x-request-id."),
            "code": text("The stable code for machines."),
            "errors": {
                "type": "array",
                "description": "With invalid_request: what is wrong where.",
                "items": {
                    "type": "object",
                    "required": ["pointer", "detail"],
                    "properties": {
                        "pointer": text("A JSON pointer into the body, or the name of a parameter."),
                        "detail": text("What is wrong."),
                    },
                },
            },
            "seatNumbers": {
                "type": "array",
                "items": { "type": "integer", "minimum": 1 },
                "description": "With seat_unavailable and seat_not_found: which.",
            },
            "reservationId": {
                "type": "string", "format": "uuid",
                "description": "With seat_unavailable: the caller's own reservation that holds one of them.",
            },
            "reason": {
                "type": "string",
                "enum": ["PAID", "LEFT", "EXPIRED", "NO_SHOW", "SUPERSEDED", "WAITED_TOO_LONG", "REMOVED"],
                "description": "With session_over: why.",
            },
            "limit": {
                "type": "integer",
                "description": "With seat_limit: how many seats one session may hold and buy. With hold_limit: how many \
                    holds one session may make.",
            },
            "held": { "type": "integer", "description": "With seat_limit: the seats that the session holds." },
            "bought": {
                "type": "integer",
                "description": "With seat_limit: the seats that the session bought, refunded ones too.",
            },
            "paymentId": {
                "type": "string", "format": "uuid",
                "description": "With payment_already_processed: the payment.",
            },
        },
    })
}

/// RFC 7517, as `shared::http::tokens` writes it.
fn key_set() -> Value {
    let constant = |value: &str| json!({ "const": value });
    json!({
        "type": "object",
        "description": "RFC 7517 JSON Web Key Set.",
        "required": ["keys"],
        "properties": { "keys": { "type": "array", "minItems": 1, "items": {
            "type": "object",
            "required": ["kty", "crv", "alg", "use", "kid", "x"],
            "properties": {
                "kty": constant("OKP"), "crv": constant("Ed25519"), "alg": constant("EdDSA"), "use": constant("sig"),
                "kid": { "type": "string" }, "x": { "type": "string" },
            },
        } } },
    })
}
