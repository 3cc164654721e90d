//! `GET /reservations/dates`.

use crate::support::purchases::{Outcome, edits, feed_stream, held};
use acceptance::{Reply, Request, SIGNING_SECRET, World};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::http::cursor::List;

const PATH: &str = "/api/v1/reservations/dates";

async fn list(world: &World, query: &str) -> Reply {
    world.read(&format!("{PATH}?{query}")).await
}

/// A world with concerts on the given days of June 2027.
async fn on_days(days: &[u32]) -> Result<World, Box<dyn std::error::Error>> {
    let world = World::new().await?;
    let admin = world.admin().await;
    for day in days {
        let (starts, ends) = (format!("2027-06-{day:02}T10:00:00Z"), format!("2027-06-{day:02}T13:00:00Z"));
        world.concert_of(&admin, &json!({ "concertName": day.to_string(), "startsAt": starts, "endsAt": ends })).await;
    }
    Ok(world)
}

fn names(reply: &Reply) -> Vec<&str> {
    let items = reply.body.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item["concertName"].as_str()).collect()
}

/// The path and query of the `Link` to the next page.
fn next(reply: &Reply) -> Option<String> {
    let link = reply.headers.get("link")?;
    let (target, rest) = link.strip_prefix('<')?.split_once('>')?;
    (rest == "; rel=\"next\"").then(|| target.to_owned())
}

#[tokio::test]
async fn dates_are_public_ordered_by_start_and_cacheable() -> Outcome {
    let world = on_days(&[9, 3, 27, 14]).await?;
    let all = world.send(Request::new("GET", PATH)).await;
    assert_eq!(all.outcome(), "200");
    assert_eq!(names(&all), ["3", "9", "14", "27"]);
    assert_eq!(all.body[0]["date"], "2027-06-03");
    assert!(all.headers["cache-control"].contains("max-age="));
    assert_eq!(next(&all), None);
    Ok(())
}

#[tokio::test]
async fn an_empty_listing_is_an_empty_array() -> Outcome {
    let world = World::new().await?;
    let all = world.send(Request::new("GET", PATH)).await;
    assert_eq!((all.outcome(), all.body), ("200".to_owned(), json!([])));
    Ok(())
}

#[tokio::test]
async fn pages_follow_their_link_and_show_each_concert_once() -> Outcome {
    let world = on_days(&[1, 2, 2, 2, 3, 4, 5]).await?;
    let (mut seen, mut target) = (Vec::new(), format!("{PATH}?limit=2"));
    loop {
        let page = world.send(Request::new("GET", &target)).await;
        assert_eq!(page.outcome(), "200");
        seen.extend(page.body.as_array().into_iter().flatten().map(|item| item["concertId"].to_string()));
        match next(&page) {
            Some(further) => target = further,
            None => break,
        }
    }
    assert_eq!(seen.len(), 7);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7, "concerts that start together do not hide each other");
    Ok(())
}

#[tokio::test]
async fn limit_is_1_to_100() -> Outcome {
    let world = on_days(&[1, 2]).await?;
    for odd in ["0", "101", "-1", "two", "", "1.5"] {
        assert_eq!(list(&world, &format!("limit={odd}")).await.outcome(), "400 invalid_request", "{odd}");
    }
    assert_eq!(names(&list(&world, "limit=1").await), ["1"]);
    assert_eq!(names(&list(&world, "limit=100").await), ["1", "2"]);
    Ok(())
}

#[tokio::test]
async fn an_edited_cursor_is_400_and_so_is_one_of_another_kind_of_list() -> Outcome {
    let world = on_days(&[1, 2, 3]).await?;
    let first = list(&world, "limit=1").await;
    let link = next(&first).ok_or("a link")?;
    let cursor = link.rsplit_once("cursor=").ok_or("a cursor")?.1;
    assert_eq!(names(&list(&world, &format!("cursor={cursor}")).await), ["2", "3"]);
    let position = "2027-06-01T19:00:00.000Z 0190a7c4-0000-7000-8000-000000000001";
    let unsigned = BASE64_URL_SAFE_NO_PAD.encode(position);
    let of_a_ledger = world.app.cursors.write(List::Ledger, position);
    for odd in edits(cursor).chain(["!!".to_owned(), unsigned, of_a_ledger]) {
        assert_eq!(list(&world, &format!("cursor={odd}")).await.outcome(), "400 invalid_request", "{odd}");
    }
    Ok(())
}

#[tokio::test]
async fn a_cursor_outlives_the_rotation_of_the_secret() -> Outcome {
    let world = on_days(&[1, 2]).await?;
    let link = next(&list(&world, "limit=1").await).ok_or("a link")?;
    for (new, expected) in
        [("the next secret is at least as long", "200"), ("so is the one after it as well", "400 invalid_request")]
    {
        world.engine.put_secret(SIGNING_SECRET, &new.repeat(2));
        let app = world.environment(&[]).await?;
        assert_eq!(world.send_to(&app, Request::new("GET", &link)).await.outcome(), expected, "{expected}");
    }
    Ok(())
}

#[tokio::test]
async fn a_cursor_of_another_query_shows_no_concert_before_from_or_after_to() -> Outcome {
    let world = on_days(&[1, 2, 3, 4]).await?;
    let first = list(&world, "limit=1").await;
    let link = next(&first).ok_or("a link")?;
    let cursor = link.rsplit_once("cursor=").ok_or("a cursor")?.1;
    assert_eq!(names(&list(&world, &format!("cursor={cursor}&from=2027-06-03")).await), ["3", "4"]);
    assert_eq!(names(&list(&world, &format!("cursor={cursor}&to=2027-06-02")).await), ["2"]);
    assert_eq!(names(&list(&world, &format!("cursor={cursor}&to=2027-05-31")).await), [""; 0]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn availability_follows_holds_sales_and_releases() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let fan = world.buyer("ann", 100_000).await;
    let kept = held(&world, &fan, &concert, &[1, 2]).await;
    let dropped = held(&world, &fan, &concert, &[3]).await;
    feed_stream(&world, &world.app).await?;
    let available = async || list(&world, "").await.body[0]["seatsAvailable"].clone();
    assert_eq!(available().await, 47);
    world.delete(&format!("/api/v1/reservations/{dropped}"), &fan.access).await;
    assert_eq!(world.pay(&fan, &kept, 100_000, None).await.outcome(), "200");
    feed_stream(&world, &world.app).await?;
    assert_eq!(available().await, 48);
    let read = world.read(&format!("/api/v1/concerts/{concert}")).await;
    assert_eq!(read.body["seatsAvailable"], 48);
    Ok(())
}

#[tokio::test]
async fn a_list_of_large_layouts_loses_no_concert_and_links_to_no_empty_page() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let blocks: Vec<Value> = (0..175)
        .map(|n| json!({ "section": "A".repeat(32), "from": n * 10 + 1, "to": n * 10 + 10, "seatType": "S".repeat(32), "price": 1 }))
        .collect();
    for _ in 0..40 {
        world.concert_of(&admin, &json!({ "blocks": blocks })).await;
    }
    let all = world.send(Request::new("GET", "/api/v1/reservations/dates?limit=100")).await;
    assert_eq!(all.body.as_array().map(Vec::len), Some(40), "a page of the engine ends at 1 MB");
    assert!(!all.headers.contains_key("link"));
    let exact = world.send(Request::new("GET", "/api/v1/reservations/dates?limit=40")).await;
    assert!(!exact.headers.contains_key("link"), "no concert follows");
    Ok(())
}
