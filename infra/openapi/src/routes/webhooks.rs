//! The operations of webhooks.

use super::page;
use crate::{
    examples,
    operation::{Caller, Operation},
    schemas::Schemas,
};
use serde_json::{Value, json};
use shared::{
    domain::{refusal::Refusal, webhook::WebhookId},
    http::{
        requests::WebhookDraft,
        views::{DeliveryBody, WebhookBody},
    },
};

const TAG: &str = "Webhooks";

const LIST: &str = "\
Lists all webhooks, in the order of their ids. There are at most ten, so there is one page. A retry is safe.";

const PUT: &str = "\
Adds a webhook, or replaces the settings of the one with this id. Events reach it from within ten seconds on: as CloudEvents 1.0 \
in JSON, each posted at least once, in no certain order, and signed with Ed25519 as Standard Webhooks 1.0 describes \
(`webhook-id`, `webhook-timestamp`, `webhook-signature`). `publicKey` verifies the signatures. Drop repeats by `webhook-id`.

The receiver answers with a status from 200 to 299 within five seconds. Redirects are not followed. What fails is tried again for \
a day, at growing intervals. A webhook to which nothing gets through for a day is disabled, and one whose receiver answers 410 at \
once. Putting it again enables it, and what still waits is sent.

A URL that is not `https`, or whose host has a private address, is 400, and so is an eleventh webhook. A retry is safe.";

const GET: &str = "\
Returns a webhook with its settings, how it stands, and the key that verifies its signatures. A retry is safe.";

const DELETE: &str = "\
Deletes a webhook. What waits for another attempt is not sent any more. The retry of a deletion that succeeded is 404.";

const DELIVERIES: &str = "\
Lists what was sent to a webhook within the last seven days, by the time of the event, newest first. A retry is safe.";

impl Operation {
    fn webhook(self, schemas: &mut Schemas) -> Self {
        let schema = schemas.request::<WebhookId>();
        self.path_parameter("webhookId", "The id of the webhook, which its administrator chose.", schema, "shop")
    }
}

fn webhook() -> Value {
    json!({
        "webhookId": "shop", "url": "https://hooks.example.com/stagedoor", "types": ["stagedoor.reservation.confirmed"],
        "enabled": true, "disabledReason": null, "failingSince": null, "createdAt": "2026-12-01T09:00:00.000Z",
        "publicKey": "whpk_O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=",
    })
}

fn delivery() -> Value {
    json!({
        "eventId": format!("reservation/{}/confirmed", examples::RESERVATION),
        "eventType": "stagedoor.reservation.confirmed", "eventTime": "2026-12-01T09:07:05.000Z",
        "status": "RETRYING", "attempts": 1, "lastAttemptAt": "2026-12-01T09:07:06.000Z", "answer": 503, "error": null,
        "nextAt": "2026-12-01T09:07:11.000Z",
    })
}

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    let draft = json!({ "url": "https://hooks.example.com/stagedoor", "types": ["stagedoor.reservation.confirmed"] });
    let (one, many) =
        (s.answer::<WebhookBody>(), page("The webhooks, in the order of their ids.", s.answer::<WebhookBody>()));
    let deliveries = page("The deliveries, newest first.", s.answer::<DeliveryBody>());
    let this = json!({ "webhookId": "$response.body#/webhookId" });
    vec![
        Operation::new("list_webhooks", "get", "/api/v1/admin/webhooks", Caller::Admin)
            .about(TAG, "List the webhooks", LIST)
            .stored()
            .answers(
                200,
                "All webhooks of the deployment.",
                &[],
                many,
                json!({ "items": [webhook()], "nextCursor": null }),
            ),
        Operation::new("put_webhook", "put", "/api/v1/admin/webhooks/{webhookId}", Caller::Admin)
            .about(TAG, "Add or change a webhook", PUT)
            .stored()
            .webhook(s)
            .body::<WebhookDraft>(s, draft)
            .answers(200, "The webhook as it is stored.", &[], one.clone(), webhook())
            .then(200, "get_webhook", this.clone(), None)
            .then(200, "list_deliveries", this.clone(), None)
            .then(200, "delete_webhook", this, None),
        Operation::new("get_webhook", "get", "/api/v1/admin/webhooks/{webhookId}", Caller::Admin)
            .about(TAG, "Look at a webhook", GET)
            .stored()
            .webhook(s)
            .refuses([Refusal::WebhookNotFound])
            .answers(200, "The webhook as it is stored.", &[], one, webhook()),
        Operation::new("delete_webhook", "delete", "/api/v1/admin/webhooks/{webhookId}", Caller::Admin)
            .about(TAG, "Delete a webhook", DELETE)
            .stored()
            .webhook(s)
            .refuses([Refusal::WebhookNotFound])
            .answers_nothing(204, "The webhook is deleted."),
        Operation::new("list_deliveries", "get", "/api/v1/admin/webhooks/{webhookId}/deliveries", Caller::Admin)
            .about(TAG, "See what was sent to a webhook", DELIVERIES)
            .stored()
            .webhook(s)
            .paged()
            .refuses([Refusal::WebhookNotFound])
            .answers(
                200,
                "One page of the deliveries.",
                &[],
                deliveries,
                json!({ "items": [delivery()], "nextCursor": null }),
            ),
    ]
}
