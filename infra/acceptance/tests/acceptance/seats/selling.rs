//! How admins change a concert and read its sales, lists of reservations and dates, and parameters of a deployment.

use crate::{
    support::invariants,
    support::purchases::{Outcome, PRICE, feed_stream, held, items, number, reservation, sale, tamper, until_sent},
};
use acceptance::{Fan, Reply, Request, START_MILLIS, World};
use serde_json::{Value, json};
use std::pin::pin;

async fn change(world: &World, admin: &Fan, concert: &str, body: Value) -> Reply {
    let request = Request::new("PATCH", format!("/api/v1/admin/concerts/{concert}")).token(&admin.access);
    world.send(request.json(&body)).await
}

async fn dates(world: &World, query: &str) -> Vec<String> {
    let reply = world.read(&format!("/api/v1/reservations/dates?{query}")).await;
    let list = reply.body.as_array().cloned().unwrap_or_default();
    list.iter().map(|date| date["concertId"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn an_admin_closes_and_opens_a_sale_and_open_holds_can_still_be_paid() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", PRICE).await;
    let id = held(&world, &ann, &concert, &[1]).await;
    let closed = change(&world, &admin, &concert, json!({ "enabled": false })).await;
    assert_eq!((closed.outcome().as_str(), &closed.body["enabled"]), ("200", &json!(false)));
    let listed = world.read("/api/v1/reservations/dates").await;
    assert_eq!(listed.body[0]["enabled"], false, "the listing shows it too");
    assert_eq!(world.hold(&ann, &concert, &[2], None).await.outcome(), "403 sale_closed");
    change(&world, &admin, &concert, json!({ "enabled": true, "saleOpensAt": "2026-06-01T00:00:10Z" })).await;
    let early = world.hold(&ann, &concert, &[2], None).await;
    assert_eq!(early.outcome(), "403 sale_closed", "not open yet");
    assert_eq!((&early.body["enabled"], early.text("saleOpensAt")), (&json!(true), "2026-06-01T00:00:10.000Z"));
    assert_eq!(early.body["saleClosesAt"], closed.body["saleClosesAt"]);
    world.wait(10);
    assert_eq!(world.hold(&ann, &concert, &[2], None).await.outcome(), "201");
    change(&world, &admin, &concert, json!({ "saleClosesAt": "2026-06-01T00:00:20Z" })).await;
    world.wait(10);
    assert_eq!(world.hold(&ann, &concert, &[3], None).await.outcome(), "403 sale_closed", "closed again");
    assert_eq!(world.pay(&ann, &id, PRICE, None).await.outcome(), "200");
    Ok(())
}

#[tokio::test]
async fn a_change_is_validated_and_concurrent_changes_are_both_kept() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let backward = json!({ "saleOpensAt": "2026-07-02T00:00:00Z", "saleClosesAt": "2026-07-01T00:00:00Z" });
    let refused = change(&world, &admin, &concert, backward).await;
    assert_eq!(
        (refused.outcome().as_str(), &refused.body["errors"][0]["pointer"]),
        ("400 invalid_request", &json!("/saleClosesAt"))
    );
    let pointed = async |body: Value| {
        let refused = change(&world, &admin, &concert, body).await;
        (refused.status, refused.body["errors"][0]["pointer"].clone())
    };
    for (body, pointer) in [
        (json!({ "saleOpensAt": "2027-06-01T19:00:00Z" }), "/saleOpensAt"),
        (json!({ "saleOpensAt": "2027-06-01T19:00:00Z", "saleClosesAt": null }), "/saleClosesAt"),
        (json!({ "saleClosesAt": "2026-06-01T00:00:00Z" }), "/saleClosesAt"),
        (json!({ "saleClosesAt": "2027-06-01T22:00:00.001Z" }), "/saleClosesAt"),
        (json!({ "startsAt": "2026-07-02T00:00:00Z" }), "/startsAt"),
    ] {
        assert_eq!(pointed(body.clone()).await, (400, json!(pointer)), "{body}");
    }
    let past = json!({ "startsAt": "2020-06-01T19:00:00Z", "endsAt": "2020-06-01T22:00:00Z" });
    let past = world.concert_of(&admin, &past).await;
    let disabled = change(&world, &admin, &past, json!({ "enabled": false })).await;
    assert_eq!(disabled.outcome(), "200", "an unchanged sale window is not validated");
    let unknown = "6f9619ff-8b86-4011-b42d-00cf4fc964ff";
    assert_eq!(change(&world, &admin, unknown, json!({})).await.outcome(), "404 concert_not_found");
    let fan = world.fan("ann").await;
    assert_eq!(change(&world, &fan, &concert, json!({})).await.outcome(), "403 forbidden");
    let (a, b) = futures_util::join!(
        change(&world, &admin, &concert, json!({ "enabled": false })),
        change(&world, &admin, &concert, json!({ "saleClosesAt": "2026-07-01T00:00:00Z" })),
    );
    assert_eq!((a.status, b.status), (200, 200));
    let read = world.read(&format!("/api/v1/concerts/{concert}")).await;
    assert_eq!(read.body["enabled"], false, "the concurrent change is not undone");
    assert_eq!(read.body["saleClosesAt"], "2026-07-01T00:00:00.000Z");
    Ok(())
}

#[tokio::test]
async fn null_restores_the_default_times_of_a_sale() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let times = json!({ "saleOpensAt": "2026-07-01T00:00:00Z", "saleClosesAt": "2026-07-02T00:00:00Z" });
    let concert = world.concert_of(&admin, &times).await;
    world.wait(60);
    let changed = change(&world, &admin, &concert, json!({ "saleClosesAt": null })).await;
    assert_eq!(changed.text("saleClosesAt"), "2027-06-01T19:00:00.000Z", "when the concert starts");
    assert_eq!(changed.text("saleOpensAt"), "2026-07-01T00:00:00.000Z", "what is left out stays");
    let changed = change(&world, &admin, &concert, json!({ "saleOpensAt": null })).await;
    assert_eq!(changed.text("saleOpensAt"), "2026-06-01T00:01:00.000Z", "at once");
    let fan = world.buyer("ann", 0).await;
    assert_eq!(world.hold(&fan, &concert, &[1], None).await.outcome(), "201");
    let past = json!({ "startsAt": "2020-06-01T19:00:00Z", "endsAt": "2020-06-01T22:00:00Z" });
    let past = world.concert_of(&admin, &past).await;
    let changed = change(&world, &admin, &past, json!({ "saleOpensAt": null, "enabled": false })).await;
    assert_eq!(changed.outcome(), "200", "a default is not validated");
    Ok(())
}

#[tokio::test]
async fn no_seat_is_held_after_the_concerts_end_and_earlier_holds_can_still_be_paid() -> Outcome {
    let (world, admin, _) = sale(&[]).await?;
    let short = json!({
        "startsAt": "2026-06-01T00:00:30Z", "endsAt": "2026-06-01T00:01:00Z", "saleClosesAt": "2026-06-01T00:01:00Z",
    });
    let concert = world.concert_of(&admin, &short).await;
    // As in a concert that was created before a sale had to close by the concert's end.
    let meta = items(&world, "Concerts", "META").into_iter().find(|item| item["concertId"] == *concert);
    let later = number(START_MILLIS + 600_000);
    tamper(&world, "Concerts", &meta.ok_or("a concert")?, "saleClosesAt", later).await;
    let ann = world.buyer("ann", PRICE).await;
    world.clock.advance_ms(59_999);
    let id = held(&world, &ann, &concert, &[1]).await;
    world.clock.advance_ms(1);
    assert_eq!(world.hold(&ann, &concert, &[2], None).await.outcome(), "403 sale_closed");
    world.clock.advance_ms(299_998);
    assert_eq!(world.pay(&ann, &id, PRICE, None).await.outcome(), "200", "until the end of the hold");
    Ok(())
}

#[tokio::test]
async fn a_change_of_an_older_version_is_planned_again_even_if_the_values_are_the_same_again() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let mut late = pin!(change(&world, &admin, &concert, json!({ "saleClosesAt": "2026-07-01T00:00:00Z" })));
    until_sent(&world, late.as_mut(), 2).await;
    for enabled in [false, true] {
        assert_eq!(change(&world, &admin, &concert, json!({ "enabled": enabled })).await.outcome(), "200");
    }
    let late = late.await;
    assert_eq!((late.outcome().as_str(), &late.body["enabled"]), ("200", &json!(true)));
    let concerts = items(&world, "Concerts", "META");
    let [meta] = &concerts[..] else { panic!("one concert: {concerts:?}") };
    assert_eq!(meta["version"], 4, "created, and changed three times, each time from the version before");
    let listed = world.read("/api/v1/reservations/dates").await;
    assert_eq!(listed.body[0]["saleClosesAt"], "2026-07-01T00:00:00.000Z");
    Ok(())
}

#[tokio::test]
async fn the_sales_report_counts_seats() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let (ann, bob) = (world.buyer("ann", 2 * PRICE).await, world.buyer("bob", 0).await);
    let id = held(&world, &ann, &concert, &[1, 2]).await;
    held(&world, &bob, &concert, &[3]).await;
    world.pay(&ann, &id, 2 * PRICE, None).await;
    let path = format!("/api/v1/admin/concerts/{concert}/sales");
    let report = world.get(&path, &admin.access).await;
    assert_eq!(report.body, json!({ "sold": 2, "held": 1, "free": 47, "revenue": 100_000 }));
    world.wait(300);
    let report = world.get(&path, &admin.access).await;
    assert_eq!(report.body, json!({ "sold": 2, "held": 0, "free": 48, "revenue": 100_000 }), "an expired hold is free");
    assert_eq!(world.get(&path, &ann.access).await.outcome(), "403 forbidden");
    assert_eq!(world.get(&path, &ann.queue).await.outcome(), "403 forbidden");
    Ok(())
}

#[tokio::test]
async fn a_fans_reservations_are_listed_newest_first_in_pages() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", 0).await;
    let mut made = Vec::new();
    for seat in 1..=4 {
        made.insert(0, held(&world, &ann, &concert, &[seat]).await);
        world.wait(1);
    }
    let path = format!("/api/v1/users/{}/reservations", ann.user_id);
    let (mut seen, mut query, mut pages) = (Vec::new(), "?limit=2".to_owned(), 0);
    loop {
        let page = world.get(&format!("{path}{query}"), &ann.access).await;
        let items = page.body["items"].as_array().cloned().unwrap_or_default();
        seen.extend(items.iter().map(|item| item["reservationId"].as_str().unwrap_or_default().to_owned()));
        pages += 1;
        let Some(cursor) = page.body["nextCursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
    }
    assert_eq!((seen, pages), (made, 2), "each once, and no empty page at the end");
    let bob = world.buyer("bob", 0).await;
    assert_eq!(world.get(&path, &bob.access).await.outcome(), "403 forbidden");
    assert_eq!(world.get(&path, &ann.queue).await.outcome(), "200");
    assert_eq!(world.get(&path, &admin.access).await.outcome(), "200");
    assert_eq!(world.get(&format!("{path}?cursor=x"), &ann.access).await.outcome(), "400 invalid_request");
    let nobody = "/api/v1/users/6f9619ff-8b86-4011-b42d-00cf4fc964ff/reservations";
    assert_eq!(world.get(nobody, &admin.access).await.outcome(), "404 user_not_found");
    Ok(())
}

#[tokio::test]
async fn dates_are_filtered_and_the_link_keeps_the_filter() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let event = "6f9619ff-8b86-4011-b42d-00cf4fc964ff";
    let on = |day: u32, category: &str, event: Option<&str>| {
        let (starts, ends) = (format!("2027-06-{day:02}T10:00:00Z"), format!("2027-06-{day:02}T13:00:00Z"));
        let mut fields = json!({ "startsAt": starts, "endsAt": ends, "category": category });
        event.into_iter().for_each(|event| fields["eventId"] = json!(event));
        fields
    };
    let mut ids = Vec::new();
    for fields in [on(1, "TALK", None), on(2, "CONCERT", Some(event)), on(3, "TALK", Some(event)), on(4, "TALK", None)]
    {
        ids.push(world.concert_of(&admin, &fields).await);
    }
    assert_eq!(dates(&world, "category=TALK").await, [&*ids[0], &ids[2], &ids[3]]);
    assert_eq!(dates(&world, &format!("eventId={event}")).await, [&*ids[1], &ids[2]]);
    assert_eq!(dates(&world, &format!("eventId={event}&category=TALK")).await, [&*ids[2]]);
    assert_eq!(dates(&world, "from=2027-06-02&to=2027-06-03").await, [&*ids[1], &ids[2]], "days are whole");
    assert_eq!(dates(&world, "from=2027-06-02T10:00:01Z").await, [&*ids[2], &ids[3]]);
    assert_eq!(dates(&world, "to=2027-06-02T10:00:00Z").await, [&*ids[0], &ids[1]]);
    assert_eq!(dates(&world, "from=2027-06-04&to=2027-06-01").await, Vec::<String>::new());
    for bad in ["from=yesterday", "eventId=7", "to=2027-13-01"] {
        let request = Request::new("GET", format!("/api/v1/reservations/dates?{bad}"));
        assert_eq!(world.send(request).await.outcome(), "400 invalid_request", "{bad}");
    }
    let first = world.send(Request::new("GET", "/api/v1/reservations/dates?category=TALK&limit=2")).await;
    let next = first.headers["link"].trim_start_matches('<').split('>').next().unwrap_or_default().to_owned();
    let second = world.send(Request::new("GET", next)).await;
    assert_eq!(second.body[0]["concertId"], json!(ids[3]));
    assert!(!second.headers.contains_key("link"));
    Ok(())
}

#[tokio::test]
async fn a_deployment_can_require_a_token_for_the_dates() -> Outcome {
    let world = World::with(&[("DATES_ACCESS", "token")]).await?;
    let request = || Request::new("GET", "/api/v1/reservations/dates");
    assert_eq!(world.send(request()).await.outcome(), "401 unauthenticated");
    let ann = world.buyer("ann", 0).await;
    for token in [&ann.access, &ann.queue] {
        assert_eq!(world.send(request().token(token)).await.outcome(), "200");
    }
    Ok(())
}

#[tokio::test]
async fn a_deployment_can_release_a_hold_when_the_balance_is_insufficient() -> Outcome {
    let (world, _, concert) = sale(&[("RELEASE_HOLD_ON_INSUFFICIENT_BALANCE", "true")]).await?;
    let (ann, bob) = (world.buyer("ann", 1).await, world.buyer("bob", 0).await);
    let id = held(&world, &ann, &concert, &[1]).await;
    assert_eq!(world.pay(&ann, &id, PRICE, None).await.outcome(), "409 insufficient_balance");
    let read = reservation(&world, &ann, &id).await;
    assert_eq!((&read["status"], &read["attempts"][0]["code"]), (&json!("CANCELLED"), &json!("insufficient_balance")));
    assert_eq!((&read["cancelReason"], read["sessionEndsAt"].is_string()), (&json!("RELEASED"), true));
    assert_eq!(world.pay(&ann, &id, PRICE, None).await.outcome(), "410 reservation_cancelled");
    assert_eq!(world.hold(&bob, &concert, &[1], None).await.outcome(), "201");
    feed_stream(&world, &world.app).await?;
    invariants::check(&world);
    Ok(())
}
