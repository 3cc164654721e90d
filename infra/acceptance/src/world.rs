//! A deployment in one process.

use crate::{Reply, Request, functions, grants, route::route, sent_events};
use engine::{Engine, ManualClock};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use shared::{
    app::App,
    config::Config,
    context::{Clock, Context, SystemEntropy},
    domain::{
        account::{Password, Role, Username},
        time::Timestamp,
    },
    passwords,
    secrets::Secrets,
    webhooks::{Resolve, Sender},
};
use std::{
    collections::BTreeMap,
    error::Error,
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use template::{Reference, Template};

/// Limits that are off unless a test sets them: most tests send a minute's requests while the clock stands still.
const UNLIMITED: [&str; 6] = [
    "SIGN_UPS_PER_ADDRESS",
    "LOGINS_PER_ADDRESS",
    "LOGINS_PER_USERNAME",
    "JOINS_PER_ADDRESS",
    "JOINS_PER_FAN",
    "PLACES_PER_FAN",
];

/// The name of the signing secret: its logical id in the template.
pub const SIGNING_SECRET: &str = "SigningSecret";

/// What a world signs with until a test stores another secret.
pub const SECRET: &str = "in-process tests sign with this secret";

/// The claim window that tests expect; the template's default is 180 s.
const CLAIM_WINDOW_SECONDS: &str = "60";

/// The time at which every world starts, in milliseconds since the Unix epoch: 2026-06-01T00:00:00Z.
pub const START_MILLIS: u64 = 1_780_272_000_000;

/// A deployment: tables, message queues, a clock, and one environment that runs every function.
pub struct World {
    /// The tables and message queues.
    pub engine: Engine,
    /// The clock of the engine and of every environment.
    pub clock: ManualClock,
    /// The environment that handlers run in.
    pub app: App,
    template: Template,
    variables: Vec<(String, String)>,
    requests: AtomicU64,
}

/// A fan or an admin, with the tokens of the account.
#[derive(Debug, Clone)]
pub struct Fan {
    /// The account's id.
    pub user_id: String,
    /// The access token.
    pub access: String,
    /// The queue token; empty until [`World::join`].
    pub queue: String,
}

struct EngineClock(ManualClock);

/// No host name has an address: tests use no network but this machine's.
struct NoNames;

impl Resolve for NoNames {
    fn resolve(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

impl Clock for EngineClock {
    fn now(&self) -> Timestamp {
        let now = engine::Clock::now_ms(&self.0);
        Timestamp::from_millis(i64::try_from(now).unwrap_or(i64::MAX))
    }
}

impl World {
    /// Creates a deployment with the template's parameters, except that limits are off, fans may recharge, and the claim
    /// window is 60 s.
    ///
    /// # Errors
    /// Where the template cannot be read or does not give a valid configuration.
    pub async fn new() -> Result<Self, Box<dyn Error>> {
        Self::with(&[]).await
    }

    /// Creates a deployment with some environment variables of its functions set, such as `HOLD_SECONDS`.
    ///
    /// # Errors
    /// As [`World::new`].
    pub async fn with(variables: &[(&str, &str)]) -> Result<Self, Box<dyn Error>> {
        Self::of(Template::load(&template::locate()?)?, variables).await
    }

    /// As [`World::with`], but without streams on the tables. For tests with thousands of writes: to number a record,
    /// the engine looks at all records before it.
    ///
    /// # Errors
    /// As [`World::new`].
    pub async fn without_streams(variables: &[(&str, &str)]) -> Result<Self, Box<dyn Error>> {
        let mut template = Template::load(&template::locate()?)?;
        template.tables.iter_mut().for_each(|table| table.stream_view = None);
        Self::of(template, variables).await
    }

    async fn of(template: Template, variables: &[(&str, &str)]) -> Result<Self, Box<dyn Error>> {
        shared::telemetry::init();
        let clock = ManualClock::new(START_MILLIS);
        let engine = Engine::new(clock.clone());
        engine.create_tables(&template.tables);
        grants::enforce(&engine, &template);
        engine.on_message(sent_events::check);
        engine.put_secret(SIGNING_SECRET, SECRET);
        let app = Self::another_app(&template, &engine, &clock, variables).await?;
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(World { engine, clock, app, template, variables, requests: AtomicU64::new(0) })
    }

    /// Creates another environment over the same tables, with a memory of its own like another process.
    ///
    /// # Errors
    /// As [`World::new`].
    pub async fn environment(&self, variables: &[(&str, &str)]) -> Result<App, Box<dyn Error>> {
        Self::another_app(&self.template, &self.engine, &self.clock, variables).await
    }

    /// Replaces the environment by a new one, with an empty memory.
    ///
    /// # Errors
    /// As [`World::new`].
    pub async fn start_cold(&mut self, variables: &[(&str, &str)]) -> Result<(), Box<dyn Error>> {
        self.app = self.environment(variables).await?;
        Ok(())
    }

    async fn another_app(
        template: &Template,
        engine: &Engine,
        clock: &ManualClock,
        variables: &[(&str, &str)],
    ) -> Result<App, Box<dyn Error>> {
        let set: BTreeMap<&str, &str> = variables.iter().copied().collect();
        let function = template.function("create_reservation").ok_or("no such function")?;
        let table_or_queue = |reference: Reference<'_>| match reference {
            Reference::Resource(id) => Some(template.table(id).map_or(id, |table| &table.name).to_owned()),
            Reference::Attribute(..) => None,
        };
        let environment = template.environment(function, &BTreeMap::new(), &table_or_queue)?;
        let config = Config::from_lookup(|name| match set.get(name) {
            Some(value) => Some((*value).to_owned()),
            None if UNLIMITED.contains(&name) => Some("0".to_owned()),
            None if name == "RECHARGE_BY" => Some("fan".to_owned()),
            None if name == "CLAIM_WINDOW_SECONDS" => Some(CLAIM_WINDOW_SECONDS.to_owned()),
            None => environment.get(name).cloned(),
        })?;
        let sdk = engine.sdk_config();
        let context = Context::new(Arc::new(EngineClock(clock.clone())), Arc::new(SystemEntropy));
        let (dynamo, sqs) = (aws_sdk_dynamodb::Client::new(&sdk), aws_sdk_sqs::Client::new(&sdk));
        let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
        let secrets = Secrets::new(secrets, &config.signing_secret, context.clone());
        secrets.refresh(None).await;
        let webhooks = Sender::new(Arc::new(NoNames), config.webhooks_to_loopback);
        Ok(App { webhooks, ..App::new(config, dynamo, sqs, secrets, context) })
    }

    /// Routes a request as API Gateway does, calls the function, and checks the answer against the OpenAPI document.
    ///
    /// # Panics
    /// Where the answer does not match the document.
    pub async fn send(&self, request: Request) -> Reply {
        self.send_to(&self.app, request).await
    }

    /// As [`World::send`], to another environment.
    ///
    /// # Panics
    /// As [`World::send`].
    pub async fn send_to(&self, app: &App, request: Request) -> Reply {
        let (key, function, parameters) = route(&self.template, &request);
        let id = format!("request-{}", self.requests.fetch_add(1, Ordering::Relaxed));
        let event = request.event(&key, &parameters, &id);
        let reply = Self::deliver_to(app, function, &event).await.expect("a well-formed event");
        let faults = reply.faults(&key, request.body.as_deref());
        assert!(faults.is_empty(), "{faults:#?}");
        reply
    }

    /// Hands an event to a function, as the Lambda runtime does; `None` if the event is not one of an HTTP API.
    ///
    /// # Panics
    /// Where `function` has no route.
    pub async fn deliver(&self, function: &str, event: &Value) -> Option<Reply> {
        Self::deliver_to(&self.app, function, event).await
    }

    async fn deliver_to(app: &App, function: &str, event: &Value) -> Option<Reply> {
        let event = serde_json::from_str(&event.to_string()).ok()?;
        let request = shared::http::event::sanitize(event).into();
        Some(Reply::of(functions::call(app, function, request).await.expect("the function of a route")))
    }

    /// Moves the clock forward.
    pub fn wait(&self, seconds: u64) {
        self.clock.advance_ms(seconds * 1000);
    }

    /// Creates a fan's account directly in the tables and signs an access token. The account has no usable password,
    /// which saves the time of hashing one.
    ///
    /// # Panics
    /// Where the engine fails.
    pub async fn fan(&self, name: &str) -> Fan {
        self.account(name, Role::Fan, "no password matches this").await
    }

    /// As [`World::fan`], for an account with the name and the role `admin`.
    ///
    /// # Panics
    /// Where the engine fails.
    pub async fn admin(&self) -> Fan {
        self.staff("admin", Role::Admin).await
    }

    /// As [`World::fan`], for an account with a role.
    ///
    /// # Panics
    /// Where the engine fails.
    pub async fn staff(&self, name: &str, role: Role) -> Fan {
        self.account(name, role, "no password matches this").await
    }

    async fn account(&self, name: &str, role: Role, hash: &str) -> Fan {
        let name = Username::parse(name).expect("a user name");
        let account = self.app.store.create_account(&name, hash.to_owned()).await.expect("an account");
        let access =
            self.app.tokens.sign_access(account.user_id, role, account.ver, &self.app.context).expect("a token");
        Fan { user_id: account.user_id.to_string(), access, queue: String::new() }
    }

    /// As [`World::fan`], with a password, for tests that log in.
    ///
    /// # Panics
    /// Where the engine fails.
    pub async fn fan_with_password(&self, name: &str, password: &str) -> Fan {
        let password = Password::parse(password.to_owned()).expect("a password");
        self.account(name, Role::Fan, &passwords::hash(&password).expect("a hash")).await
    }

    /// Joins the main queue and stores the queue token in `fan`.
    pub async fn join(&self, fan: &mut Fan) -> Reply {
        let reply = self.send(Request::new("POST", "/api/v1/tokens").token(&fan.access).json(&json!({}))).await;
        reply.text("token").clone_into(&mut fan.queue);
        reply
    }

    /// Creates a fan who is admitted, with `money` on the balance.
    ///
    /// # Panics
    /// Where no slot is free or the engine fails.
    pub async fn buyer(&self, name: &str, money: u64) -> Fan {
        let mut fan = self.fan(name).await;
        let joined = self.join(&mut fan).await;
        assert_eq!(joined.text("status"), "ACTIVE", "{name} was not admitted: {}", joined.body);
        if money > 0 {
            assert_eq!(self.recharge(&fan, money, None).await.status, 200);
        }
        fan
    }

    /// Puts money on the fan's balance.
    pub async fn recharge(&self, fan: &Fan, amount: u64, key: Option<&str>) -> Reply {
        let request = Request::new("POST", "/api/v1/payments/recharge").token(&fan.access);
        let request = key.into_iter().fold(request, Request::key);
        self.send(request.json(&json!({ "userId": fan.user_id, "amount": amount }))).await
    }

    /// Sets the capacity of the main queue.
    ///
    /// # Panics
    /// Where the engine fails.
    pub async fn set_capacity(&self, capacity: u64) {
        let queue = shared::domain::id::QueueId::main();
        let change = |settings: &mut shared::domain::queue::QueueSettings| settings.capacity = Some(capacity);
        self.app.store.configure_queue(&queue, change).await.expect("a configured queue");
    }

    /// Creates a concert with the defaults of the contract, on sale for a year; returns its id.
    ///
    /// # Panics
    /// Where the answer is not 201.
    pub async fn concert(&self, admin: &Fan) -> String {
        self.concert_of(admin, &json!({})).await
    }

    /// As [`World::concert`], with some fields of the draft set. Creates the queue that the draft names.
    ///
    /// # Panics
    /// Where the answer is not 201.
    pub async fn concert_of(&self, admin: &Fan, fields: &Value) -> String {
        let mut draft = json!({
            "concertName": "Night", "startsAt": "2027-06-01T19:00:00Z", "endsAt": "2027-06-01T22:00:00Z",
        });
        for (name, value) in fields.as_object().into_iter().flatten() {
            draft[name] = value.clone();
        }
        if let Some(Ok(queue)) = draft["queueId"].as_str().map(str::parse) {
            self.app.store.configure_queue(&queue, |_| {}).await.expect("a queue");
        }
        let reply = self.send(Request::new("POST", "/api/v1/admin/concerts").token(&admin.access).json(&draft)).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.text("concertId").to_owned()
    }

    /// Asks to hold seats.
    pub async fn hold(&self, fan: &Fan, concert: &str, seats: &[u32], key: Option<&str>) -> Reply {
        let request = Request::new("POST", "/api/v1/reservations").token(&fan.queue);
        let request = key.into_iter().fold(request, Request::key);
        self.send(request.json(&json!({ "concertId": concert, "seatNumbers": seats }))).await
    }

    /// Asks to pay a reservation.
    pub async fn pay(&self, fan: &Fan, reservation: &str, amount: u64, key: Option<&str>) -> Reply {
        let request = Request::new("POST", "/api/v1/payments/process").token(&fan.queue);
        let request = key.into_iter().fold(request, Request::key);
        self.send(request.json(&json!({ "reservationId": reservation, "amount": amount }))).await
    }

    /// A GET without a token, answered by an environment with nothing in memory: the public document as it is now.
    ///
    /// # Panics
    /// As [`World::send`].
    pub async fn read(&self, path: &str) -> Reply {
        let variables: Vec<(&str, &str)> = self.variables.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let app = self.environment(&variables).await.expect("the configuration of this world");
        self.send_to(&app, Request::new("GET", path)).await
    }

    /// A GET with a token.
    pub async fn get(&self, path: &str, token: &str) -> Reply {
        self.send(Request::new("GET", path).token(token)).await
    }

    /// A DELETE with a token.
    pub async fn delete(&self, path: &str, token: &str) -> Reply {
        self.send(Request::new("DELETE", path).token(token)).await
    }

    /// Runs one tick of the main queue; returns how many fans it admitted.
    ///
    /// # Panics
    /// Where the engine fails.
    pub async fn tick(&self) -> u64 {
        functions::tick(&self.app, &shared::domain::id::QueueId::main(), &[]).await.expect("a tick").admitted
    }
}
