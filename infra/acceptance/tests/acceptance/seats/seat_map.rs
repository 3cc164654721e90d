//! `GET /reservations/{concertId}/seats`.

use crate::support::purchases::{Outcome, edits, held, sale};
use acceptance::{Fan, Reply, World};
use serde_json::{Value, json};

async fn map(world: &World, fan: &Fan, concert: &str, query: &str) -> Reply {
    world.get(&format!("/api/v1/reservations/{concert}/seats{query}"), &fan.queue).await
}

#[tokio::test]
async fn a_map_shows_every_seat_in_order_with_its_status() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 50_000).await, world.buyer("bob", 0).await);
    let paid = held(&world, &ann, &concert, &[50]).await;
    held(&world, &bob, &concert, &[2, 1]).await;
    assert_eq!(world.pay(&ann, &paid, 50_000, None).await.outcome(), "200");
    let seats = map(&world, &bob, &concert, "").await;
    assert_eq!(seats.outcome(), "200");
    let seats = seats.body.as_array().cloned().unwrap_or_default();
    assert_eq!(seats.len(), 50);
    assert!(seats.iter().zip(1..).all(|(seat, number)| seat["seatNumber"] == number));
    let expected = |number: u32, status: &str| {
        json!({
            "seatNumber": number, "available": status == "AVAILABLE", "status": status,
            "section": "A", "seatType": "STANDARD", "price": 50_000,
        })
    };
    assert_eq!(seats[0], expected(1, "HELD"));
    assert_eq!(seats[1], expected(2, "HELD"));
    assert_eq!(seats[2], expected(3, "AVAILABLE"));
    assert_eq!(seats[49], expected(50, "SOLD"));
    Ok(())
}

#[tokio::test]
async fn an_expired_hold_is_available_on_the_map_before_any_cleanup() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[7]).await;
    world.clock.advance_ms(299_999);
    assert_eq!(map(&world, &fan, &concert, "").await.body[6]["status"], "HELD");
    world.clock.advance_ms(1);
    assert_eq!(map(&world, &fan, &concert, "").await.body[6]["status"], "AVAILABLE");
    Ok(())
}

/// All pages of a seat map, starting with this query.
async fn pages(world: &World, fan: &Fan, concert: &str, query: &str) -> Vec<Vec<Value>> {
    let (mut pages, mut path) = (Vec::new(), format!("/api/v1/reservations/{concert}/seats{query}"));
    loop {
        let page = world.get(&path, &fan.queue).await;
        assert_eq!(page.outcome(), "200", "{path}: {}", page.body);
        pages.push(page.body.as_array().cloned().unwrap_or_default());
        let Some(link) = page.headers.get("link") else { return pages };
        path = link.trim_start_matches('<').trim_end_matches(">; rel=\"next\"").to_owned();
    }
}

fn block(section: &str, from: u32, to: u32) -> Value {
    json!({ "section": section, "from": from, "to": to, "seatType": "S", "price": 1 })
}

#[tokio::test]
async fn a_map_is_paged_by_number_and_a_section_is_a_filter() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let blocks = json!([block("A", 1, 300), block("B", 301, 5_000), block("A", 5_001, 5_002)]);
    let large = world.concert_of(&admin, &json!({ "blocks": blocks })).await;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &large, &[256, 257, 5_001, 5_002]).await;
    let lengths = |pages: &[Vec<Value>]| pages.iter().map(Vec::len).collect::<Vec<_>>();
    let is_taken = |seat: &&Value| seat["status"] == "HELD";
    for (query, expected) in [
        ("", vec![5_000, 2]),
        ("?section=A", vec![302]),
        ("?section=A&limit=301", vec![301, 1]),
        ("?limit=2501", vec![2_501, 2_501]),
        ("?limit=5000", vec![5_000, 2]),
    ] {
        let pages = pages(&world, &fan, &large, query).await;
        assert_eq!(lengths(&pages), expected, "{query}: no empty page at the end");
        let seats: Vec<&Value> = pages.iter().flatten().collect();
        let numbers: Vec<u64> = seats.iter().filter_map(|seat| seat["seatNumber"].as_u64()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{query}");
        let taken: Vec<&Value> = seats.iter().copied().filter(is_taken).map(|seat| &seat["seatNumber"]).collect();
        assert_eq!(taken, [256, 257, 5_001, 5_002], "{query}");
    }
    for odd in ["section=Z", "limit=0", "limit=5001", "limit=+1", "limit=x", "cursor=x"] {
        let refused = map(&world, &fan, &large, &format!("?{odd}")).await;
        assert_eq!(refused.outcome(), "400 invalid_request", "{odd}");
        assert_eq!(refused.body["errors"][0]["pointer"], odd.split('=').next().unwrap_or_default(), "{odd}");
    }
    Ok(())
}

#[tokio::test]
async fn a_cursor_of_another_concert_or_an_edited_one_is_400() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let other = world.concert(&admin).await;
    let fan = world.buyer("ann", 0).await;
    let first = map(&world, &fan, &concert, "?limit=49").await;
    let cursor =
        first.headers["link"].split("cursor=").nth(1).and_then(|rest| rest.split('>').next()).ok_or("a link")?;
    assert_eq!(map(&world, &fan, &concert, &format!("?cursor={cursor}")).await.body[0]["seatNumber"], 50);
    assert_eq!(map(&world, &fan, &other, &format!("?cursor={cursor}")).await.outcome(), "400 invalid_request");
    for odd in edits(cursor) {
        assert_eq!(map(&world, &fan, &concert, &format!("?cursor={odd}")).await.outcome(), "400 invalid_request");
    }
    Ok(())
}

/// Two extremes: 32 characters of four bytes in each name with the highest numbers, and seats as far apart as possible.
#[tokio::test]
async fn every_layout_can_be_shown_in_pages_below_5_megabytes() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let long = "\u{1f3ab}".repeat(32);
    let price = 125_000_000_000u64;
    let wide = json!([{ "section": long, "from": 90_000, "to": 100_000, "seatType": long, "price": price }]);
    let wide = world.concert_of(&admin, &json!({ "blocks": wide })).await;
    let sparse: Vec<Value> = (0..200).map(|number| block("A", number * 500 + 1, number * 500 + 1)).collect();
    let sparse = world.concert_of(&admin, &json!({ "blocks": sparse })).await;
    let fan = world.buyer("ann", 0).await;
    let pages_of_wide = pages(&world, &fan, &wide, "").await;
    assert_eq!(pages_of_wide.iter().map(Vec::len).collect::<Vec<_>>(), [5_000, 5_000, 1]);
    assert!(pages_of_wide.iter().all(|page| json!(page).to_string().len() < 5_000_000));
    assert_eq!(pages(&world, &fan, &sparse, "").await.concat().len(), 200);
    Ok(())
}

#[tokio::test]
async fn a_page_reads_its_own_seats_only() -> Outcome {
    let world = World::with(&[("SEATS_PER_SESSION", "8"), ("QUEUE_CAPACITY", "100")]).await?;
    let admin = world.admin().await;
    let concert = world.concert_of(&admin, &json!({ "blocks": [block("A", 1, 100_000)] })).await;
    let fan = world.buyer("ann", 0).await;
    for first in [1, 9, 17, 25] {
        let buyer = world.buyer(&format!("fan{first}"), 0).await;
        held(&world, &buyer, &concert, &(first..first + 8).collect::<Vec<u32>>()).await;
    }
    let cost = async |query: &str| {
        world.engine.reset_meter();
        assert_eq!(map(&world, &fan, &concert, query).await.outcome(), "200");
        (world.engine.meter().requests, world.engine.meter().read_units)
    };
    let (requests, one_seat) = cost("?limit=1").await;
    assert_eq!(requests, 2, "the session and one range of seats");
    let (requests, many_seats) = cost("?limit=256").await;
    assert_eq!(requests, 2);
    assert!(one_seat < many_seats, "{one_seat} {many_seats}");
    assert_eq!(cost("").await.0, 1 + 5_000u64.div_ceil(256));
    Ok(())
}

#[tokio::test]
async fn only_admitted_fans_see_the_seat_map() -> Outcome {
    let (world, admin, concert) = sale(&[("QUEUE_CAPACITY", "1")]).await?;
    let inside = world.buyer("ann", 0).await;
    let mut waiting = world.fan("bob").await;
    world.join(&mut waiting).await;
    let path = format!("/api/v1/reservations/{concert}/seats");
    assert_eq!(world.get(&path, &inside.queue).await.outcome(), "200");
    let refused = world.get(&path, &waiting.queue).await;
    assert_eq!(refused.outcome(), "403 not_active");
    assert!(refused.headers["retry-after"].parse::<u64>()? >= 1);
    for access in [&inside.access, &admin.access] {
        let refused = world.get(&path, access).await;
        assert_eq!(refused.outcome(), "403 not_active");
        assert!(!refused.headers.contains_key("retry-after"), "waiting does not help");
    }
    assert_eq!(world.get(&path, "").await.outcome(), "401 unauthenticated");
    world.wait(600);
    assert_eq!(world.get(&path, &inside.queue).await.outcome(), "401 session_over");
    Ok(())
}

#[tokio::test]
async fn an_unknown_concert_is_404_for_admitted_fans_and_403_for_waiting_fans() -> Outcome {
    let (world, admin, _) = sale(&[("QUEUE_CAPACITY", "1")]).await?;
    let inside = world.buyer("ann", 0).await;
    let mut waiting = world.fan("bob").await;
    world.join(&mut waiting).await;
    let unknown = "0190a7c4-0000-7000-8000-000000000001";
    assert_eq!(map(&world, &inside, unknown, "").await.outcome(), "404 concert_not_found");
    assert_eq!(map(&world, &waiting, unknown, "").await.outcome(), "403 not_active");
    assert_eq!(map(&world, &inside, "7", "").await.outcome(), "400 invalid_request");
    let elsewhere = world.concert_of(&admin, &json!({ "queueId": "other" })).await;
    assert_eq!(map(&world, &inside, &elsewhere, "").await.outcome(), "403 wrong_queue");
    Ok(())
}

#[tokio::test]
async fn the_first_seat_map_claims_the_place() -> Outcome {
    let (world, _, concert) = sale(&[("QUEUE_CAPACITY", "0")]).await?;
    let mut fan = world.fan("ann").await;
    world.join(&mut fan).await;
    world.set_capacity(1).await;
    world.tick().await;
    world.wait(59);
    assert_eq!(map(&world, &fan, &concert, "").await.outcome(), "200");
    world.wait(599);
    assert_eq!(map(&world, &fan, &concert, "").await.outcome(), "200", "the session began with the first map");
    Ok(())
}
