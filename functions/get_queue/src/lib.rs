//! `GET /api/v1/queues/{queueId}`: how a queue moves.

use shared::{
    app::App,
    bootstrap,
    domain::{id::QueueId, time::Seconds},
    http::{
        Answer, Call,
        documents::{Content, public},
        views::QueueBody,
    },
};

const MAX_AGE: Seconds = Seconds(1);

/// Answers 200 with the queue.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let queue: QueueId = call.path("queueId")?;
    public(app, format!("queue {queue}"), MAX_AGE, async {
        let view = app.store.watch_queue(&queue).await?;
        Ok(Content::of(&QueueBody::new(&view, app.config.queue_rules, app.now())))
    })
    .await
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve_with(bootstrap::Needs::Tables, |app, call| Box::pin(handle(app, call)))
}
