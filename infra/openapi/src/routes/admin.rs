//! The operations for operators and admins.

use crate::{
    examples,
    operation::{Caller, Operation},
    schemas::Schemas,
};
use serde_json::json;
use shared::{
    domain::{
        id::{ConcertId, QueueId, UserId},
        refusal::Refusal,
    },
    http::{
        requests::{ConcertChange, ConcertDraft, QueueChange},
        views::{AdminQueueBody, ConcertDate, OperationsBody, SalesBody},
    },
};

const TAG: &str = "Administration";

const CREATE: &str = "\
Puts a concert on sale. Its seats and prices cannot be changed afterwards; when it is sold can. What is left out \
gets a default: 50 seats, the queue `main`, a sale that is open at once and closes at `startsAt`.

404 `queue_not_found` means that the queue of the draft does not exist: create it first, by configuring it. Send an \
`Idempotency-Key`: a retry with it returns the first 201 again. Without one, a retry creates a second concert.";

const RESCHEDULE: &str = "\
Changes whether and when a concert is sold; it takes effect within a second. A field that is left out stays, null \
sets it back to the default. Seats that are held stay held, and can still be paid. A retry is safe.";

const SALES: &str = "\
Counts what is sold, held and free of a concert, from the seats as they are now. A retry is safe.";

const CONFIGURE: &str = "\
Changes the settings of a queue, and creates the queue if it does not exist. A field that is left out stays, null \
sets it back to the default. The answer is what is stored; fans are admitted accordingly within two seconds. A retry \
is safe.

A fan keeps what was promised: a place keeps the waiting time of its join, an admission its claim window, and a \
session its length. Pausing stops admissions and the waiting time; it stops neither sessions nor claim windows.";

const INSPECT: &str = "\
Returns the public state of a queue together with its settings as they apply. 404 means that the queue was never \
created or was deleted.";

const DELETE: &str = "\
Deletes a queue in which nobody waits and nobody is inside, and through which no concert is sold whose sale has not \
closed; else it is 409 `queue_in_use`, and so it always is for `main`. To delete it earlier, end the sales of its \
concerts first (`saleClosesAt`). The retry of a deletion that succeeded is 404. A queue that is created again with this \
id goes on counting, so that no place is given twice.

Concerts that name the queue stay, and nobody can buy them any more: joining is 404 `queue_not_found`.";

const REMOVE: &str = "\
Ends a fan's place or session in a queue, and cancels the fan's open holds. The fan's next poll returns 410 with the \
reason REMOVED, within about a second; the fan may join again.

A retry is safe: removing again is 204. 404 `token_not_found` is answered only for a fan who never joined.";

const OPERATIONS: &str = "\
Returns a queue, and the seats of a concert if one is named, minute by minute. The look itself takes the sample of the \
running minute, so a minute in which nobody looked is null: keep a page open that asks every few seconds. It costs at \
most 10 read units, and at most 8 write units in 5 seconds. A retry is safe.";

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
            .about(TAG, "Put a concert on sale", CREATE)
            .stored()
            .body::<ConcertDraft>(s, examples::concert_draft())
            .idempotent()
            .refuses([Refusal::QueueNotFound])
            .answers(
                201,
                "The concert was created.",
                &["Location", "Idempotency-Replayed"],
                date.clone(),
                examples::new_concert(),
            )
            .then(201, "get_concert", this.clone(), None)
            .then(201, "change_concert", this.clone(), None)
            .then(201, "report_sales", this.clone(), None)
            .then(201, "list_seats", this, None),
        Operation::new("change_concert", "patch", "/api/v1/admin/concerts/{concertId}", Caller::Admin)
            .about(TAG, "Change when a concert is sold", RESCHEDULE)
            .stored()
            .concert(s)
            .optional_body::<ConcertChange>(s, json!({ "enabled": false }))
            .refuses([Refusal::ConcertNotFound])
            .answers(200, "The concert after the change.", &[], date, examples::disabled_concert()),
        Operation::new("report_sales", "get", "/api/v1/admin/concerts/{concertId}/sales", Caller::Operator)
            .about(TAG, "See what was sold", SALES)
            .stored()
            .concert(s)
            .refuses([Refusal::ConcertNotFound])
            .answers(
                200,
                "The sales as they are now.",
                &[],
                s.answer::<SalesBody>(),
                json!({ "sold": 17, "held": 2, "free": 31, "revenue": 850000 }),
            ),
    ]
}

fn queues(s: &mut Schemas) -> Vec<Operation> {
    vec![
        Operation::new("configure_queue", "put", "/api/v1/admin/queues/{queueId}", Caller::Operator)
            .about(TAG, "Configure a queue", CONFIGURE)
            .stored()
            .queue(s)
            .optional_body::<QueueChange>(s, json!({ "capacity": 100, "activeSeconds": 600 }))
            .answers(200, "The queue as it is stored.", &[], s.answer::<AdminQueueBody>(), examples::widened_queue())
            .then(200, "get_queue", json!({ "queueId": "$response.body#/queueId" }), None),
        Operation::new("inspect_queue", "get", "/api/v1/admin/queues/{queueId}", Caller::Operator)
            .about(TAG, "Look at a queue", INSPECT)
            .stored()
            .queue(s)
            .refuses([Refusal::QueueNotFound])
            .answers(200, "The queue with its settings.", &[], s.answer::<AdminQueueBody>(), examples::admin_queue()),
        Operation::new("report_operations", "get", "/api/v1/admin/ops", Caller::Operator)
            .about(TAG, "See the last hour", OPERATIONS)
            .stored()
            .query("queueId", "The queue to look at; `main` by default.", s.request::<QueueId>())
            .query("concertId", "The concert whose seats are counted; none by default.", s.request::<ConcertId>())
            .query(
                "minutes",
                "How many minutes to return.",
                json!({ "type": "integer", "minimum": 1, "maximum": 60, "default": 60 }),
            )
            .refuses([Refusal::QueueNotFound, Refusal::ConcertNotFound])
            .answers(200, "The minutes, oldest first.", &[], s.answer::<OperationsBody>(), examples::operations()),
        Operation::new("delete_queue", "delete", "/api/v1/admin/queues/{queueId}", Caller::Admin)
            .about(TAG, "Delete a queue", DELETE)
            .stored()
            .queue(s)
            .refuses([Refusal::QueueNotFound, Refusal::QueueInUse])
            .answers_nothing(204, "The queue is deleted."),
        Operation::new("remove_fan", "delete", "/api/v1/admin/queues/{queueId}/sessions/{userId}", Caller::Operator)
            .about(TAG, "Remove a fan from a queue", REMOVE)
            .stored()
            .queue(s)
            .path_parameter("userId", "The id of the fan to remove.", s.request::<UserId>(), examples::USER)
            .refuses([Refusal::QueueNotFound, Refusal::TokenNotFound])
            .answers_nothing(204, "The fan has no live place in the queue any more."),
    ]
}
