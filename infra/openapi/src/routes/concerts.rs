//! Concerts and their seats.

use crate::{
    examples,
    operation::{Caller, Operation},
    schemas::Schemas,
};
use serde_json::json;
use shared::{
    domain::{id::EventId, refusal::Refusal, text::Label},
    http::views::{ConcertBody, ConcertDate, SeatBody},
};

const TAG: &str = "Concerts";

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    let date = s.answer::<ConcertDate>();
    let seat = s.answer::<SeatBody<'static>>();
    // The years are those of `Rfc3339`.
    let moment = json!({
        "type": "string", "anyOf": [{ "format": "date" }, { "format": "date-time" }],
        "pattern": "^(19[7-9][0-9]|[2-9][0-9]{3})-",
    });
    vec![
        Operation::new("list_dates", "get", "/api/v1/reservations/dates", Caller::Configured)
            .about(
                TAG,
                "List the concerts",
                "By start. Some deployments want a token of either kind here. The next page is named in the `Link` \
                 header.",
            )
            .stored()
            .query("eventId", "Of this production only.", s.request::<EventId>())
            .query("category", "Of this category only, letter by letter.", s.request::<Label>())
            .query("from", "Starting at this time, or on this day (UTC), or later.", moment.clone())
            .query("to", "Starting at this time, or on this day (UTC), or earlier.", moment)
            .paged()
            .answers(
                200,
                "The concerts.",
                &["Link"],
                json!({ "type": "array", "items": date }),
                json!([examples::concert_date()]),
            )
            .then(200, "get_concert", json!({ "concertId": "$response.body#/0/concertId" }), None)
            .then(200, "list_seats", json!({ "concertId": "$response.body#/0/concertId" }), None),
        Operation::new("get_concert", "get", "/api/v1/concerts/{concertId}", Caller::Nobody)
            .about(TAG, "See a concert", "What a fan wants to know before queueing: seats, prices, rules.")
            .stored()
            .concert(s)
            .refuses([Refusal::ConcertNotFound])
            .answers(200, "The concert.", &[], s.answer::<ConcertBody>(), examples::concert()),
        Operation::new("list_seats", "get", "/api/v1/reservations/{concertId}/seats", Caller::LetIn)
            .about(
                TAG,
                "See the seat map",
                "By seat number; a second old at most. The next page is named in the `Link` header.",
            )
            .stored()
            .concert(s)
            .query("section", "Of this section only; 400 for one that the concert lacks.", s.request::<Label>())
            .paged_by(5_000, 5_000)
            .refuses([Refusal::ConcertNotFound, Refusal::WrongQueue])
            .answers(
                200,
                "The seats.",
                &["Link"],
                json!({ "type": "array", "items": seat }),
                json!([examples::seat()]),
            ),
    ]
}
