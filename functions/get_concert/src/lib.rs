//! `GET /api/v1/concerts/{concertId}`: what a fan wants to know of a concert before joining its queue.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::{concert::ConcertWithLayout, id::ConcertId},
    http::{Answer, Call, answer::with_header, json, views::ConcertBody},
};

/// Answers 200 with the concert.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let concert: ConcertId = call.path("concertId")?;
    let ConcertWithLayout { concert, layout } = app.store.concert_with_layout(concert).await?;
    let offer = app.store.with_availability(concert).await?;
    let body = ConcertBody::new(&offer, &layout, &app.config);
    Ok(with_header(json(StatusCode::OK, &body), "cache-control", "public, max-age=1"))
}
