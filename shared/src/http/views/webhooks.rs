//! Webhooks and their deliveries.

use crate::{
    domain::{event::EventType, webhook::WebhookId},
    http::values::Rfc3339,
    secrets::Secrets,
    store::{
        deliveries::{Delivery, DeliveryStatus},
        webhooks::{DisabledReason, Webhook},
    },
    webhooks::public_key,
};
use serde::Serialize;

/// A webhook: a receiver that events are posted to.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Webhook))]
#[serde(rename_all = "camelCase")]
pub struct WebhookBody {
    /// The id that the administrator chose.
    webhook_id: WebhookId,
    /// The URL that events are posted to.
    #[cfg_attr(feature = "openapi", schema(example = "https://hooks.example.com/stagedoor"))]
    url: String,
    /// The types of the events that are sent; null for all.
    types: Option<Vec<EventType>>,
    /// Whether events are sent.
    enabled: bool,
    /// Why the deployment disabled the webhook; null where it did not. Putting it again enables it.
    disabled_reason: Option<DisabledReason>,
    /// When the first delivery failed of those since the last success; null where the last one succeeded.
    failing_since: Option<Rfc3339>,
    /// When the webhook was added.
    created_at: Rfc3339,
    /// The Ed25519 key that verifies the signatures: `whpk_` and its 32 bytes in base64, as Standard Webhooks writes it. The
    /// same for all webhooks of the deployment; it changes with the signing secret.
    #[cfg_attr(feature = "openapi", schema(example = "whpk_O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="))]
    public_key: String,
}

impl WebhookBody {
    /// The body for a webhook, with the key that signs now.
    pub fn new(webhook: &Webhook, secrets: &Secrets) -> Self {
        let keyring = secrets.keyring();
        let key = keyring.as_ref().map(|keyring| public_key(keyring.signer(secrets.now())));
        WebhookBody {
            webhook_id: webhook.webhook_id.clone(),
            url: webhook.url.clone(),
            types: webhook.types.as_ref().map(|types| types.iter().copied().collect()),
            enabled: webhook.enabled,
            disabled_reason: webhook.disabled_reason,
            failing_since: webhook.failing_since.map(Rfc3339),
            created_at: Rfc3339(webhook.created_at),
            // A request without a keyring was refused before.
            public_key: key.unwrap_or_default(),
        }
    }
}

/// The delivery of one event to one webhook. Deliveries are kept for seven days.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Delivery))]
#[serde(rename_all = "camelCase")]
pub struct DeliveryBody {
    /// The `id` of the event, and its `webhook-id`.
    #[cfg_attr(feature = "openapi", schema(example = "reservation/0193f2a0-7c1e-7b3a-9d2f-5e8c4a6b1d90/confirmed"))]
    event_id: String,
    /// The type of the event.
    event_type: EventType,
    /// When the change behind the event was written.
    event_time: Rfc3339,
    /// How the delivery stands.
    status: DeliveryStatus,
    /// How often it was tried.
    attempts: u32,
    /// When it was last tried; null before the first attempt.
    last_attempt_at: Option<Rfc3339>,
    /// The HTTP status of the last answer; null where there was none.
    answer: Option<u16>,
    /// Why there was no answer; null where there was one.
    error: Option<String>,
    /// When it is tried again, or up to a minute later; null where it is settled.
    next_at: Option<Rfc3339>,
}

impl From<Delivery> for DeliveryBody {
    fn from(delivery: Delivery) -> Self {
        DeliveryBody {
            event_id: delivery.event_id,
            event_type: delivery.event_type,
            event_time: Rfc3339(delivery.event_time),
            status: delivery.status,
            attempts: delivery.attempts,
            last_attempt_at: delivery.last_attempt_at.map(Rfc3339),
            answer: delivery.answer,
            error: delivery.error,
            next_at: delivery.next_at.map(Rfc3339),
        }
    }
}
