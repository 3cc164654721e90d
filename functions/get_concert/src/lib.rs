//! `GET /api/v1/concerts/{concertId}`: what a fan wants to know of a concert before joining its queue.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::id::ConcertId,
    http::{Answer, Call, answer::with_header, json, views::ConcertBody},
};

/// Answers 200 with the concert.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let concert: ConcertId = call.path("concertId")?;
    let offer = app.store.concert_with_availability(concert).await?;
    let body = ConcertBody::new(&offer, app.config.hold, app.config.seats_per_session, &app.config.currency);
    Ok(with_header(json(StatusCode::OK, &body), "cache-control", "public, max-age=1"))
}
