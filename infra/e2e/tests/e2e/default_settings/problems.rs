//! Every error is a problem in the contract's form.

use hyper::Method;
use serde_json::json;

use crate::{DEFAULT_SETTINGS, Stage};

#[tokio::test]
async fn unknown_routes_are_problems() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let client = &stage.site.client;
    let unknown = [
        (Method::GET, "/"),
        (Method::GET, "/api/v1"),
        (Method::GET, "/api/v2/users"),
        (Method::GET, "/api/v1/users"),
        (Method::POST, "/api/v1/users/"),
        (Method::PATCH, "/api/v1/users"),
        (Method::DELETE, "/health"),
        (Method::POST, "/api/v1/reservations/dates"),
        (Method::GET, "/api/v1/payments/balance"),
        (Method::GET, "/%2e%2e/etc/passwd"),
        (Method::POST, "/nothing/here?at=all"),
    ];
    for (method, path) in unknown {
        client.request(method, path).send().await.expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn bad_bodies_are_problems() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let client = &stage.site.client;
    let users = || client.request(Method::POST, "/api/v1/users");
    users().json(&json!({ "username": "a".repeat(70_000) })).send().await.expect_problem(413, "too_large");
    users().body("{}").send().await.expect_problem(415, "unsupported_media_type");
    users().header("content-type", "text/plain").body("{}").send().await.expect_problem(415, "unsupported_media_type");
    let typed = || users().header("content-type", "application/json; charset=utf-8");
    for body in ["", "{", "[]", "null", "{}", "{\"username\":\"abc\"} x", "\u{feff}{}"] {
        typed().body(body).send().await.expect_problem(400, "invalid_request");
    }
    typed().body(&b"{\"username\":\"\xff\"}"[..]).send().await.expect_problem(400, "invalid_request");
    let short = json!({ "username": "somebody", "password": "short" });
    let reply = users().json(&short).send().await.expect_problem(400, "invalid_request");
    assert_eq!(reply.body["errors"][0]["pointer"], "/password");
    let unknown = json!({ "username": "somebody", "password": "long enough", "admin": true });
    let reply = users().json(&unknown).send().await.expect_problem(400, "invalid_request");
    assert_eq!(reply.body["errors"][0]["pointer"], "/admin");
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let client = &stage.site.client;
    let mut ids = std::collections::BTreeSet::new();
    for path in ["/health", "/.well-known/jwks.json", "/api/v1/queues/main", "/nowhere", "/api/v1/reservations/dates"] {
        let reply = client.get(path).send().await;
        assert!(ids.insert(reply.header("x-request-id").to_owned()), "{path}: {:?}", reply.headers);
    }
    assert!(!ids.contains(""));
}
