//! Forged tokens, and tokens of the wrong kind.

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use e2e::{Fan, Reply, Site, report_measurement};
use hyper::Method;
use serde_json::{Value, json};

use crate::{DEFAULT_SETTINGS, Stage};

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

/// A JWT in its three parts.
struct Token {
    header: Value,
    claims: Value,
    signature: String,
}

impl Token {
    fn parse(token: &str) -> Self {
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
        let json = |part: &str| serde_json::from_slice(&decode(part)).expect("JSON");
        Self { header: json(header), claims: json(claims), signature: signature.to_owned() }
    }

    /// The token with another value of a claim or header, under the old signature.
    fn edited(&self, part: &str, name: &str, value: Value) -> String {
        let (mut header, mut claims) = (self.header.clone(), self.claims.clone());
        if part == "header" {
            header[name] = value;
        } else {
            claims[name] = value;
        }
        format!("{}.{}.{}", encode(header.to_string()), encode(claims.to_string()), self.signature)
    }

    /// These claims under a header with another algorithm, signed again.
    fn signed_with(&self, algorithm: &str, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let mut header = self.header.clone();
        header["alg"] = json!(algorithm);
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = encode(sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// Forgeries of a token, with a description of each.
fn forgeries(token: &str, jwks: &Value, other: &str) -> Vec<(&'static str, String)> {
    let genuine = Token::parse(token);
    let public_key = jwks["keys"][0]["x"].as_str().expect("an OKP key").to_owned();
    let hs256 = |secret: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        genuine.signed_with("HS256", &genuine.claims, |text| hmac::sign(&key, text).as_ref().to_vec())
    };
    let stranger = Ed25519KeyPair::generate().expect("random numbers");
    let (header, claims) = (encode(genuine.header.to_string()), encode(genuine.claims.to_string()));
    let with_own_key = {
        let mut header = genuine.header.clone();
        let x = encode(stranger.public_key().as_ref());
        header["jwk"] = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
        let signed = format!("{}.{claims}", encode(header.to_string()));
        format!("{signed}.{}", encode(stranger.sign(signed.as_bytes())))
    };
    let extended = genuine.claims["exp"].as_i64().expect("seconds") + 1;
    vec![
        ("alg none", format!("{}.{claims}.", encode(json!({ "alg": "none", "typ": "JWT" }).to_string()))),
        ("alg none with the kid", genuine.signed_with("none", &genuine.claims, |_| Vec::new())),
        ("alg None in other letters", genuine.signed_with("NoNe", &genuine.claims, |_| Vec::new())),
        ("HS256 with the public key", hs256(&decode(&public_key))),
        ("HS256 with the public key's text", hs256(public_key.as_bytes())),
        ("HS256 with the key set", hs256(jwks.to_string().as_bytes())),
        ("a stranger's Ed25519 key", {
            genuine.signed_with("EdDSA", &genuine.claims, |text| stranger.sign(text).as_ref().to_vec())
        }),
        ("a key of its own in the header", with_own_key),
        ("another kid", genuine.edited("header", "kid", json!("other"))),
        ("no kid", genuine.edited("header", "kid", Value::Null)),
        ("another fan", genuine.edited("claims", "sub", json!(other))),
        ("a later exp", genuine.edited("claims", "exp", json!(extended))),
        ("the role of an admin", genuine.edited("claims", "role", json!("admin"))),
        ("an active session", genuine.edited("claims", "activeUntil", json!(4_000_000_000_000_u64))),
        ("the first place in the queue", genuine.edited("claims", "place", json!(1))),
        ("another kind", {
            let kind = if genuine.claims["kind"] == "access" { "queue" } else { "access" };
            genuine.edited("claims", "kind", json!(kind))
        }),
        ("no signature", format!("{header}.{claims}.")),
        ("two parts", format!("{header}.{claims}")),
        ("an empty token", String::new()),
        ("5,000 letters", "x".repeat(5_000)),
    ]
}

/// Sends one request of each kind that needs a token.
async fn send_all(site: &Site, fan: &Fan, token: &str) -> Vec<Reply> {
    let reservation = json!({ "concertId": fan.id, "seatNumber": 1 });
    let settings = json!({ "capacity": 1 });
    let client = &site.client;
    let requests = [
        client.get(format!("/api/v1/payments/balance/{}", fan.id)),
        client.get(format!("/api/v1/tokens/{}", fan.id)),
        client.post("/api/v1/tokens", &json!({})),
        client.post("/api/v1/reservations", &reservation),
        client.post("/api/v1/payments/process", &json!({ "reservationId": fan.id, "amount": 1 })),
        client.request(Method::PUT, "/api/v1/admin/queues/main").json(&settings),
    ];
    let mut replies = Vec::new();
    for request in requests {
        replies.push(request.bearer(token).send().await);
    }
    replies
}

#[tokio::test]
async fn forged_tokens_are_401() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({ "capacity": 5 })).await;
    let mut fan = site.fan().await;
    let other = site.fan().await;
    fan.join(&queue).await.expect(201);
    let jwks = site.client.get("/.well-known/jwks.json").send().await.expect(200).body;
    let header = Token::parse(&fan.access).header;
    assert_eq!((&header["alg"], &header["kid"]), (&json!("EdDSA"), &jwks["keys"][0]["kid"]));
    let mut refused = 0;
    for genuine in [&fan.access, &fan.token] {
        for (what, token) in forgeries(genuine, &jwks, &other.id) {
            for reply in send_all(site, &fan, &token).await {
                assert_eq!(reply.outcome(), (401, "unauthenticated"), "{what}: {}", reply.body);
                assert!(reply.header("www-authenticate").starts_with("Bearer"), "{what}: {:?}", reply.headers);
                refused += 1;
            }
        }
    }
    report_measurement(format!("{refused} requests with forged tokens: all 401"));
}

#[tokio::test]
async fn each_kind_of_token_is_good_for_its_own_routes_only() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({ "capacity": 5 })).await;
    let concert = site.concert(&queue, 4).await;
    let mut fan = site.fan().await;
    let other = site.fan().await;
    fan.join(&queue).await.expect(201);
    let join = json!({ "queueId": queue });
    let rejoin = site.client.post("/api/v1/tokens", &join).bearer(&fan.token).send().await;
    rejoin.expect_problem(401, "unauthenticated");
    let seats = format!("/api/v1/reservations/{}/seats", concert.id);
    site.client.get(&seats).bearer(&fan.access).send().await.expect_problem(403, "not_active");
    site.client.get(&seats).send().await.expect_problem(401, "unauthenticated");
    for token in [&fan.token, &fan.access] {
        let path = format!("/api/v1/admin/queues/{queue}");
        let request = site.client.request(Method::PUT, path).json(&json!({ "capacity": 100 }));
        request.bearer(token).send().await.expect_problem(403, "forbidden");
        let theirs = format!("/api/v1/payments/balance/{}", other.id);
        site.client.get(theirs).bearer(token).send().await.expect_problem(403, "forbidden");
        let own = format!("/api/v1/payments/balance/{}", fan.id);
        site.client.get(own).bearer(token).send().await.expect(200);
    }
}
