//! What a client can do to a request: changes to the good event of a function.

use base64::{Engine, prelude::BASE64_STANDARD};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Map, Value, json};

/// Part of the values, as a password would be; no problem may repeat it.
pub const SECRET: &str = "s3cret-value";

/// JSON texts that are not what a field asks for, or not even JSON.
const LITERALS: [&str; 48] = [
    "null",
    "true",
    "0",
    "-0",
    "-1",
    "1.0",
    "1.5",
    "1e2",
    "1e400",
    "-1e400",
    "1e-400",
    "101",
    "100001",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "1000000000001",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
    "01",
    "+1",
    ".5",
    "NaN",
    "Infinity",
    "tru",
    "'s3cret-value'",
    "",
    "\"\"",
    "\" \"",
    "\"3\"",
    "\"+3\"",
    "\"s3cret-value, expected u32\"",
    "\"s3cret-value\\u0000\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\u202es3cret-value\"",
    "\"\\x41\"",
    "\"a\nb\"",
    "\"\u{ff21}\u{200b}\u{131}\u{301}\"",
    "\"2026-13-40T25:61:61Z\"",
    "\"9999-12-31T23:59:60Z\"",
    "\"9999-12-31T23:59:59-23:59\"",
    "\"00000000-0000-0000-0000-000000000000\"",
    "\"{6f9619ff-8b86-d011-b42d-00cf4fc964ff}\"",
    "[]",
    "[1,1,[\"s3cret-value\"]]",
    "{}",
    "{\"a\":{\"s3cret-value\":1},\"a\":2}",
];

/// Texts for a parameter or header.
const TEXTS: [&str; 34] = [
    "",
    " ",
    "0",
    "-1",
    "+5",
    "%2B5",
    "1.0",
    "101",
    "18446744073709551616",
    "\u{663}",
    "null",
    "%00",
    "%FF",
    "%",
    "%zz",
    "..%2f..%2fetc",
    "a%20b",
    "main",
    "MAIN",
    "A",
    "2026-12-24",
    "2026-02-30",
    "9999-12-31",
    "2026-12-24T19:00:00Z",
    "00000000-0000-0000-0000-000000000000",
    "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    "6f9619ff8b86d011b42d00cf4fc964ff",
    "MQ",
    "MQ==",
    "MjAyNi0wNi0wMVQwMDowMDowMC4wMDBaIDA",
    "s3cret-value",
    "<script>{}|\\^`\"",
    "\u{202e}\u{200b}\u{1f3ab}",
    "application/json",
];

const PARAMETERS: [&str; 9] = ["limit", "cursor", "from", "to", "eventId", "category", "section", "userId", "queueId"];

const HEADERS: [&str; 9] = [
    "content-type",
    "authorization",
    "idempotency-key",
    "host",
    "x-forwarded-for",
    "x-forwarded-proto",
    "content-length",
    "accept",
    "cookie",
];

const HEADER_VALUES: [&str; 22] = [
    "",
    "application/json",
    "APPLICATION/JSON ; charset=UTF-8",
    "application/json; charset=iso-8859-1",
    "application/json, text/plain",
    "application/json;charset",
    "text/plain",
    "application/vnd.api+json",
    "Bearer",
    "Bearer ",
    "Bearer  x",
    "bearer a.b.c",
    "Basic czNjcmV0LXZhbHVlOng=",
    "Bearer a.b.c, Bearer d.e.f",
    "Bearer s3cret-value",
    "Bearer eyJhbGciOiJub25lIn0.e30.",
    "Bearer \u{e4}\u{f6}",
    "key with spaces",
    "one,two",
    "https://[::1",
    "a b",
    "-1",
];

/// Whose token a request carries: a placeholder of the events, none, or a broken one.
const CALLERS: [&str; 8] =
    ["accessToken", "queueToken", "waitingToken", "goneToken", "adminToken", "newcomerToken", "none", "broken"];

/// One change to an event.
#[derive(Debug, Clone)]
pub enum Mutation {
    /// Another caller, by name.
    Caller(&'static str),
    /// A header set.
    Header(String, String),
    /// The query set.
    Query(String),
    /// Every path parameter set.
    Parameter(String),
    /// The body replaced by these bytes.
    Body(Vec<u8>),
    /// Some bytes of the body replaced.
    Splice(Index, usize, Vec<u8>),
    /// A value in the body replaced by a JSON text.
    Value(Index, String),
    /// A member added to an object of the body; the flag gives it the first name of the body, for a duplicate.
    Member(Index, String, bool),
    /// A value of the event itself replaced, or removed.
    Event(Index, Option<Value>),
}

/// One random mutation, of the kinds that this event has a part for.
pub fn mutation(event: &Value) -> impl Strategy<Value = Mutation> + use<> {
    let (with_body, with_parameters) = (event["body"].is_string(), event["pathParameters"].is_object());
    let of_body = |weight| if with_body { weight } else { 0 };
    let literal = literal().boxed();
    prop_oneof![
        3 => select(&CALLERS[..]).prop_map(Mutation::Caller),
        2 => header().prop_map(|(name, value)| Mutation::Header(name, value)),
        3 => query().prop_map(Mutation::Query),
        if with_parameters { 2 } else { 0 } => text().prop_map(Mutation::Parameter),
        1 => vec(any::<u8>(), 0..300).prop_map(Mutation::Body),
        of_body(2) => (any::<Index>(), 0usize..8, vec(any::<u8>(), 0..8)).prop_map(|(at, cut, put)| Mutation::Splice(at, cut, put)),
        of_body(6) => (any::<Index>(), literal.clone()).prop_map(|(at, value)| Mutation::Value(at, value)),
        of_body(2) => (any::<Index>(), literal, any::<bool>()).prop_map(|(at, value, same)| Mutation::Member(at, value, same)),
        1 => (any::<Index>(), replacement()).prop_map(|(at, value)| Mutation::Event(at, value)),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(&TEXTS[..]).prop_map(str::to_owned), 1 => any::<String>()]
}

fn literal() -> impl Strategy<Value = String> {
    let deep = (select(&["[", "{\"a\":"][..]), 1usize..300).prop_map(|(open, times)| open.repeat(times));
    let long = (0usize..70_000).prop_map(|length| format!("\"{}\"", "x".repeat(length)));
    let quoted = any::<String>().prop_map(|text| json!(text).to_string());
    prop_oneof![8 => select(&LITERALS[..]).prop_map(str::to_owned), 1 => deep, 1 => long, 2 => quoted]
}

fn query() -> impl Strategy<Value = String> {
    let pairs = vec((select(&PARAMETERS[..]), text()), 0..4).prop_map(|pairs| {
        let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    });
    prop_oneof![3 => pairs, 1 => text()]
}

fn header() -> impl Strategy<Value = (String, String)> {
    let value = prop_oneof![4 => select(&HEADER_VALUES[..]).prop_map(str::to_owned), 1 => text()];
    (select(&HEADERS[..]).prop_map(str::to_owned), value)
}

fn replacement() -> impl Strategy<Value = Option<Value>> {
    let odd = select(vec![json!(null), json!([]), json!(-1), json!(true)]);
    prop_oneof![1 => Just(None), 3 => odd.prop_map(Some), 1 => text().prop_map(|text| Some(json!(text)))]
}

impl Mutation {
    /// Applies the mutation. `token` returns the token of a caller.
    pub fn apply(&self, event: &mut Value, token: impl Fn(&str) -> Option<String>) {
        match self {
            Mutation::Caller(name) => {
                set_header(event, "authorization", token(name).map(|token| format!("Bearer {token}")));
            }
            Mutation::Header(name, value) => set_header(event, name, Some(value.clone())),
            Mutation::Query(query) => event["rawQueryString"] = json!(query),
            Mutation::Parameter(text) => {
                let parameters = event["pathParameters"].as_object_mut();
                parameters.into_iter().flatten().for_each(|(_, value)| *value = json!(text));
            }
            Mutation::Body(bytes) => set_body(event, bytes),
            Mutation::Splice(at, cut, put) => {
                let mut bytes = body(event).into_bytes();
                let from = at.index(bytes.len() + 1);
                let to = (from + cut).min(bytes.len());
                bytes.splice(from..to, put.iter().copied());
                set_body(event, &bytes);
            }
            Mutation::Value(at, text) => edit(event, at, |value| *value = json!(PLACEHOLDER), text),
            Mutation::Member(at, text, same) => add_member(event, at, text, *same),
            Mutation::Event(at, value) => replace(event, at, value.clone()),
        }
    }
}

/// Marks where a raw JSON text, valid or not, is inserted after the rest was serialized.
const PLACEHOLDER: &str = "\u{1f3ab}";
/// Marks where the name of a new member is inserted.
const NAME: &str = "\u{1f39f}";

fn set_header(event: &mut Value, name: &str, value: Option<String>) {
    // An earlier mutation may have replaced the headers.
    if let Some(headers) = event["headers"].as_object_mut() {
        match value {
            Some(value) => drop(headers.insert(name.to_owned(), json!(value))),
            None => drop(headers.remove(name)),
        }
    }
}

fn body(event: &Value) -> String {
    event["body"].as_str().unwrap_or_default().to_owned()
}

fn set_body(event: &mut Value, bytes: &[u8]) {
    // API Gateway passes text on as it is, and encodes other bytes in base64.
    let text = std::str::from_utf8(bytes).ok();
    event["isBase64Encoded"] = json!(text.is_none());
    event["body"] = json!(text.map_or_else(|| BASE64_STANDARD.encode(bytes), str::to_owned));
}

/// Applies `change` to one of the values in a JSON body, then replaces the placeholder by `text`.
fn edit(event: &mut Value, at: &Index, change: impl Fn(&mut Value), text: &str) {
    let Ok(mut tree) = serde_json::from_str::<Value>(&body(event)) else { return };
    let pointers = pointers(&tree);
    if let Some(value) = tree.pointer_mut(&pointers[at.index(pointers.len())]) {
        change(value);
    }
    let written = tree.to_string().replace(&json!(PLACEHOLDER).to_string(), text);
    set_body(event, written.as_bytes());
}

fn add_member(event: &mut Value, at: &Index, text: &str, same: bool) {
    // The first name in the body, or a name that no request has.
    let body = body(event);
    let name = body.split('"').nth(1).filter(|_| same).unwrap_or("of no/one~");
    let add = |value: &mut Value| {
        if let Some(members) = value.as_object_mut() {
            members.insert(NAME.to_owned(), json!(PLACEHOLDER));
        }
    };
    edit(event, at, add, text);
    if let Value::String(body) = &mut event["body"] {
        *body = body.replace(NAME, name);
    }
}

/// Replaces one of the event's values, or removes it.
fn replace(event: &mut Value, at: &Index, value: Option<Value>) {
    let pointers = pointers(event);
    let pointer = &pointers[at.index(pointers.len())];
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    let name = name.replace("~1", "/").replace("~0", "~");
    if name == "requestId" {
        // API Gateway sets it, and the check compares the answer with it.
        return;
    }
    let members: Option<&mut Map<String, Value>> = event.pointer_mut(parent).and_then(Value::as_object_mut);
    if let Some(members) = members {
        match value {
            Some(value) => drop(members.insert(name, value)),
            None => drop(members.remove(&name)),
        }
    }
}

/// The JSON pointers of a value and of all values in it.
fn pointers(value: &Value) -> Vec<String> {
    let below = |name: &str, value: &Value| {
        let name = name.replace('~', "~0").replace('/', "~1");
        pointers(value).into_iter().map(move |rest| format!("/{name}{rest}")).collect::<Vec<_>>()
    };
    let mut all = vec![String::new()];
    match value {
        Value::Object(members) => all.extend(members.iter().flat_map(|(name, value)| below(name, value))),
        Value::Array(items) => {
            all.extend(items.iter().enumerate().flat_map(|(index, value)| below(&index.to_string(), value)));
        }
        _ => {}
    }
    all
}
