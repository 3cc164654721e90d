//! `GET /api/v1/concerts/{concertId}/availability`: which seats are free, for everybody.

use shared::{
    app::App,
    bootstrap,
    domain::{id::ConcertId, time::Seconds},
    http::{
        Answer, Call,
        documents::{Content, public},
        views::AvailabilityBody,
    },
};

const MAX_AGE: Seconds = Seconds(1);

/// Answers 200 with the seats of a concert.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let concert: ConcertId = call.path("concertId")?;
    public(app, format!("availability {concert}"), MAX_AGE, async {
        let availability = app.store.availability(concert).await?;
        Ok(Content::of(&AvailabilityBody::new(&availability)))
    })
    .await
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve_with(bootstrap::Needs::Tables, |app, call| Box::pin(handle(app, call)))
}
