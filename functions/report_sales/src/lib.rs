//! `GET /api/v1/admin/concerts/{concertId}/sales`: what is sold, held and free, counted from the seats.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::{
        amount::Amount,
        concert::{ConcertWithLayout, SeatStatus},
        id::ConcertId,
    },
    http::{Answer, Call, json, views::SalesBody},
    store::seats::SeatItem,
};

/// Answers 200 with the sales as they are now.
pub async fn handle(app: &App, call: &Call) -> Answer {
    app.tokens.operator(call, app.now())?;
    let id: ConcertId = call.path("concertId")?;
    let ConcertWithLayout { concert, layout } = app.store.concert_with_layout(id).await?;
    let seats = app.store.seats_of_chunks(id, &layout.chunks()).await?;
    let now = app.now();
    let with = |status: SeatStatus| seats.iter().filter(move |seat: &&SeatItem| seat.status_at(now) == status);
    let (sold, held) = (with(SeatStatus::Sold).count() as u32, with(SeatStatus::Held).count() as u32);
    let revenue: Amount = with(SeatStatus::Sold).map(|seat| seat.price).sum();
    let free = concert.seating.seats_total - sold - held;
    Ok(json(StatusCode::OK, &SalesBody { sold, held, free, revenue }))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
