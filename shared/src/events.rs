//! The events that the deployment sends to other systems, in the envelope of CloudEvents 1.0.

use crate::domain::{event::EventType, time::Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the envelope.
const SPEC_VERSION: &str = "1.0";
/// The media type of `data`.
const JSON: &str = "application/json";

/// What one change was, before it gets the envelope. Consumers see each event at least once and drop repeats by `id`.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainEvent {
    /// The same for the same change, however often it is sent.
    pub id: String,
    /// What changed.
    pub event_type: EventType,
    /// When the change was written.
    pub at: Timestamp,
    /// The reservation, the fan of the ledger, or queue and place of the session.
    pub subject: String,
    /// The change itself.
    pub data: Value,
}

/// An event as it is sent. `events/sent/` has the schema and an example of each type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    /// The version of CloudEvents.
    pub specversion: String,
    /// The same for the same change, however often it is sent.
    pub id: String,
    /// The deployment, as a URN. `source` and `id` together name an event in the whole world.
    pub source: String,
    /// What changed.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// When the change was written, RFC 3339.
    pub time: String,
    /// The reservation, the fan of the ledger, or queue and place of the session.
    pub subject: String,
    /// The media type of `data`.
    pub datacontenttype: String,
    /// The change itself.
    pub data: Value,
}

impl CloudEvent {
    /// Puts an event of the deployment with this name into its envelope.
    pub fn new(event: DomainEvent, deployment: &str) -> Self {
        CloudEvent {
            specversion: SPEC_VERSION.to_owned(),
            id: event.id,
            source: format!("urn:stagedoor:{deployment}"),
            event_type: event.event_type,
            time: event.at.rfc3339(),
            subject: event.subject,
            datacontenttype: JSON.to_owned(),
            data: event.data,
        }
    }
}
