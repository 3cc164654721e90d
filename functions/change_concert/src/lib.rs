//! `PATCH /api/v1/admin/concerts/{concertId}`: changes when a concert is sold.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::{concert::Concert, id::ConcertId, time::Timestamp},
    http::{
        Answer, Call, Problem, json, requests::ConcertChange, sale::SaleTimes, values::Rfc3339, views::ConcertDate,
    },
};

/// Applies the fields that the change names. A time that is null gets its default: now, or the start of the concert.
fn apply(change: &ConcertChange, concert: &mut Concert, now: Timestamp) -> Result<(), Problem> {
    let time = |changed: Option<Option<Rfc3339>>, default, was| match changed {
        Some(Some(Rfc3339(at))) => at,
        Some(None) => default,
        None => was,
    };
    concert.enabled = change.enabled.unwrap_or(concert.enabled);
    concert.sale_opens_at = time(change.sale_opens_at, now, concert.sale_opens_at);
    concert.sale_closes_at = time(change.sale_closes_at, concert.starts_at, concert.sale_closes_at);
    SaleTimes { opens: change.sale_opens_at.flatten().is_some(), closes: change.sale_closes_at.is_some() }
        .check(concert)
}

/// Answers 200 with the changed concert. Holds stay, and may still be paid.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.optional_payload()?;
    app.tokens.admin(call, app.now())?;
    let id: ConcertId = call.path("concertId")?;
    let change: ConcertChange = payload.parse()?;
    let concert = app.store.change_concert(id, |concert| apply(&change, concert, app.now())).await??;
    let offer = app.store.with_availability(concert).await?;
    Ok(json(StatusCode::OK, &ConcertDate::new(&offer.concert, offer.seats_available, &app.config)))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
