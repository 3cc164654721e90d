//! What only admins may do.

use crate::{
    examples,
    operation::{Caller, Operation},
    schemas::Schemas,
};
use serde_json::json;
use shared::{
    domain::refusal::Refusal,
    http::{
        requests::{ConcertChange, ConcertDraft, QueueChange},
        views::{ConcertDate, ConfiguredQueueBody, SalesBody},
    },
};

const TAG: &str = "Administration";

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    let date = s.answer::<ConcertDate>();
    let this = json!({ "concertId": "$response.body#/concertId" });
    vec![
        Operation::new("create_concert", "post", "/api/v1/admin/concerts", Caller::Admin)
            .about(TAG, "Put a concert on sale", "Its seats never change; when it is sold may.")
            .stored()
            .body::<ConcertDraft>(s, examples::concert_draft())
            .answers(201, "The concert.", &[], date.clone(), examples::concert_date())
            .then(201, "get_concert", this.clone(), None)
            .then(201, "change_concert", this.clone(), None)
            .then(201, "report_sales", this.clone(), None)
            .then(201, "list_seats", this, None),
        Operation::new("change_concert", "patch", "/api/v1/admin/concerts/{concertId}", Caller::Admin)
            .about(TAG, "Change when a concert is sold", "What is held stays held, and may be paid.")
            .stored()
            .concert(s)
            .body::<ConcertChange>(s, json!({ "enabled": false }))
            .refuses([Refusal::ConcertNotFound])
            .answers(200, "The concert as it is then.", &[], date, examples::concert_date()),
        Operation::new("configure_queue", "put", "/api/v1/admin/queues/{queueId}", Caller::Admin)
            .about(
                TAG,
                "Configure a line",
                "What is left out stays. A line that does not exist is made. New room is given to who waits at once.",
            )
            .stored()
            .queue(s)
            .body::<QueueChange>(s, json!({ "capacity": 100, "activeSeconds": 600 }))
            .answers(200, "The line.", &[], s.answer::<ConfiguredQueueBody>(), examples::configured_queue())
            .then(200, "get_queue", json!({ "queueId": "$response.body#/queueId" }), None),
        Operation::new("report_sales", "get", "/api/v1/admin/concerts/{concertId}/sales", Caller::Admin)
            .about(TAG, "See what was sold", "Computed from the seats, as they are now.")
            .stored()
            .concert(s)
            .refuses([Refusal::ConcertNotFound])
            .answers(
                200,
                "The sales.",
                &[],
                s.answer::<SalesBody>(),
                json!({ "sold": 17, "held": 2, "free": 31, "revenue": 850000 }),
            ),
    ]
}
