//! `GET /api/v1/reservations/dates`: the concerts, by start.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::{id::ConcertId, time::Timestamp},
    http::{Answer, Call, answer::with_header, call::cursor_text, json, views::ConcertDate},
    store::concerts::{ListingRange, Offer},
};
use std::str::FromStr;

/// The position of a concert in the listing.
struct Position(Timestamp, ConcertId);

impl FromStr for Position {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (starts_at, id) = text.split_once(' ').ok_or(())?;
        Ok(Position(Timestamp::parse_rfc3339(starts_at).ok_or(())?, id.parse().map_err(|_| ())?))
    }
}

impl Position {
    fn of(offer: &Offer) -> String {
        format!("{} {}", offer.concert.starts_at.rfc3339(), offer.concert.concert_id)
    }
}

/// Answers 200 with an array; the next page is named in `Link`.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let limit = call.limit()?;
    let after = call.cursor::<Position>()?.map(|Position(starts_at, id)| (starts_at, id));
    let range = ListingRange { after, ..ListingRange::default() };
    let (offers, more) = app.store.listing_page(&range, limit as usize).await?;
    let dates: Vec<ConcertDate> = offers.iter().map(|o| ConcertDate::new(&o.concert, o.seats_available)).collect();
    let response = with_header(json(StatusCode::OK, &dates), "cache-control", "public, max-age=1");
    match offers.last() {
        Some(last) if more => {
            let (path, cursor) = (call.raw_path(), cursor_text(&Position::of(last)));
            Ok(with_header(response, "link", format!("<{path}?limit={limit}&cursor={cursor}>; rel=\"next\"")))
        }
        _ => Ok(response),
    }
}
