//! `DELETE /api/v1/admin/webhooks/{webhookId}`: deletes a webhook.

use shared::{
    app::App,
    bootstrap,
    domain::webhook::WebhookId,
    http::{Answer, Call, no_content},
};

/// Answers 204. What waits for a retry is not sent any more.
pub async fn handle(app: &App, call: &Call) -> Answer {
    app.tokens.admin(call, app.now())?;
    let id: WebhookId = call.path("webhookId")?;
    app.store.delete_webhook(&id).await?;
    Ok(no_content())
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
