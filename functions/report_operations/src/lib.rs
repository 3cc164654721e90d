//! `GET /api/v1/admin/ops`: the last hour of a queue and of a concert, minute by minute.

use futures_util::try_join;
use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::{
        history::MAX_MINUTES,
        id::{ConcertId, QueueId},
    },
    http::{Answer, Call, json, views::OperationsBody},
    store::histories::Look,
};

/// Answers 200 with the minutes. The look itself takes the sample of the running minute.
pub async fn handle(app: &App, call: &Call) -> Answer {
    app.tokens.operator(call, app.now())?;
    let queue = call.query::<QueueId>("queueId")?.unwrap_or_else(QueueId::main);
    let concert: Option<ConcertId> = call.query("concertId")?;
    let minutes = call.number_within("minutes", 1..=MAX_MINUTES)?.unwrap_or(MAX_MINUTES);
    let look = if call.is_head() { Look::Only } else { Look::Sample };
    let seats = async {
        match concert {
            Some(concert) => app.store.seat_history(concert, look).await.map(Some),
            None => Ok(None),
        }
    };
    let (queue, seats) = try_join!(app.store.queue_history(&queue, look), seats)?;
    Ok(json(StatusCode::OK, &OperationsBody::new(&queue, seats.as_ref(), minutes, app.now())))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
