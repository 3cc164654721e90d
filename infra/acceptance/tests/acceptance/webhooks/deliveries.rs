//! What is sent, and when it is sent again.

use super::{LOOPBACK, add, buy, deliver, deliveries, get, put, receiver::Receiver, retry, with_webhooks};
use crate::{
    Outcome,
    support::purchases::{PRICE, feed_stream, held, inject_where, items, sale},
};
use acceptance::{Fan, World, functions, sent_events};
use engine::Fault;
use serde_json::{Value, json};
use shared::store::webhooks::DisabledReason;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

fn statuses(deliveries: &[Value]) -> BTreeSet<&str> {
    deliveries.iter().filter_map(|delivery| delivery["status"].as_str()).collect()
}

#[tokio::test]
async fn without_an_enabled_webhook_nothing_is_sent_to_them() -> Outcome {
    let (world, admin, concert) = sale(&[LOOPBACK]).await?;
    put(&world, &admin, "off", &json!({ "url": "https://hooks.example.com/", "enabled": false })).await;
    buy(&world, &concert, "ann", 1).await?;
    assert!(world.engine.messages(&world.app.config.webhooks_queue_url).is_empty());
    assert!(!world.engine.messages(&world.app.config.events_queue_url).is_empty(), "other consumers get them anyway");
    let types = json!(["stagedoor.ledger.payment"]);
    put(&world, &admin, "some", &json!({ "url": "https://hooks.example.com/", "types": types })).await;
    world.wait(10);
    buy(&world, &concert, "bob", 2).await?;
    let sent = world.engine.messages(&world.app.config.webhooks_queue_url);
    let types: Vec<Value> =
        sent.iter().map(|message| serde_json::from_str::<Value>(&message.body).unwrap()["type"].clone()).collect();
    assert_eq!(types, ["stagedoor.ledger.payment"], "only what a webhook takes");
    Ok(())
}

#[tokio::test]
async fn each_event_comes_signed_and_as_the_consumers_of_the_deployment_get_it() -> Outcome {
    let receiver = Receiver::new();
    let (world, admin, concert) = with_webhooks(&[&receiver]).await?;
    buy(&world, &concert, "ann", 1).await?;
    let taken = deliver(&world).await?;
    let key = get(&world, &admin, "hook-0").await["publicKey"].as_str().unwrap_or_default().to_owned();
    let posts = receiver.posts();
    assert_eq!(posts.len(), taken);
    for post in &posts {
        assert_eq!(post.signatures_of(&key), 1, "{post:?}");
        assert_eq!(post.header("webhook-id"), post.event()["id"]);
        assert_eq!(post.header("webhook-timestamp"), world.app.now().seconds().to_string());
        assert_eq!(post.header("content-type"), "application/cloudevents+json; charset=utf-8");
        assert_eq!(sent_events::faults(&post.event()), Vec::<String>::new());
    }
    let sent = world.engine.messages(&world.app.config.events_queue_url);
    let sent: BTreeSet<&str> = sent.iter().map(|message| message.body.as_str()).collect();
    assert_eq!(posts.iter().map(|post| post.body.as_str()).collect::<BTreeSet<_>>(), sent, "byte for byte");
    let listed = deliveries(&world, &admin, "hook-0").await;
    assert_eq!((listed.len(), statuses(&listed)), (taken, BTreeSet::from(["DELIVERED"])));
    assert!(listed.is_sorted_by_key(|it| std::cmp::Reverse(it["eventTime"].as_str().map(str::to_owned))));
    assert_eq!(
        (&listed[0]["attempts"], &listed[0]["answer"], &listed[0]["nextAt"]),
        (&json!(1), &json!(204), &json!(null))
    );
    Ok(())
}

#[tokio::test]
async fn the_list_has_pages_and_cursors_of_its_own() -> Outcome {
    let receiver = Receiver::new();
    let (world, admin, concert) = with_webhooks(&[&receiver]).await?;
    for (seat, name) in (1..).zip(["ann", "bob"]) {
        buy(&world, &concert, name, seat).await?;
        world.wait(2);
    }
    deliver(&world).await?;
    let path = "/api/v1/admin/webhooks/hook-0/deliveries?limit=3";
    let (mut seen, mut next) = (Vec::new(), path.to_owned());
    loop {
        let page = world.get(&next, &admin.access).await.body;
        seen.extend(page["items"].as_array().into_iter().flatten().map(|item| item["eventId"].clone()));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        next = format!("{path}&cursor={cursor}");
    }
    let all: Vec<Value> = deliveries(&world, &admin, "hook-0").await.iter().map(|it| it["eventId"].clone()).collect();
    assert_eq!(seen, all);
    assert!(all.len() > 6, "several pages");
    assert_eq!(world.get(&format!("{path}&cursor=AAAA"), &admin.access).await.outcome(), "400 invalid_request");
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_was_down_for_a_minute_gets_each_event() -> Outcome {
    let (down, url) = Receiver::down();
    let (world, admin, concert) = sale(&[LOOPBACK]).await?;
    add(&world, "shop", &url).await?;
    buy(&world, &concert, "ann", 1).await?;
    let mut sent = deliver(&world).await?;
    let listed = deliveries(&world, &admin, "shop").await;
    assert_eq!(statuses(&listed), BTreeSet::from(["RETRYING"]));
    assert_eq!(listed[0]["nextAt"], (world.app.now() + shared::domain::time::Seconds(5)).rfc3339());
    // Within ten seconds nobody waits for it again: its events are put off.
    buy(&world, &concert, "bob", 2).await?;
    sent += deliver(&world).await?;
    let attempts: BTreeSet<u64> =
        deliveries(&world, &admin, "shop").await.iter().filter_map(|it| it["attempts"].as_u64()).collect();
    assert_eq!(attempts, BTreeSet::from([0, 1]));
    assert_ne!(get(&world, &admin, "shop").await["failingSince"], json!(null));
    world.wait(4);
    retry(&world).await?;
    let tried = deliveries(&world, &admin, "shop").await;
    assert!(tried.iter().all(|it| it["attempts"].as_u64() <= Some(1)), "nothing is due yet");

    world.wait(56);
    let receiver = down.start();
    retry(&world).await?;
    assert_eq!((receiver.posts().len(), receiver.ids().len()), (sent, sent), "each event once");
    let listed = deliveries(&world, &admin, "shop").await;
    assert_eq!((listed.len(), statuses(&listed)), (sent, BTreeSet::from(["DELIVERED"])));
    assert_eq!(get(&world, &admin, "shop").await["failingSince"], json!(null));
    assert_eq!(items(&world, "Queues", "").iter().filter(|it| it["pk"] == "RETRY#shop").count(), 0);
    retry(&world).await?;
    assert_eq!(receiver.posts().len(), sent, "nothing is left to do");
    Ok(())
}

/// Messages with the events of one purchase.
async fn messages_of_a_purchase(world: &World, concert: &str) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    buy(world, concert, "ann", 1).await?;
    let messages = world.engine.take_messages(&world.app.config.webhooks_queue_url);
    let record = |message: &engine::Message| json!({ "messageId": message.body, "body": message.body });
    Ok(messages.iter().map(record).collect())
}

#[tokio::test]
async fn a_copy_of_a_message_neither_begins_the_attempts_again_nor_undoes_a_success() -> Outcome {
    let receiver = Receiver::new();
    let (world, admin, concert) = with_webhooks(&[&receiver]).await?;
    let records = messages_of_a_purchase(&world, &concert).await?;
    let hand_over = async || {
        let event = serde_json::from_value(json!({ "Records": records })).expect("an event");
        functions::deliver_webhooks(&world.app, event).await.map(|answer| answer.batch_item_failures.len())
    };
    receiver.answer("500 Oops");
    for _ in 0..2 {
        assert_eq!(hand_over().await.map_err(|error| error.to_string())?, 0);
    }
    let listed = deliveries(&world, &admin, "hook-0").await;
    assert!(listed.iter().all(|it| it["attempts"] == 1), "{listed:?}");
    receiver.answer("200 OK");
    hand_over().await.map_err(|error| error.to_string())?;
    receiver.answer("500 Oops");
    hand_over().await.map_err(|error| error.to_string())?;
    world.wait(60);
    retry(&world).await?;
    let listed = deliveries(&world, &admin, "hook-0").await;
    assert_eq!(statuses(&listed), BTreeSet::from(["DELIVERED"]));
    assert_eq!(
        items(&world, "Queues", "").iter().filter(|it| it["pk"] == "RETRY#hook-0").count(),
        0,
        "stale ones are gone"
    );
    assert_eq!(receiver.ids().len(), records.len(), "a receiver drops repeats by the id");
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_fails_holds_up_no_other_and_is_disabled_after_a_day() -> Outcome {
    let (bad, good) = (Receiver::new(), Receiver::new());
    bad.answer("503 Service Unavailable");
    let (world, _, concert) = with_webhooks(&[&bad, &good]).await?;
    buy(&world, &concert, "ann", 1).await?;
    let sent = deliver(&world).await?;
    assert_eq!(good.posts().len(), sent);
    let mut minutes = 0;
    // Past the route: the admin's token does not last as long.
    let stored = async |id: &str| world.app.store.webhook(&id.parse().expect("a slug")).await.expect("a webhook");
    while stored("hook-0").await.enabled {
        world.wait(600);
        retry(&world).await?;
        minutes += 10;
        assert!(minutes <= 24 * 60, "it is never disabled");
    }
    assert!(minutes >= 22 * 60, "{minutes} minutes");
    let given_up = items(&world, "Queues", "").into_iter().filter(|item| item["pk"] == "DELIVERY#hook-0");
    assert_eq!(statuses(&given_up.collect::<Vec<_>>()), BTreeSet::from(["FAILED"]));
    assert_eq!(stored("hook-0").await.disabled_reason, Some(DisabledReason::FailedForADay));
    assert!(stored("hook-1").await.enabled);
    assert_eq!(good.posts().len(), sent, "the other one got each event once");

    // Put again, it gets what comes.
    bad.answer("200 OK");
    let before = bad.posts().len();
    add(&world, "hook-0", &bad.url()).await?;
    assert_eq!(stored("hook-0").await.disabled_reason, None);
    world.wait(10);
    buy(&world, &concert, "bob", 2).await?;
    deliver(&world).await?;
    retry(&world).await?;
    assert!(bad.posts().len() > before);
    Ok(())
}

#[tokio::test]
async fn a_slow_receiver_gets_its_events_as_retries_so_that_no_other_waits_for_it() -> Outcome {
    let (slow, other) = (Receiver::new(), Receiver::new());
    slow.delay(Duration::from_millis(2_100));
    let (world, admin, concert) = with_webhooks(&[&slow, &other]).await?;
    let records = messages_of_a_purchase(&world, &concert).await?;
    for record in &records {
        let event = serde_json::from_value(json!({ "Records": [record] }))?;
        functions::deliver_webhooks(&world.app, event).await.map_err(|error| error.to_string())?;
    }
    assert_eq!((slow.posts().len(), other.posts().len()), (1, records.len()));
    slow.delay(Duration::ZERO);
    world.wait(60);
    retry(&world).await?;
    assert_eq!((slow.posts().len(), slow.ids().len()), (records.len(), records.len()), "each event once");
    assert_eq!(statuses(&deliveries(&world, &admin, "hook-0").await), BTreeSet::from(["DELIVERED"]));
    Ok(())
}

#[tokio::test]
async fn what_piled_up_while_a_receiver_was_down_is_sent_in_growing_rounds() -> Outcome {
    let (down, url) = Receiver::down();
    let (world, _, concert) = sale(&[LOOPBACK]).await?;
    add(&world, "shop", &url).await?;
    let records = messages_of_a_purchase(&world, &concert).await?;
    let event: Value = serde_json::from_str(records[0]["body"].as_str().unwrap_or_default())?;
    for number in 0..30 {
        let copies = (0..10).map(|copy| {
            let mut event = event.clone();
            event["id"] = json!(format!("copy/{number}/{copy}"));
            json!({ "messageId": event["id"], "body": event.to_string() })
        });
        let batch = serde_json::from_value(json!({ "Records": copies.collect::<Vec<_>>() }))?;
        functions::deliver_webhooks(&world.app, batch).await.map_err(|error| error.to_string())?;
    }
    world.wait(60);
    let receiver = down.start();
    let rounds = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&rounds);
    world.engine.set_faults(move |call| {
        let round = call.operation == "Query" && call.body.to_string().contains("RETRY#shop");
        counted.fetch_add(usize::from(round), Ordering::Relaxed);
        Fault::None
    });
    retry(&world).await?;
    assert_eq!(receiver.ids().len(), 300);
    // 10, 20, 40, 80 and 150, and a look that finds nothing.
    assert_eq!(rounds.load(Ordering::Relaxed), 6);
    Ok(())
}

#[tokio::test]
async fn a_webhook_that_cannot_be_read_holds_up_nothing() -> Outcome {
    let receiver = Receiver::new();
    let (world, _, concert) = with_webhooks(&[&receiver]).await?;
    let broken = json!({ "pk": { "S": "WEBHOOKS" }, "sk": { "S": "a-broken-one" }, "enabled": { "S": "perhaps" } });
    world.engine.execute("PutItem", json!({ "TableName": "Queues", "Item": broken }));
    world.wait(10);
    buy(&world, &concert, "ann", 1).await?;
    let taken = deliver(&world).await?;
    assert!(taken > 0);
    assert_eq!(receiver.ids().len(), taken);
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_disabled_at_once() -> Outcome {
    let receiver = Receiver::new();
    receiver.answer("410 Gone");
    let (world, admin, concert) = with_webhooks(&[&receiver]).await?;
    buy(&world, &concert, "ann", 1).await?;
    deliver(&world).await?;
    let webhook = get(&world, &admin, "hook-0").await;
    assert_eq!((&webhook["enabled"], &webhook["disabledReason"]), (&json!(false), &json!("GONE")));
    let posts = receiver.posts().len();
    world.wait(60);
    retry(&world).await?;
    buy(&world, &concert, "bob", 2).await?;
    deliver(&world).await?;
    assert_eq!(receiver.posts().len(), posts, "it gets nothing more");
    Ok(())
}

#[tokio::test]
async fn what_waits_for_a_deleted_webhook_does_not_go_to_a_new_one_of_its_name() -> Outcome {
    let receiver = Receiver::new();
    receiver.answer("500 Oops");
    let (world, admin, concert) = with_webhooks(&[&receiver]).await?;
    buy(&world, &concert, "ann", 1).await?;
    deliver(&world).await?;
    world.wait(5);
    assert_eq!(world.delete("/api/v1/admin/webhooks/hook-0", &admin.access).await.status, 204);
    let next = Receiver::new();
    add(&world, "hook-0", &next.url()).await?;
    world.wait(60);
    retry(&world).await?;
    assert!(next.posts().is_empty());
    Ok(())
}

/// Makes every write of a delivery fail.
fn break_log(world: &World) {
    inject_where(world, Fault::InternalError, u64::MAX, |call| {
        call.body["Item"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("DELIVERY#"))
    });
}

#[tokio::test]
async fn an_event_whose_delivery_cannot_be_stored_comes_again() -> Outcome {
    let receiver = Receiver::new();
    let (world, admin, concert) = with_webhooks(&[&receiver]).await?;
    let records = messages_of_a_purchase(&world, &concert).await?;
    let events = || serde_json::from_value(json!({ "Records": records })).expect("an event");
    break_log(&world);
    let answer = functions::deliver_webhooks(&world.app, events()).await.map_err(|error| error.to_string())?;
    assert_eq!(answer.batch_item_failures.len(), records.len());
    world.engine.clear_faults();
    let answer = functions::deliver_webhooks(&world.app, events()).await.map_err(|error| error.to_string())?;
    assert!(answer.batch_item_failures.is_empty());
    assert_eq!(receiver.ids().len(), records.len());
    assert_eq!(deliveries(&world, &admin, "hook-0").await.len(), records.len());
    Ok(())
}

#[tokio::test]
async fn a_retry_that_is_cut_off_is_done_by_the_next_run() -> Outcome {
    let receiver = Receiver::new();
    receiver.answer("500 Oops");
    let (world, admin, concert) = with_webhooks(&[&receiver]).await?;
    buy(&world, &concert, "ann", 1).await?;
    let sent = deliver(&world).await?;
    receiver.answer("200 OK");
    world.wait(60);
    break_log(&world);
    assert!(retry(&world).await.is_err());
    world.engine.clear_faults();
    retry(&world).await?;
    let listed = deliveries(&world, &admin, "hook-0").await;
    assert_eq!((listed.len(), statuses(&listed)), (sent, BTreeSet::from(["DELIVERED"])));
    Ok(())
}

#[tokio::test]
async fn an_event_that_cannot_be_read_fails_alone() -> Outcome {
    let receiver = Receiver::new();
    let (world, _, concert) = with_webhooks(&[&receiver]).await?;
    let mut records = messages_of_a_purchase(&world, &concert).await?;
    records.insert(0, json!({ "messageId": "odd", "body": "{\"id\": \"1\"}" }));
    let event = serde_json::from_value(json!({ "Records": records }))?;
    let answer = functions::deliver_webhooks(&world.app, event).await.map_err(|error| error.to_string())?;
    let failed: Vec<&str> = answer.batch_item_failures.iter().map(|it| it.item_identifier.as_str()).collect();
    assert_eq!(failed, ["odd"]);
    assert_eq!(receiver.ids().len(), records.len() - 1);
    Ok(())
}

#[tokio::test]
async fn a_batch_comes_again_where_the_list_of_webhooks_cannot_be_read() -> Outcome {
    let (world, _, concert) = sale(&[LOOPBACK]).await?;
    let fan: Fan = world.buyer("ann", PRICE).await;
    held(&world, &fan, &concert, &[1]).await;
    let batch: Vec<Value> = ["Fans", "Queues"].iter().flat_map(|table| world.engine.stream_records(table)).collect();
    inject_where(&world, Fault::InternalError, u64::MAX, |call| {
        call.body["ExpressionAttributeValues"][":pk"]["S"] == "WEBHOOKS"
    });
    assert!(crate::support::purchases::stream(&world.app, batch.clone()).await.is_err(), "the batch comes again");
    world.engine.clear_faults();
    assert!(crate::support::purchases::stream(&world.app, batch).await?.is_empty());
    feed_stream(&world, &world.app).await?;
    Ok(())
}
