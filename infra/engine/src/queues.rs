//! SQS in memory: the messages of each message queue, in the order of sending.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Value, json};

use crate::protocol::{Answer, error};

/// The longest delay that SQS accepts, in seconds.
const MAX_DELAY_SECONDS: u64 = 900;
/// The largest batch that SQS accepts, in messages.
const MAX_BATCH: usize = 10;

/// A message that was sent to a message queue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The body, as it was sent.
    pub body: String,
    /// How long SQS would hide the message from consumers, in seconds.
    pub delay_seconds: u64,
    /// When it was sent, in milliseconds since the Unix epoch.
    pub sent_ms: u64,
}

/// The message queues by URL. Each exists from its first message on.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    state: Mutex<State>,
    pub(crate) listener: OnceLock<Listener>,
}

/// Hears of the URL and the body of each message that is sent.
type Hear = dyn Fn(&str, &str) + Send + Sync;

/// Who hears of messages.
pub(crate) struct Listener(pub(crate) Box<Hear>);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

#[derive(Debug, Default)]
struct State {
    messages: BTreeMap<String, Vec<Message>>,
    sent: u64,
}

impl Queues {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn messages(&self, queue_url: &str) -> Vec<Message> {
        self.lock().messages.get(queue_url).cloned().unwrap_or_default()
    }

    pub(crate) fn take(&self, queue_url: &str) -> Vec<Message> {
        self.lock().messages.remove(queue_url).unwrap_or_default()
    }

    pub(crate) fn execute(&self, operation: &str, request: &Value, now_ms: u64) -> Answer {
        match operation {
            "SendMessage" => self.send(request, now_ms),
            "SendMessageBatch" => self.send_batch(request, now_ms),
            _ => error(400, "com.amazonaws.sqs#UnsupportedOperation", "The embedded SQS sends messages only."),
        }
    }

    fn send(&self, request: &Value, now_ms: u64) -> Answer {
        match message(request, now_ms) {
            Ok(message) => Answer { status: 200, body: json!({"MessageId": self.push(queue_url(request), message)}) },
            Err(answer) => answer,
        }
    }

    fn send_batch(&self, request: &Value, now_ms: u64) -> Answer {
        let entries = request.get("Entries").and_then(Value::as_array);
        let entries = entries.map_or(&[] as &[Value], Vec::as_slice);
        if entries.is_empty() {
            return error(400, "com.amazonaws.sqs#EmptyBatchRequest", "The batch has no entry.");
        }
        if entries.len() > MAX_BATCH {
            return error(400, "com.amazonaws.sqs#TooManyEntriesInBatchRequest", "The batch has more than 10 entries.");
        }
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            let id = entry.get("Id").cloned().unwrap_or_default();
            match message(entry, now_ms) {
                Ok(message) => {
                    let message_id = self.push(queue_url(request), message);
                    successful.push(json!({"Id": id, "MessageId": message_id}));
                }
                Err(_) => failed.push(json!({"Id": id, "SenderFault": true, "Code": "InvalidParameterValue"})),
            }
        }
        Answer { status: 200, body: json!({"Successful": successful, "Failed": failed}) }
    }

    /// Stores the message and returns its id, which is a count so that a run can be repeated exactly.
    fn push(&self, queue_url: &str, message: Message) -> String {
        if let Some(Listener(hear)) = self.listener.get() {
            hear(queue_url, &message.body);
        }
        let mut state = self.lock();
        state.sent += 1;
        let id = format!("message-{}", state.sent);
        state.messages.entry(queue_url.to_owned()).or_default().push(message);
        id
    }
}

fn queue_url(request: &Value) -> &str {
    request.get("QueueUrl").and_then(Value::as_str).unwrap_or_default()
}

/// The message in a request or in one batch entry, or SQS's refusal.
fn message(entry: &Value, now_ms: u64) -> Result<Message, Answer> {
    let refuse = |text: &str| error(400, "com.amazonaws.sqs#InvalidParameterValueException", text);
    let body = entry.get("MessageBody").and_then(Value::as_str);
    let body = body.filter(|body| !body.is_empty()).ok_or_else(|| refuse("The message has no body."))?;
    let delay_seconds = match entry.get("DelaySeconds") {
        None | Some(Value::Null) => 0,
        Some(delay) => delay
            .as_u64()
            .filter(|delay| *delay <= MAX_DELAY_SECONDS)
            .ok_or_else(|| refuse("DelaySeconds must be between 0 and 900."))?,
    };
    Ok(Message { body: body.to_owned(), delay_seconds, sent_ms: now_ms })
}
