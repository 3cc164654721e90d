//! `POST /api/v1/users/login`: exchanges user name and password for an access token.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::{
        account::{Password, Username},
        refusal::Refusal,
    },
    http::{Answer, Call, json, requests::Credentials, views::LoginBody},
    passwords,
};

/// Answers 200 with an access token. An unknown user and a wrong password get the same answer after the same work, so
/// that a login does not reveal which names exist.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let given: Credentials = call.payload()?.parse()?;
    let name = Username::parse(&given.username);
    let counted = name.as_ref().map_or_else(|_| given.username.clone(), Username::folded);
    app.store.count(&app.config.limits.of_login(call.address(&app.config), counted)).await?;
    let account = match name {
        Ok(name) => app.store.account_by_name(&name).await?,
        // No account can have this name: the answer is that of an unknown one.
        Err(_) => None,
    };
    let matches =
        passwords::verify(&Password::presented(given.password), account.as_ref().map(|a| a.password_hash.as_str()));
    let account = account.filter(|_| matches).ok_or(Refusal::BadCredentials)?;
    let access_token = app.tokens.sign_access(account.user_id, account.role, account.ver, &app.context)?;
    Ok(json(StatusCode::OK, &LoginBody::new(account.user_id, access_token)))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
