//! `GET /api/v1/queues/{queueId}`: how a queue moves.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::id::QueueId,
    http::{Answer, Call, answer::with_header, json, views::QueueBody},
};

/// Answers 200 with the queue, which caches may keep for a second.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let queue: QueueId = call.path("queueId")?;
    let view = app.store.queue_snapshot(&queue).await?;
    let body = QueueBody::new(&view, app.config.queue_rules, app.now());
    Ok(with_header(json(StatusCode::OK, &body), "cache-control", "public, max-age=1"))
}
