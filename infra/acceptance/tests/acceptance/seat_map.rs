//! `GET /reservations/{concertId}/seats`.

use crate::purchases::{Outcome, held, sale};
use acceptance::{Fan, Reply, World};
use serde_json::json;

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
async fn an_expired_hold_is_available_on_the_map_without_cleaning_up() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let fan = world.buyer("ann", 0).await;
    held(&world, &fan, &concert, &[7]).await;
    world.clock.advance_ms(299_999);
    assert_eq!(map(&world, &fan, &concert, "").await.body[6]["status"], "HELD");
    world.clock.advance_ms(1);
    assert_eq!(map(&world, &fan, &concert, "").await.body[6]["status"], "AVAILABLE");
    Ok(())
}

#[tokio::test]
async fn above_5000_seats_a_section_is_required() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let block = |section: &str, from: u32, to: u32| json!({ "section": section, "from": from, "to": to, "seatType": "S", "price": 1 });
    let blocks = json!([block("A", 1, 300), block("B", 301, 5_000), block("A", 5_001, 5_001)]);
    let large = world.concert_of(&admin, &json!({ "blocks": blocks })).await;
    let fan = world.buyer("ann", 0).await;
    assert_eq!(map(&world, &fan, &large, "").await.outcome(), "400 invalid_request");
    held(&world, &fan, &large, &[257, 5_001]).await;
    let section = map(&world, &fan, &large, "?section=A").await;
    let seats = section.body.as_array().cloned().unwrap_or_default();
    assert_eq!(seats.len(), 301);
    let taken: Vec<_> = seats.iter().filter(|s| s["status"] == "HELD").map(|s| s["seatNumber"].clone()).collect();
    assert_eq!(taken, [257, 5_001]);
    assert_eq!(map(&world, &fan, &large, "?section=Z").await.body, json!([]), "a section without seats");
    let fits = json!([block("A", 1, 5_000)]);
    let fits = world.concert_of(&admin, &json!({ "blocks": fits })).await;
    assert_eq!(map(&world, &fan, &fits, "").await.body.as_array().map(Vec::len), Some(5_000));
    Ok(())
}

#[tokio::test]
async fn only_fans_who_were_let_in_see_the_map() -> Outcome {
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
        assert!(refused.headers.contains_key("retry-after"));
    }
    assert_eq!(world.get(&path, "").await.outcome(), "401 unauthenticated");
    world.wait(600);
    assert_eq!(world.get(&path, &inside.queue).await.outcome(), "401 session_over");
    Ok(())
}

#[tokio::test]
async fn an_unknown_concert_is_404_to_those_inside_and_nothing_to_those_outside() -> Outcome {
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
async fn looking_at_the_map_claims_the_place() -> Outcome {
    let (world, _, concert) = sale(&[("QUEUE_CAPACITY", "0")]).await?;
    let mut fan = world.fan("ann").await;
    world.join(&mut fan).await;
    world.set_capacity(1).await;
    world.tick().await;
    world.wait(59);
    assert_eq!(map(&world, &fan, &concert, "").await.outcome(), "200");
    world.wait(599);
    assert_eq!(map(&world, &fan, &concert, "").await.outcome(), "200", "the session began with the first look");
    Ok(())
}

#[tokio::test]
async fn a_section_too_large_for_an_answer_is_400_and_can_be_bought_all_the_same() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let block = json!({ "section": "A", "from": 1, "to": 20_001, "seatType": "STANDARD", "price": 1 });
    let concert = world.concert_of(&admin, &json!({ "blocks": [block] })).await;
    let fan = world.buyer("ann", 0).await;
    let map = world.get(&format!("/api/v1/reservations/{concert}/seats?section=A"), &fan.queue).await;
    assert_eq!(map.outcome(), "400 invalid_request");
    assert_eq!(world.hold(&fan, &concert, &[20_001], None).await.outcome(), "201");
    Ok(())
}
