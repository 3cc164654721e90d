//! Accounts, access tokens, health.

use crate::{
    domain::{id::UserId, time::Seconds},
    http::{tokens::ACCESS_LIFE, values::Rfc3339},
    store::accounts::Account,
};
use serde::Serialize;

/// The account of a fan who signed up.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = User))]
#[serde(rename_all = "camelCase")]
pub struct UserBody {
    /// The fan's id, which never changes. The routes with `{userId}` in their path take it.
    user_id: UserId,
    /// The user name, with upper and lower case as the fan wrote it.
    #[cfg_attr(feature = "openapi", schema(example = "mina"))]
    username: String,
    /// When the account was created.
    created_at: Rfc3339,
}

impl From<Account> for UserBody {
    fn from(account: Account) -> Self {
        UserBody { user_id: account.user_id, username: account.username, created_at: Rfc3339(account.created_at) }
    }
}

/// An access token, which proves who the fan is on every route that takes one.
// No `Debug`, so that it cannot reach a log by accident.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = AccessToken))]
#[serde(rename_all = "camelCase")]
pub struct LoginBody {
    /// The fan who logged in.
    user_id: UserId,
    /// A signed JWT (EdDSA). Send it as `Authorization: Bearer <accessToken>`, and treat it as a password: it is good for
    /// everything that the fan may do.
    #[cfg_attr(feature = "openapi", schema(example = "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2lnbmF0dXJl"))]
    access_token: String,
    /// The scheme of the `Authorization` header, always `Bearer`.
    token_type: TokenType,
    /// Seconds until the token expires, 3600 (one hour). Log in again before that; the fan's place in a queue is kept.
    expires_in: Seconds,
}

/// How a token is sent: in the header `Authorization: Bearer <token>` (RFC 6750).
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TokenType {
    /// RFC 6750.
    Bearer,
}

impl LoginBody {
    /// A token that was just signed.
    pub fn new(user_id: UserId, access_token: String) -> Self {
        LoginBody { user_id, access_token, token_type: TokenType::Bearer, expires_in: ACCESS_LIFE }
    }
}

/// The report of a deployment that works; one that does not work answers 503 instead.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = HealthReport))]
pub struct HealthBody {
    /// Always `ok`, which means that the function runs and the tables answer.
    status: Health,
}

/// The state of a healthy deployment, always `ok`.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// The tables answer.
    Ok,
}

impl HealthBody {
    /// All is well.
    pub const OK: HealthBody = HealthBody { status: Health::Ok };
}
