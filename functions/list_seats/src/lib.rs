//! `GET /api/v1/reservations/{concertId}/seats`: the seat map, for admitted fans.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    bootstrap,
    domain::{
        concert::{ConcertWithLayout, SeatStatus},
        id::ConcertId,
        layout::{Block, SeatNumber, Span},
        refusal::Refusal,
        time::Timestamp,
    },
    http::{Answer, Call, Problem, answer::with_header, cursor::List, json, views::SeatBody},
    store::{Failure, seats::SeatItem},
};
use std::{collections::HashMap, str::FromStr};

/// Seats of a page. With the longest names such a page is 2 MB; Lambda allows answers of 6 MB.
const MAX_SEATS: i32 = 5_000;

/// A concert and the last seat of the previous page.
struct Position(ConcertId, SeatNumber);

impl FromStr for Position {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (id, seat) = text.split_once(' ').ok_or(())?;
        let seat = seat.parse().ok().and_then(SeatNumber::new).ok_or(())?;
        Ok(Position(id.parse().map_err(|_| ())?, seat))
    }
}

/// The seat after which the page starts, from the cursor, which must be of this concert.
fn after(app: &App, call: &Call, id: ConcertId) -> Result<Option<SeatNumber>, Problem> {
    match app.cursors.read::<Position>(call, List::Seats)? {
        Some(Position(concert, seat)) if concert == id => Ok(Some(seat)),
        Some(_) => Err(Problem::invalid("cursor", "is not a cursor of this list")),
        None => Ok(None),
    }
}

/// Answers 200 with a page of the seats by number. `Link` has the address of the next page. Session and seats are read
/// in parallel.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let claims = app.tokens.queue_claims(call, app.now())?;
    let id: ConcertId = call.path("concertId")?;
    let section = call.label("section")?;
    let after = after(app, call, id)?;
    let limit = call.limit_within(MAX_SEATS)?.unwrap_or(MAX_SEATS) as usize;

    let ConcertWithLayout { concert, layout } = match app.store.concert_with_layout(id).await {
        Ok(found) => found,
        Err(failure) => return Err(app.store.live_session(&claims).await.err().unwrap_or(failure).into()),
    };
    // One seat more than asked for shows whether there are more.
    let mut page: Vec<_> = layout.seats(section.as_deref(), after).take(limit + 1).collect();
    let more = page.len() > limit;
    page.truncate(limit);
    let spans = Span::of(page.iter().map(|(seat, _)| *seat));
    let seats = async { Ok::<_, Failure>(app.store.seats_of_spans(id, &spans).await?) };
    let (_, taken) = futures_util::try_join!(app.store.live_session(&claims), seats)?;

    if concert.queue_id != claims.queue_id {
        return Err(Refusal::WrongQueue.into());
    }
    if section.as_deref().is_some_and(|section| !layout.has_section(section)) {
        return Err(Problem::invalid("section", "is not a section of this concert"));
    }
    let response = json(StatusCode::OK, &seat_map(&page, &taken, app.now()));
    match page.last() {
        Some((last, _)) if more => {
            let cursor = app.cursors.write(List::Seats, &format!("{id} {}", last.get()));
            let next = call.path_with("cursor", &cursor);
            Ok(with_header(response, "link", format!("<{next}>; rel=\"next\"")))
        }
        _ => Ok(response),
    }
}

fn seat_map<'a>(page: &[(SeatNumber, &'a Block)], taken: &[SeatItem], now: Timestamp) -> Vec<SeatBody<'a>> {
    let taken: HashMap<SeatNumber, SeatStatus> = taken.iter().map(|s| (s.seat_number, s.status_at(now))).collect();
    let seat = |(seat_number, block): &(SeatNumber, &'a Block)| {
        let status = taken.get(seat_number).copied().unwrap_or(SeatStatus::Available);
        SeatBody {
            seat_number: *seat_number,
            available: status == SeatStatus::Available,
            status,
            section: &block.section,
            seat_type: &block.seat_type,
            price: block.price,
        }
    };
    page.iter().map(seat).collect()
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
