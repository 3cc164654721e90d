//! `GET /api/v1/reservations/dates`: the concerts, in order of start.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::{id::ConcertId, time::Timestamp},
    http::{Answer, Call, Problem, answer::with_header, callers::caller, cursor::List, json, views::ConcertDate},
    store::{
        concerts::ConcertAvailability,
        listing::{Bound, ListingRange},
    },
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
    fn of(offer: &ConcertAvailability) -> String {
        format!("{} {}", offer.concert.starts_at.rfc3339(), offer.concert.concert_id)
    }
}

/// Parses a time, or a day at the venue.
fn bound(text: &str) -> Result<Bound, String> {
    let time = Timestamp::parse_rfc3339(text).map(Bound::Time);
    time.or_else(|| text.parse().ok().map(Bound::Day))
        .ok_or_else(|| "must be an RFC 3339 time or a day like 2026-12-24, of the years 1970 to 9999".to_owned())
}

fn range(app: &App, call: &Call) -> Result<ListingRange, Problem> {
    Ok(ListingRange {
        from: call.query_with("from", bound)?,
        to: call.query_with("to", bound)?,
        after: app.cursors.read::<Position>(call, List::Dates)?.map(|Position(starts_at, id)| (starts_at, id)),
        event: call.query("eventId")?,
        category: call.label("category")?,
    })
}

/// Answers 200 with an array of concerts. `Link` has the address of the next page.
pub async fn handle(app: &App, call: &Call) -> Answer {
    if app.config.dates_for_tokens_only {
        caller(app, call).await?;
    }
    let limit = call.limit()?;
    let (offers, more) = app.store.listing_page(&range(app, call)?, limit as usize).await?;
    let date = |offer: &ConcertAvailability| ConcertDate::new(&offer.concert, offer.seats_available, &app.config);
    let dates: Vec<ConcertDate> = offers.iter().map(date).collect();
    let caching = if app.config.dates_for_tokens_only { "private, max-age=1" } else { "public, max-age=1" };
    let response = with_header(json(StatusCode::OK, &dates), "cache-control", caching);
    match offers.last() {
        Some(last) if more => {
            let next = call.path_with("cursor", &app.cursors.write(List::Dates, &Position::of(last)));
            Ok(with_header(response, "link", format!("<{next}>; rel=\"next\"")))
        }
        _ => Ok(response),
    }
}
