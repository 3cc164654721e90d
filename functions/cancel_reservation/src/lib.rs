//! `DELETE /api/v1/reservations/{reservationId}`: cancels a hold; its seats are free at once.

use shared::{
    app::App,
    bootstrap,
    domain::{id::ReservationId, reservation::CancelReason},
    http::{Answer, Call, callers::caller, no_content},
};

/// Answers 204, also if the hold was cancelled before; 409 if it was paid, 410 if it expired.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = caller(app, call).await?;
    let id: ReservationId = call.path("reservationId")?;
    let user = caller.acting_for(call)?;
    app.store.cancel(user, id, CancelReason::GivenBack).await?;
    Ok(no_content())
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
