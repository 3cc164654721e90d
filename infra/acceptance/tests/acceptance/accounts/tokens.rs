//! Access and queue tokens, and forgeries of them.

use crate::{
    Outcome,
    support::{join_with, poll, seats},
};
use acceptance::{Fan, Request, SECRET, World};
use aws_lc_rs::{digest, hmac, signature::Ed25519KeyPair};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

/// Header and claims of a token.
fn open(token: &str) -> (Value, Value) {
    let part = |nth| {
        let bytes = BASE64.decode(token.split('.').nth(nth).unwrap_or_default()).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    };
    (part(0), part(1))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()))
}

/// A token with the deployment's own signature.
fn signed(header: &Value, claims: &Value) -> String {
    let seed = digest::digest(&digest::SHA256, format!("stagedoor token signing key 1\n{SECRET}").as_bytes());
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("a key pair");
    let text = unsigned(header, claims);
    let signature = BASE64.encode(pair.sign(text.as_bytes()));
    format!("{text}.{signature}")
}

fn with(value: &Value, name: &str, new: Value) -> Value {
    let mut value = value.clone();
    value[name] = new;
    value
}

fn without(value: &Value, name: &str) -> Value {
    let mut value = value.clone();
    value.as_object_mut().map(|members| members.remove(name));
    value
}

/// Forgeries of a token: those that need no key, and tokens with wrong claims under the deployment's own key.
async fn forgeries(world: &World, token: &str) -> Vec<(&'static str, String)> {
    let (header, claims) = open(token);
    let jwks = world.get("/.well-known/jwks.json", "").await.body;
    let public = jwks["keys"][0]["x"].as_str().unwrap_or_default().to_owned();
    let hs256 = |secret: &[u8]| {
        let text = unsigned(&with(&header, "alg", json!("HS256")), &claims);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
        format!("{text}.{}", BASE64.encode(tag.as_ref()))
    };
    let signature = token.rsplit('.').next().unwrap_or_default();
    let edited = with(&claims, "sub", json!("6f9619ff-8b86-4011-b42d-00cf4fc964ff"));
    let none = |alg: &str| format!("{}.", unsigned(&with(&header, "alg", json!(alg)), &claims));
    vec![
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("alg none with the old signature", format!("{}{signature}", none("none"))),
        ("HS256 with the public key", hs256(public.as_bytes())),
        ("HS256 with the public key's bytes", hs256(&BASE64.decode(&public).unwrap_or_default())),
        ("edited claims", format!("{}.{signature}", unsigned(&header, &edited))),
        ("no signature", format!("{}.", unsigned(&header, &claims))),
        ("two parts", unsigned(&header, &claims)),
        ("wrong kid", signed(&with(&header, "kid", json!("other")), &claims)),
        ("missing kid", signed(&without(&header, "kid"), &claims)),
        ("wrong iss", signed(&header, &with(&claims, "iss", json!("else")))),
        ("missing iss", signed(&header, &without(&claims, "iss"))),
        ("wrong aud", signed(&header, &with(&claims, "aud", json!("else")))),
        ("missing aud", signed(&header, &without(&claims, "aud"))),
        ("missing sub", signed(&header, &without(&claims, "sub"))),
        ("missing exp", signed(&header, &without(&claims, "exp"))),
        ("missing jti", signed(&header, &without(&claims, "jti"))),
        ("missing iat", signed(&header, &without(&claims, "iat"))),
        ("unknown kind", signed(&header, &with(&claims, "kind", json!("refresh")))),
        ("missing kind", signed(&header, &without(&claims, "kind"))),
        ("a kind without what it needs", signed(&header, &without(&without(&claims, "role"), "queue"))),
        ("alg RS256", signed(&with(&header, "alg", json!("RS256")), &claims)),
        ("nonsense", "nonsense".to_owned()),
        ("empty", String::new()),
    ]
}

fn routes(fan: &Fan) -> [Request; 5] {
    let user = &fan.user_id;
    [
        Request::new("GET", format!("/api/v1/tokens/{user}")),
        Request::new("DELETE", format!("/api/v1/tokens/{user}")),
        Request::new("POST", "/api/v1/tokens").json(&json!({})),
        Request::new("GET", format!("/api/v1/reservations/{user}/seats")),
        Request::new("PUT", "/api/v1/admin/queues/main").json(&json!({})),
    ]
}

#[tokio::test]
async fn no_route_accepts_a_forgery_of_either_token() -> Outcome {
    let world = World::new().await?;
    let fan = world.buyer("ann", 0).await;
    let (header, claims) = open(&fan.queue);
    let again = Fan { queue: signed(&header, &claims), ..fan.clone() };
    assert_eq!(poll(&world, &again).await.outcome(), "200", "the test signs as the deployment does");
    for token in [&fan.access, &fan.queue] {
        for (forgery, token) in forgeries(&world, token).await {
            for request in routes(&fan) {
                let reply = world.send(request.token(&token)).await;
                assert_eq!(reply.outcome(), "401 unauthenticated", "{forgery}");
                assert!(reply.headers["www-authenticate"].starts_with("Bearer"), "{forgery}");
            }
        }
    }
    assert_eq!(poll(&world, &fan).await.text("status"), "ACTIVE", "no forgery had an effect");
    Ok(())
}

#[tokio::test]
async fn a_route_without_its_token_is_401() -> Outcome {
    let world = World::new().await?;
    let fan = world.buyer("ann", 0).await;
    for request in routes(&fan) {
        assert_eq!(world.send(request.clone()).await.outcome(), "401 unauthenticated");
        for scheme in ["Basic abc", "Bearer", "bearer", &fan.access, "Token a b"] {
            let reply = world.send(request.clone().header("authorization", scheme)).await;
            assert_eq!(reply.outcome(), "401 unauthenticated", "{scheme}");
        }
    }
    let request = Request::new("GET", format!("/api/v1/tokens/{}", fan.user_id));
    let lower_case = request.header("authorization", &format!("bearer {}", fan.queue));
    assert_eq!(world.send(lower_case).await.outcome(), "200", "the scheme is case-insensitive");
    Ok(())
}

#[tokio::test]
async fn no_route_accepts_the_other_kind_of_token() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let fan = world.buyer("ann", 0).await;
    assert_eq!(join_with(&world, &fan.queue, &json!({})).await.outcome(), "401 unauthenticated");
    let with_access = Fan { queue: fan.access.clone(), ..fan.clone() };
    let refused = seats(&world, &with_access, &concert).await;
    assert_eq!(refused.outcome(), "403 not_active");
    assert!(!refused.headers.contains_key("retry-after"), "a retry does not help");
    assert_eq!(world.hold(&with_access, &concert, &[1], None).await.outcome(), "403 not_active");
    assert_eq!(world.pay(&with_access, &fan.user_id, 1, None).await.outcome(), "403 not_active");
    let mut queueing_admin = admin.clone();
    world.join(&mut queueing_admin).await;
    let put = |token: &str| Request::new("PUT", "/api/v1/admin/queues/main").token(token).json(&json!({}));
    assert_eq!(world.send(put(&queueing_admin.queue)).await.outcome(), "403 forbidden", "even an admin's");
    assert_eq!(world.send(put(&fan.access)).await.outcome(), "403 forbidden");
    assert_eq!(world.send(put(&admin.access)).await.outcome(), "200");
    Ok(())
}

#[tokio::test]
async fn a_token_is_401_token_expired_from_its_exp_on() -> Outcome {
    let world = World::new().await?;
    let fan = world.buyer("ann", 0).await;
    let balance = format!("/api/v1/payments/balance/{}", fan.user_id);
    world.wait(3_599);
    assert_eq!(world.get(&balance, &fan.access).await.outcome(), "200");
    world.wait(1);
    let expired = world.get(&balance, &fan.access).await;
    assert_eq!(expired.outcome(), "401 token_expired");
    assert!(expired.headers.contains_key("www-authenticate"));
    assert_eq!(world.get(&balance, &fan.queue).await.outcome(), "200", "the queue token still proves who the fan is");
    world.wait(7_200 + 60 + 600 + 300 + 60 - 3_600 - 1);
    assert_eq!(world.get(&balance, &fan.queue).await.outcome(), "200");
    world.wait(1);
    assert_eq!(world.get(&balance, &fan.queue).await.outcome(), "401 token_expired");
    let (header, claims) = open(&fan.access);
    let forged = unsigned(&header, &with(&claims, "iat", json!(0))) + ".AAAA";
    assert_eq!(world.get(&balance, &forged).await.outcome(), "401 unauthenticated", "the signature comes first");
    Ok(())
}

#[tokio::test]
async fn headers_claims_and_keys_follow_the_contract() -> Outcome {
    let world = World::new().await?;
    let fan = world.buyer("ann", 0).await;
    let keys = world.get("/.well-known/jwks.json", "").await;
    assert_eq!(keys.outcome(), "200");
    let key = &keys.body["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA")));
    assert!(key.get("d").is_none(), "the private key is not shown");
    for token in [&fan.access, &fan.queue] {
        let (header, claims) = open(token);
        assert_eq!((&header["alg"], &header["kid"]), (&json!("EdDSA"), &key["kid"]));
        assert_eq!(claims["sub"], fan.user_id.as_str());
    }
    let (_, access) = open(&fan.access);
    assert_eq!(access["role"], "fan");
    let (_, queue) = open(&fan.queue);
    assert_eq!((&queue["queue"], &queue["place"]), (&json!("main"), &json!(1)));
    for name in ["iss", "aud", "kind", "sub", "queue", "jti", "iat", "exp"] {
        assert!(!queue[name].is_null(), "{name}: {queue}");
    }
    assert_eq!(
        (&queue["iss"], &queue["aud"], &queue["kind"]),
        (&json!("stagedoor"), &json!("stagedoor"), &json!("queue"))
    );
    Ok(())
}

#[tokio::test]
async fn an_old_queue_token_proves_nothing_on_any_route_unless_its_session_lives() -> Outcome {
    let world = World::with(&[("WAITING_SECONDS", "100000"), ("DATES_ACCESS", "token")]).await?;
    let mut fan = world.fan("ann").await;
    world.set_capacity(0).await;
    assert_eq!(world.join(&mut fan).await.text("status"), "WAITING");
    let (user, id) = (&fan.user_id, "01234567-89ab-7def-8123-456789abcdef");
    let routes = [
        ("GET", "/api/v1/reservations/dates".to_owned()),
        ("GET", format!("/api/v1/payments/balance/{user}")),
        ("GET", format!("/api/v1/payments/history/{user}")),
        ("GET", format!("/api/v1/users/{user}/reservations")),
        ("GET", format!("/api/v1/reservations/{id}")),
        ("DELETE", format!("/api/v1/reservations/{id}")),
        ("POST", "/api/v1/payments/recharge".to_owned()),
        ("POST", format!("/api/v1/payments/{id}/cancel")),
    ];
    let outcomes = async || {
        let mut outcomes = Vec::new();
        for (method, path) in &routes {
            let request = Request::new(method, path).token(&fan.queue);
            let body = json!({ "userId": user, "amount": 1 });
            let request = match path.as_str() {
                "/api/v1/payments/recharge" => request.json(&body),
                _ if *method == "POST" => request.json(&json!({})),
                _ => request,
            };
            outcomes.push(world.send(request).await.outcome());
        }
        outcomes
    };
    assert!(outcomes().await.iter().all(|outcome| !outcome.starts_with("401")));
    world.wait(12 * 3_600);
    assert_eq!(outcomes().await, ["401 token_expired"; 8]);
    Ok(())
}
