//! Public documents: from memory, never too old, and to each caller in its own form.

use crate::{
    Outcome,
    support::{configure, items, poll},
};
use acceptance::{Fan, Reply, Request, World};
use serde_json::json;

const OURS: &str = "https://shop.example.com";

async fn get(world: &World, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request = headers.iter().fold(Request::new("GET", path), |request, (name, value)| request.header(name, value));
    world.send(request).await
}

/// The public documents of a world with one concert, with the milliseconds that each may be old.
async fn documents(world: &World, admin: &Fan) -> [(String, u64); 6] {
    let concert = world.concert(admin).await;
    [
        ("/api/v1/queues/main".to_owned(), 1_000),
        (format!("/api/v1/concerts/{concert}"), 5_000),
        (format!("/api/v1/concerts/{concert}/availability"), 1_000),
        ("/api/v1/reservations/dates".to_owned(), 5_000),
        ("/.well-known/jwks.json".to_owned(), 300_000),
        ("/openapi.json".to_owned(), 300_000),
    ]
}

#[tokio::test]
async fn an_answer_from_memory_reads_no_table_whoever_asks_and_however() -> Outcome {
    let world = World::with(&[("ALLOWED_ORIGINS", OURS)]).await?;
    for (path, _) in documents(&world, &world.admin().await).await {
        world.engine.reset_meter();
        let cold = get(&world, &path, &[]).await;
        let first = world.engine.meter();
        world.engine.reset_meter();
        for number in 0..200 {
            let tag = if number % 3 == 0 { cold.headers["etag"].as_str() } else { "W/\"old\"" };
            let encoding = ["gzip", "identity", "br"][number % 3];
            let origin = [OURS, "https://evil.example.com"][number % 2];
            let headers = [("if-none-match", tag), ("accept-encoding", encoding), ("origin", origin)];
            let reply = get(&world, &format!("{path}?unknown={number}"), &headers).await;
            assert_eq!(reply.status, if number % 3 == 0 { 304 } else { 200 }, "{path}");
            let head = world.send(Request::new("HEAD", path.as_str())).await;
            assert_eq!(head.headers["etag"], cold.headers["etag"], "{path}");
        }
        assert_eq!(world.engine.meter().requests, 0, "{path}");
        eprintln!("{path}: cold {} requests, {} read units; then none", first.requests, first.read_units);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn no_document_is_answered_past_its_max_age_and_its_tag_changes_with_it() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let documents = documents(&world, &admin).await;
    let fan = world.buyer("ann", 0).await;
    let mut taken = 0;
    for (path, age) in documents.iter().filter(|(_, age)| *age < 300_000) {
        world.wait(60);
        let first = get(&world, path, &[]).await;
        let tag = first.headers["etag"].clone();
        taken += 1;
        let concert = documents[1].0.rsplit('/').next().ok_or("an id")?;
        assert_eq!(world.hold(&fan, concert, &[taken], None).await.status, 201);
        acceptance::feed_stream(&world, &world.app).await?;
        assert_eq!(configure(&world, &admin, &json!({ "capacity": 100 + taken })).await.status, 200);
        world.clock.advance_ms(age - 1);
        let kept = get(&world, path, &[("if-none-match", &tag)]).await;
        assert_eq!((kept.status, &kept.headers["etag"]), (304, &tag), "{path}: from memory");
        let age_seconds = ((age - 1) / 1_000).to_string();
        assert_eq!(kept.headers.get("age").map_or("0", String::as_str), age_seconds, "{path}");
        world.clock.advance_ms(1);
        let next = get(&world, path, &[("if-none-match", &tag)]).await;
        assert_eq!(next.status, 200, "{path}: too old, and it changed");
        assert_ne!((&next.headers["etag"], &next.body), (&tag, &first.body), "{path}");
        assert_eq!(next.headers.get("age"), None, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_document_that_did_not_change_keeps_its_tag_when_it_is_read_again() -> Outcome {
    let world = World::new().await?;
    for (path, age) in documents(&world, &world.admin().await).await {
        let tag = get(&world, &path, &[]).await.headers["etag"].clone();
        world.clock.advance_ms(age);
        assert_eq!(get(&world, &path, &[("if-none-match", &tag)]).await.status, 304, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_from_memory_has_the_origin_and_the_encoding_of_its_own_request() -> Outcome {
    let other = "http://localhost:3000";
    let world = World::with(&[("ALLOWED_ORIGINS", "https://shop.example.com, loopback")]).await?;
    for (path, _) in documents(&world, &world.admin().await).await {
        let plain = get(&world, &path, &[]).await;
        for (origin, allowed) in [(OURS, true), ("https://evil.example.com", false), (other, true), ("null", false)] {
            for (encoding, gzip) in [("gzip", true), ("identity", false)] {
                let reply = get(&world, &path, &[("origin", origin), ("accept-encoding", encoding)]).await;
                let echoed = reply.headers.get("access-control-allow-origin").map(String::as_str);
                assert_eq!(echoed, allowed.then_some(origin), "{path}");
                let compressed = reply.headers.contains_key("content-encoding");
                assert_eq!(compressed, gzip && plain.sent_bytes > 1_024, "{path}, {encoding}");
                assert_eq!(reply.body, plain.body, "{path}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn unknown_ids_are_not_kept_and_cost_a_bounded_read() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    for path in [
        "/api/v1/queues/later".to_owned(),
        "/api/v1/concerts/01234567-89ab-7def-8123-456789abcdef".to_owned(),
        "/api/v1/concerts/01234567-89ab-7def-8123-456789abcdef/availability".to_owned(),
    ] {
        for _ in 0..3 {
            world.engine.reset_meter();
            let reply = get(&world, &path, &[("if-none-match", "*")]).await;
            assert_eq!((reply.status, reply.headers["cache-control"].as_str()), (404, "no-store"), "{path}");
            assert!(!reply.headers.contains_key("etag"), "{path}");
            let used = world.engine.meter();
            assert!(used.requests <= 3 && used.read_units <= 2.0, "{path}: {used:?}");
        }
    }
    let made = Request::new("PUT", "/api/v1/admin/queues/later").token(&admin.access).json(&json!({}));
    assert_eq!(world.send(made).await.status, 200);
    assert_eq!(get(&world, "/api/v1/queues/later", &[]).await.status, 200, "found at once");
    Ok(())
}

#[tokio::test]
async fn no_read_creates_the_main_queue() -> Outcome {
    let world = World::new().await?;
    let (admin, fan) = (world.admin().await, world.fan("ann").await);
    let before = world.engine.items("Queues");
    let inspected = world.get("/api/v1/admin/queues/main", &admin.access).await;
    let watched = world.get("/api/v1/queues/main", "").await;
    let polled = world.get(&format!("/api/v1/tokens/{}", fan.user_id), &fan.access).await;
    let removed = world.delete(&format!("/api/v1/admin/queues/main/sessions/{}", fan.user_id), &admin.access).await;
    let deleted = world.delete("/api/v1/admin/queues/main", &admin.access).await;
    assert_eq!(
        [inspected.status, watched.status, polled.status, removed.status, deleted.status],
        [200, 200, 404, 404, 409]
    );
    assert_eq!(world.engine.items("Queues"), before);
    Ok(())
}

#[tokio::test]
async fn a_queue_is_read_with_eventually_consistent_reads() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(1).await;
    get(&world, "/api/v1/queues/main", &[]).await;
    world.wait(10);
    world.engine.reset_meter();
    get(&world, "/api/v1/queues/main", &[]).await;
    let used = world.engine.meter();
    assert!(used.read_units <= 2.0, "state, counter, notice and sales at half a unit each: {used:?}");
    Ok(())
}

#[tokio::test]
async fn dates_for_tokens_only_are_private_and_never_shown_from_memory_without_a_token() -> Outcome {
    let world = World::with(&[("DATES_ACCESS", "token"), ("ALLOWED_ORIGINS", OURS)]).await?;
    world.concert(&world.admin().await).await;
    let fan = world.fan("ann").await;
    let dates = || Request::new("GET", "/api/v1/reservations/dates");
    let first = world.send(dates().token(&fan.access)).await;
    assert_eq!((first.status, first.headers["cache-control"].as_str()), (200, "private, max-age=5"));
    let tag = &first.headers["etag"];
    world.engine.reset_meter();
    assert_eq!(world.send(dates().token(&fan.access).header("if-none-match", tag)).await.status, 304);
    assert_eq!(world.engine.meter().requests, 0, "from memory");
    for (token, copy) in [(None, tag.as_str()), (None, "*"), (Some("forged"), tag.as_str())] {
        let request = token.into_iter().fold(dates(), |request, token| request.token(token));
        let refused = world.send(request.header("if-none-match", copy).header("origin", OURS)).await;
        assert_eq!(
            (refused.outcome().as_str(), refused.headers["cache-control"].as_str()),
            ("401 unauthenticated", "no-store")
        );
        assert_eq!(refused.headers["access-control-allow-origin"], OURS, "a page can read why");
    }
    Ok(())
}

#[tokio::test]
async fn a_page_from_memory_links_to_the_next_one_as_its_own_request_was_written() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    for _ in 0..2 {
        world.concert(&admin).await;
    }
    let link = async |path: &str| get(&world, path, &[]).await.headers["link"].clone();
    let one = link("/api/v1/reservations/dates?limit=1&secret=of-one-caller").await;
    let other = link("/api/v1/reservations/dates?limit=1&x=y").await;
    assert!(one.contains("secret=of-one-caller") && !other.contains("secret") && other.contains("x=y"), "{other}");
    let tag = get(&world, "/api/v1/reservations/dates?limit=1", &[]).await.headers["etag"].clone();
    let unmodified = get(&world, "/api/v1/reservations/dates?limit=1", &[("if-none-match", &tag)]).await;
    assert_eq!(unmodified.status, 304);
    assert!(unmodified.headers.contains_key("link"));
    Ok(())
}

#[tokio::test]
async fn head_on_a_place_says_what_get_would_and_never_claims() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(0).await;
    let mut fan = world.fan("ann").await;
    world.join(&mut fan).await;
    world.set_capacity(1).await;
    world.tick().await;
    world.wait(2);
    let path = format!("/api/v1/tokens/{}", fan.user_id);
    for token in [&fan.queue, &fan.access] {
        let head = world.send(Request::new("HEAD", path.as_str()).token(token)).await;
        assert_eq!((head.status, head.sent_bytes, head.headers["cache-control"].as_str()), (200, 0, "no-store"));
        assert_eq!(items(&world, "SESSION#main#").len(), 0, "not claimed");
    }
    assert_eq!(poll(&world, &fan).await.text("status"), "ACTIVE");
    assert_eq!(items(&world, "SESSION#main#").len(), 1, "claimed by GET");
    Ok(())
}

#[tokio::test]
async fn a_method_that_a_path_lacks_is_405_before_size_type_and_token() -> Outcome {
    let world = World::with(&[("ALLOWED_ORIGINS", OURS)]).await?;
    for (method, path, allow) in [
        ("GET", "/api/v1/users", "OPTIONS, POST"),
        ("PUT", "/api/v1/tokens", "OPTIONS, POST"),
        ("PATCH", "/api/v1/tokens/nonsense", "DELETE, GET, HEAD, OPTIONS"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("POST", "/api/v1/reservations/dates", "GET, HEAD, OPTIONS"),
        // A DELETE of a reservation, if it were not for the route of its own.
        ("DELETE", "/api/v1/reservations/dates", "GET, HEAD, OPTIONS"),
        ("POST", "/%61pi/v1/queues/main", "GET, HEAD, OPTIONS"),
    ] {
        for request in [
            Request::new(method, path),
            Request::new(method, path).token("forged"),
            Request::new(method, path).text("text/plain", "x".repeat(70_000)),
        ] {
            let reply = world.send(request.header("origin", OURS)).await;
            assert_eq!((reply.outcome().as_str(), reply.headers["allow"].as_str()), ("405 method_not_allowed", allow));
            assert_eq!(reply.headers["access-control-allow-origin"], OURS, "{method} {path}");
        }
    }
    for (method, path) in [("OPTIONS", "/nowhere"), ("OPTIONS", "*"), ("GET", "/"), ("HEAD", "/api/v1/tokens/a/b")] {
        let reply = world.send(Request::new(method, path)).await;
        assert_eq!((reply.status, reply.headers.get("allow")), (404, None), "{method} {path}");
    }
    Ok(())
}

#[tokio::test]
async fn an_older_copy_of_a_queue_never_moves_it_back() -> Outcome {
    let world = World::new().await?;
    let (mut ann, mut bob) = (world.fan("ann").await, world.fan("bob").await);
    let read = |table: &'static str, partition: &str, sort: &str| {
        let key = json!({ "pk": { "S": partition }, "sk": { "S": sort } });
        (table, world.engine.execute("GetItem", json!({ "TableName": table, "Key": key })).body["Item"].clone())
    };
    world.join(&mut ann).await;
    let older = [read("Queues", "QUEUE#main", "STATE"), read("Joins", "JOIN#main#0", "COUNTER")];
    world.join(&mut bob).await;
    let shown = async || {
        world.wait(1);
        let queue = get(&world, "/api/v1/queues/main", &[]).await.body;
        (queue["served"].clone(), queue["lastPlace"].clone())
    };
    assert_eq!(shown().await, (json!(2), json!(2)));
    // An eventually consistent read may return what was before; the engine's reads do not, so the items are put back.
    for (table, item) in older {
        let put = world.engine.execute("PutItem", json!({ "TableName": table, "Item": item }));
        assert_eq!(put.status, 200);
    }
    assert_eq!(shown().await, (json!(2), json!(2)));
    Ok(())
}
