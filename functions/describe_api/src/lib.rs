//! `GET /openapi.json`: the OpenAPI document, which infra/openapi generates.

use shared::{
    app::App,
    domain::time::Seconds,
    http::{
        Answer, Call,
        documents::{Content, public},
    },
};

const MAX_AGE: Seconds = Seconds(300);

/// The document, as `cargo openapi` wrote it.
pub const DOCUMENT: &str = include_str!("../openapi.json");

/// Answers 200 with the document.
pub async fn handle(app: &App, _call: &Call) -> Answer {
    public(app, "openapi".to_owned(), MAX_AGE, async { Ok(Content::text(DOCUMENT)) }).await
}
