//! `POST /api/v1/users`: signs a fan up.

use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::{
    app::App,
    domain::{
        account::{Password, Role, Username},
        id::UserId,
    },
    http::{Answer, Call, Problem, json, views::Rfc3339},
    passwords,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    username: String,
    password: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserBody {
    user_id: UserId,
    username: String,
    created_at: Rfc3339,
}

/// Answers 201 with the new account; a taken name is 409.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let new: NewUser = call.payload()?.parse()?;
    let name = Username::parse(&new.username).map_err(|rule| Problem::invalid("/username", rule))?;
    let password = Password::parse(new.password).map_err(|rule| Problem::invalid("/password", rule))?;
    app.store.count(&app.config.limits.of_sign_up(call.address(&app.config))).await?;
    let hash = passwords::hash(&password).map_err(Problem::internal)?;
    let account = app.store.create_account(&name, hash, Role::Fan).await?;
    let (user_id, created_at) = (account.user_id, Rfc3339(account.created_at));
    Ok(json(StatusCode::CREATED, &UserBody { user_id, username: account.username, created_at }))
}
