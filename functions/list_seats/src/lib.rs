//! `GET /api/v1/reservations/{concertId}/seats`: the seat map, for fans who were let in.

use lambda_http::http::StatusCode;
use shared::{
    app::App,
    domain::{
        concert::{Concert, SeatStatus},
        id::ConcertId,
        layout::{Layout, SeatNumber},
        refusal::Refusal,
        time::Timestamp,
    },
    http::{Answer, Call, Problem, json, views::SeatBody},
    store::{Failure, seats::SeatItem},
};
use std::collections::HashMap;

/// Answers 200 with the seats by number. Session and seats are read at once.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let claimant = app.tokens.claimant(call, app.now())?;
    let id: ConcertId = call.path("concertId")?;
    let section = call.label("section")?;
    let concert = match app.store.concert(id).await {
        Ok(concert) => concert,
        Err(failure) => return Err(app.store.live_session(&claimant).await.err().unwrap_or(failure).into()),
    };
    let seats_asked = concert.layout.seats(section.as_deref()).count();
    let too_many = match section {
        None if seats_asked > Layout::MAX_SEATS_IN_ONE_MAP => Some("is required above 5000 seats"),
        Some(_) if seats_asked > Layout::MAX_SEATS_IN_A_SECTION => Some("has more seats than a map can show"),
        _ => None,
    };
    let chunks = too_many.is_none().then(|| concert.layout.chunks(section.as_deref()));
    let seats =
        async { Ok::<_, Failure>(app.store.seats_of_chunks(id, chunks.as_deref().unwrap_or_default(), false).await?) };
    let (_, taken) = futures_util::try_join!(app.store.live_session(&claimant), seats)?;
    if let Some(detail) = too_many {
        return Err(Problem::invalid("section", detail));
    }
    if concert.queue_id != claimant.queue_id {
        return Err(Refusal::WrongQueue.into());
    }
    Ok(json(StatusCode::OK, &seat_map(&concert, section.as_deref(), &taken, app.now())))
}

fn seat_map<'a>(
    concert: &'a Concert,
    section: Option<&'a str>,
    taken: &[SeatItem],
    now: Timestamp,
) -> Vec<SeatBody<'a>> {
    let taken: HashMap<SeatNumber, SeatStatus> = taken.iter().map(|s| (s.seat_number, s.status_at(now))).collect();
    concert
        .layout
        .seats(section)
        .map(|(seat_number, block)| {
            let status = taken.get(&seat_number).copied().unwrap_or(SeatStatus::Available);
            SeatBody {
                seat_number,
                available: status == SeatStatus::Available,
                status,
                section: &block.section,
                seat_type: &block.seat_type,
                price: block.price,
            }
        })
        .collect()
}
