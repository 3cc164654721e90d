//! `DELETE /api/v1/admin/queues/{queueId}`: deletes a queue.

use shared::{
    app::App,
    bootstrap,
    domain::id::QueueId,
    http::{Answer, Call, no_content},
};

/// Answers 204, or 409 while anybody waits or is inside. For `main` always 409.
pub async fn handle(app: &App, call: &Call) -> Answer {
    app.tokens.admin(call, app.now())?;
    let queue: QueueId = call.path("queueId")?;
    app.store.delete_queue(&queue).await?;
    Ok(no_content())
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
