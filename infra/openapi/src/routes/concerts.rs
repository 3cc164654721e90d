//! The operations on concerts and their seats.

use crate::{
    examples,
    operation::{Caller, Operation},
    schemas::Schemas,
};
use serde_json::json;
use shared::{
    domain::{id::EventId, refusal::Refusal, text::Label},
    http::views::{AvailabilityBody, ConcertBody, ConcertDate, SeatBody},
};

const TAG: &str = "Concerts";

const LIST: &str = "\
Lists the concerts, ordered by `startsAt`, at most five seconds old. Without `from` the list begins with what started \
within the last 24 hours and has not ended. The header `Link` names the next page; the last \
page has none. Some deployments ask for a token of either kind here.

A concert can be bought now if it is `enabled`, the time is between `saleOpensAt` and `saleClosesAt`, and its queue \
(`GET /api/v1/queues/{queueId}`) is OPEN. Count down to the later of `saleOpensAt` and the queue's `opensAt`. A \
concert whose queue returns 404 is not on sale.";

const SEE: &str = "\
Returns one concert with its seats, prices and rules, so that a fan can choose before joining the queue. No token is \
needed. A change by an admin shows within about five seconds.";

const AVAILABILITY: &str = "\
Returns which seats of a concert are free, held and sold, for everybody. No token is needed. A change shows within \
about two seconds. The answer for 100,000 seats is about 33 KB, and less with gzip.

The document shows the seats at the time `at`. A hold that has just ended can still be shown as held, until the system \
has freed its seat. A seat that is free here can be gone a moment later: the hold decides.

To find a seat in `seats`, count its place among the seats of all `blocks` of the concert, ordered by number and from \
0: place p has the two bits from bit (p mod 4) * 2 of byte p / 4.";

const SEATS: &str = "\
Returns the seat map for an admitted fan, ordered by seat number and at most one second old. If the place has been \
admitted, this request claims it. A page holds up to 5,000 seats; the header `Link` names the next page.

A seat that is AVAILABLE here can be gone a moment later: the hold decides. 403 `not_active` means that the fan \
still waits. 403 `wrong_queue` means that the concert is sold through another queue. 401 `session_over` means that \
the session is over: join again.";

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    let date = s.answer::<ConcertDate>();
    let seat = s.answer::<SeatBody<'static>>();
    // The same range of years as in `Rfc3339`.
    let moment = json!({
        "type": "string", "anyOf": [{ "format": "date" }, { "format": "date-time" }],
        "pattern": "^(19[7-9][0-9]|[2-9][0-9]{3})-",
    });
    vec![
        Operation::new("list_dates", "get", "/api/v1/reservations/dates", Caller::Configured)
            .about(TAG, "List the concerts", LIST)
            .stored()
            .query("eventId", "Only concerts of this production.", s.request::<EventId>())
            .query("category", "Only concerts with exactly this category, such as `CONCERT`.", s.request::<Label>())
            .query(
                "from",
                "Only concerts that start at this time or later, or on this day or later. Days are those at the venue.",
                moment.clone(),
            )
            .query("to", "Only concerts that start at this time or earlier, or on this day or earlier. Days are those at the venue.", moment)
            .paged()
            .answers(
                200,
                "One page of the concerts.",
                &["Link"],
                json!({ "type": "array", "items": date }),
                json!([examples::concert_date()]),
            )
            .cached()
            .then(200, "get_concert", json!({ "concertId": "$response.body#/0/concertId" }), None)
            .then(200, "get_availability", json!({ "concertId": "$response.body#/0/concertId" }), None)
            .then(200, "list_seats", json!({ "concertId": "$response.body#/0/concertId" }), None),
        Operation::new("get_concert", "get", "/api/v1/concerts/{concertId}", Caller::Nobody)
            .about(TAG, "See a concert", SEE)
            .stored()
            .concert(s)
            .refuses([Refusal::ConcertNotFound])
            .answers(200, "The concert with its prices.", &[], s.answer::<ConcertBody>(), examples::concert())
            .cached(),
        Operation::new("get_availability", "get", "/api/v1/concerts/{concertId}/availability", Caller::Nobody)
            .about(TAG, "See which seats are free", AVAILABILITY)
            .stored()
            .concert(s)
            .refuses([Refusal::ConcertNotFound])
            .answers(
                200,
                "The seats of the concert.",
                &[],
                s.answer::<AvailabilityBody<'static>>(),
                examples::availability(),
            )
            .cached(),
        Operation::new("list_seats", "get", "/api/v1/reservations/{concertId}/seats", Caller::Admitted)
            .about(TAG, "See the seat map", SEATS)
            .stored()
            .concert(s)
            .query(
                "section",
                "Only seats of this section; 400 if the concert has no such section.",
                s.request::<Label>(),
            )
            .paged_by(5_000, 5_000)
            .refuses([Refusal::ConcertNotFound, Refusal::WrongQueue])
            .answers(
                200,
                "One page of the seats.",
                &["Link"],
                json!({ "type": "array", "items": seat }),
                examples::seats(),
            ),
    ]
}
