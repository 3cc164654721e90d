//! Problems, and the order in which a request is checked.

use crate::Outcome;
use acceptance::{Fan, Reply, Request, World};
use engine::Fault;
use serde_json::json;

/// Asserts the rules of every problem.
fn assert_problem(reply: &Reply) {
    assert_eq!(reply.headers["content-type"], "application/problem+json", "{}", reply.body);
    assert_eq!(reply.body["status"], reply.status);
    assert_eq!(reply.body["instance"], reply.headers["x-request-id"].as_str());
    for name in ["type", "title", "detail", "code"] {
        assert!(reply.body[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {}", reply.body);
    }
    assert_eq!(reply.status == 401, reply.headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn an_unknown_route_is_404_and_a_method_that_a_path_lacks_405() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    let (unknown, wrong) = ("404 not_found", "405 method_not_allowed");
    for (method, path, expected) in [
        ("GET", "/", unknown),
        ("GET", "/api/v1/nothing", unknown),
        ("GET", "/api/v1/users", wrong),
        ("PUT", "/api/v1/tokens", wrong),
        ("DELETE", "/api/v1/users/login", wrong),
        ("PATCH", "/api/v1/reservations", wrong),
        ("POST", "/health", wrong),
        ("GET", "/api/v1/tokens", wrong),
        ("GET", "/api/v1/tokens/a/b", unknown),
    ] {
        let large = "x".repeat(70_000);
        for request in [
            Request::new(method, path),
            Request::new(method, path).token(&fan.access),
            Request::new(method, path).text("text/plain", large),
        ] {
            let reply = world.send(request).await;
            assert_eq!(reply.outcome(), expected, "{method} {path}");
            assert_problem(&reply);
        }
    }
    Ok(())
}

/// Routes with a body; the flag says whether the route needs a token.
fn routes_with_a_body() -> [(&'static str, &'static str, bool); 4] {
    [
        ("POST", "/api/v1/users", false),
        ("POST", "/api/v1/users/login", false),
        ("POST", "/api/v1/tokens", true),
        ("PUT", "/api/v1/admin/queues/main", true),
    ]
}

#[tokio::test]
async fn size_and_content_type_are_checked_right_after_the_route() -> Outcome {
    let world = World::new().await?;
    for (method, path, authenticated) in routes_with_a_body() {
        let send = |content_type: &str, size: usize| {
            world.send(Request::new(method, path).text(content_type, format!("\"{}\"", "x".repeat(size - 2))))
        };
        let too_large = send("application/json", 65_537).await;
        assert_eq!(too_large.outcome(), "413 too_large", "{path}: before authentication and parsing");
        assert_problem(&too_large);
        assert_eq!(send("text/plain", 65_537).await.outcome(), "413 too_large", "{path}: size first");
        let media_type = send("text/plain", 10).await;
        assert_eq!(media_type.outcome(), "415 unsupported_media_type", "{path}: before authentication");
        assert_problem(&media_type);
        let without = world.send(Request::new(method, path)).await;
        let expected = if authenticated { "401 unauthenticated" } else { "415 unsupported_media_type" };
        assert_eq!(without.outcome(), expected, "{path}: no body is {{}} where every field is optional");
        let just_fits = send("application/json; charset=utf-8", 65_536).await;
        let expected = if authenticated { "401 unauthenticated" } else { "400 invalid_request" };
        assert_eq!(just_fits.outcome(), expected, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_new_concert_may_take_a_mebibyte() -> Outcome {
    let world = World::new().await?;
    let send = |size: usize| {
        let text = format!("\"{}\"", "x".repeat(size - 2));
        world.send(Request::new("POST", "/api/v1/admin/concerts").text("application/json", text))
    };
    assert_eq!(send(1_048_576).await.outcome(), "401 unauthenticated");
    let too_large = send(1_048_577).await;
    assert_eq!(
        (too_large.outcome().as_str(), too_large.text("detail")),
        ("413 too_large", "the body is larger than 1024 KiB")
    );
    Ok(())
}

#[tokio::test]
async fn authentication_role_body_ownership_and_state_are_checked_in_this_order() -> Outcome {
    let world = World::new().await?;
    let (admin, ann, bob) = (world.admin().await, world.fan("ann").await, world.fan("bob").await);
    let join = |token: &str, body| Request::new("POST", "/api/v1/tokens").token(token).json(&body);
    let put = |token: &str, path: &str, body| Request::new("PUT", path).token(token).json(&body);
    let bad = json!({ "nonsense": 1 });
    let foreign = json!({ "userId": bob.user_id, "queueId": "nowhere" });
    for (request, expected) in [
        (join("forged", bad.clone()), "401 unauthenticated"),
        (join(&ann.access, bad.clone()), "400 invalid_request"),
        (join(&ann.access, json!({ "userId": bob.user_id, "queueId": "NOT A SLUG" })), "400 invalid_request"),
        (join(&ann.access, foreign), "403 forbidden"),
        (join(&ann.access, json!({ "queueId": "nowhere" })), "404 queue_not_found"),
        (put("forged", "/api/v1/admin/queues/NOT", bad.clone()), "401 unauthenticated"),
        (put(&ann.access, "/api/v1/admin/queues/NOT", bad.clone()), "403 forbidden"),
        (put(&admin.access, "/api/v1/admin/queues/NOT", json!({})), "400 invalid_request"),
        (put(&admin.access, "/api/v1/admin/queues/main", bad), "400 invalid_request"),
        (Request::new("GET", "/api/v1/tokens/nonsense").token("forged"), "401 unauthenticated"),
        (Request::new("GET", "/api/v1/tokens/nonsense").token(&ann.access), "400 invalid_request"),
        (Request::new("GET", format!("/api/v1/tokens/{}", bob.user_id)).token(&ann.access), "403 forbidden"),
        (Request::new("GET", format!("/api/v1/tokens/{}", ann.user_id)).token(&ann.access), "404 token_not_found"),
        (
            Request::new("GET", format!("/api/v1/tokens/{}?queueId=A", bob.user_id)).token(&ann.access),
            "400 invalid_request",
        ),
        (Request::new("GET", "/api/v1/queues/NOT"), "400 invalid_request"),
        (Request::new("GET", "/api/v1/queues/nowhere"), "404 queue_not_found"),
    ] {
        let reply = world.send(request.clone()).await;
        assert_eq!(reply.outcome(), expected, "{request:?}");
        assert_problem(&reply);
    }
    Ok(())
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() -> Outcome {
    let world = World::new().await?;
    let fan = world.buyer("ann", 0).await;
    let mut seen = std::collections::BTreeSet::new();
    for reply in [
        world.get("/health", "").await,
        world.get("/.well-known/jwks.json", "").await,
        crate::support::poll(&world, &fan).await,
        crate::support::leave(&world, &fan).await,
        world.get("/nowhere", "").await,
    ] {
        assert!(seen.insert(reply.headers["x-request-id"].clone()));
    }
    Ok(())
}

#[tokio::test]
async fn a_validation_error_points_at_the_field() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    for (body, pointer) in [
        (json!({ "userId": "x" }), "/userId"),
        (json!({ "queueId": 7 }), "/queueId"),
        (json!({ "extra": 1 }), "/extra"),
    ] {
        let reply = crate::support::join_with(&world, &fan.access, &body).await;
        assert_eq!(reply.body["errors"][0]["pointer"], pointer, "{}", reply.body);
        assert!(reply.body["errors"][0]["detail"].is_string());
    }
    Ok(())
}

async fn each_route(world: &World, fan: &Fan, admin: &Fan) -> Vec<Reply> {
    let user = &fan.user_id;
    vec![
        world.get("/health", "").await,
        world.get("/api/v1/queues/main", "").await,
        crate::support::join_with(world, &fan.access, &json!({})).await,
        world.get(&format!("/api/v1/tokens/{user}"), &fan.access).await,
        world.delete(&format!("/api/v1/tokens/{user}"), &fan.queue).await,
        crate::support::configure(world, admin, &json!({ "capacity": 3 })).await,
        world
            .send(Request::new("POST", "/api/v1/users").json(&json!({ "username": "zoe", "password": "12345678" })))
            .await,
    ]
}

#[tokio::test]
async fn a_failing_or_throttling_database_is_503_and_the_answer_shows_no_internals() -> Outcome {
    for fault in [Fault::LostRequest, Fault::LostAnswer, Fault::Throttled, Fault::InternalError] {
        let world = World::new().await?;
        let admin = world.admin().await;
        let fan = world.buyer("ann", 0).await;
        world.wait(2);
        world.engine.set_faults(move |_| fault);
        for reply in each_route(&world, &fan, &admin).await {
            assert_eq!(reply.outcome(), "503 unavailable", "{fault:?}");
            assert_eq!(reply.headers["retry-after"], "1");
            assert_problem(&reply);
            let text = reply.body.to_string();
            assert!(!text.contains("Dynamo") && !text.contains("throughput") && !text.contains("put"), "{text}");
        }
        world.engine.clear_faults();
        let before = world.engine.meter().requests;
        world.engine.set_faults(move |_| fault);
        world.get("/health", "").await;
        assert!(world.engine.meter().requests - before <= 4, "retries are bounded");
    }
    Ok(())
}

#[tokio::test]
async fn a_body_must_be_an_object_and_a_refusal_shows_no_internal_types() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    for body in [r#"["array_user","correct horse"]"#, r#""text""#, "7", "null", "[]"] {
        let refused = world.send(Request::new("POST", "/api/v1/users").text("application/json", body)).await;
        assert_eq!(refused.outcome(), "400 invalid_request", "{body}");
        assert!(!refused.body.to_string().contains("struct"), "{}", refused.body);
    }
    let draft = serde_json::json!({
        "concertName": "Night", "startsAt": "2027-06-01T19:00:00Z", "endsAt": "2027-06-01T22:00:00Z",
        "blocks": [["A", 1, 2, "STANDARD", 1]],
    });
    let refused = world.send(Request::new("POST", "/api/v1/admin/concerts").token(&admin.access).json(&draft)).await;
    assert_eq!(refused.outcome(), "400 invalid_request");
    assert_eq!(refused.body["errors"][0]["pointer"], "/blocks/0");
    Ok(())
}

#[tokio::test]
async fn an_odd_host_scheme_path_or_query_is_never_a_500() -> Outcome {
    let world = World::new().await?;
    let odd = Request::new("GET", "/api/v1/reservations/dates?category=<b> \"\u{e4}\"&limit=5")
        .header("x-forwarded-proto", "a b")
        .header("host", "no host");
    assert_eq!(world.send(odd).await.outcome(), "200");
    assert_eq!(world.send(Request::new("GET", "/api/v1/<nowhere> {}")).await.outcome(), "404 not_found");
    Ok(())
}

#[tokio::test]
async fn a_problem_points_at_a_missing_field_and_says_when_a_body_is_not_json() -> Outcome {
    let world = World::new().await?;
    let sign_up = |body: &str| world.send(Request::new("POST", "/api/v1/users").text("application/json", body));
    let missing = sign_up(r#"{"username":"bobby"}"#).await;
    assert_eq!(missing.body["errors"], serde_json::json!([{ "pointer": "/password", "detail": "is missing" }]));
    let broken = sign_up(r#"{"username":"#).await;
    assert_eq!(broken.body["errors"][0]["pointer"], "");
    assert!(broken.body["errors"][0]["detail"].as_str().is_some_and(|detail| detail.starts_with("is not JSON")));
    Ok(())
}
