//! `GET /api/v1/reservations/{reservationId}`: a fan's reservation.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::id::ReservationId,
    http::{Answer, Call, callers::caller, json, views::ReservationBody},
};
use std::slice;

/// Answers 200 with the fan's reservation, or 404 for another fan's. Admins name the fan with `?userId=`.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = caller(app, call).await?;
    let id: ReservationId = call.path("reservationId")?;
    let user = caller.acting_for(call)?;
    let reservation = app.store.reservation(user, id).await?;
    let session_ends = app.store.session_ends(slice::from_ref(&reservation)).await?;
    Ok(json(StatusCode::OK, &ReservationBody::new(&reservation, session_ends.of(&reservation), app.now())))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
