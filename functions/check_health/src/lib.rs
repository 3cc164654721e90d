//! `GET /health`: whether the function runs and DynamoDB answers.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    http::{Answer, Call, json, views::HealthBody},
};

/// Answers 200, or 503 if DynamoDB does not answer.
pub async fn handle(app: &App, _call: &Call) -> Answer {
    app.store.check().await?;
    Ok(json(StatusCode::OK, &HealthBody::OK))
}
