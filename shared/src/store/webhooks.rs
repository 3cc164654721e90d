//! Webhooks: where events are posted to. A handful of items in one partition, read with one query.

use super::{
    Failure, Store, StoreError, keys,
    keys::Table,
    request::{self, WriteFailure, s},
};
use crate::{
    domain::{
        event::EventType,
        refusal::Refusal,
        time::{Seconds, Timestamp},
        webhook::{MAX_WEBHOOKS, WebhookId},
    },
    telemetry::chain,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// How old the list of webhooks may be where events are sent: a new webhook gets the events from then on.
pub const MAX_LIST_AGE: Seconds = Seconds(10);

/// How long events for a receiver that did not answer are put off without an attempt.
const OUT_OF_REACH: Seconds = Seconds(10);

/// Why a webhook was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DisabledReason {
    /// No delivery succeeded for a day.
    FailedForADay,
    /// The receiver answered 410 Gone.
    Gone,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its id.
    pub webhook_id: WebhookId,
    /// Where events are posted to. It may hold a secret of the receiver: it is never logged.
    pub url: String,
    /// The types of the events that it gets; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<BTreeSet<EventType>>,
    /// Whether it gets events.
    pub enabled: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When the first delivery failed of those since the last success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Why the deployment disabled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<DisabledReason>,
}

impl Webhook {
    /// Whether it gets events of this type.
    pub fn takes(&self, event: EventType) -> bool {
        self.enabled && self.types.as_ref().is_none_or(|types| types.contains(&event))
    }
}

/// What an administrator sets.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Where events are posted to.
    pub url: String,
    /// The types of the events that it gets; `None` for all.
    pub types: Option<BTreeSet<EventType>>,
    /// Whether it gets events.
    pub enabled: bool,
}

impl Store {
    /// Reads all webhooks, in the order of their ids, as they are now.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        self.read_webhooks(true).await
    }

    async fn read_webhooks(&self, consistent: bool) -> Result<Vec<Webhook>, StoreError> {
        let query = self.query(Table::Queues, keys::WEBHOOKS_PARTITION).key_condition_expression("pk = :pk");
        let items = self.all_pages(query.consistent_read(consistent)).await?.into_iter();
        // A webhook that cannot be read must not keep the others, and the counts of seats, from what the stream brings.
        let webhooks = items.filter_map(|item| {
            request::parse(item)
                .inspect_err(|error| tracing::error!(error = chain(error), "webhook not understood"))
                .ok()
        });
        Ok(webhooks.collect())
    }

    /// Reads all webhooks, at most [`MAX_LIST_AGE`] old.
    pub async fn recent_webhooks(&self) -> Result<Arc<Vec<Webhook>>, StoreError> {
        let now = self.now();
        if let Some(known) = self.webhooks.get(&(), now, MAX_LIST_AGE.millis()) {
            return Ok(known);
        }
        let webhooks = Arc::new(self.read_webhooks(false).await?);
        self.webhooks.put((), Arc::clone(&webhooks), now);
        Ok(webhooks)
    }

    /// Reads a webhook.
    ///
    /// # Errors
    /// [`Refusal::WebhookNotFound`].
    pub async fn webhook(&self, id: &WebhookId) -> Result<Webhook, Failure> {
        let found: Option<Webhook> = self.get(&keys::webhook(id), true).await?;
        found.ok_or(Failure::Refused(Refusal::WebhookNotFound))
    }

    /// Adds a webhook or replaces its settings. Failures that were counted are forgotten. Several requests at the same
    /// instant may add a webhook more than [`MAX_WEBHOOKS`]: no reader relies on the number.
    ///
    /// # Errors
    /// [`Refusal::TooManyWebhooks`].
    pub async fn put_webhook(&self, id: &WebhookId, settings: WebhookSettings) -> Result<Webhook, Failure> {
        let webhooks = self.webhooks().await?;
        let known = webhooks.iter().find(|webhook| webhook.webhook_id == *id);
        if known.is_none() && webhooks.len() >= MAX_WEBHOOKS {
            return Err(Refusal::TooManyWebhooks.into());
        }
        let webhook = Webhook {
            webhook_id: id.clone(),
            url: settings.url,
            types: settings.types,
            enabled: settings.enabled,
            created_at: known.map_or(self.now(), |known| known.created_at),
            failing_since: None,
            disabled_reason: None,
        };
        let item = request::item(&keys::webhook(id), &webhook, None)?;
        self.send_unconditional_put(self.put(Table::Queues, item)).await?;
        Ok(webhook)
    }

    /// Deletes a webhook. Its deliveries stay until their TTL; what waits for a retry is not sent any more.
    ///
    /// # Errors
    /// [`Refusal::WebhookNotFound`].
    pub async fn delete_webhook(&self, id: &WebhookId) -> Result<(), Failure> {
        let delete = self.delete(&keys::webhook(id)).condition_expression("attribute_exists(pk)");
        match self.send_delete(delete).await {
            Ok(_) => Ok(()),
            Err(WriteFailure::Condition(_)) => Err(Refusal::WebhookNotFound.into()),
            Err(WriteFailure::Store(error)) => Err(error.into()),
        }
    }

    /// Remembers in this environment that a receiver was slow, or did not answer.
    pub fn note_out_of_reach(&self, id: &WebhookId) {
        self.out_of_reach.put(id.clone(), (), self.now());
    }

    /// Whether a receiver was slow, or did not answer, in this environment within the last ten seconds.
    pub fn is_out_of_reach(&self, id: &WebhookId) -> bool {
        self.out_of_reach.get(id, self.now(), OUT_OF_REACH.millis()).is_some()
    }

    /// Notes that a delivery failed. Returns since when none succeeded; `None` if the webhook was deleted.
    pub async fn note_failing(&self, id: &WebhookId) -> Result<Option<Timestamp>, StoreError> {
        let update = self
            .update(&keys::webhook(id))
            .update_expression("SET failingSince = if_not_exists(failingSince, :now)")
            // A deleted webhook must not come back as a part of an item.
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", request::value(&self.now())?)
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
        match self.send_update(update).await {
            Ok(output) => {
                let webhook: Webhook = request::parse(output.attributes.unwrap_or_default())?;
                Ok(webhook.failing_since)
            }
            Err(WriteFailure::Condition(_)) => Ok(None),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Notes that a delivery succeeded, where one had failed before.
    pub async fn note_success(&self, webhook: &Webhook) -> Result<(), StoreError> {
        if webhook.failing_since.is_none() {
            return Ok(());
        }
        let update = self
            .update(&keys::webhook(&webhook.webhook_id))
            .update_expression("REMOVE failingSince")
            .condition_expression("attribute_exists(failingSince)");
        match self.send_update(update).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Disables a webhook, and returns whether this call did it. Not if an administrator gave it another URL meanwhile:
    /// the failures were those of the old one.
    pub async fn disable_webhook(&self, webhook: &Webhook, reason: DisabledReason) -> Result<bool, StoreError> {
        let update = self
            .update(&keys::webhook(&webhook.webhook_id))
            .update_expression("SET enabled = :no, disabledReason = :reason")
            .condition_expression("enabled = :yes AND #url = :url")
            .expression_attribute_names("#url", "url")
            .expression_attribute_values(":no", request::value(&false)?)
            .expression_attribute_values(":yes", request::value(&true)?)
            .expression_attribute_values(":url", s(&webhook.url))
            .expression_attribute_values(":reason", request::value(&reason)?);
        match self.send_update(update).await {
            Ok(_) => Ok(true),
            Err(WriteFailure::Condition(_)) => Ok(false),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }
}
