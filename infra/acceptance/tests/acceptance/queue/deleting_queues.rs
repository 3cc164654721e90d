//! Deletions of queues that are cut off, arrive twice, or run concurrently.

use crate::{
    Outcome,
    support::{items, join_with, status_and_position},
};
use acceptance::{Fan, Reply, Request, World, functions};
use engine::{Call, Fault};
use futures_util::poll;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
};

const SECOND: &str = "/api/v1/admin/queues/second";

async fn world_with_second() -> Result<World, Box<dyn std::error::Error>> {
    let world = World::new().await?;
    world.app.store.configure_queue(&"second".parse()?, |settings| settings.capacity = Some(1)).await?;
    Ok(world)
}

async fn join(world: &World, name: &str) -> String {
    let fan = world.fan(name).await;
    status_and_position(&join_with(world, &fan.access, &json!({ "queueId": "second" })).await)
}

fn is_shut(world: &World) -> bool {
    items(world, "JOIN#second").first().is_some_and(|counter| !counter["deleted"].is_null())
}

/// Whether a request is the first write of a deletion, which closes the queue.
fn closes(call: &Call<'_>) -> bool {
    call.operation == "TransactWriteItems" && call.body.to_string().contains("deletedAt = :now")
}

/// Deletes the queue up to the deletion's last write, which is lost; returns that write.
async fn delete_without_the_last_write(world: &World, admin: &Fan) -> Value {
    let last_write: Arc<Mutex<Option<Value>>> = Arc::default();
    let kept = Arc::clone(&last_write);
    world.engine.set_faults(move |call| {
        if call.operation != "TransactWriteItems" || closes(call) {
            return Fault::None;
        }
        kept.lock().expect("a request").get_or_insert_with(|| call.body.clone());
        Fault::LostRequest
    });
    assert_eq!(world.delete(SECOND, &admin.access).await.outcome(), "503 unavailable");
    world.engine.clear_faults();
    last_write.lock().expect("a request").take().expect("a last write")
}

#[tokio::test]
async fn a_deletion_that_was_cut_off_refuses_joins_for_a_minute() -> Outcome {
    let world = world_with_second().await?;
    let admin = world.admin().await;
    join(&world, "ann").await;
    let fan = world.fan("bob").await;
    // Frees ann's slot, so that the deletion finds nobody inside.
    let ann = items(&world, "TICKET#second#")[0]["userId"].as_str().unwrap_or_default().to_owned();
    world.app.store.remove_fan(&"second".parse()?, ann.parse()?).await?;
    for _ in 0..2 {
        functions::tick(&world.app, &"second".parse()?, &[]).await?;
    }
    let mut shut = false;
    world.engine.set_faults(move |call| {
        let lost = shut;
        shut |= closes(call);
        if lost { Fault::LostRequest } else { Fault::None }
    });
    assert_eq!(world.delete(SECOND, &admin.access).await.outcome(), "503 unavailable");
    world.engine.clear_faults();
    assert!(is_shut(&world));
    let second = json!({ "queueId": "second" });
    assert_eq!(join_with(&world, &fan.access, &second).await.outcome(), "404 queue_not_found");
    world.wait(59);
    assert_eq!(join_with(&world, &fan.access, &second).await.outcome(), "404 queue_not_found");
    world.wait(1);
    assert_eq!(status_and_position(&join_with(&world, &fan.access, &second).await), "ACTIVE 0");
    assert!(!is_shut(&world));
    Ok(())
}

#[tokio::test]
async fn a_late_duplicate_of_a_finished_deletion_does_not_refuse_joins() -> Outcome {
    let world = world_with_second().await?;
    let admin = world.admin().await;
    let requests: Arc<Mutex<Vec<Value>>> = Arc::default();
    let seen = Arc::clone(&requests);
    world.engine.set_faults(move |call| {
        if closes(call) {
            seen.lock().expect("a list").push(call.body.clone());
        }
        Fault::None
    });
    assert_eq!(world.delete(SECOND, &admin.access).await.outcome(), "204");
    world.engine.clear_faults();
    world.app.store.configure_queue(&"second".parse()?, |settings| settings.capacity = Some(1)).await?;
    assert_eq!(join(&world, "ann").await, "ACTIVE 0");
    world.wait(60);
    let mut late = requests.lock().expect("a list")[0].clone();
    // As after the ten minutes for which DynamoDB remembers a client token.
    late["ClientRequestToken"] = json!("another");
    assert_eq!(world.engine.execute("TransactWriteItems", late).status, 200);
    assert!(is_shut(&world));
    assert_eq!(join(&world, "bob").await, "WAITING 1");
    Ok(())
}

#[tokio::test]
async fn a_late_write_of_a_deletion_that_was_taken_for_cut_off_deletes_nothing() -> Outcome {
    let world = world_with_second().await?;
    let admin = world.admin().await;
    let late = delete_without_the_last_write(&world, &admin).await;
    world.wait(60);
    assert_eq!(join(&world, "ann").await, "ACTIVE 0");
    // Another deletion marks the counter, and has not found yet that the queue is in use.
    let counter = json!({ "pk": { "S": "JOIN#second#0" }, "sk": { "S": "COUNTER" } });
    let another = json!({
        "TableName": "Joins", "Key": counter, "UpdateExpression": "SET deleted = :other",
        "ExpressionAttributeValues": { ":other": { "S": "00000000-0000-4000-8000-000000000000" } },
    });
    assert_eq!(world.engine.execute("UpdateItem", another).status, 200);
    assert_eq!(world.engine.execute("TransactWriteItems", late).status, 400);
    assert_eq!(world.get("/api/v1/queues/second", "").await.outcome(), "200");
    Ok(())
}

#[tokio::test]
async fn a_join_that_knows_an_older_state_does_not_reopen_a_queue_whose_deletion_finished_late() -> Outcome {
    let world = world_with_second().await?;
    let (admin, fan) = (world.admin().await, world.fan("ann").await);
    let late = delete_without_the_last_write(&world, &admin).await;
    world.wait(60);
    // The function that joins has the state in memory, from just before the last write of the deletion arrives.
    assert_eq!(world.get("/api/v1/queues/second", "").await.outcome(), "200");
    assert_eq!(world.engine.execute("TransactWriteItems", late).status, 200);
    let joined = join_with(&world, &fan.access, &json!({ "queueId": "second" })).await;
    assert_eq!(joined.outcome(), "404 queue_not_found");
    assert!(is_shut(&world));
    Ok(())
}

async fn create_in(world: &World, admin: &Fan, queue: &str) -> Reply {
    let draft = json!({
        "concertName": "Night", "startsAt": "2027-06-01T19:00:00Z", "endsAt": "2027-06-01T22:00:00Z", "queueId": queue,
    });
    world.send(Request::new("POST", "/api/v1/admin/concerts").token(&admin.access).json(&draft)).await
}

#[tokio::test]
async fn a_queue_is_not_deleted_while_the_sale_of_a_concert_has_not_closed() -> Outcome {
    let world = world_with_second().await?;
    let admin = world.admin().await;
    let concert = create_in(&world, &admin, "second").await.text("concertId").to_owned();
    let path = format!("/api/v1/admin/concerts/{concert}");
    let change = async |body: Value| world.send(Request::new("PATCH", &path).token(&admin.access).json(&body)).await;
    assert_eq!(change(json!({ "enabled": false })).await.outcome(), "200");
    assert_eq!(world.delete(SECOND, &admin.access).await.outcome(), "409 queue_in_use", "also one that is disabled");
    assert_eq!(join(&world, "ann").await, "ACTIVE 0", "a refused deletion leaves the queue as it was");
    assert_eq!(create_in(&world, &admin, "second").await.outcome(), "201");
    Ok(())
}

#[tokio::test]
async fn a_concert_and_the_deletion_of_its_queue_exclude_each_other_in_any_order() -> Outcome {
    let mut outcomes = BTreeSet::new();
    for requests in 1..=8 {
        let world = world_with_second().await?;
        let admin = world.admin().await;
        let mut deletion = pin!(world.delete(SECOND, &admin.access));
        let start = world.engine.meter().requests;
        let mut early = None;
        while early.is_none() && world.engine.meter().requests < start + requests {
            if let Poll::Ready(reply) = poll!(deletion.as_mut()) {
                early = Some(reply);
            }
            tokio::task::yield_now().await;
        }
        let created = create_in(&world, &admin, "second").await.outcome();
        let deleted = match early {
            Some(reply) => reply.outcome(),
            None => deletion.await.outcome(),
        };
        let sales = world.engine.items("Concerts").iter().filter(|item| item["pk"] == "SALES#second").count();
        match (created.as_str(), deleted.as_str()) {
            ("201", "409 queue_in_use") => assert_eq!((sales, is_shut(&world)), (1, false), "{requests}"),
            ("404 queue_not_found" | "503 unavailable", "204") => assert_eq!((sales, is_shut(&world)), (0, true)),
            odd => panic!("after {requests} requests: {odd:?}"),
        }
        outcomes.insert(deleted);
    }
    assert_eq!(outcomes.len(), 2, "{outcomes:?}");
    Ok(())
}

#[tokio::test]
async fn a_deletion_that_was_cut_off_refuses_concerts_for_a_minute() -> Outcome {
    let world = world_with_second().await?;
    let admin = world.admin().await;
    delete_without_the_last_write(&world, &admin).await;
    world.wait(59);
    assert_eq!(create_in(&world, &admin, "second").await.outcome(), "503 unavailable");
    world.wait(1);
    assert_eq!(create_in(&world, &admin, "second").await.outcome(), "201");
    assert!(!is_shut(&world));
    Ok(())
}

#[tokio::test]
async fn a_concert_needs_an_existing_queue() -> Outcome {
    let world = world_with_second().await?;
    let admin = world.admin().await;
    let create = async |queue: &str| create_in(&world, &admin, queue).await.outcome();
    assert_eq!(create("secnod").await, "404 queue_not_found");
    assert_eq!(
        world.get("/api/v1/queues/secnod", "").await.outcome(),
        "404 queue_not_found",
        "and no queue is created"
    );
    let concert = create_in(&world, &admin, "second").await.text("concertId").to_owned();
    let path = format!("/api/v1/admin/concerts/{concert}");
    let close = json!({ "saleClosesAt": "2026-06-01T00:00:20Z" });
    assert_eq!(world.send(Request::new("PATCH", path).token(&admin.access).json(&close)).await.status, 200);
    world.wait(20);
    assert_eq!(world.delete(SECOND, &admin.access).await.outcome(), "204", "the sale has closed");
    assert_eq!(create("second").await, "404 queue_not_found");
    assert_eq!(create("main").await, "201");
    Ok(())
}

#[tokio::test]
async fn a_session_that_is_over_stays_410_after_its_queue_is_deleted() -> Outcome {
    let world = world_with_second().await?;
    let admin = world.admin().await;
    let fan = world.fan("ann").await;
    let token = join_with(&world, &fan.access, &json!({ "queueId": "second" })).await.text("token").to_owned();
    let path = format!("/api/v1/tokens/{}", fan.user_id);
    assert_eq!(world.delete(&path, &token).await.outcome(), "204");
    for _ in 0..2 {
        functions::tick(&world.app, &"second".parse()?, &[]).await?;
    }
    assert_eq!(world.delete(SECOND, &admin.access).await.outcome(), "204");
    let polled = world.get(&path, &token).await;
    assert_eq!((polled.outcome().as_str(), polled.text("reason")), ("410 session_over", "LEFT"));
    Ok(())
}
