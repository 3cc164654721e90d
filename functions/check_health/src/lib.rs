//! `GET /health`: whether the function runs, DynamoDB answers and the signing secret is fit for use.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    http::{Answer, Call, Problem, json, views::HealthBody},
};

/// Answers 200, or 503 if DynamoDB does not answer, or if the signing secret cannot be read or used; the last good one
/// stays in use then.
pub async fn handle(app: &App, _call: &Call) -> Answer {
    app.store.check().await?;
    app.secrets.check().await.map_err(|error| Problem::no_secret(Some(error)))?;
    Ok(json(StatusCode::OK, &HealthBody::OK))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
