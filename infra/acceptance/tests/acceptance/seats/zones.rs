//! The zone of a concert, and the days of its venue.

use crate::support::purchases::Outcome;
use acceptance::{Request, World};
use serde_json::{Value, json};

/// A concert of three hours.
fn concert(name: &str, starts_at: &str, zone: &str) -> Value {
    json!({ "concertName": name, "startsAt": starts_at, "endsAt": "2027-12-31T00:00:00Z", "timeZone": zone })
}

async fn listed(world: &World, query: &str) -> Vec<String> {
    let page = world.send(Request::new("GET", format!("/api/v1/reservations/dates?{query}"))).await;
    assert_eq!(page.outcome(), "200", "{}", page.body);
    let items = page.body.as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| Some(format!("{} {}", item["concertName"].as_str()?, item["date"].as_str()?)))
        .collect()
}

#[tokio::test]
async fn days_are_those_at_the_venue_also_in_filters() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    // In this order they start. At the venue, the last one is on the day before the first one.
    for (name, starts_at, zone) in [
        ("Kiritimati", "2027-06-02T10:00:00Z", "Pacific/Kiritimati"),
        ("Berlin", "2027-06-02T21:59:59Z", "Europe/Berlin"),
        ("Berlin", "2027-06-02T22:00:00Z", "Europe/Berlin"),
        ("Honolulu", "2027-06-03T09:59:59Z", "Pacific/Honolulu"),
    ] {
        world.concert_of(&admin, &concert(name, starts_at, zone)).await;
    }
    let all = ["Kiritimati 2027-06-03", "Berlin 2027-06-02", "Berlin 2027-06-03", "Honolulu 2027-06-02"];
    assert_eq!(listed(&world, "").await, all);
    assert_eq!(listed(&world, "from=2027-06-03").await, [all[0], all[2]]);
    assert_eq!(listed(&world, "to=2027-06-02").await, [all[1], all[3]]);
    assert_eq!(listed(&world, "from=2027-06-02&to=2027-06-02").await, [all[1], all[3]]);
    assert_eq!(listed(&world, "from=2027-06-03&to=2027-06-02").await, [""; 0]);
    assert_eq!(listed(&world, "from=2027-06-02T22:00:00Z").await, [all[2], all[3]], "a time is a time");
    assert_eq!(listed(&world, "from=2027-06-03&limit=1").await, [all[0]]);
    Ok(())
}

#[tokio::test]
async fn a_filter_by_day_finds_concerts_of_days_with_23_and_25_hours() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    for (name, starts_at) in [
        ("before", "2027-03-27T22:59:59Z"),
        ("first second of 23 hours", "2027-03-27T23:00:00Z"),
        ("last second of 23 hours", "2027-03-28T21:59:59Z"),
        ("after", "2027-03-28T22:00:00Z"),
        ("first second of 25 hours", "2027-10-30T22:00:00Z"),
        ("last second of 25 hours", "2027-10-31T22:59:59Z"),
        ("long after", "2027-10-31T23:00:00Z"),
    ] {
        world.concert_of(&admin, &concert(name, starts_at, "Europe/Berlin")).await;
    }
    let short = ["first second of 23 hours 2027-03-28", "last second of 23 hours 2027-03-28"];
    assert_eq!(listed(&world, "from=2027-03-28&to=2027-03-28").await, short);
    let long = ["first second of 25 hours 2027-10-31", "last second of 25 hours 2027-10-31"];
    assert_eq!(listed(&world, "from=2027-10-31&to=2027-10-31").await, long);
    Ok(())
}

#[tokio::test]
async fn many_concerts_of_other_days_end_no_page_early() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    // It is 2 June in UTC, and 1 June in Honolulu.
    for _ in 0..120 {
        world.concert_of(&admin, &concert("other day", "2027-06-02T08:00:00Z", "Pacific/Honolulu")).await;
    }
    world.concert_of(&admin, &concert("asked for", "2027-06-02T09:00:00Z", "UTC")).await;
    assert_eq!(listed(&world, "from=2027-06-02&to=2027-06-02&limit=1").await, ["asked for 2027-06-02"]);
    Ok(())
}

#[tokio::test]
async fn the_zone_of_the_deployment_is_the_default() -> Outcome {
    let world = World::with(&[("TIME_ZONE", "America/New_York")]).await?;
    let admin = world.admin().await;
    world.concert_of(&admin, &json!({})).await;
    let page = world.send(Request::new("GET", "/api/v1/reservations/dates")).await;
    assert_eq!((&page.body[0]["timeZone"], &page.body[0]["date"]), (&json!("America/New_York"), &json!("2027-06-01")));
    Ok(())
}

#[tokio::test]
async fn venue_and_prices_are_shown_and_a_wrong_zone_or_venue_is_refused() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let venue = json!({ "name": "Olympic Hall", "address": "424 Olympic-ro, Seoul" });
    let block = |from: u32, price: u32| json!({ "section": "A", "from": from, "to": from + 9, "seatType": "STANDARD", "price": price });
    let blocks = json!([block(1, 70_000), block(11, 30_000), block(21, 50_000)]);
    let id = world.concert_of(&admin, &json!({ "venue": venue, "blocks": blocks })).await;
    let concert = world.send(Request::new("GET", format!("/api/v1/concerts/{id}"))).await;
    assert_eq!(concert.body["venue"], venue);
    assert_eq!((&concert.body["priceFrom"], &concert.body["priceTo"]), (&json!(30_000), &json!(70_000)));
    for (pointer, field, value) in [
        ("/timeZone", "timeZone", json!("Seoul")),
        ("/timeZone", "timeZone", json!("+09:00")),
        ("/venue/address", "venue", json!({ "name": "Hall" })),
        ("/venue/name", "venue", json!({ "name": "", "address": "Street 1" })),
        ("/venue/address", "venue", json!({ "name": "Hall", "address": "x".repeat(201) })),
        ("/venue/city", "venue", json!({ "name": "Hall", "address": "Street 1", "city": "Seoul" })),
    ] {
        let mut draft = json!({
            "concertName": "Night", "startsAt": "2027-06-01T19:00:00Z", "endsAt": "9999-12-31T22:00:00Z",
        });
        draft[field] = value;
        let request = Request::new("POST", "/api/v1/admin/concerts").token(&admin.access).json(&draft);
        let reply = world.send(request).await;
        assert_eq!(reply.outcome(), "400 invalid_request", "{draft}");
        assert_eq!(reply.body["errors"][0]["pointer"], pointer, "{draft}");
    }
    Ok(())
}
