//! The rules for query, headers, bodies' content types and the event itself, one at a time.

use crate::{
    Outcome,
    http::body_rules::{outcome_and_error, refused},
};
use acceptance::{Request, World};
use serde_json::{Value, json};

#[tokio::test]
async fn a_query_parameter_appears_once_and_numbers_are_plain_digits() -> Outcome {
    let world = World::new().await?;
    let dates = |query: &str| Request::new("GET", format!("/api/v1/reservations/dates?{query}"));
    for (query, pointer, detail) in [
        ("limit=5&limit=7", "limit", "appears twice"),
        ("limit=5&limit=5", "limit", "appears twice"),
        ("limit=5&l%69mit=5", "limit", "appears twice"),
        ("limit=", "limit", "must be from 1 to 100"),
        ("limit", "limit", "must be from 1 to 100"),
        ("limit=0", "limit", "must be from 1 to 100"),
        ("limit=101", "limit", "must be from 1 to 100"),
        ("limit=%2B5", "limit", "must be from 1 to 100"),
        ("limit=+5", "limit", "must be from 1 to 100"),
        ("limit=-5", "limit", "must be from 1 to 100"),
        ("limit=5.0", "limit", "must be from 1 to 100"),
        ("limit=0x5", "limit", "must be from 1 to 100"),
        ("limit=%D9%A3", "limit", "must be from 1 to 100"),
        ("limit=5%00", "limit", "must be from 1 to 100"),
        ("limit=4294967297", "limit", "must be from 1 to 100"),
        ("cursor=%FF", "cursor", "is not a cursor of this list"),
        ("cursor=MQ%3D%3D", "cursor", "is not a cursor of this list"),
        ("eventId=", "eventId", "must be a UUID"),
        ("eventId=x", "eventId", "must be a UUID"),
    ] {
        assert_eq!(outcome_and_error(&world.send(dates(query)).await), refused(pointer, detail), "{query}");
    }
    for category in ["", "%20", "a%00", "%E2%80%AE", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"] {
        let reply = world.send(dates(&format!("category={category}"))).await;
        assert_eq!(
            (outcome_and_error(&reply).0.as_str(), outcome_and_error(&reply).1),
            ("400 invalid_request", "category"),
            "{category}"
        );
    }
    for good in
        ["limit=1", "limit=100", "limit=%31", "other=1&other=2", "", "&&", "=", "category=rock%20%26+roll", "cursor="]
    {
        assert_eq!(world.send(dates(good)).await.outcome(), "200", "{good}");
    }
    Ok(())
}

#[tokio::test]
async fn from_and_to_are_a_time_or_a_date() -> Outcome {
    let world = World::new().await?;
    for bad in [
        "",
        "now",
        "2026",
        "2026-12",
        "2026-2-3",
        "2026-02-30",
        "2026-13-01",
        "20261224",
        "2026-12-24T",
        "2026-12-24T19:00:00",
        "2026-12-24T24:00:00Z",
        "2026-12-24T19:60:00Z",
        "2026-12-24%2019:00:00Z",
        "+2026-12-24",
        "-2026-12-24",
        "10000-01-01",
        "1969-12-31",
        "2026-12-24T19:00:00%E2%88%9205:00",
        "2026-12-24%00",
        "%D9%A2026-12-24",
        "2026-12-24T19:00:00+09:00",
    ] {
        for name in ["from", "to"] {
            let reply = world.get(&format!("/api/v1/reservations/dates?{name}={bad}"), "").await;
            assert_eq!(
                outcome_and_error(&reply),
                refused(name, "must be an RFC 3339 time or a day like 2026-12-24, of the years 1970 to 9999"),
                "{bad}"
            );
        }
    }
    for good in [
        "from=2026-12-24",
        "from=1970-01-01&to=9999-12-31",
        "from=9999-12-31&to=1970-01-01",
        "from=2026-12-24T19:00:00%2B09:00",
        "from=2026-12-24T19:00:00.123456789Z",
        "from=2016-12-31T23:59:60Z",
    ] {
        assert_eq!(world.get(&format!("/api/v1/reservations/dates?{good}"), "").await.outcome(), "200", "{good}");
    }
    Ok(())
}

#[tokio::test]
async fn a_body_is_json_in_utf_8_by_its_content_type() -> Outcome {
    let world = World::new().await?;
    let send = |kind: &str| world.send(Request::new("POST", "/api/v1/users").text(kind, "{}"));
    for good in [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json ; charset=UTF-8",
        "application/json; charset=\"utf-8\"",
        "application/json; charset=utf8; x=y",
        "application/json;",
    ] {
        assert_eq!(send(good).await.outcome(), "400 invalid_request", "{good}");
    }
    for bad in [
        "",
        "json",
        "text/json",
        "application/json, text/plain",
        "text/plain, application/json",
        "application/vnd.api+json",
        "application/json-patch+json",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "application/json; CHARSET=latin1",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "application/j\u{f6}son",
    ] {
        assert_eq!(send(bad).await.outcome(), "415 unsupported_media_type", "{bad}");
    }
    Ok(())
}

#[tokio::test]
async fn a_malformed_authorization_header_is_401() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    let path = format!("/api/v1/payments/balance/{}", fan.user_id);
    let send = |value: String| world.send(Request::new("GET", &path).header("authorization", &value));
    let access = &fan.access;
    for bad in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        access.clone(),
        format!("Basic {access}"),
        format!("Bearer\t{access}"),
        format!("Bearer {access},Bearer {access}"),
        format!("Bearer {access}, Bearer x"),
        format!("Basic eDp5,Bearer {access}"),
        format!("Bearer {access}\u{e4}"),
        format!("B\u{e9}arer {access}"),
        format!("Bearer \"{access}\""),
        format!("Bearer {access}="),
        format!("Bearer {}", access.replace('.', "..")),
        format!("Bearer {}", "x".repeat(8_000)),
    ] {
        let reply = send(bad.clone()).await;
        assert_eq!(reply.outcome(), "401 unauthenticated", "{bad}");
        assert!(!reply.body.to_string().contains(access.as_str()));
    }
    for good in [format!("bearer {access}"), format!("BEARER  {access}")] {
        assert_eq!(send(good).await.outcome(), "200");
    }
    Ok(())
}

#[tokio::test]
async fn an_idempotency_key_is_visible_ascii() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    for bad in ["", " ", "a b", "\u{e4}", "a\tb", &"x".repeat(256)] {
        let reply = world.recharge(&fan, 1, Some(bad)).await;
        assert_eq!(
            outcome_and_error(&reply),
            refused("Idempotency-Key", "must be 1 to 255 visible ASCII characters"),
            "{bad}"
        );
    }
    assert_eq!(
        world.get(&format!("/api/v1/payments/balance/{}", fan.user_id), &fan.access).await.body["newBalance"],
        0
    );
    for good in ["a", "#|$%/\\", &"x".repeat(255)] {
        assert_eq!(world.recharge(&fan, 1, Some(good)).await.outcome(), "200", "{good}");
    }
    Ok(())
}

#[tokio::test]
async fn a_malformed_event_is_400() -> Outcome {
    let world = World::new().await?;
    let event = |changes: Value| {
        let mut event = json!({
            "version": "2.0", "routeKey": "POST /api/v1/users", "rawPath": "/api/v1/users", "rawQueryString": "",
            "headers": { "content-type": "application/json" }, "body": "{}", "isBase64Encoded": false,
            "requestContext": { "requestId": "request-1", "stage": "$default", "http": { "method": "POST" } },
        });
        for (pointer, value) in changes.as_object().into_iter().flatten() {
            if let Some(place) = event.pointer_mut(pointer) {
                *place = value.clone();
            }
        }
        event
    };
    for changes in [
        json!({ "/isBase64Encoded": true }),
        json!({ "/rawPath": ":99999/api" }),
        json!({ "/rawPath": "" }),
        json!({ "/rawPath": "*" }),
        json!({ "/rawPath": format!("/{}", "^".repeat(40_000)) }),
        json!({ "/rawQueryString": "\u{1f3ab}".repeat(40_000) }),
        json!({ "/rawQueryString": null }),
        json!({ "/requestContext/requestId": "a\r\nset-cookie: b" }),
        json!({ "/requestContext/requestId": null }),
    ] {
        let reply = world.deliver("create_user", &event(changes.clone())).await.ok_or("an event")?;
        assert_eq!(reply.outcome(), "400 invalid_request", "{changes}");
        assert_eq!(reply.headers["x-request-id"], reply.text("instance"));
    }
    Ok(())
}

#[tokio::test]
async fn an_empty_body_is_an_empty_object_where_every_field_is_optional() -> Outcome {
    let (world, admin, concert) = crate::support::purchases::sale(&[]).await?;
    let fan = world.buyer("ann", 50_000).await;
    let id = crate::support::purchases::held(&world, &fan, &concert, &[1]).await;
    let payment = world.pay(&fan, &id, 50_000, None).await.text("paymentId").to_owned();
    let refund = format!("/api/v1/payments/{payment}/cancel");
    let change = format!("/api/v1/admin/concerts/{concert}");
    for (method, path, token) in [
        ("POST", "/api/v1/tokens", &fan.access),
        ("POST", &refund, &fan.access),
        ("PATCH", &change, &admin.access),
        ("PUT", "/api/v1/admin/queues/main", &admin.access),
    ] {
        for kind in [None, Some("application/json"), Some("text/plain")] {
            let request = Request::new(method, path).token(token);
            let reply = world.send(kind.into_iter().fold(request, |request, kind| request.text(kind, ""))).await;
            assert!(reply.status < 300, "{method} {path} {kind:?}: {}", reply.body);
        }
        let plain = world.send(Request::new(method, path).token(token).text("text/plain", "{}")).await;
        assert_eq!(plain.outcome(), "415 unsupported_media_type", "{path}");
    }
    let recharge = Request::new("POST", "/api/v1/payments/recharge").token(&fan.access);
    assert_eq!(world.send(recharge.clone()).await.outcome(), "415 unsupported_media_type");
    assert_eq!(world.send(recharge.text("application/json", "")).await.outcome(), "400 invalid_request");
    Ok(())
}

#[tokio::test]
async fn an_empty_cursor_is_the_first_page() -> Outcome {
    let (world, admin, concert) = crate::support::purchases::sale(&[]).await?;
    let fan = world.buyer("ann", 1).await;
    world.concert(&admin).await;
    crate::support::purchases::held(&world, &fan, &concert, &[1]).await;
    for (path, token) in [
        ("/api/v1/reservations/dates?limit=1".to_owned(), ""),
        (format!("/api/v1/users/{}/reservations?limit=1", fan.user_id), fan.access.as_str()),
        (format!("/api/v1/payments/history/{}?limit=1", fan.user_id), fan.access.as_str()),
        (format!("/api/v1/reservations/{concert}/seats?limit=1"), fan.queue.as_str()),
    ] {
        let first = world.get(&path, token).await;
        let empty = world.get(&format!("{path}&cursor="), token).await;
        assert_eq!((empty.outcome().as_str(), &empty.body), ("200", &first.body), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_link_to_the_next_page_keeps_the_rest_of_the_query() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    for day in 1..=3 {
        let (starts_at, ends_at) = (format!("2027-06-0{day}T19:00:00Z"), format!("2027-06-0{day}T22:00:00Z"));
        let fields = json!({ "category": "rock & roll", "startsAt": starts_at, "endsAt": ends_at });
        world.concert_of(&admin, &fields).await;
    }
    let path = "/api/v1/reservations/dates?category=rock%20%26+roll&l%69mit=1&c%75rsor=";
    let first = world.get(path.trim_end_matches("&c%75rsor="), "").await;
    let link = first.headers["link"].trim_start_matches('<').split_once('>').ok_or("a link")?.0.to_owned();
    let second = world.get(&link, "").await;
    assert_eq!(second.outcome(), "200", "{link}");
    assert_eq!(second.body.as_array().map(Vec::len), Some(1));
    assert_ne!(second.body[0]["concertId"], first.body[0]["concertId"]);
    // A cursor parameter whose name was sent with an escape is replaced as well.
    let cursor = link.split_once("cursor=").ok_or("a cursor")?.1;
    let third = world.get(&format!("{path}{cursor}"), "").await;
    let link = third.headers["link"].trim_start_matches('<').split_once('>').ok_or("a link")?.0.to_owned();
    assert_eq!(world.get(&link, "").await.outcome(), "200", "{link}");
    Ok(())
}

/// A cache in front, such as CloudFront, may store an answer without `cache-control`.
#[tokio::test]
async fn answers_for_one_caller_are_marked_no_store() -> Outcome {
    let world = World::new().await?;
    let (admin, fan) = (world.admin().await, world.fan_with_password("ann", "correct horse").await);
    let concert = world.concert(&admin).await;
    let user = &fan.user_id;
    let credentials = json!({ "username": "ann", "password": "correct horse" });
    let login = Request::new("POST", "/api/v1/users/login").json(&credentials);
    assert_eq!(world.send(login).await.headers["cache-control"], "no-store");
    for path in [
        format!("/api/v1/payments/balance/{user}"),
        format!("/api/v1/payments/history/{user}"),
        format!("/api/v1/users/{user}/reservations"),
        format!("/api/v1/admin/concerts/{concert}/sales"),
    ] {
        for token in [&admin.access, "none"] {
            assert_eq!(world.get(&path, token).await.headers["cache-control"], "no-store", "{path}");
        }
    }
    Ok(())
}
