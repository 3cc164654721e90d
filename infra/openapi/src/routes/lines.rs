//! The line.

use crate::{
    examples,
    operation::{Caller, Operation},
    schemas::Schemas,
};
use serde_json::json;
use shared::{
    domain::{id::QueueId, refusal::Refusal, session::EndReason},
    http::{
        requests::Join,
        views::{QueueBody, TokenView},
    },
};

const TAG: &str = "Line";
const OVER: Refusal = Refusal::TokenOver { reason: EndReason::Expired };
const OF_TOKEN: &[&str] = &["Retry-After"];

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    vec![
        Operation::new("issue_token", "post", "/api/v1/tokens", Caller::Access)
            .about(
                TAG,
                "Join a line",
                "Gives the fan a place at the end of the line, or finds the one the fan has. When nobody waits and \
                 there is room, the fan is let in at once.",
            )
            .stored()
            .named_twice(s)
            .optional_body::<Join>(s, json!({ "queueId": "main" }))
            .limited()
            .refuses([Refusal::Forbidden, Refusal::UserNotFound, Refusal::QueueNotFound, OVER])
            .answers(201, "A new place.", &["Location", "Retry-After"], s.answer::<TokenView>(), examples::token())
            .answers(200, "The place that the fan has.", OF_TOKEN, s.answer::<TokenView>(), examples::token())
            .then(201, "get_queue", json!({ "queueId": "$response.body#/queueId" }), None)
            .then(200, "get_queue", json!({ "queueId": "$response.body#/queueId" }), None),
        Operation::new("get_token", "get", "/api/v1/tokens/{userId}", Caller::Either)
            .about(
                TAG,
                "See where one stands",
                "To be asked every `pollAfterSeconds`. The first time after being let in it starts the session.",
            )
            .stored()
            .user(s)
            .on_behalf(s)
            .query("queueId", QUEUE, s.request::<QueueId>())
            .refuses([Refusal::Forbidden, Refusal::WrongQueue, Refusal::TokenNotFound, OVER])
            .answers(200, "Where the fan stands.", OF_TOKEN, s.answer::<TokenView>(), examples::token()),
        Operation::new("leave_queue", "delete", "/api/v1/tokens/{userId}", Caller::Either)
            .about(TAG, "Leave the line", "Ends the wait or the session; open holds are cancelled.")
            .stored()
            .user(s)
            .on_behalf(s)
            .query("queueId", QUEUE, s.request::<QueueId>())
            .refuses([Refusal::Forbidden, Refusal::WrongQueue, Refusal::TokenNotFound])
            .answers_nothing(204, "The fan is not in line any more."),
        Operation::new("get_queue", "get", "/api/v1/queues/{queueId}", Caller::Nobody)
            .about(TAG, "See how a line moves", "The same for everybody, and a second old at most.")
            .stored()
            .queue(s)
            .refuses([Refusal::QueueNotFound])
            .answers(200, "The line.", &[], s.answer::<QueueBody>(), examples::queue()),
    ]
}

const QUEUE: &str = "The line, with an access token: `main` unless told. A queue token is of its own line only.";
