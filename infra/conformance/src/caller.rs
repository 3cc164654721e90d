//! The kinds of callers.

use serde_json::{Value, json};

use crate::stage::{Credentials, Stage};

/// A kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A fan with an access token.
    Fan,
    /// An admitted fan with a queue token.
    Inside,
    /// An administrator.
    Admin,
    /// A client without a token.
    Nobody,
}

impl Caller {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Fan, Self::Inside, Self::Admin, Self::Nobody];

    /// The name for `--only`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fan => "fan",
            Self::Inside => "inside",
            Self::Admin => "admin",
            Self::Nobody => "nobody",
        }
    }

    /// The name in the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Fan => "a fan with an access token",
            Self::Inside => "an admitted fan",
            Self::Admin => "an admin",
            Self::Nobody => "nobody",
        }
    }

    /// The users that the tool logs in, in the Web Fuzzing Commons format, the caller first. The tool checks that a
    /// second user cannot read what belongs to the caller.
    pub fn users(self, stage: &Stage, admin: (&str, &str)) -> Vec<Value> {
        match self {
            Self::Fan => stage.fans.iter().map(by_login).collect(),
            Self::Inside => stage.fans.iter().map(by_joining).collect(),
            Self::Admin => vec![log_in("admin", admin.0, admin.1)],
            Self::Nobody => Vec::new(),
        }
    }
}

fn by_login(fan: &Credentials) -> Value {
    log_in(&fan.name, &fan.name, fan.password)
}

fn log_in(name: &str, username: &str, password: &str) -> Value {
    let payload = json!({ "username": username, "password": password });
    login_endpoint(name, "/api/v1/users/login", &payload, "/accessToken", &json!([]))
}

/// "Logs in" by joining the queue. Joining returns the same place while it lasts, and a new one after that, so the tool
/// can join again when the queue token is refused, as a fan would.
fn by_joining(fan: &Credentials) -> Value {
    let headers = json!([{ "name": "Authorization", "value": format!("Bearer {}", fan.access) }]);
    login_endpoint(&fan.name, "/api/v1/tokens", &json!({}), "/token", &headers)
}

fn login_endpoint(name: &str, path: &str, payload: &Value, token: &str, headers: &Value) -> Value {
    json!({
        "name": name,
        "loginEndpointAuth": {
            "endpoint": path, "verb": "POST", "contentType": "application/json",
            "payloadRaw": payload.to_string(), "headers": headers,
            "token": {
                "extractFrom": "body", "extractSelector": token,
                "sendIn": "header", "sendName": "Authorization", "sendTemplate": "Bearer {token}",
            },
        },
    })
}
