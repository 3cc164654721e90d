//! `GET /api/v1/admin/webhooks/{webhookId}/deliveries`: what was sent to a webhook, newest first.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::webhook::WebhookId,
    http::{
        Answer, Call,
        cursor::List,
        json,
        views::{DeliveryBody, Page},
    },
};

/// Answers 200 with a page of deliveries.
pub async fn handle(app: &App, call: &Call) -> Answer {
    app.tokens.admin(call, app.now())?;
    let id: WebhookId = call.path("webhookId")?;
    let (limit, before) = (call.limit()?, app.cursors.read::<String>(call, List::Deliveries)?);
    // An unknown webhook is 404: an empty list would mean that it exists.
    app.store.webhook(&id).await?;
    let (deliveries, more) = app.store.deliveries_page(&id, before.as_deref(), limit as usize).await?;
    let last = deliveries.last().filter(|_| more);
    let next_cursor = last.map(|last| app.cursors.write(List::Deliveries, &last.position()));
    let items: Vec<DeliveryBody> = deliveries.into_iter().map(DeliveryBody::from).collect();
    Ok(json(StatusCode::OK, &Page { items, next_cursor }))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
