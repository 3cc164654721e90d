//! `GET /api/v1/payments/history/{userId}`: the fan's ledger, newest first.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    http::{
        Answer, Call,
        call::cursor_text,
        json,
        views::{LedgerBody, Page},
    },
};

/// Answers 200 with a page of entries.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = app.tokens.caller(call, app.now())?;
    let (limit, before) = (call.limit()?, call.cursor::<u64>()?);
    let user = caller.acting_for_path(call)?;
    // An unknown fan has no ledger, not an empty one.
    app.store.balance(user).await?;
    let entries = app.store.ledger_page(user, before, limit).await?;
    let next_cursor =
        entries.last().filter(|last| last.sequence > 1).map(|last| cursor_text(&last.sequence.to_string()));
    let items: Vec<LedgerBody> = entries.iter().map(LedgerBody::from).collect();
    Ok(json(StatusCode::OK, &Page { items, next_cursor }))
}
