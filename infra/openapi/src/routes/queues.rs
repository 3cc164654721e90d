//! The operations on queues and places.

use crate::{
    examples,
    operation::{Caller, Operation},
    problem::END_REASONS,
    schemas::Schemas,
};
use serde_json::json;
use shared::{
    domain::{id::QueueId, refusal::Refusal, session::EndReason},
    http::{
        requests::Join,
        views::{QueueBody, TokenBody},
    },
};

const TAG: &str = "Queue";
const OVER: Refusal = Refusal::TokenOver { reason: EndReason::Expired };
const OF_TOKEN: &[&str] = &["Retry-After"];

const JOIN: &str = "\
Gives the fan a place at the end of the queue (201), or returns the place that the fan has (200). Where a slot is \
free and nobody waits, the fan is admitted at once: `status` is ACTIVE. Otherwise poll `GET /api/v1/tokens/{userId}` \
every `pollAfterSeconds`. If the place has been admitted, this request claims it.

A retry is safe: it returns the same place as long as that lives. Where the place or session is over, the fan gets \
a new place at once, and nothing says why the last one ended. So after a page reload ask `GET \
/api/v1/tokens/{userId}` first, and join on its 404, or on its 410 once the fan has seen the reason.

404 `queue_not_found` means that the queue was deleted: show its concerts as not on sale. Joins are limited by fan \
and by address, and so are the places that a fan gets in one queue within an hour: on 429 wait for `Retry-After`.";

const POLL: &str = "\
Returns where the fan stands in the queue. Poll it every `pollAfterSeconds`, and send the newest `token` each time. \
The fan's own request claims the place once it is admitted, which starts the session; an admin's look at another fan \
claims nothing. A retry is safe.

After a page reload send the access token and `queueId`. 200 has the place and a queue token. 404 `token_not_found` \
means that the fan never joined: join. 404 `queue_not_found` means that the queue was deleted. 410 means that the \
place or session is over: show the reason, then join. A fan who left while waiting can still read WAITING on an old \
queue token, until the place comes up, and is never admitted by it; a removed fan gets 410 within about a second.

";

const LEAVE: &str = "\
Ends the fan's place or session. Open holds are cancelled, and their seats are free at once; paid reservations stay.

A retry is safe: leaving again is 204. Send the queue token to end no other place than its own; an access token ends \
the newest place of the fan in the queue. 404 `token_not_found` is answered only for a fan who never joined.";

const WATCH: &str = "\
Returns the public state of a queue, at most one second old. A fan who knows `place` can follow the queue without a \
token: the position is `place - served`. Ask `GET /api/v1/tokens/{userId}` once `served` has reached `place`, to \
claim it, and now and then before.

404 `queue_not_found` means that the queue was never created or was deleted: show its concerts as not on sale.";

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    let token = s.answer::<TokenBody>();
    let watch = json!({ "queueId": "$response.body#/queueId" });
    vec![
        Operation::new("issue_token", "post", "/api/v1/tokens", Caller::Access)
            .about(TAG, "Join a queue", JOIN)
            .stored()
            .named_twice(s)
            .optional_body::<Join>(s, json!({ "queueId": "main" }))
            .limited()
            .refuses([Refusal::Forbidden, Refusal::UserNotFound, Refusal::QueueNotFound])
            .answers(201, "The fan got a new place.", &["Location", "Retry-After"], token.clone(), examples::token())
            .answers(200, "The fan has a place already.", OF_TOKEN, token.clone(), examples::active_token())
            .then(201, "get_queue", watch.clone(), None)
            .then(200, "get_queue", watch, None),
        Operation::new("get_token", "get", "/api/v1/tokens/{userId}", Caller::Either)
            .about(TAG, "See where a fan stands", &format!("{POLL}{END_REASONS}"))
            .stored()
            .user(s)
            .on_behalf(s)
            .query("queueId", QUEUE, s.request::<QueueId>())
            .refuses([Refusal::Forbidden, Refusal::WrongQueue, Refusal::TokenNotFound, Refusal::QueueNotFound, OVER])
            .answers(200, "The fan has a live place.", OF_TOKEN, token, None)
            .shows(
                200,
                [
                    ("waiting", "The fan waits.", examples::token()),
                    ("active", "The fan is admitted, and the session runs.", examples::active_token()),
                ],
            ),
        Operation::new("leave_queue", "delete", "/api/v1/tokens/{userId}", Caller::Either)
            .about(TAG, "Leave a queue", LEAVE)
            .stored()
            .user(s)
            .on_behalf(s)
            .query("queueId", QUEUE, s.request::<QueueId>())
            .refuses([Refusal::Forbidden, Refusal::WrongQueue, Refusal::TokenNotFound, Refusal::QueueNotFound])
            .answers_nothing(204, "The fan has no live place in the queue any more."),
        Operation::new("get_queue", "get", "/api/v1/queues/{queueId}", Caller::Nobody)
            .about(TAG, "See how a queue moves", WATCH)
            .stored()
            .queue(s)
            .refuses([Refusal::QueueNotFound])
            .answers(200, "The public state of the queue.", &[], s.answer::<QueueBody>(), examples::queue())
            .cached(),
    ]
}

const QUEUE: &str = "The queue, where the access token is sent; `main` where it is left out. A queue token names its own \
                     queue, and another one here is 403 `wrong_queue`.";
