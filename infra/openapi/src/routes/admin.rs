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
        views::{AdminQueueBody, ConcertDate, SalesBody},
    },
};

const TAG: &str = "Administration";

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    let mut operations = concerts(s);
    operations.extend(queues(s));
    operations
}

fn concerts(s: &mut Schemas) -> Vec<Operation> {
    let date = s.answer::<ConcertDate>();
    let this = json!({ "concertId": "$response.body#/concertId" });
    vec![
        Operation::new("create_concert", "post", "/api/v1/admin/concerts", Caller::Admin)
            .about(TAG, "Put a concert on sale", "Its seats never change; when it is sold may.")
            .stored()
            .body::<ConcertDraft>(s, examples::concert_draft())
            .idempotent()
            .refuses([Refusal::QueueNotFound])
            .answers(201, "The concert.", &["Location", "Idempotency-Replayed"], date.clone(), examples::concert_date())
            .then(201, "get_concert", this.clone(), None)
            .then(201, "change_concert", this.clone(), None)
            .then(201, "report_sales", this.clone(), None)
            .then(201, "list_seats", this, None),
        Operation::new("change_concert", "patch", "/api/v1/admin/concerts/{concertId}", Caller::Admin)
            .about(
                TAG,
                "Change when a concert is sold",
                "Null goes back to the default. What is held stays held, and may be paid.",
            )
            .stored()
            .concert(s)
            .optional_body::<ConcertChange>(s, json!({ "enabled": false }))
            .refuses([Refusal::ConcertNotFound])
            .answers(200, "The concert as it is then.", &[], date, examples::concert_date()),
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

fn queues(s: &mut Schemas) -> Vec<Operation> {
    vec![
        Operation::new("configure_queue", "put", "/api/v1/admin/queues/{queueId}", Caller::Admin)
            .about(
                TAG,
                "Configure a queue",
                "What is left out stays, null goes back to the deployment's parameter. A queue that does not exist is \
                 made. The answer says what is stored; fans are admitted by the next tick, within two seconds. A place \
                 keeps the waiting time of its join, the claim window of its admission and the session of its claim.",
            )
            .stored()
            .queue(s)
            .optional_body::<QueueChange>(s, json!({ "capacity": 100, "activeSeconds": 600 }))
            .answers(200, "The queue as it is stored.", &[], s.answer::<AdminQueueBody>(), examples::admin_queue())
            .then(200, "get_queue", json!({ "queueId": "$response.body#/queueId" }), None),
        Operation::new("inspect_queue", "get", "/api/v1/admin/queues/{queueId}", Caller::Admin)
            .about(TAG, "Look at a queue", "The public figures, with the settings as they apply.")
            .stored()
            .queue(s)
            .refuses([Refusal::QueueNotFound])
            .answers(200, "The queue.", &[], s.answer::<AdminQueueBody>(), examples::admin_queue()),
        Operation::new("delete_queue", "delete", "/api/v1/admin/queues/{queueId}", Caller::Admin)
            .about(
                TAG,
                "Delete a queue",
                "Only one in which nobody waits and nobody is inside, and never `main`. The same id made again goes on \
                 counting, so that no place is used twice.",
            )
            .stored()
            .queue(s)
            .refuses([Refusal::QueueNotFound, Refusal::QueueInUse])
            .answers_nothing(204, "The queue is gone."),
        Operation::new("remove_fan", "delete", "/api/v1/admin/queues/{queueId}/sessions/{userId}", Caller::Admin)
            .about(
                TAG,
                "Remove a fan from a queue",
                "The fan's place or session ends, and open holds are cancelled. The fan may join again.",
            )
            .stored()
            .queue(s)
            .user(s)
            .refuses([Refusal::QueueNotFound, Refusal::TokenNotFound])
            .answers_nothing(204, "The fan is out."),
    ]
}
