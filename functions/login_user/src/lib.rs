//! `POST /api/v1/users/login`: user name and password for an access token.

use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::{
    app::App,
    domain::{
        account::{Password, Username},
        id::UserId,
        refusal::Refusal,
        time::Seconds,
    },
    http::{Answer, Call, json, tokens::ACCESS_LIFE},
    passwords,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LoginBody {
    user_id: UserId,
    access_token: String,
    token_type: &'static str,
    expires_in: Seconds,
}

/// Answers 200 with an access token; an unknown user and a wrong password are told the same, after the same work.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let given: Credentials = call.payload()?.parse()?;
    let name = Username::parse(&given.username);
    let counted = name.as_ref().map_or_else(|_| given.username.clone(), Username::folded);
    app.store.count(&app.config.limits.of_login(call.address(&app.config), counted)).await?;
    let account = match name {
        Ok(name) => app.store.account_by_name(&name).await?,
        // Nobody has this name: as wrong as any other that nobody has.
        Err(_) => None,
    };
    let matches =
        passwords::verify(&Password::presented(given.password), account.as_ref().map(|a| a.password_hash.as_str()));
    let account = account.filter(|_| matches).ok_or(Refusal::BadCredentials)?;
    let access_token = app.tokens.sign_access(account.user_id, account.role, &app.context)?;
    let user_id = account.user_id;
    Ok(json(StatusCode::OK, &LoginBody { user_id, access_token, token_type: "Bearer", expires_in: ACCESS_LIFE }))
}
