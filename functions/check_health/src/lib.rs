//! `GET /health`: whether the function runs and the tables answer.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    http::{Answer, Call, json, views::HealthBody},
};

/// Answers 200, or 503 when the tables do not answer.
pub async fn handle(app: &App, _call: &Call) -> Answer {
    app.store.check().await?;
    Ok(json(StatusCode::OK, &HealthBody::OK))
}
