//! Whatever a client sends to a route, the answer is one that the contract allows, and a refusal writes nothing.
//!
//! Each function with a route gets its good event of `events/` with one to three mutations. `PROPTEST_CASES` says how
//! often, `PROPTEST_RNG_SEED` repeats a run, and an input that failed once is kept in `proptest-regressions`.

use crate::{
    Outcome,
    http::request_mutations::{Mutation, SECRET, mutation},
};
use acceptance::{FUNCTIONS, Reply, World};
use proptest::{
    collection::vec,
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::Value;
use shared::store::webhooks::WebhookSettings;
use std::{cell::RefCell, collections::BTreeMap, env, fs, path::PathBuf};

/// Requests to each function, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 100;

/// The codes of the contract, by status.
const CODES: [(u16, &[&str]); 13] = [
    (400, &["invalid_request"]),
    (401, &["unauthenticated", "token_expired", "session_over", "bad_credentials"]),
    (403, &["forbidden", "not_active", "wrong_queue", "sale_closed"]),
    (
        404,
        &[
            "user_not_found",
            "token_not_found",
            "concert_not_found",
            "seat_not_found",
            "reservation_not_found",
            "payment_not_found",
            "queue_not_found",
            "not_found",
        ],
    ),
    (
        409,
        &[
            "username_taken",
            "seat_unavailable",
            "seat_limit",
            "hold_limit",
            "session_ending",
            "payment_already_processed",
            "insufficient_balance",
            "amount_mismatch",
            "not_cancellable",
            "request_in_progress",
            "queue_in_use",
        ],
    ),
    (410, &["session_over", "reservation_expired", "reservation_cancelled"]),
    (413, &["too_large"]),
    (415, &["unsupported_media_type"]),
    (422, &["idempotency_key_reused"]),
    (429, &["too_many_requests"]),
    (500, &["internal"]),
    (503, &["unavailable"]),
    (504, &[]),
];

/// Internals that no `detail` may contain: types, crates, files, keys of tables.
const INTERNALS: [&str; 22] = [
    "u8",
    "u16",
    "u32",
    "u64",
    "i32",
    "i64",
    "f64",
    "usize",
    "serde",
    "struct",
    "enum",
    "variant",
    "tuple",
    "invalid type",
    "invalid value",
    "parsing failed",
    "::",
    ".rs",
    "panicked",
    "FAN#",
    "dynamo",
    "expected a",
];

/// Values for the placeholders of the events; see `events/README.md`.
async fn values(world: &World) -> BTreeMap<&'static str, String> {
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let fan = world.buyer("ann", 1_000_000).await;
    let (leaver, gone, refunded) =
        (world.buyer("leo", 0).await, world.buyer("gus", 0).await, world.buyer("rea", 90_000).await);
    let mut holds = Vec::new();
    for seat in [2, 3, 4] {
        holds.push(world.hold(&fan, &concert, &[seat], None).await.text("reservationId").to_owned());
    }
    let hold = world.hold(&refunded, &concert, &[5], None).await;
    let paid = world.pay(&refunded, hold.text("reservationId"), 50_000, None).await;
    assert_eq!(paid.status, 200, "{}", paid.body);
    crate::support::leave(world, &gone).await;
    world.set_capacity(3).await;
    let mut waiting = world.fan("wim").await;
    assert_eq!(world.join(&mut waiting).await.text("status"), "WAITING");
    world.app.store.configure_queue(&"matinee".parse().expect("a slug"), |_| {}).await.expect("a queue");
    let newcomer = world.fan("nia").await;
    world.fan_with_password("pia", "correct horse").await;
    for id in ["shop", "old-shop"] {
        let settings = WebhookSettings { url: "https://hooks.example.com/".to_owned(), types: None, enabled: false };
        world.app.store.put_webhook(&id.parse().expect("a slug"), settings).await.expect("a webhook");
    }
    let [reservation, cancel, pay] = holds.try_into().expect("three");
    BTreeMap::from([
        ("username", "somebody".to_owned()),
        ("waitingQueueId", "main".to_owned()),
        ("waitingId", waiting.user_id.clone()),
        ("fanName", "pia".to_owned()),
        ("password", "correct horse".to_owned()),
        ("userId", fan.user_id),
        ("accessToken", fan.access),
        ("queueToken", fan.queue),
        ("reservationId", reservation),
        ("cancelId", cancel),
        ("payId", pay),
        ("refundToken", refunded.access),
        ("refundPaymentId", paid.text("paymentId").to_owned()),
        ("newcomerToken", newcomer.access),
        ("leaverId", leaver.user_id),
        ("leaverToken", leaver.queue),
        ("goneToken", gone.queue),
        ("waitingToken", waiting.queue),
        ("adminToken", admin.access),
        ("queueId", "main".to_owned()),
        ("concertId", concert),
        ("webhookId", "shop".to_owned()),
        ("unwantedWebhookId", "old-shop".to_owned()),
    ])
}

/// The good event of a function, with its placeholders filled in.
fn good_event(function: &str, values: &BTreeMap<&str, String>) -> Result<Value, Box<dyn std::error::Error>> {
    let file: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "..", "..", "events", &format!("{function}.json")].iter().collect();
    let text = fs::read_to_string(file)?;
    let filled = values.iter().fold(text, |text, (name, value)| text.replace(&format!("${{{name}}}"), value));
    assert!(!filled.contains("${"), "{function}: a placeholder without a value");
    Ok(serde_json::from_str(&filled)?)
}

/// The first rule of the contract that an answer breaks, if any. The OpenAPI document is checked elsewhere.
fn fault(reply: &Reply, request_id: Option<&str>) -> Option<String> {
    let named = reply.headers.get("x-request-id");
    if named.is_none() || request_id.is_some_and(|id| named.is_none_or(|named| named != id)) {
        return Some(format!("x-request-id: {named:?}"));
    }
    if (200..400).contains(&reply.status) {
        let json = reply.headers.get("content-type").is_some_and(|kind| kind == "application/json");
        return (json && reply.body.is_null()).then(|| "a success without its body".to_owned());
    }
    let code = reply.body["code"].as_str().unwrap_or_default();
    let known = CODES.iter().any(|(status, codes)| *status == reply.status && codes.contains(&code));
    let details = reply.body["errors"].as_array().into_iter().flatten().chain([&reply.body]);
    let details: Vec<&str> = details.map(|error| error["detail"].as_str().unwrap_or_default()).collect();
    // A pointer may repeat the name of a field that was sent.
    let mut body = reply.body.clone();
    body["errors"].as_array_mut().into_iter().flatten().for_each(|error| error["pointer"] = Value::Null);
    let wrong = [
        (reply.status >= 500, "a 5xx"),
        (!known, "an undocumented status or code"),
        (reply.headers.get("content-type").is_none_or(|kind| kind != "application/problem+json"), "content-type"),
        (reply.body["status"] != reply.status, "status"),
        (reply.body["instance"].as_str() != named.map(String::as_str), "instance"),
        (reply.body["type"].as_str().is_none_or(|kind| !kind.contains(code)), "type"),
        (reply.body["title"].as_str().is_none_or(str::is_empty), "title"),
        (details.iter().any(|detail| detail.is_empty() || detail.len() > 200), "detail"),
        ((reply.status == 400) != reply.body["errors"].is_array(), "errors"),
        (reply.status == 400 && reply.body["errors"][0]["pointer"].as_str().is_none(), "pointer"),
        ((reply.status == 401) != reply.headers.contains_key("www-authenticate"), "www-authenticate"),
        (body.to_string().contains(SECRET), "it repeats a value that was sent"),
        (details.iter().any(|detail| INTERNALS.iter().any(|word| detail.contains(word))), "it shows internals"),
    ];
    wrong.into_iter().find(|(is, _)| *is).map(|(_, what)| what.to_owned())
}

/// Whether the request behind an answer may write: a refusal may not, except for the attempt that a failed payment
/// records.
fn may_write(reply: &Reply) -> bool {
    reply.status < 400 || reply.body["code"] == "insufficient_balance"
}

struct Door {
    runtime: tokio::runtime::Runtime,
    world: World,
    values: BTreeMap<&'static str, String>,
    function: &'static str,
    good: Value,
    outcomes: RefCell<BTreeMap<String, u32>>,
}

impl Door {
    fn open(function: &'static str) -> Result<Self, Box<dyn std::error::Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let world = runtime.block_on(World::new())?;
        let values = runtime.block_on(values(&world));
        let good = good_event(function, &values)?;
        Ok(Door { runtime, world, values, function, good, outcomes: RefCell::default() })
    }

    /// Sends an event; the error is what is wrong with the answer.
    fn send(&self, event: &Value) -> Result<(), String> {
        self.world.engine.reset_meter();
        let Some(reply) = self.runtime.block_on(self.world.deliver(self.function, event)) else { return Ok(()) };
        *self.outcomes.borrow_mut().entry(reply.outcome()).or_default() += 1;
        let id = event["requestContext"]["requestId"].as_str();
        let written = self.world.engine.meter().write_units > 0.0 && !may_write(&reply);
        let route = self.good["routeKey"].as_str().unwrap_or_default();
        let asked = event["body"].as_str().filter(|_| event["isBase64Encoded"] != true);
        let fault = fault(&reply, id).or(written.then(|| "a refusal wrote to the tables".to_owned()));
        match fault.or_else(|| reply.faults(route, asked).pop()) {
            Some(what) => Err(format!("{what}: {reply:?} to {event}")),
            None => Ok(()),
        }
    }

    fn event(&self, mutations: &[Mutation]) -> Value {
        let mut event = self.good.clone();
        let token = |name: &str| match name {
            "none" => None,
            "broken" => self.values.get("accessToken").map(|token| token.replace('.', ".x")),
            name => self.values.get(name).cloned(),
        };
        mutations.iter().for_each(|mutation| mutation.apply(&mut event, token));
        event
    }
}

#[test]
fn every_answer_to_a_mutated_event_follows_the_contract() -> Outcome {
    let mut config = Config { source_file: Some(file!()), ..Config::default() };
    if env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    for function in FUNCTIONS {
        let door = Door::open(function)?;
        door.send(&door.good)?;
        let good = door.outcomes.borrow().keys().next().cloned().unwrap_or_default();
        assert!(good.starts_with(['2', '3']) || *function == "reject_route", "{function}: the good event gets {good}");
        TestRunner::new(config.clone())
            .run(&vec(mutation(&door.good), 1..4), |mutations| {
                door.send(&door.event(&mutations)).map_err(TestCaseError::fail)
            })
            .map_err(|error| format!("{function}: {error}"))?;
        eprintln!("{function}: {:?}", door.outcomes.borrow());
    }
    Ok(())
}
