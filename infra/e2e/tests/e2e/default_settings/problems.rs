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
        (Method::POST, "/api/v1/users/"),
        (Method::OPTIONS, "/api/v1/user"),
        (Method::GET, "/api/v1/payments/balance"),
        (Method::GET, "/%2e%2e/etc/passwd"),
        (Method::POST, "/nothing/here?at=all"),
    ];
    for (method, path) in unknown {
        client.request(method, path).send().await.expect_problem(404, "not_found");
    }
    let wrong = [
        (Method::GET, "/api/v1/users", "OPTIONS, POST"),
        (Method::PATCH, "/api/v1/users", "OPTIONS, POST"),
        (Method::DELETE, "/health", "GET, HEAD, OPTIONS"),
        (Method::POST, "/api/v1/reservations/dates", "GET, HEAD, OPTIONS"),
        (Method::DELETE, "/api/v1/reservations/dates", "GET, HEAD, OPTIONS"),
    ];
    for (method, path, allow) in wrong {
        let refused = client.request(method, path).send().await.expect_problem(405, "method_not_allowed");
        assert_eq!(refused.header("allow"), allow, "{path}");
    }
}

#[tokio::test]
async fn a_page_of_another_port_may_use_the_api_and_one_of_another_site_may_not() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let client = &stage.site.client;
    for (origin, allowed) in
        [("http://localhost:3000", true), ("http://[::1]:8080", true), ("https://evil.example", false)]
    {
        let echoed = if allowed { origin } else { "" };
        let asked = client.request(Method::OPTIONS, "/api/v1/reservations").header("origin", origin);
        let asked = asked.header("access-control-request-method", "POST").send().await.expect(204);
        assert_eq!(asked.header("access-control-allow-origin"), echoed);
        assert_eq!(asked.header("access-control-allow-methods"), if allowed { "OPTIONS, POST" } else { "" });
        let refused = client.request(Method::POST, "/api/v1/reservations").header("origin", origin).body("{}");
        let refused = refused.send().await.expect_problem(415, "unsupported_media_type");
        assert_eq!(refused.header("access-control-allow-origin"), echoed, "errors too");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let client = &stage.site.client;
    let document = client.get("/openapi.json").send().await.expect(200);
    let head = client.request(Method::HEAD, "/openapi.json").send().await.expect(200);
    assert_eq!((head.header("etag"), &head.body), (document.header("etag"), &serde_json::Value::Null));
    assert_eq!(head.header("content-length"), document.header("content-length"));
    let fresh = client.get("/openapi.json").header("if-none-match", document.header("etag")).send().await.expect(304);
    assert_eq!(fresh.header("etag"), document.header("etag"));
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
