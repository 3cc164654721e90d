//! The operations on reservations.

use super::page;
use crate::{
    examples,
    operation::{Caller, Operation},
    schemas::Schemas,
};
use serde_json::json;
use shared::{
    domain::{layout::SeatNumber, refusal::Refusal},
    http::{requests::NewReservation, views::ReservationBody},
};

const TAG: &str = "Reservations";

const HOLD: &str = "\
Holds seats for the fan until `expiresAt`, all of them or none. The first hold of a seat wins, whatever the seat map \
showed; a later one gets 409 `seat_unavailable` at once. If the place has been admitted, this request claims it. Pay \
with `POST /api/v1/payments/process` before `expiresAt`.

A session has limits: it may hold and buy `seatsPerSession` seats, refunded ones included (409 `seat_limit`), and \
make 30 holds by default, whatever becomes of them (409 `hold_limit`). A hold moves the session's end to its own \
end, at most to the claim + `activeSeconds` + `holdSeconds`, and giving it back does not move the end again. Where \
this latest end leaves a hold less than 30 s, or less than `holdSeconds` if that is shorter, it is 409 \
`session_ending`. A fan who had 20 holds refused within 10 seconds, also while waiting (`not_active`), gets 429: \
wait for `Retry-After`.

Send an `Idempotency-Key`: a retry with it returns the first 201 again. Without one, the retry of a hold that \
succeeded is 409 `seat_unavailable` with the `reservationId` of that hold.";

const SEE: &str = "\
Returns a reservation as it stands now: held, paid, cancelled or expired. A reservation of another fan is 404; an \
admin names its fan with `userId`. One that was never paid is kept for 30 days.

Ask here after a 409 `payment_already_processed` or a replayed answer: CONFIRMED means paid, and CANCELLED with the \
reason REFUNDED means paid and refunded.";

const GIVE_BACK: &str = "\
Cancels a hold, and its seats are free at once. The session goes on.

A retry is safe: giving back a cancelled hold again is 204. 410 `reservation_expired` means that the hold has ended \
by itself: nothing is left to do. 409 `not_cancellable` means that the reservation is paid: refund the payment in \
`paymentId` instead. An admin names the fan with `userId`, else the answer is 404.";

const LIST: &str = "\
Lists the reservations of a fan, newest first, as they stand now. Pass `nextCursor` as `cursor` to get the next \
page. An unknown fan is 404 `user_not_found`.";

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    let mut operations = vec![hold(s)];
    operations.extend(one(s));
    operations.push(list(s));
    operations
}

fn hold(s: &mut Schemas) -> Operation {
    let this = json!({ "reservationId": "$response.body#/reservationId" });
    let to_pay = json!({
        "reservationId": "{$response.body#/reservationId}", "amount": "{$response.body#/amount}",
    });
    Operation::new("create_reservation", "post", "/api/v1/reservations", Caller::Admitted)
        .about(TAG, "Hold seats", HOLD)
        .stored()
        .idempotent()
        .named_twice(s)
        .body::<NewReservation>(s, json!({ "concertId": examples::CONCERT, "seatNumbers": [12, 13] }))
        .refuses([Refusal::Forbidden, Refusal::WrongQueue, examples::sale_closed(), Refusal::ConcertNotFound])
        .refuses(SeatNumber::new(51).map(Refusal::SeatNotFound))
        .refuses(examples::seats_unavailable())
        .refuses([Refusal::SeatLimit { limit: 4, held: 2, bought: 2 }, Refusal::SessionEnding])
        .refuses([Refusal::HoldLimit { limit: 30 }, Refusal::TooManyRequests { retry_after: 7 }])
        .answers(
            201,
            "All the seats are held.",
            &["Idempotency-Replayed", "Location"],
            s.answer::<ReservationBody>(),
            examples::reservation(),
        )
        .then(201, "get_reservation", this.clone(), None)
        .then(201, "process_payment", json!({}), to_pay)
        .then(201, "cancel_reservation", this, None)
}

fn one(s: &mut Schemas) -> Vec<Operation> {
    vec![
        Operation::new("get_reservation", "get", "/api/v1/reservations/{reservationId}", Caller::Either)
            .about(TAG, "See a reservation", SEE)
            .stored()
            .reservation(s)
            .owned(s)
            .refuses([Refusal::Forbidden, Refusal::ReservationNotFound])
            .answers(200, "The reservation as it stands now.", &[], s.answer::<ReservationBody>(), None)
            .shows(
                200,
                [
                    ("held", "The seats are held.", examples::reservation()),
                    ("paid", "The reservation is paid, after one refused payment.", examples::paid_reservation()),
                    ("refunded", "The payment was refunded.", examples::refunded_reservation()),
                ],
            ),
        Operation::new("cancel_reservation", "delete", "/api/v1/reservations/{reservationId}", Caller::Either)
            .about(TAG, "Give a hold back", GIVE_BACK)
            .stored()
            .reservation(s)
            .owned(s)
            .refuses([Refusal::Forbidden, Refusal::ReservationNotFound])
            .refuses([Refusal::PaidNotCancellable(examples::payment_id()), Refusal::ReservationExpired])
            .answers_nothing(204, "The hold is cancelled, and its seats are free."),
    ]
}

fn list(s: &mut Schemas) -> Operation {
    let first = json!({ "reservationId": "$response.body#/items/0/reservationId" });
    let reservations = page("The reservations, newest first.", s.answer::<ReservationBody>());
    Operation::new("list_reservations", "get", "/api/v1/users/{userId}/reservations", Caller::Either)
        .about(TAG, "List a fan's reservations", LIST)
        .stored()
        .user(s)
        .on_behalf(s)
        .paged()
        .refuses([Refusal::Forbidden, Refusal::UserNotFound])
        .answers(
            200,
            "One page of the reservations.",
            &[],
            reservations,
            json!({ "items": [examples::paid_reservation()], "nextCursor": null }),
        )
        .then(200, "get_reservation", first, None)
}
