//! `GET /health`: whether the function runs and the tables answer.

use lambda_http::http::StatusCode;
use serde::Serialize;
use shared::{
    app::App,
    http::{Answer, Call, json},
};

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// Answers 200, or 503 when the tables do not answer.
pub async fn handle(app: &App, _call: &Call) -> Answer {
    app.store.check().await?;
    Ok(json(StatusCode::OK, &Health { status: "ok" }))
}
