//! Builds the object of one operation: a route with its parameters, body, answers and problems.

use crate::{codes, schemas::Schemas};
use serde_json::{Map, Value, json};
use shared::{
    domain::{refusal::Refusal, session::EndReason},
    http::{Problem, call::MAX_BODY_BYTES},
    store::StoreError,
};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Who may call an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Anybody.
    Nobody,
    /// Anybody, or only a caller with a token: the deployment decides.
    Configured,
    /// A caller with an access token.
    Access,
    /// A caller with an access or a queue token.
    Either,
    /// An admitted fan, with a queue token.
    Admitted,
    /// A caller with an access token of the role operator or admin.
    Operator,
    /// A caller with an access token of the role admin.
    Admin,
}

/// An operation under construction.
pub struct Operation {
    /// The method in lower case.
    pub method: &'static str,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    head: Map<String, Value>,
    parameters: Vec<Value>,
    successes: BTreeMap<u16, Value>,
    refusals: BTreeMap<u16, BTreeMap<&'static str, Vec<Problem>>>,
}

impl Operation {
    /// Starts an operation, named after its function.
    pub fn new(function: &str, method: &'static str, path: &'static str, caller: Caller) -> Self {
        let mut operation = Operation {
            method,
            path,
            head: Map::from_iter([("operationId".to_owned(), json!(operation_id(function)))]),
            parameters: Vec::new(),
            successes: BTreeMap::new(),
            refusals: BTreeMap::new(),
        };
        operation.head.insert("security".to_owned(), security(caller));
        operation.refuse(Problem::internal(""));
        if caller != Caller::Nobody {
            operation.refuse(Problem::no_token());
            operation.refuse(Problem::token_expired());
        }
        match caller {
            Caller::Admitted => operation.refuses([
                Refusal::NotActive { retry_after: 53 },
                Refusal::SessionOver { reason: EndReason::Expired },
                // For a place that waited too long in a queue that was deleted in the meantime.
                Refusal::QueueNotFound,
            ]),
            Caller::Admin => operation.refuses([Refusal::AdminsOnly]),
            Caller::Operator => operation.refuses([Refusal::OperatorsOnly]),
            _ => operation,
        }
    }

    /// Adds the tag, a summary of one line and a description in Markdown.
    pub fn about(mut self, tag: &str, summary: &str, description: &str) -> Self {
        self.head.insert("tags".to_owned(), json!([tag]));
        self.head.insert("summary".to_owned(), json!(summary));
        self.head.insert("description".to_owned(), json!(description));
        self
    }

    /// Adds 503: the operation reads the tables or the signing secret, which can fail.
    pub fn stored(mut self) -> Self {
        self.refuse(StoreError::unavailable("").into());
        self
    }

    /// Adds a path parameter.
    pub fn path_parameter(self, name: &str, description: &str, schema: Value, example: &str) -> Self {
        self.parameter(json!({
            "name": name, "in": "path", "required": true, "description": description, "schema": schema,
            "example": example,
        }))
    }

    /// Adds an optional query parameter.
    pub fn query(self, name: &str, description: &str, schema: Value) -> Self {
        self.parameter(json!({ "name": name, "in": "query", "description": description, "schema": schema }))
    }

    fn parameter(mut self, parameter: Value) -> Self {
        self.parameters.push(parameter);
        self.refuse(invalid());
        self
    }

    /// Adds a required JSON body.
    pub fn body<T: ToSchema>(self, schemas: &mut Schemas, example: Value) -> Self {
        self.takes::<T>(schemas, true, example)
    }

    /// Adds an optional JSON body.
    pub fn optional_body<T: ToSchema>(self, schemas: &mut Schemas, example: Value) -> Self {
        self.takes::<T>(schemas, false, example)
    }

    fn takes<T: ToSchema>(mut self, schemas: &mut Schemas, required: bool, example: Value) -> Self {
        let content = json!({ "schema": schemas.request::<T>(), "example": example });
        let body = json!({ "required": required, "content": { "application/json": content } });
        self.head.insert("requestBody".to_owned(), body);
        self.refuse(invalid());
        self.refuse(Problem::too_large(MAX_BODY_BYTES));
        self.refuse(Problem::unsupported_media_type());
        self
    }

    /// Adds the header `Idempotency-Key` with its refusals.
    pub fn idempotent(self) -> Self {
        self.parameter(json!({ "$ref": "#/components/parameters/IdempotencyKey" }))
            .refuses([Refusal::RequestInProgress, Refusal::IdempotencyKeyReused])
    }

    /// Adds 429: the operation is limited against abuse.
    pub fn limited(self) -> Self {
        self.refuses([Refusal::TooManyRequests { retry_after: 23 }])
    }

    /// Adds these refusals.
    pub fn refuses(mut self, refusals: impl IntoIterator<Item = Refusal>) -> Self {
        refusals.into_iter().for_each(|refusal| self.refuse(refusal.into()));
        self
    }

    fn refuse(&mut self, problem: Problem) {
        let codes = self.refusals.entry(problem.status.as_u16()).or_default();
        let problems = codes.entry(problem.code).or_default();
        if problems.iter().all(|known| example(known) != example(&problem)) {
            problems.push(problem);
        }
    }

    /// Adds what public documents share, behind their answer 200: its headers, and 304.
    pub fn cached(mut self) -> Self {
        let of_document = headers(&["Age", "ETag"]);
        if let Some(named) = self.successes.get_mut(&200).and_then(|answer| answer["headers"].as_object_mut()) {
            named.extend(of_document.as_object().cloned().unwrap_or_default());
        }
        let mut kept = headers(&["Age", "ETag"]);
        if let Some(link) = self.successes.get(&200).and_then(|answer| answer["headers"].get("Link")) {
            kept["Link"] = link.clone();
        }
        let description = "The client has the current document already: `If-None-Match` names its `ETag`.";
        let unmodified = json!({ "description": description, "headers": kept });
        self.successes.insert(304, unmodified);
        self.parameters.push(json!({ "$ref": "#/components/parameters/IfNoneMatch" }));
        self
    }

    /// Adds an answer without a body.
    pub fn answers_nothing(mut self, status: u16, description: &str) -> Self {
        let answer = json!({ "description": description, "headers": headers(&[]) });
        self.successes.insert(status, answer);
        self
    }

    /// Adds an answer with a JSON body and the named headers of `components.headers`.
    pub fn answers(
        mut self,
        status: u16,
        description: &str,
        named: &[&str],
        schema: Value,
        example: impl Into<Option<Value>>,
    ) -> Self {
        let mut content = json!({ "schema": schema });
        if let Some(example) = example.into() {
            content["example"] = example;
        }
        self.successes.insert(
            status,
            json!({
                "description": description,
                "headers": headers(named),
                "content": { "application/json": content },
            }),
        );
        self
    }

    /// Adds several examples to the answer with this status, each with its name and summary.
    pub fn shows(
        mut self,
        status: u16,
        examples: impl IntoIterator<Item = (&'static str, &'static str, Value)>,
    ) -> Self {
        let named = examples
            .into_iter()
            .map(|(name, summary, value)| (name.to_owned(), json!({ "summary": summary, "value": value })));
        let content =
            self.successes.get_mut(&status).and_then(|answer| answer.pointer_mut("/content/application~1json"));
        if let Some(content) = content {
            content["examples"] = Value::Object(named.collect());
        }
        self
    }

    /// Adds the answer 200 with an HTML page and the named headers.
    pub fn answers_page(mut self, description: &str, named: &[&str], example: &str) -> Self {
        let content = json!({ "text/html": { "example": example } });
        let answer = json!({ "description": description, "headers": headers(named), "content": content });
        self.successes.insert(200, answer);
        self
    }

    /// Adds a link from an answer to the operation of `function`, with parameters and a body that come from the
    /// exchange.
    pub fn then(mut self, status: u16, function: &str, parameters: Value, body: impl Into<Option<Value>>) -> Self {
        let target = operation_id(function);
        let mut link = json!({ "operationId": target, "parameters": parameters });
        if let Some(body) = body.into() {
            link["requestBody"] = body;
        }
        if let Some(answer) = self.successes.get_mut(&status) {
            answer["links"][target] = link;
        }
        self
    }

    /// Returns the operation object. The answers with problems go to `shared`, the `components.responses`, since
    /// several operations use them.
    pub fn into_value(mut self, shared: &mut Map<String, Value>) -> Value {
        let refusals = self.refusals.into_iter().map(|(status, codes)| {
            let name = codes.keys().fold(status.to_string(), |name, code| format!("{name}.{code}"));
            let reference = json!({ "$ref": format!("#/components/responses/{name}") });
            shared.entry(name).or_insert_with(|| refusal(status, &codes));
            (status, reference)
        });
        let responses: Map<String, Value> =
            self.successes.into_iter().chain(refusals).map(|(status, answer)| (status.to_string(), answer)).collect();
        if !self.parameters.is_empty() {
            self.head.insert("parameters".to_owned(), Value::Array(self.parameters));
        }
        self.head.insert("responses".to_owned(), Value::Object(responses));
        Value::Object(self.head)
    }
}

/// The operation id of a function: its name in camelCase.
pub fn operation_id(function: &str) -> String {
    let mut words = function.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |id, word| {
        let (initial, rest) = word.split_at(1.min(word.len()));
        id + &initial.to_uppercase() + rest
    })
}

fn invalid() -> Problem {
    Problem::invalid("/amount", "must be a whole amount from 1 to 1000000000000")
}

fn security(caller: Caller) -> Value {
    let (access, queue) = (json!({ "accessToken": [] }), json!({ "queueToken": [] }));
    match caller {
        Caller::Nobody => json!([]),
        Caller::Configured => json!([{}, access, queue]),
        Caller::Access | Caller::Operator | Caller::Admin => json!([access]),
        Caller::Either => json!([access, queue]),
        Caller::Admitted => json!([queue]),
    }
}

/// The answer with this status and these problems, by code.
fn refusal(status: u16, problems: &BTreeMap<&'static str, Vec<Problem>>) -> Value {
    let later = ["not_active", "request_in_progress", "too_many_requests", "unavailable"];
    let retry = later.iter().any(|code| problems.contains_key(code));
    let named: &[&str] = match status {
        401 => &["WWW-Authenticate"],
        _ if retry => &["Retry-After"],
        _ => &[],
    };
    let codes: Vec<_> = problems.keys().collect();
    let examples: Map<String, Value> =
        problems.values().flat_map(|same| same.iter().enumerate().map(as_example)).collect();
    json!({
        "description": codes::describe(problems.keys()),
        "headers": headers(named),
        "content": { "application/problem+json": { "schema": { "allOf": [
            { "$ref": "#/components/schemas/Problem" },
            { "type": "object", "properties": {
                "status": { "const": status, "description": "The HTTP status of this answer." },
                "code": { "enum": codes, "description": "The codes that this answer can have." },
            } },
        ] }, "examples": examples } },
    })
}

/// A problem as a named example. Further examples of one code get a number.
fn as_example((index, problem): (usize, &Problem)) -> (String, Value) {
    let name = if index == 0 { problem.code.to_owned() } else { format!("{}_{}", problem.code, index + 1) };
    (name, json!({ "value": example(problem) }))
}

/// The body of the answer with a problem.
fn example(problem: &Problem) -> Value {
    let answer = problem.clone().into_response("KqzB4iPgliAEMnA=");
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

/// References to the named headers, and to those of every answer: `Cache-Control`, `Vary` and `x-request-id`.
fn headers(named: &[&str]) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
    let all = named.iter().chain(&["Cache-Control", "Vary", "x-request-id"]);
    Value::Object(all.map(|name| ((*name).to_owned(), reference(name))).collect())
}
