//! `GET /openapi.json`: the OpenAPI document, which infra/openapi generates.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    http::{
        Answer, Call,
        answer::{json_text, with_header},
    },
};

/// The document, as `cargo openapi` wrote it.
pub const DOCUMENT: &str = include_str!("../openapi.json");

/// Answers 200 with the document.
pub async fn handle(_app: &App, _call: &Call) -> Answer {
    let response = json_text(StatusCode::OK, DOCUMENT.to_owned());
    Ok(with_header(response, "cache-control", "public, max-age=300"))
}
