//! `soldOut`: every seat of a queue's concerts is sold, as far as their sales have not closed.

use crate::support::{
    poll,
    purchases::{Outcome, PRICE, feed_stream, held, sale},
    queue,
};
use acceptance::{Fan, Request, World};
use engine::Fault;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Whether the queue and a fan's token say that it is sold out, once what they remember is old.
async fn sold_out(world: &World, fan: &Fan) -> bool {
    world.wait(5);
    let (shown, token) = (queue(world).await, poll(world, fan).await);
    let state = if token.body["soldOut"] == true { "SOLD_OUT" } else { "OPEN" };
    assert_eq!(shown["state"], state);
    state == "SOLD_OUT"
}

async fn change(world: &World, admin: &Fan, concert: &str, body: Value) {
    let request = Request::new("PATCH", format!("/api/v1/admin/concerts/{concert}")).token(&admin.access);
    assert_eq!(world.send(request.json(&body)).await.status, 200);
}

/// A concert with two seats, in one chunk or in two.
async fn two_seats(world: &World, admin: &Fan, second: u32) -> String {
    let block = |seat: u32| json!({ "section": "A", "from": seat, "to": seat, "seatType": "STANDARD", "price": PRICE });
    world.concert_of(admin, &json!({ "blocks": [block(1), block(second)] })).await
}

/// A fan who has bought both seats of a concert, and is inside again.
async fn buyer_of_all_seats(world: &World, admin: &Fan) -> Result<Fan, Box<dyn std::error::Error>> {
    let mut ann = world.buyer("ann", 2 * PRICE).await;
    let concert = two_seats(world, admin, 2).await;
    let both = held(world, &ann, &concert, &[1, 2]).await;
    assert_eq!(world.pay(&ann, &both, 2 * PRICE, None).await.status, 200);
    world.join(&mut ann).await;
    feed_stream(world, &world.app).await?;
    Ok(ann)
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_sold_out_until_a_seat_is_refunded() -> Outcome {
    for second in [2, 257] {
        let (world, admin, standard) = sale(&[]).await?;
        change(&world, &admin, &standard, json!({ "enabled": false })).await;
        let mut ann = world.buyer("ann", 2 * PRICE).await;
        assert!(!sold_out(&world, &ann).await, "no concert is sold");
        let concert = two_seats(&world, &admin, second).await;
        let first = held(&world, &ann, &concert, &[1]).await;
        let payment = world.pay(&ann, &first, PRICE, None).await.text("paymentId").to_owned();
        world.join(&mut ann).await;
        let last = held(&world, &ann, &concert, &[second]).await;
        feed_stream(&world, &world.app).await?;
        assert!(!sold_out(&world, &ann).await, "a seat is only held");
        world.pay(&ann, &last, PRICE, None).await;
        world.join(&mut ann).await;
        feed_stream(&world, &world.app).await?;
        assert!(sold_out(&world, &ann).await);
        assert_eq!(world.join(&mut world.fan("bob").await).await.status, 201, "it stops nobody");
        let path = format!("/api/v1/payments/{payment}/cancel");
        let refund = Request::new("POST", path).token(&ann.access).json(&json!({}));
        assert_eq!(world.send(refund).await.status, 200);
        feed_stream(&world, &world.app).await?;
        assert!(!sold_out(&world, &ann).await, "a refund ends it");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn only_enabled_concerts_whose_sale_has_not_closed_count() -> Outcome {
    let (world, admin, standard) = sale(&[]).await?;
    let ann = buyer_of_all_seats(&world, &admin).await?;
    assert!(!sold_out(&world, &ann).await, "another concert has free seats");
    change(&world, &admin, &standard, json!({ "enabled": false })).await;
    assert!(sold_out(&world, &ann).await);
    change(&world, &admin, &standard, json!({ "enabled": true, "saleClosesAt": "2026-06-01T00:00:20Z" })).await;
    assert!(!sold_out(&world, &ann).await, "its sale has not closed");
    assert!(sold_out(&world, &ann).await);
    change(&world, &admin, &standard, json!({ "saleOpensAt": "2026-07-01T00:00:00Z", "saleClosesAt": null })).await;
    assert!(!sold_out(&world, &ann).await, "its sale opens later");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_free_seat_is_found_behind_a_hundred_sales_and_naming_concerts_is_bounded() -> Outcome {
    let (world, admin, standard) = sale(&[]).await?;
    change(&world, &admin, &standard, json!({ "saleClosesAt": "2027-06-01T19:00:00Z" })).await;
    let ann = world.buyer("ann", 0).await;
    for _ in 0..120 {
        let later = json!({ "saleOpensAt": "2026-07-01T00:00:00Z", "saleClosesAt": "2026-08-01T00:00:00Z" });
        world.concert_of(&admin, &later).await;
    }
    world.wait(5);
    let shown = queue(&world).await;
    assert_eq!(shown["concertIds"], json!([standard]), "behind those whose sales end first and have not opened");
    assert!(!sold_out(&world, &ann).await);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_poll_shows_the_last_known_answer_if_the_sales_cannot_be_read_and_tries_once_a_second() -> Outcome {
    let (world, admin, standard) = sale(&[]).await?;
    change(&world, &admin, &standard, json!({ "enabled": false })).await;
    let ann = buyer_of_all_seats(&world, &admin).await?;
    assert!(sold_out(&world, &ann).await);
    world.wait(6);
    let reads = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&reads);
    world.engine.set_faults(move |call| match call.tables {
        [table] if table == "Concerts" => {
            counted.fetch_add(1, Ordering::Relaxed);
            Fault::LostRequest
        }
        _ => Fault::None,
    });
    for _ in 0..10 {
        assert_eq!(poll(&world, &ann).await.body["soldOut"], true);
    }
    let first = reads.load(Ordering::Relaxed);
    assert!((1..=3).contains(&first), "one read, with the SDK's own repeats: {first}");
    world.wait(1);
    poll(&world, &ann).await;
    assert!(reads.load(Ordering::Relaxed) > first);
    world.engine.clear_faults();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_sale_that_is_read_twice_while_its_end_moves_counts_once() -> Outcome {
    let (world, _, standard) = sale(&[]).await?;
    // A query is no snapshot: it may see the item of before and that of after.
    let sold = world.engine.items("Concerts").into_iter().find(|item| item["pk"] == "SALES#main").ok_or("a sale")?;
    let moved = sold["sk"].as_str().unwrap_or_default().replacen('1', "2", 1);
    assert_ne!(sold["sk"], moved);
    let mut key = json!({ "pk": { "S": "SALES#main" }, "sk": { "S": sold["sk"] } });
    let read = world.engine.execute("GetItem", json!({ "TableName": "Concerts", "Key": key.clone() }));
    let mut item = read.body["Item"].clone();
    key["sk"]["S"] = json!(moved);
    item["sk"] = key["sk"].clone();
    assert_eq!(world.engine.execute("PutItem", json!({ "TableName": "Concerts", "Item": item })).status, 200);
    world.wait(5);
    let shown = world.get("/api/v1/queues/main", "").await;
    assert_eq!((shown.outcome().as_str(), &shown.body["state"]), ("200", &json!("OPEN")));
    assert_eq!(shown.body["concertIds"], json!([standard]));
    Ok(())
}
