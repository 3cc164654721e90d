//! The HTTP client that takes the SDK's requests to the engine.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use serde_json::{Value, json};

use crate::access;
use crate::fault::{self, Call, Fault};
use crate::protocol::{Answer, SECRETS, SQS, error, parse, respond};
use crate::world::World;

/// An HTTP client for the SDK that answers from the embedded world.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    world: Arc<World>,
}

impl Connector {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world }
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let world = Arc::clone(&self.world);
        HttpConnectorFuture::new(async move { exchange(&world, &request).await })
    }
}

/// Answers one request, or loses it or its answer as the faults say.
async fn exchange(world: &World, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let (service, operation, mut body) = parse(request)?;
    if service == SECRETS {
        // Unmetered, and without faults: a secret is read beside the requests, not for one of them.
        return respond(&world.secrets.execute(operation, &body));
    }
    let tables = tables(&body);
    let under_way = world.metering.begin(service);
    // Yield once, so that requests which are awaited together have all begun before the first is answered: they are one
    // round trip.
    tokio::task::yield_now().await;
    let fault = world.next_fault(&Call { operation, tables: &tables, sequence: under_way.sequence, body: &body });
    if fault == Fault::LostRequest {
        return Err(lost("the connection broke before the request was sent"));
    }
    let refused = fault::answer(fault, service, &body).or_else(|| not_granted(world, operation, &body));
    let answer = refused.unwrap_or_else(|| {
        if service == SQS {
            return world.queues.execute(operation, &body, world.clock.now_ms());
        }
        ask_for_capacity(operation, &mut body);
        let actions = body["TransactItems"].as_array().map_or(0, Vec::len);
        let answer = world.tables.execute(operation, body);
        meter(world, operation, actions, &answer);
        answer
    });
    if fault == Fault::LostAnswer {
        return Err(lost("the connection broke before the answer came"));
    }
    respond(&answer)
}

/// IAM's refusal of a request that the policy of its function does not grant.
fn not_granted(world: &World, operation: &str, body: &Value) -> Option<Answer> {
    let (function, (access, log)) = (access::function()?, world.access.get()?);
    match access.check(&function, operation, body) {
        Ok(used) => {
            used.into_iter().for_each(|grant| log(&function, Ok(grant)));
            None
        }
        Err(refusal) => {
            log(&function, Err(&refusal));
            Some(error(400, "com.amazon.coral.service#AccessDeniedException", &refusal))
        }
    }
}

/// Asks DynamoDB to report what the request consumes, if the caller did not.
fn ask_for_capacity(operation: &str, body: &mut Value) {
    let about_items = !matches!(operation, "CreateTable" | "DescribeTable" | "UpdateTimeToLive");
    if about_items && body.get("ReturnConsumedCapacity").is_none() {
        body["ReturnConsumedCapacity"] = json!("TOTAL");
    }
}

fn meter(world: &World, operation: &str, actions: usize, answer: &Answer) {
    world.metering.add_consumed(operation, &answer.body);
    let error = answer.body["__type"].as_str().unwrap_or_default();
    if error.ends_with("#ConditionalCheckFailedException") {
        world.metering.add_refused(1.0);
    } else if error.ends_with("#TransactionCanceledException") && operation == "TransactWriteItems" {
        world.metering.add_refused(2.0 * actions as f64);
    }
}

/// The tables that a request names, wherever its operation puts them.
fn tables(body: &Value) -> Vec<String> {
    let mut tables = Vec::new();
    let mut note = |name: Option<&str>| {
        if let Some(name) = name.filter(|name| !tables.iter().any(|known| known == name)) {
            tables.push(name.to_owned());
        }
    };
    note(body["TableName"].as_str());
    for action in body["TransactItems"].as_array().into_iter().flatten() {
        for detail in action.as_object().into_iter().flat_map(|kinds| kinds.values()) {
            note(detail["TableName"].as_str());
        }
    }
    for name in body["RequestItems"].as_object().into_iter().flat_map(|named| named.keys()) {
        note(Some(name));
    }
    tables
}

fn lost(text: &str) -> ConnectorError {
    ConnectorError::io(text.into())
}
