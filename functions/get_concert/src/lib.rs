//! `GET /api/v1/concerts/{concertId}`: what a fan wants to know of a concert before joining its queue.

use shared::{
    app::App,
    bootstrap,
    domain::{concert::ConcertWithLayout, id::ConcertId, time::Seconds},
    http::{
        Answer, Call,
        documents::{Content, public},
        views::ConcertBody,
    },
};

const MAX_AGE: Seconds = Seconds(5);

/// Answers 200 with the concert.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let concert: ConcertId = call.path("concertId")?;
    public(app, format!("concert {concert}"), MAX_AGE, async {
        let ConcertWithLayout { concert, layout } = app.store.concert_with_layout(concert).await?;
        let offer = app.store.with_availability(concert).await?;
        Ok(Content::of(&ConcertBody::new(&offer, &layout, &app.config)))
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
