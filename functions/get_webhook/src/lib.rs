//! `GET /api/v1/admin/webhooks/{webhookId}`: a webhook with its public key.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::webhook::WebhookId,
    http::{Answer, Call, json, views::WebhookBody},
};

/// Answers 200 with the webhook.
pub async fn handle(app: &App, call: &Call) -> Answer {
    app.tokens.admin(call, app.now())?;
    let id: WebhookId = call.path("webhookId")?;
    let webhook = app.store.webhook(&id).await?;
    Ok(json(StatusCode::OK, &WebhookBody::new(&webhook, &app.secrets)))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
