//! `POST /api/v1/users`: signs a fan up.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::account::{Password, Username},
    http::{Answer, Call, Problem, json, requests::NewUser, views::UserBody},
    passwords,
};

/// Answers 201 with the new account, or 409 if the name is taken.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let new: NewUser = call.payload()?.parse()?;
    let name = Username::parse(&new.username).map_err(|rule| Problem::invalid("/username", rule))?;
    let password = Password::parse(new.password).map_err(|rule| Problem::invalid("/password", rule))?;
    app.store.count(&app.config.limits.of_sign_up(call.address(&app.config))).await?;
    let hash = passwords::hash(&password).map_err(Problem::internal)?;
    let account = app.store.create_account(&name, hash).await?;
    Ok(json(StatusCode::CREATED, &UserBody::from(account)))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
