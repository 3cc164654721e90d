//! `POST /api/v1/reservations`: holds one or several seats, all or none.

use lambda_http::http::StatusCode;
use serde::Serialize;
use shared::{
    app::App,
    bootstrap,
    domain::{id::ConcertId, layout::SeatNumber},
    http::{
        Answer, Call, Problem,
        answer::{body, json_idempotent, with_location},
        callers::named_fan,
        requests::NewReservation,
        values::RequestedSeat,
        views::ReservationBody,
    },
    store::holds::{Held, HoldOrder},
};
use std::collections::BTreeSet;

/// Seats of one request.
const MAX_SEATS: usize = 8;

/// What an `Idempotency-Key` is bound to; the order of the seats does not matter.
#[derive(Serialize)]
struct Fingerprint {
    concert: ConcertId,
    seats: BTreeSet<SeatNumber>,
}

/// The seats that the request asks for. Refuses a seat that is named twice.
fn seats(new: &NewReservation) -> Result<Vec<SeatNumber>, Problem> {
    let asked = match (&new.seat_number, &new.seat_numbers) {
        (Some(seat), None) => vec![*seat],
        (None, Some(seats)) if (1..=MAX_SEATS).contains(&seats.len()) => seats.clone(),
        (None, Some(_)) => return Err(Problem::invalid("/seatNumbers", "must have 1 to 8 seats")),
        (Some(_), Some(_)) => return Err(Problem::invalid("/seatNumbers", "must be left out beside seatNumber")),
        (None, None) => return Err(Problem::invalid("", "must have either seatNumber or seatNumbers")),
    };
    for (index, seat) in asked.iter().enumerate() {
        if asked[..index].contains(seat) {
            return Err(Problem::invalid(format!("/seatNumbers/{index}"), "is named twice"));
        }
    }
    Ok(asked.into_iter().map(|RequestedSeat(seat)| seat).collect())
}

/// Answers 201 with the reservation, or 409 at once if a seat is held or sold.
pub async fn handle(app: &App, call: &Call) -> Answer {
    let payload = call.payload()?;
    let claims = app.tokens.queue_claims(call, app.now())?;
    let new: NewReservation = payload.parse()?;
    let order = HoldOrder { concert_id: new.concert_id, seats: seats(&new)?, claims };
    let fingerprint = Fingerprint { concert: order.concert_id, seats: order.seats.iter().copied().collect() };
    let idempotent = call.idempotent(order.claims.user_id, "create_reservation", &fingerprint)?;
    order.claims.must_be(named_fan(call, new.user_id)?)?;
    let view = |Held { reservation, session_ends_at }: &Held| {
        ReservationBody::new(reservation, Some(*session_ends_at), reservation.reserved_at)
    };
    let done = app.store.hold(&order, idempotent.as_ref(), |held| body(&view(held))).await?;
    Ok(with_location(json_idempotent(StatusCode::CREATED, done, view), "/api/v1/reservations/", "reservationId"))
}

/// Runs the function, as its own program and the one of all functions do.
///
/// # Errors
/// Where it cannot start.
pub fn run() -> Result<(), bootstrap::Error> {
    bootstrap::serve(|app, call| Box::pin(handle(app, call)))
}
