//! `PATCH /api/v1/admin/concerts/{concertId}`: when a concert is sold.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::id::ConcertId,
    http::{Answer, Call, Problem, json, requests::ConcertChange, values::Rfc3339, views::ConcertDate},
};

/// Answers 200 with the concert as it is then. What is held stays held, and may be paid.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.payload()?;
    app.tokens.admin(call, app.now())?;
    let id: ConcertId = call.path("concertId")?;
    let change: ConcertChange = payload.parse()?;
    let concert = app
        .store
        .change_concert(id, |concert| {
            concert.enabled = change.enabled.unwrap_or(concert.enabled);
            concert.sale_opens_at = change.sale_opens_at.map_or(concert.sale_opens_at, |Rfc3339(at)| at);
            concert.sale_closes_at = change.sale_closes_at.map_or(concert.sale_closes_at, |Rfc3339(at)| at);
            // A window that is left as it was is not judged: any concert can be disabled.
            let same_window = change.sale_opens_at.is_none() && change.sale_closes_at.is_none();
            same_window || concert.sale_opens_at < concert.sale_closes_at
        })
        .await?
        .ok_or_else(|| Problem::invalid("/saleClosesAt", "must be after saleOpensAt"))?;
    let offer = app.store.offer(id).await?;
    Ok(json(StatusCode::OK, &ConcertDate::new(&concert, offer.seats_available)))
}
