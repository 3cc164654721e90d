//! `DELETE /api/v1/reservations/{reservationId}`: gives a hold back; its seats are free at once.

use shared::{
    app::App,
    domain::id::ReservationId,
    http::{Answer, Call, no_content},
};

/// Answers 204, also when it was cancelled before; a paid one is 409, one whose time is up 410.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let caller = app.tokens.caller(call, app.now())?;
    let id: ReservationId = call.path("reservationId")?;
    let user = caller.acting_for(call)?;
    app.store.cancel(user, id).await?;
    Ok(no_content())
}
