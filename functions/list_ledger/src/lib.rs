//! `GET /api/v1/payments/history/{userId}`: the fan's ledger, newest first.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    http::{
        Answer, Call,
        callers::caller,
        cursor::List,
        json,
        views::{LedgerBody, Page},
    },
};

/// Answers 200 with a page of entries.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = caller(app, call).await?;
    let (limit, before) = (call.limit()?, app.cursors.read::<u64>(call, List::Ledger)?);
    let user = caller.acting_for_path(call)?;
    let entries = app.store.ledger_page(user, before, limit).await?;
    let last = entries.last().filter(|last| last.sequence > 1);
    let next_cursor = last.map(|last| app.cursors.write(List::Ledger, &last.sequence.to_string()));
    let items: Vec<LedgerBody> = entries.iter().map(LedgerBody::from).collect();
    Ok(json(StatusCode::OK, &Page { items, next_cursor }))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
