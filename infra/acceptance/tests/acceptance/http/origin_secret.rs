//! With a secret of the content delivery network in front, nobody goes around it.

use acceptance::{Request, World};
use serde_json::{Map, json};

use crate::Outcome;

const SECRET: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

/// Delivers a request to its function, past the check against the OpenAPI document: any route is refused so.
async fn deliver(world: &World, function: &str, key: &str, request: Request) -> String {
    let event = request.event(key, &Map::new(), "an-id");
    world.deliver(function, &event).await.expect("an event").outcome()
}

#[tokio::test]
async fn a_request_without_the_secret_is_refused_whatever_it_asks() -> Outcome {
    let world = World::with(&[("ORIGIN_SECRET", SECRET)]).await?;
    let fan = world.fan("ann").await;
    let join = || Request::new("POST", "/api/v1/tokens").token(&fan.access).json(&json!({}));
    for (function, key, request) in [
        ("describe_api", "GET /openapi.json", Request::new("GET", "/openapi.json")),
        ("reject_route", "$default", Request::new("GET", "/nowhere")),
        ("issue_token", "POST /api/v1/tokens", join()),
        ("issue_token", "POST /api/v1/tokens", join().header("x-origin-secret", "")),
        ("issue_token", "POST /api/v1/tokens", join().header("x-origin-secret", &SECRET[1..])),
        ("issue_token", "POST /api/v1/tokens", join().header("x-origin-secret", &SECRET.to_uppercase())),
    ] {
        assert_eq!(deliver(&world, function, key, request).await, "403 forbidden", "{key}");
    }
    let joined = world.send(join().header("x-origin-secret", SECRET)).await;
    assert_eq!(joined.status, 201);
    assert_eq!(joined.body["place"], 1, "what was refused drew no place");
    Ok(())
}

#[tokio::test]
async fn without_a_secret_the_header_means_nothing() -> Outcome {
    let world = World::with(&[("ORIGIN_SECRET", "")]).await?;
    let document = Request::new("GET", "/openapi.json").header("x-origin-secret", "anything");
    assert_eq!(world.send(document).await.status, 200);
    Ok(())
}
