//! `GET /api/v1/admin/queues/{queueId}`: a queue with its settings as they apply.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::id::QueueId,
    http::{Answer, Call, json, views::AdminQueueBody},
};

/// Answers 200 with the queue.
pub async fn handle(app: &App, call: &Call) -> Answer {
    app.tokens.operator(call, app.now())?;
    let queue: QueueId = call.path("queueId")?;
    let view = app.store.queue_snapshot(&queue).await?;
    Ok(json(StatusCode::OK, &AdminQueueBody::new(&view, app.config.queue_rules, app.now())))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
