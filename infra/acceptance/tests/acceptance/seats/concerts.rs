//! `POST /admin/concerts` and `GET /concerts/{concertId}`.

use crate::support::purchases::{Outcome, sale};
use acceptance::{Fan, Reply, Request, World};
use serde_json::{Value, json};

fn draft() -> Value {
    json!({ "concertName": "Night", "startsAt": "2027-06-01T19:00:00Z", "endsAt": "2027-06-01T22:00:00Z" })
}

async fn create(world: &World, admin: &Fan, body: &Value) -> Reply {
    world.send(Request::new("POST", "/api/v1/admin/concerts").token(&admin.access).json(body)).await
}

async fn create_with(world: &World, admin: &Fan, field: &str, value: Value) -> Reply {
    let mut body = draft();
    body[field] = value;
    create(world, admin, &body).await
}

fn block(section: &str, from: u32, to: u32) -> Value {
    json!({ "section": section, "from": from, "to": to, "seatType": "VIP", "price": 70_000 })
}

#[tokio::test]
async fn a_draft_gets_the_contracts_defaults() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let made = create(&world, &admin, &draft()).await;
    assert_eq!(made.outcome(), "201", "{}", made.body);
    let expected = json!({
        "concertName": "Night", "date": "2027-06-02", "timeZone": "Asia/Seoul", "venue": null, "startsAt": "2027-06-01T19:00:00.000Z",
        "endsAt": "2027-06-01T22:00:00.000Z", "category": "CONCERT", "queueId": "main", "enabled": true,
        "saleOpensAt": "2026-06-01T00:00:00.000Z", "saleClosesAt": "2027-06-01T19:00:00.000Z",
        "seatsTotal": 50, "seatsAvailable": 50, "currency": "KRW", "priceFrom": 50_000, "priceTo": 50_000,
    });
    for (name, value) in expected.as_object().into_iter().flatten() {
        assert_eq!(made.body[name], *value, "{name}");
    }
    assert_eq!(made.headers["location"], format!("/api/v1/concerts/{}", made.text("concertId")));
    let read = world.send(Request::new("GET", &made.headers["location"])).await;
    assert_eq!(read.outcome(), "200");
    let standard = json!([{ "section": "A", "from": 1, "to": 50, "seatType": "STANDARD", "price": 50_000 }]);
    assert_eq!(read.body["blocks"], standard);
    assert_eq!(read.body["holdSeconds"], 300);
    assert_eq!(read.body["seatsPerSession"], 4);
    for (name, value) in made.body.as_object().into_iter().flatten() {
        assert_eq!(read.body[name], *value, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_draft_can_set_every_field() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let event = "0190a7c4-0000-7000-8000-000000000001";
    let mut body = draft();
    body["eventId"] = json!(event);
    body["category"] = json!("SPORTS");
    body["queueId"] = json!("final-4");
    body["saleOpensAt"] = json!("2026-07-01T00:00:00+09:00");
    body["saleClosesAt"] = json!("2026-08-01T00:00:00Z");
    body["blocks"] = json!([block("B", 101, 110), block("A", 1, 10)]);
    assert_eq!(create(&world, &admin, &body).await.outcome(), "404 queue_not_found");
    world.app.store.configure_queue(&"final-4".parse()?, |_| {}).await?;
    let made = create(&world, &admin, &body).await;
    assert_eq!(made.outcome(), "201", "{}", made.body);
    assert_eq!(made.body["eventId"], event);
    assert_eq!(made.body["category"], "SPORTS");
    assert_eq!(made.body["queueId"], "final-4");
    assert_eq!(made.body["saleOpensAt"], "2026-06-30T15:00:00.000Z");
    assert_eq!(made.body["seatsTotal"], 20);
    let queue = world.send(Request::new("GET", "/api/v1/queues/final-4")).await;
    assert_eq!(queue.outcome(), "200", "the queue in front of the concert");
    Ok(())
}

#[tokio::test]
async fn only_admins_create_concerts() -> Outcome {
    let world = World::new().await?;
    let fan = world.buyer("ann", 0).await;
    let send = |token: &str| Request::new("POST", "/api/v1/admin/concerts").token(token).json(&draft());
    assert_eq!(world.send(send(&fan.access)).await.outcome(), "403 forbidden");
    assert_eq!(world.send(send(&fan.queue)).await.outcome(), "403 forbidden");
    let nobody = Request::new("POST", "/api/v1/admin/concerts").json(&draft());
    assert_eq!(world.send(nobody).await.outcome(), "401 unauthenticated");
    assert_eq!(world.engine.items("Concerts").len(), 0);
    Ok(())
}

#[tokio::test]
async fn invalid_blocks_are_refused_with_their_pointers() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let mut free = block("A", 1, 2);
    free["price"] = json!(0);
    let mut odd = block("A", 1, 2);
    odd["colour"] = json!("red");
    let cases = [
        (json!([]), "/blocks"),
        (json!([block("A", 1, 10), block("B", 10, 12)]), "/blocks/1"),
        (json!([block("A", 5, 10), block("B", 1, 5)]), "/blocks/0"),
        (json!([block("A", 5, 4)]), "/blocks/0"),
        (json!([block("A", 0, 4)]), "/blocks/0/from"),
        (json!([block("A", 1, 100_001)]), "/blocks/0/to"),
        (json!([block("", 1, 4)]), "/blocks/0/section"),
        (json!([block("A\nB", 1, 4)]), "/blocks/0/section"),
        (json!([free]), "/blocks/0/price"),
        (json!([odd]), "/blocks/0/colour"),
    ];
    for (blocks, pointer) in cases {
        let refused = create_with(&world, &admin, "blocks", blocks.clone()).await;
        assert_eq!(refused.outcome(), "400 invalid_request", "{blocks}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{}", refused.body);
    }
    assert_eq!(world.engine.items("Concerts").len(), 0);
    Ok(())
}

#[tokio::test]
async fn invalid_texts_and_times_of_a_draft_are_refused() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let cases = [
        ("concertName", json!("")),
        ("concertName", json!("   ")),
        ("concertName", json!("x".repeat(201))),
        ("concertName", json!("a\u{7}b")),
        ("concertName", json!(7)),
        ("category", json!("")),
        ("category", json!("x".repeat(33))),
        ("queueId", json!("Main")),
        ("queueId", json!("")),
        ("eventId", json!("7")),
        ("startsAt", json!("tomorrow")),
        ("endsAt", json!("2027-06-01T19:00:00Z")),
        ("colour", json!("red")),
    ];
    for (field, value) in cases {
        let refused = create_with(&world, &admin, field, value.clone()).await;
        assert_eq!(refused.outcome(), "400 invalid_request", "{field} = {value}");
        let pointer = refused.body["errors"][0]["pointer"].as_str().unwrap_or_default();
        assert_eq!(pointer, format!("/{field}"), "{}", refused.body);
    }
    for (opens, closes, pointer) in [
        (json!("2026-08-01T00:00:00Z"), json!("2026-07-01T00:00:00Z"), "/saleClosesAt"),
        (json!("2026-08-01T00:00:00Z"), json!("2026-08-01T00:00:00Z"), "/saleClosesAt"),
        (json!(null), json!("2027-06-01T22:00:00.001Z"), "/saleClosesAt"),
        (json!("2027-06-01T19:00:00Z"), json!(null), "/saleOpensAt"),
    ] {
        let mut window = draft();
        (window["saleOpensAt"], window["saleClosesAt"]) = (opens, closes);
        let refused = create(&world, &admin, &window).await;
        assert_eq!(refused.outcome(), "400 invalid_request", "{window}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{window}");
    }
    let to_the_end = create_with(&world, &admin, "saleClosesAt", json!("2027-06-01T22:00:00Z")).await;
    assert_eq!(to_the_end.outcome(), "201", "a sale may last until the concert's end");
    assert_eq!(create_with(&world, &admin, "concertName", json!("é".repeat(200))).await.outcome(), "201");
    Ok(())
}

#[tokio::test]
async fn seats_of_one_hold_can_always_be_paid_in_one_payment() -> Outcome {
    let (world, admin, _) = sale(&[("SEATS_PER_SESSION", "8")]).await?;
    let mut dear = block("A", 1, 8);
    dear["price"] = json!(1_000_000_000_000u64);
    let refused = create_with(&world, &admin, "blocks", json!([dear])).await;
    assert_eq!(refused.outcome(), "400 invalid_request", "eight of them could not be paid in one request");
    dear["price"] = json!(125_000_000_000u64);
    let concert = world.concert_of(&admin, &json!({ "blocks": [dear] })).await;
    let fan = world.buyer("ann", 1_000_000_000_000).await;
    let held = world.hold(&fan, &concert, &[1, 2, 3, 4, 5, 6, 7, 8], None).await;
    assert_eq!(held.body["amount"], 1_000_000_000_000u64, "{}", held.body);
    let paid = world.pay(&fan, held.text("reservationId"), 1_000_000_000_000, None).await;
    assert_eq!(paid.outcome(), "200", "{}", paid.body);
    Ok(())
}

#[tokio::test]
async fn an_unknown_concert_is_404_and_a_malformed_id_400() -> Outcome {
    let world = World::new().await?;
    let read = |id: &str| world.send(Request::new("GET", format!("/api/v1/concerts/{id}")));
    assert_eq!(read("0190a7c4-0000-7000-8000-000000000001").await.outcome(), "404 concert_not_found");
    assert_eq!(read("7").await.outcome(), "400 invalid_request");
    assert_eq!(read("0190a7c400007000800000000000000a").await.outcome(), "400 invalid_request");
    Ok(())
}
