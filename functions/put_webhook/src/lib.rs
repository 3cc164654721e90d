//! `PUT /api/v1/admin/webhooks/{webhookId}`: adds a webhook, or replaces its settings.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::webhook::WebhookId,
    http::{Answer, Call, Problem, json, requests::WebhookDraft, views::WebhookBody},
    store::webhooks::WebhookSettings,
};

/// Answers 200 with the stored webhook. Events reach it within ten seconds.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.payload()?;
    app.tokens.admin(call, app.now())?;
    let id: WebhookId = call.path("webhookId")?;
    let draft: WebhookDraft = payload.parse()?;
    if draft.types.as_ref().is_some_and(Vec::is_empty) {
        return Err(Problem::invalid("/types", "must name at least one type; leave it out for all"));
    }
    app.webhooks.check(&draft.url).await.map_err(|why| Problem::invalid("/url", why))?;

    let types = draft.types.map(|types| types.into_iter().collect());
    let settings = WebhookSettings { url: draft.url, types, enabled: draft.enabled.unwrap_or(true) };
    let webhook = app.store.put_webhook(&id, settings).await?;
    Ok(json(StatusCode::OK, &WebhookBody::new(&webhook, &app.secrets)))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
