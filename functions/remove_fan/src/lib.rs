//! `DELETE /api/v1/admin/queues/{queueId}/sessions/{userId}`: an administrator removes a fan from a queue.

use shared::{
    app::App,
    bootstrap,
    domain::id::{QueueId, UserId},
    http::{Answer, Call, no_content},
};

/// Answers 204, also if the fan had left before; 404 for a fan who never joined. The place or session ends, and open
/// holds are cancelled.
pub async fn handle(app: &App, call: &Call) -> Answer {
    app.tokens.operator(call, app.now())?;
    let queue: QueueId = call.path("queueId")?;
    let user: UserId = call.path("userId")?;
    app.store.remove_fan(&queue, user).await?;
    Ok(no_content())
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
