//! `DELETE /api/v1/reservations/{reservationId}`: gives a hold back; its seats are free at once.

use shared::{
    app::App,
    domain::{id::ReservationId, reservation::CancelReason},
    http::{Answer, Call, callers::caller, no_content},
};

/// Answers 204, also when it was cancelled before; a paid one is 409, one whose time is up 410.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = caller(app, call).await?;
    let id: ReservationId = call.path("reservationId")?;
    let user = caller.acting_for(call)?;
    app.store.cancel(user, id, CancelReason::GivenBack).await?;
    Ok(no_content())
}
