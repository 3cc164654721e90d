//! `DELETE /api/v1/admin/queues/{queueId}`: the end of a queue.

use shared::{
    app::App,
    domain::id::QueueId,
    http::{Answer, Call, no_content},
};

/// Answers 204. While anybody waits or is inside it is 409, and so it is always for `main`.
pub async fn handle(app: &App, call: &Call) -> Answer {
    app.tokens.admin(call, app.now())?;
    let queue: QueueId = call.path("queueId")?;
    app.store.delete_queue(&queue).await?;
    Ok(no_content())
}
