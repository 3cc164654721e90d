//! Accounts, access tokens, health.

use crate::{
    domain::{id::UserId, time::Seconds},
    http::{tokens::ACCESS_LIFE, values::Rfc3339},
    store::accounts::Account,
};
use serde::Serialize;

/// An account, as it was made.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = User))]
#[serde(rename_all = "camelCase")]
pub struct UserBody {
    /// The fan's id, which never changes.
    user_id: UserId,
    /// As the fan wrote it.
    username: String,
    /// When the account was made.
    created_at: Rfc3339,
}

impl From<Account> for UserBody {
    fn from(account: Account) -> Self {
        UserBody { user_id: account.user_id, username: account.username, created_at: Rfc3339(account.created_at) }
    }
}

/// An access token. It has no `Debug`, so that it cannot reach a log by accident.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = AccessToken))]
#[serde(rename_all = "camelCase")]
pub struct LoginBody {
    /// Whose.
    user_id: UserId,
    /// A JWT that says who the fan is.
    access_token: String,
    /// How the token is presented.
    token_type: TokenType,
    /// Seconds until the token expires.
    expires_in: Seconds,
}

/// How a token is presented: `Authorization: Bearer ...`.
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

/// Whether the deployment works.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = HealthReport))]
pub struct HealthBody {
    /// The tables answer.
    status: Health,
}

/// The one thing that a healthy deployment says.
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
