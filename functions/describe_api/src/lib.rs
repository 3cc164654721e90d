//! `GET /openapi.json`: the OpenAPI document, which infra/openapi generates.

use shared::{
    app::App,
    bootstrap,
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

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve_with(bootstrap::Needs::Nothing, |app, call| Box::pin(handle(app, call)))
}
