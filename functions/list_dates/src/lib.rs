//! `GET /api/v1/reservations/dates`: the concerts, in order of start.

use shared::{
    app::App,
    bootstrap,
    domain::{
        id::ConcertId,
        time::{Seconds, Timestamp},
    },
    http::{
        Answer, Call, Problem,
        answer::with_header,
        callers::caller,
        cursor::List,
        documents::{Caching, Content, document},
        views::ConcertDate,
    },
    store::{
        concerts::ConcertAvailability,
        listing::{Bound, ListingRange},
    },
};
use std::str::FromStr;

const MAX_AGE: Seconds = Seconds(5);

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
    let caching = if app.config.dates_for_tokens_only {
        // Before the memory is looked at, which serves every caller.
        caller(app, call).await?;
        Caching::private(MAX_AGE)
    } else {
        Caching::public(MAX_AGE)
    };
    let (limit, range) = (call.limit()?, range(app, call)?);
    let page = document(app, format!("dates {limit} {range:?}"), caching, async {
        let (offers, more) = app.store.listing_page(&range, limit as usize).await?;
        let date = |offer: &ConcertAvailability| ConcertDate::new(&offer.concert, offer.seats_available, &app.config);
        let dates: Vec<ConcertDate> = offers.iter().map(date).collect();
        Ok(Content::of(&dates).followed_by(offers.last().filter(|_| more).map(Position::of)))
    })
    .await?;
    let response = page.response(app.now());
    Ok(match page.next() {
        // From this request, since another one for the same page may have been written differently.
        Some(next) => {
            let next = call.path_with("cursor", &app.cursors.write(List::Dates, next));
            with_header(response, "link", format!("<{next}>; rel=\"next\""))
        }
        None => response,
    })
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
