use aws_sdk_sqs::types::SendMessageBatchRequestEntry;

use crate::{NOON, world};

const QUEUE: &str = "http://127.0.0.1/000000000000/timers";

#[tokio::test]
async fn a_message_is_kept_with_its_delay_and_time() {
    let world = world();
    let send = world.sqs.send_message().queue_url(QUEUE).message_body("first");
    let sent = send.delay_seconds(30).send().await.expect("sent");
    assert_eq!(sent.message_id(), Some("message-1"));
    world.clock.advance_ms(5);
    let send = world.sqs.send_message().queue_url(QUEUE);
    send.message_body("second").send().await.expect("sent");
    let messages = world.engine.messages(QUEUE);
    let seen: Vec<_> = (messages.iter())
        .map(|message| (message.body.as_str(), message.delay_seconds, message.sent_ms - NOON))
        .collect();
    assert_eq!(seen, [("first", 30, 0), ("second", 0, 5)]);
    assert_eq!(world.engine.take_messages(QUEUE).len(), 2);
    assert!(world.engine.messages(QUEUE).is_empty());
}

#[tokio::test]
async fn a_batch_is_answered_entry_by_entry() {
    let world = world();
    let entry = |id: &str, delay: i32| {
        let entry = SendMessageBatchRequestEntry::builder().id(id).message_body(id);
        entry.delay_seconds(delay).build().expect("complete")
    };
    let send = world.sqs.send_message_batch().queue_url(QUEUE);
    let send = send.entries(entry("good", 900)).entries(entry("late", 901));
    let answer = send.send().await.expect("answered");
    assert_eq!(answer.successful.len(), 1);
    assert_eq!(answer.failed[0].id, "late");
    assert_eq!(world.engine.messages(QUEUE)[0].body, "good");
}

#[tokio::test]
async fn a_delay_beyond_fifteen_minutes_is_refused() {
    let world = world();
    let send = world.sqs.send_message().queue_url(QUEUE).message_body("late");
    assert!(send.delay_seconds(901).send().await.is_err());
    assert!(world.engine.messages(QUEUE).is_empty());
}

#[tokio::test]
async fn sends_count_as_requests_and_round_trips() {
    let world = world();
    let send = || world.sqs.send_message().queue_url(QUEUE).message_body("tick").send();
    let (first, second) = futures_util::join!(send(), send());
    first.and(second).expect("sent");
    let meter = world.engine.meter();
    assert_eq!((meter.requests, meter.sqs_requests, meter.round_trips), (2, 2, 1));
    world.get("1").await;
    let meter = world.engine.meter();
    assert_eq!((meter.requests, meter.sqs_requests), (3, 2), "a request to a table");
}
