//! Timers of holds: expires the holds whose time is up, and sends the timers that fired early again.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::Error;
use shared::{
    app::App,
    bootstrap,
    queues::{Delayed, Timer},
    store::expiry::Expiry,
    telemetry::chain,
};

/// Handles each timer by itself. Reports those that failed, so that SQS delivers them again.
pub async fn handle(app: &App, event: SqsEvent) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    for record in event.records {
        if let Err(error) = expire(app, &record).await {
            let message_id = record.message_id.unwrap_or_default();
            tracing::error!(message_id, error = chain(&*error), "timer failed");
            response.add_failure(message_id);
        }
    }
    Ok(response)
}

async fn expire(app: &App, record: &SqsMessage) -> Result<(), Error> {
    let timer: Timer = serde_json::from_str(record.body.as_deref().unwrap_or_default())?;
    if let Expiry::NotDue(due) = app.store.expire(timer.user_id, timer.reservation_id).await? {
        app.queues.send_timers(&[Delayed::timer(timer, due, app.now())]).await?;
    }
    Ok(())
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::consume(|app, event| Box::pin(handle(app, event)))
}
