//! The simulated network between functions and tables: requests and answers take time, get lost or come late, and
//! writes conflict with transactions in flight.

mod items;

use crate::{
    change::Change,
    fault::Fault,
    lock::lock,
    mutation::{self, Mutation},
    sqs,
    world::World,
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use engine::{Answer, DYNAMODB};
use serde_json::{Value, json};
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// How long the SDK waits for the answer to one attempt, in milliseconds.
const ATTEMPT_MS: u64 = 1_000;

/// The HTTP client of one instance of a function.
#[derive(Clone)]
pub struct Connector {
    world: Arc<World>,
    caller: Arc<str>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connector").field(&self.caller).finish()
    }
}

impl Connector {
    /// The HTTP client of an instance, by its name.
    pub fn new(world: &Arc<World>, caller: &Arc<str>) -> Self {
        Connector { world: Arc::clone(world), caller: Arc::clone(caller) }
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Connector { world, caller } = self.clone();
        HttpConnectorFuture::new(async move {
            let (service, operation, body) = engine::parse(&request)?;
            let passage = Passage {
                world,
                caller,
                dynamo: service == DYNAMODB,
                service: service.to_owned(),
                operation: operation.to_owned(),
                body,
            };
            let (sender, answer) = oneshot::channel();
            // In a task of its own, so that the request is applied even if the caller gives up or dies.
            tokio::spawn(async move { sender.send(passage.go().await) });
            match answer.await {
                Ok(Some(answer)) => engine::respond(&answer),
                _ => Err(ConnectorError::io("the connection broke".into())),
            }
        })
    }
}

/// One request on its way.
struct Passage {
    world: Arc<World>,
    caller: Arc<str>,
    dynamo: bool,
    service: String,
    operation: String,
    body: Value,
}

impl Passage {
    /// Takes the request to the service and returns the answer; `None` if the connection breaks.
    async fn go(mut self) -> Option<Answer> {
        let world = Arc::clone(&self.world);
        *lock(&world.network.requests) += 1;
        world.trace(format_args!("{} -> {} {}", self.caller, self.operation, self.body));
        self.check_access();
        world.sleep(world.draw(1..=6)).await;
        if world.should_inject(Fault::RequestLost) {
            self.broken("request lost").await;
            return None;
        }
        if world.should_inject(Fault::RequestLate) {
            self.say("request late");
            world.sleep_for(Fault::RequestLate, ATTEMPT_MS..=6_000).await;
        }
        self.delay_copy().await;
        let answer = match self.refused_at_once() {
            Some(refusal) => refusal,
            None if self.dynamo => self.apply().await,
            None => sqs::send(&world, &self.body),
        };
        if world.should_inject(Fault::AnswerLost) {
            self.broken("applied, answer lost").await;
            return None;
        }
        if world.should_inject(Fault::AnswerLate) {
            self.say("applied, answer late");
            world.sleep_for(Fault::AnswerLate, ATTEMPT_MS..=4_000).await;
        }
        world.sleep(world.draw(1..=6)).await;
        let error = answer.body["__type"].as_str().and_then(|kind| kind.rsplit('#').next()).unwrap_or_default();
        world.trace(format_args!("{} <- {} {} {error}", self.caller, self.operation, answer.status));
        Some(answer)
    }

    /// Delays a transaction until its next copy is refused, if that fault is injected. The SDK sends the next copy when
    /// it gives up on this one.
    async fn delay_copy(&self) {
        let Some(token) = self.token() else { return };
        let world = &self.world;
        let Some(refused) = lock(&world.network.tokens).delay_copy(token, || world.should_inject(Fault::Straggler))
        else {
            return;
        };
        self.say("late, until its next copy is refused");
        let _ = tokio::time::timeout(Duration::from_millis(6 * ATTEMPT_MS), refused.notified()).await;
        lock(&world.network.tokens).arrived(token);
    }

    fn say(&self, what: &str) {
        self.world.story(format_args!("  {} {}: {what}", self.caller, self.operation));
    }

    /// The connection breaks, at once or after a long silence.
    async fn broken(&self, what: &str) {
        self.say(what);
        if self.world.draw(0..=1) == 0 {
            self.world.sleep(10 * ATTEMPT_MS).await;
        }
    }

    /// The error of a request that is refused before it is applied; `None` if it is not refused.
    fn refused_at_once(&self) -> Option<Answer> {
        let world = &self.world;
        let fault = if world.should_inject(Fault::Throttled) {
            engine::Fault::Throttled
        } else if world.should_inject(Fault::FailedBefore) {
            engine::Fault::InternalError
        } else if self.overtakes() {
            engine::Fault::TransactionConflict { action: 0 }
        } else if self.dynamo
            && items::writes(&self.operation)
            && !self.applied()
            && world.should_inject(Fault::Conflict)
        {
            let actions = self.body["TransactItems"].as_array().map_or(1, Vec::len) as u64;
            let action = world.extent(Fault::Conflict, 0..=actions - 1) as usize;
            engine::Fault::TransactionConflict { action }
        } else {
            return None;
        };
        self.say(&format!("{fault:?}"));
        let transaction = self.operation == "TransactWriteItems" && !self.applied();
        if fault == engine::Fault::Throttled && transaction && world.draw(0..=1) == 0 {
            // DynamoDB may also cancel the transaction, with the throttled action among the reasons.
            let mut answer = conflict(0, &self.body);
            answer.body["CancellationReasons"][0]["Code"] = json!("ThrottlingError");
            return Some(answer);
        }
        engine::answer(fault, &self.service, &self.body)
    }

    /// A request that the policy of the function does not grant is a violation.
    fn check_access(&self) {
        let function = self.caller.split('/').next().unwrap_or_default();
        let judged = self.world.template.function(function).is_some();
        if judged && let Err(refusal) = self.world.access.check(function, &self.operation, &self.body) {
            self.world.violated(refusal);
        }
    }

    fn token(&self) -> Option<&str> {
        self.body["ClientRequestToken"].as_str()
    }

    /// Whether an earlier copy of this transaction waits for this one to be refused; if so, lets the earlier one go on.
    fn overtakes(&self) -> bool {
        let late = self.token().and_then(|token| lock(&self.world.network.tokens).straggler(token));
        let Some(refused) = late.filter(|_| !self.applied()) else { return false };
        refused.notify_one();
        true
    }

    /// Whether this is a copy of a transaction that succeeded. DynamoDB answers it with success and does not cancel it.
    fn applied(&self) -> bool {
        let known = !self.world.plan.mutations.contains(&Mutation::ClientToken);
        known && self.token().is_some_and(|token| lock(&self.world.network.tokens).succeeded(token))
    }

    /// Applies a request to the tables, unless it conflicts with a transaction in flight.
    async fn apply(&mut self) -> Answer {
        let world = Arc::clone(&self.world);
        let answer = if self.operation == "TransactWriteItems" {
            self.transact().await
        } else if items::writes(&self.operation) {
            let keys = items::keys(&self.operation, &self.body);
            match items::conflict(&keys, &lock(&world.network.owned)) {
                Some(_) => {
                    world.faults().note(Fault::Overlap);
                    self.say("conflicts with a transaction in flight");
                    return conflict(0, &self.body);
                }
                None => self.execute(),
            }
        } else {
            self.read()
        };
        if items::writes(&self.operation) && world.should_inject(Fault::FailedAfter) {
            self.say("internal error, but applied");
            return engine::answer(engine::Fault::InternalError, DYNAMODB, &self.body).unwrap_or(answer);
        }
        answer
    }

    /// A transaction owns its items from its arrival until it is applied.
    async fn transact(&mut self) -> Answer {
        let world = Arc::clone(&self.world);
        let token = self.body.as_object_mut().and_then(|body| body.remove("ClientRequestToken"));
        let token = token.filter(|_| !world.plan.mutations.contains(&Mutation::ClientToken));
        let token = token.as_ref().and_then(Value::as_str);
        if let Some(token) = token
            && let Some(answer) = lock(&world.network.tokens).arrive(token, &self.body, world.clock.now_ms())
        {
            world.faults().note(Fault::Repeated);
            self.say(if answer.status == 200 { "replayed by its token" } else { "refused by its token" });
            return answer;
        }
        let keys = items::keys(&self.operation, &self.body);
        let conflicting = {
            let mut owned = lock(&world.network.owned);
            let conflicting = items::conflict(&keys, &owned);
            if conflicting.is_none() {
                owned.extend(keys.iter().cloned());
            }
            conflicting
        };
        let answer = match conflicting {
            Some(index) => {
                world.faults().note(Fault::Overlap);
                self.say("conflicts with a transaction in flight");
                conflict(index, &self.body)
            }
            None => {
                world.sleep(world.draw(1..=25)).await;
                let answer = self.execute();
                let mut owned = lock(&world.network.owned);
                owned.retain(|key| !keys.contains(key));
                answer
            }
        };
        if let Some(token) = token {
            lock(&world.network.tokens).leave(token, answer.status == 200, world.clock.now_ms());
        }
        answer
    }

    /// Applies a write and observes its changes.
    fn execute(&mut self) -> Answer {
        self.guard();
        let answer = self.world.engine.execute(&self.operation, self.body.clone());
        if answer.status == 200 {
            let mut tables: Vec<String> =
                items::keys(&self.operation, &self.body).into_iter().map(|k| k.table).collect();
            tables.sort_unstable();
            tables.dedup();
            observe(&self.world, &tables, &format!("{} {}", self.caller, self.operation));
        }
        answer
    }

    /// Records the mutations that the write allows, and applies those of the plan.
    fn guard(&mut self) {
        let mut guards = lock(&self.world.network.guards);
        if self.operation == "TransactWriteItems" {
            *guards.entry(Mutation::ClientToken).or_default() += 1;
        }
        for mut write in items::each_write(&self.operation, &mut self.body) {
            mutation::note(&write, &mut guards);
            for mutation in &self.world.plan.mutations {
                mutation::apply(mutation, &mut write);
            }
        }
    }

    /// Answers a read. One that is not consistent may show an earlier version.
    fn read(&mut self) -> Answer {
        let world = Arc::clone(&self.world);
        let item = items::kind_read(&self.body);
        let mut consistent = self.body["ConsistentRead"] == json!(true);
        if consistent {
            let read = Mutation::ConsistentRead { operation: self.operation.clone(), item };
            consistent = !world.plan.mutations.contains(&read);
            *lock(&world.network.guards).entry(read).or_default() += 1;
        }
        if !consistent && world.should_inject(Fault::StaleRead) {
            let age = world.extent(Fault::StaleRead, 1..=2_000);
            let as_of = world.clock.now_ms() - age;
            if let Some(answer) = lock(&world.network.versions).read(&self.operation, &self.body, as_of) {
                return answer;
            }
        }
        world.engine.execute(&self.operation, self.body.clone())
    }
}

/// DynamoDB's answer to a transaction conflict at the action with this index.
fn conflict(action: usize, body: &Value) -> Answer {
    let fault = engine::Fault::TransactionConflict { action };
    engine::answer(fault, DYNAMODB, body).expect("a conflict is answered")
}

/// A table whose changes the oracle sees, though no function follows them.
pub const OBSERVED: &str = "Joins";

/// Passes what one write just changed in some tables to the streams, the versions for stale reads and the oracle.
pub fn observe(world: &Arc<World>, tables: &[String], by: &str) {
    let now = world.clock.now_ms();
    let mut changes = Vec::new();
    let streamed = |table: &str| world.template.tables.iter().any(|t| t.name == table && t.stream_view.is_some());
    for table in tables.iter().filter(|table| streamed(table) || *table == OBSERVED) {
        for record in world.engine.stream_records(table) {
            changes.push(Change::new(table, &record, now));
            if streamed(table) {
                world.messages.stream(table, record);
            }
        }
    }
    lock(&world.network.versions).note(&changes);
    for change in &changes {
        world.trace(format_args!("   {by}: {change}"));
    }
    let found = world.oracle().observe(&changes, now);
    for violation in found {
        world.violated(format!("{violation} (by {by})"));
    }
}
