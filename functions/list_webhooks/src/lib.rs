//! `GET /api/v1/admin/webhooks`: all webhooks, with the public key.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    http::{
        Answer, Call, json,
        views::{Page, WebhookBody},
    },
};

/// Answers 200 with all webhooks, in the order of their ids. They are few: there is no second page.
pub async fn handle(app: &App, call: &Call) -> Answer {
    app.tokens.admin(call, app.now())?;
    let webhooks = app.store.webhooks().await?;
    let items: Vec<_> = webhooks.iter().map(|webhook| WebhookBody::new(webhook, &app.secrets)).collect();
    Ok(json(StatusCode::OK, &Page { items, next_cursor: None }))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
