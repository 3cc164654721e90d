//! `GET /api/v1/concerts/{concertId}/availability`: which seats are free, for everybody.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::id::ConcertId,
    http::{Answer, Call, answer::with_header, json, views::AvailabilityBody},
};

/// Answers 200 with the seats of a concert, which caches may keep for a second.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let concert: ConcertId = call.path("concertId")?;
    let availability = app.store.availability(concert).await?;
    let body = AvailabilityBody::new(&availability);
    Ok(with_header(json(StatusCode::OK, &body), "cache-control", "public, max-age=1"))
}
