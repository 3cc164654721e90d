//! Holds, and what becomes of them.

use super::page;
use crate::{
    examples,
    operation::{Caller, Operation},
    schemas::Schemas,
};
use serde_json::json;
use shared::{
    domain::{
        id::{PaymentId, ReservationId},
        layout::SeatNumber,
        refusal::Refusal,
    },
    http::{requests::NewReservation, views::ReservationBody},
};

const TAG: &str = "Reservations";

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    let this = json!({ "reservationId": "$response.body#/reservationId" });
    let first = json!({ "reservationId": "$response.body#/items/0/reservationId" });
    let to_pay = json!({
        "reservationId": "{$response.body#/reservationId}", "amount": "{$response.body#/amount}",
    });
    let reservation = s.answer::<ReservationBody>();
    let example = examples::reservation();
    vec![
        Operation::new("create_reservation", "post", "/api/v1/reservations", Caller::LetIn)
            .about(
                TAG,
                "Hold seats",
                "All of them or none, until `expiresAt`. Who comes second gets 409 at once. Give either `seatNumber` \
                 or `seatNumbers`. A session makes at most `HOLDS_PER_SESSION` holds, whatever becomes of them, and takes \
                 at most `seatsPerSession` seats: those that it holds and those that it bought, refunded ones too. A hold \
                 that the end of the session would cut below 30 s (or below `holdSeconds`, if shorter) is \
                 `session_ending`.",
            )
            .stored()
            .idempotent()
            .named_twice(s)
            .body::<NewReservation>(s, json!({ "concertId": examples::CONCERT, "seatNumbers": [12, 13] }))
            .refuses([Refusal::Forbidden, Refusal::WrongQueue, examples::sale_closed(), Refusal::ConcertNotFound])
            .refuses(SeatNumber::new(1).map(Refusal::SeatNotFound))
            .refuses([Refusal::SeatUnavailable { seats: Vec::new(), own: None }])
            .refuses([Refusal::SeatLimit { limit: 4, held: 2, bought: 2 }, Refusal::SessionEnding])
            .refuses([Refusal::HoldLimit { limit: 30 }, Refusal::TooManyRequests { retry_after: 7 }])
            .answers(201, "The hold.", &["Idempotency-Replayed", "Location"], reservation.clone(), example.clone())
            .then(201, "get_reservation", this.clone(), None)
            .then(201, "process_payment", json!({}), to_pay)
            .then(201, "cancel_reservation", this, None),
        Operation::new("get_reservation", "get", "/api/v1/reservations/{reservationId}", Caller::Either)
            .about(TAG, "See a reservation", "Somebody else's is 404.")
            .stored()
            .reservation(s)
            .on_behalf(s)
            .refuses([Refusal::Forbidden, Refusal::ReservationNotFound])
            .answers(200, "The reservation.", &[], reservation.clone(), example.clone()),
        Operation::new("cancel_reservation", "delete", "/api/v1/reservations/{reservationId}", Caller::Either)
            .about(TAG, "Give a hold back", "Its seats are free at once. Doing it again changes nothing.")
            .stored()
            .reservation(s)
            .on_behalf(s)
            .refuses([Refusal::Forbidden, Refusal::ReservationNotFound])
            .refuses([Refusal::PaidNotCancellable(PaymentId::of(ReservationId(uuid::Uuid::nil()))), Refusal::ReservationExpired])
            .answers_nothing(204, "The hold is cancelled."),
        Operation::new("list_reservations", "get", "/api/v1/users/{userId}/reservations", Caller::Either)
            .about(TAG, "List a fan's reservations", "Newest first.")
            .stored()
            .user(s)
            .on_behalf(s)
            .paged()
            .refuses([Refusal::Forbidden, Refusal::UserNotFound])
            .answers(200, "A page.", &[], page(reservation), json!({ "items": [example], "nextCursor": null }))
            .then(200, "get_reservation", first, None),
    ]
}
