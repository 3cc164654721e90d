//! `GET /api/v1/users/{userId}/reservations`: a fan's reservations, newest first.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::{id::ReservationId, reservation::Reservation},
    http::{
        Answer, Call,
        callers::caller,
        cursor::List,
        json,
        views::{Page, ReservationBody},
    },
};

/// Answers 200 with a page of reservations.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = caller(app, call).await?;
    let (limit, before) = (call.limit()?, app.cursors.read::<ReservationId>(call, List::Reservations)?);
    let user = caller.acting_for_path(call)?;
    // An unknown fan is 404: an empty list would mean that the fan exists.
    app.store.balance(user).await?;
    let (reservations, more) = app.store.reservations_page(user, before, limit as usize).await?;
    let last = reservations.last().filter(|_| more);
    let next_cursor = last.map(|last| app.cursors.write(List::Reservations, &last.reservation_id.to_string()));
    let session_ends = app.store.session_ends(&reservations).await?;
    let view = |r: &Reservation| ReservationBody::new(r, session_ends.of(r), app.now());
    let items: Vec<ReservationBody> = reservations.iter().map(view).collect();
    Ok(json(StatusCode::OK, &Page { items, next_cursor }))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
