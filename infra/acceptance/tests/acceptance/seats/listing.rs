//! What a page of dates costs, which concerts it begins with, and how the free seats of large concerts are added up.

use crate::support::purchases::{Outcome, feed_stream, held, inject_where, items, sale};
use acceptance::{Fan, Reply, Request, World};
use engine::Fault;
use serde_json::{Value, json};
use shared::domain::layout::Layout;
use std::sync::{Arc, Mutex};

const PATH: &str = "/api/v1/reservations/dates";

/// 200 blocks of 60 seats each, over 47 chunks.
fn large_blocks() -> Value {
    let block = |n: usize| json!({ "section": "A".repeat(32), "from": n * 60 + 1, "to": n * 60 + 60, "seatType": "S".repeat(32), "price": 1 });
    (0..Layout::MAX_BLOCKS).map(block).collect()
}

async fn list(world: &World, query: &str) -> Reply {
    world.read(&format!("{PATH}?{query}")).await
}

fn names(reply: &Reply) -> Vec<&str> {
    let items = reply.body.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item["concertName"].as_str()).collect()
}

async fn concert_at(world: &World, admin: &Fan, name: &str, starts: &str, ends: &str) -> String {
    world.concert_of(admin, &json!({ "concertName": name, "startsAt": starts, "endsAt": ends })).await
}

#[tokio::test]
async fn a_page_of_dates_takes_two_requests_whatever_the_layouts_and_the_filter() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let blocks = large_blocks();
    let event = "6f9619ff-8b86-4011-b42d-00cf4fc964ff";
    for number in 0..110 {
        // Every tenth concert is of the event and of the category.
        let mut fields = json!({ "blocks": blocks });
        if number % 10 == 0 {
            fields["eventId"] = json!(event);
            fields["category"] = json!("TALK");
        }
        world.concert_of(&admin, &fields).await;
    }
    for (query, shown, most_units) in [
        ("", 50, 40.0),
        ("limit=100", 100, 60.0),
        ("from=2027-01-01&limit=100", 100, 60.0),
        ("category=TALK", 11, 20.0),
        (&format!("eventId={event}"), 11, 20.0),
        (&format!("eventId={event}&category=TALK&limit=2"), 2, 6.0),
        ("category=SPORTS", 0, 1.0),
    ] {
        world.engine.reset_meter();
        let page = list(&world, query).await;
        let used = world.engine.meter();
        assert_eq!((page.status, page.body.as_array().map(Vec::len)), (200, Some(shown)), "{query}");
        assert!(used.read_units <= most_units && used.round_trips <= 2, "{query}: {used:?}");
    }
    world.wait(60);
    world.engine.reset_meter();
    for _ in 0..200 {
        assert_eq!(world.send(Request::new("GET", PATH)).await.status, 200);
    }
    let used = world.engine.meter();
    assert!(used.read_units <= 40.0 && used.round_trips == 2, "200 within the max-age: {used:?}");
    Ok(())
}

#[tokio::test]
async fn dates_begin_with_what_started_within_a_day_and_has_not_ended() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    for (name, starts, ends) in [
        ("festival that began long ago", "2026-05-30T23:59:59Z", "2026-06-02T00:00:00Z"),
        ("festival", "2026-05-31T00:00:00Z", "2026-06-02T00:00:00Z"),
        ("ended", "2026-05-31T20:00:00Z", "2026-06-01T00:00:00Z"),
        ("running", "2026-05-31T21:00:00Z", "2026-06-01T00:00:00.001Z"),
        ("tomorrow", "2026-06-02T00:00:00Z", "2026-06-02T03:00:00Z"),
    ] {
        concert_at(&world, &admin, name, starts, ends).await;
    }
    assert_eq!(names(&list(&world, "").await), ["festival", "running", "tomorrow"]);
    assert_eq!(names(&list(&world, "category=CONCERT&to=2026-06-01").await), ["festival", "running"]);
    assert_eq!(
        list(&world, "from=2026-05-01").await.body.as_array().map(Vec::len),
        Some(5),
        "asked for, also the past"
    );
    let first = list(&world, "limit=1").await;
    let next = first.headers["link"].trim_start_matches('<').split('>').next().unwrap_or_default().to_owned();
    assert_eq!(names(&world.send(Request::new("GET", next)).await), ["running"], "a further page leaves out the same");
    Ok(())
}

#[tokio::test]
async fn more_ended_concerts_than_a_request_reads_hide_none_that_follows() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    for _ in 0..60 {
        concert_at(&world, &admin, "ended", "2026-05-31T20:00:00Z", "2026-05-31T22:00:00Z").await;
    }
    concert_at(&world, &admin, "next", "2026-06-02T00:00:00Z", "2026-06-02T03:00:00Z").await;
    let page = list(&world, "limit=1").await;
    assert_eq!(names(&page), ["next"]);
    assert!(!page.headers.contains_key("link"));
    Ok(())
}

#[tokio::test]
async fn a_label_of_a_category_cannot_name_another_listing() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let event = "6f9619ff-8b86-4011-b42d-00cf4fc964ff";
    world.concert_of(&admin, &json!({ "eventId": event, "category": "X#EVENT#1" })).await;
    for query in ["category=X", "category=%23EVENT%231", "category=X%23EVENT"] {
        assert_eq!(list(&world, query).await.body, json!([]), "{query}");
    }
    assert_eq!(list(&world, "category=X%23EVENT%231").await.body.as_array().map(Vec::len), Some(1));
    Ok(())
}

/// A concert of two chunks, with 60 seats.
async fn two_chunks(world: &World, admin: &Fan) -> String {
    let block = |section: &str, from: u32, to: u32| json!({ "section": section, "from": from, "to": to, "seatType": "STANDARD", "price": 1 });
    world.concert_of(admin, &json!({ "blocks": [block("A", 1, 30), block("B", 257, 286)] })).await
}

async fn free(world: &World, concert: &str) -> Value {
    let read = world.read(&format!("/api/v1/concerts/{concert}")).await;
    let listed = list(world, "limit=100").await;
    let dates = listed.body.as_array().cloned().unwrap_or_default();
    let date = dates.iter().find(|date| date["concertId"] == *concert).cloned().unwrap_or_default();
    assert_eq!(read.body["seatsAvailable"], date["seatsAvailable"]);
    date["seatsAvailable"].clone()
}

#[tokio::test(start_paused = true)]
async fn the_free_seats_of_several_chunks_are_added_up() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let concert = two_chunks(&world, &admin).await;
    assert_eq!(free(&world, &concert).await, 60);
    let fan = world.buyer("ann", 0).await;
    let both = held(&world, &fan, &concert, &[1, 257]).await;
    held(&world, &fan, &concert, &[258]).await;
    feed_stream(&world, &world.app).await?;
    assert_eq!(free(&world, &concert).await, 57);
    world.delete(&format!("/api/v1/reservations/{both}"), &fan.access).await;
    feed_stream(&world, &world.app).await?;
    assert_eq!(free(&world, &concert).await, 59);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_older_sum_never_replaces_a_newer_one() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let concert = two_chunks(&world, &admin).await;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1]).await;
    let sums: Arc<Mutex<Vec<Value>>> = Arc::default();
    let seen = Arc::clone(&sums);
    world.engine.set_faults(move |call| {
        if call.operation == "PutItem" && call.body["Item"]["sk"]["S"] == "SUM" {
            seen.lock().expect("a list").push(call.body.clone());
        }
        Fault::None
    });
    feed_stream(&world, &world.app).await?;
    held(&world, &fan, &concert, &[257]).await;
    feed_stream(&world, &world.app).await?;
    let late = sums.lock().expect("a list")[0].clone();
    assert_eq!(world.engine.execute("PutItem", late).status, 400);
    assert_eq!(free(&world, &concert).await, 58);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_sum_that_was_lost_is_left_to_the_sweep() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let concert = two_chunks(&world, &admin).await;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1, 257]).await;
    inject_where(&world, Fault::Throttled, u64::MAX, |call| {
        call.operation == "PutItem" && call.body["Item"]["sk"]["S"] == "SUM"
    });
    feed_stream(&world, &world.app).await?;
    world.engine.clear_faults();
    assert_eq!(items(&world, "Concerts", "SUM").len(), 0);
    world.wait(70);
    assert!(world.app.store.sweep().await.failure.is_none());
    assert_eq!(free(&world, &concert).await, 58);
    Ok(())
}

#[tokio::test]
async fn a_layout_is_read_once_and_the_concert_stays_small() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let concert = world.concert_of(&admin, &json!({ "blocks": large_blocks() })).await;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[1]).await;
    let meta = items(&world, "Concerts", "META");
    assert!(meta.iter().all(|item| item.to_string().len() < 1_024));
    for seat in 2..=4 {
        world.wait(1);
        world.engine.reset_meter();
        held(&world, &fan, &concert, &[seat]).await;
        let used = world.engine.meter();
        assert!(used.read_units <= 0.5, "{used:?}");
    }
    Ok(())
}
