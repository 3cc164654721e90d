//! SQS event source mappings: functions get messages in batches, and only messages that succeeded are deleted.

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::{
    operation::receive_message::ReceiveMessageOutput,
    types::{DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use template::QueueTrigger;
use tokio::time;

use super::{
    failed_items::{Failed, failed_items},
    sources::{Sources, invoke},
};
use crate::{
    aws::{REGION, queue_arn},
    failure::Failure,
};

/// Pollers of one message queue, each handling one batch at a time. (Lambda starts with five; each costs the emulator
/// CPU.)
const POLLERS: usize = 2;
/// How long a poll waits for a message (seconds).
const WAIT_SECONDS: i32 = 10;
/// SQS's limit on the messages of one receive request.
const MAX_MESSAGES: u32 = 10;
/// Pause after a poll that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Starts the pollers of the trigger.
///
/// # Errors
/// When the message queue does not exist.
pub fn start(trigger: &QueueTrigger, sources: &Arc<Sources>) -> Result<(), Failure> {
    let url = sources.queues.url(&trigger.queue).ok_or_else(|| Failure::new(format!("no queue {}", trigger.queue)))?;
    for _ in 0..POLLERS {
        tokio::spawn(poll(trigger.clone(), url.to_owned(), Arc::clone(sources)));
    }
    Ok(())
}

async fn poll(trigger: QueueTrigger, url: String, sources: Arc<Sources>) {
    let size = i32::try_from(trigger.batch_size.min(MAX_MESSAGES)).unwrap_or(1);
    loop {
        let received = sources
            .queues
            .client
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(size)
            .wait_time_seconds(WAIT_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        match received {
            Ok(ReceiveMessageOutput { messages: Some(messages), .. }) if !messages.is_empty() => {
                handle(&trigger, &url, &sources, &messages).await;
            }
            Ok(_) => {}
            Err(error) => {
                eprintln!("{}: {}", trigger.queue, aws_sdk_sqs::Error::from(error));
                time::sleep(PAUSE).await;
            }
        }
    }
}

/// Invokes the function with a batch and deletes the messages that succeeded. The others become visible again after
/// their visibility timeout.
async fn handle(trigger: &QueueTrigger, url: &str, sources: &Sources, messages: &[Message]) {
    let arn = queue_arn(&trigger.queue);
    let event = json!({ "Records": messages.iter().map(|message| record(message, &arn)).collect::<Vec<_>>() });
    let failed = match invoke(&sources.functions, &trigger.function, &event).await {
        Ok(answer) if trigger.partial_responses => {
            failed_items(&answer, |id| messages.iter().any(|message| message.message_id() == Some(id)))
        }
        Ok(_) => Failed::None,
        Err(error) => {
            eprintln!("{} ({}): {error}", trigger.function, trigger.queue);
            Failed::All
        }
    };
    let succeeded = |message: &&Message| match &failed {
        Failed::None => true,
        Failed::These(ids) => !ids.iter().any(|id| Some(id.as_str()) == message.message_id()),
        Failed::All => false,
    };
    let done: Vec<_> = (messages.iter().filter(succeeded).enumerate())
        .filter_map(|(index, message)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
            entry.set_receipt_handle(message.receipt_handle.clone()).build().ok()
        })
        .collect();
    if done.is_empty() {
        return;
    }
    let deleted = sources.queues.client.delete_message_batch().queue_url(url).set_entries(Some(done)).send().await;
    if let Err(error) = deleted {
        // The messages are delivered again, which SQS allows: handlers are idempotent.
        eprintln!("{}: {}", trigger.queue, aws_sdk_sqs::Error::from(error));
    }
}

fn record(message: &Message, queue_arn: &str) -> Value {
    let attributes: Map<_, _> =
        (message.attributes.iter().flatten()).map(|(name, value)| (name.as_str().to_owned(), json!(value))).collect();
    let message_attributes: Map<_, _> =
        (message.message_attributes.iter().flatten()).map(|(name, value)| (name.clone(), attribute(value))).collect();
    json!({
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body().unwrap_or_default(),
        "attributes": attributes,
        "messageAttributes": message_attributes,
        "md5OfBody": message.md5_of_body(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    })
}

fn attribute(value: &MessageAttributeValue) -> Value {
    let mut json = json!({
        "dataType": value.data_type(),
        "stringListValues": [],
        "binaryListValues": [],
    });
    if let Some(text) = value.string_value() {
        json["stringValue"] = json!(text);
    }
    if let Some(bytes) = value.binary_value() {
        json["binaryValue"] = json!(STANDARD.encode(bytes.as_ref()));
    }
    json
}
