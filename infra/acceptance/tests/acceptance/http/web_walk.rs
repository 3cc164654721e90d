//! Every route of the template with every method, origin, encoding and state of the client's copy. `--nocapture` prints
//! the table of what came back.

use crate::{Outcome, support::purchases::held};
use acceptance::{Reply, Request, World, route};
use serde_json::json;
use shared::store::webhooks::WebhookSettings;
use std::collections::{BTreeMap, BTreeSet};
use template::{RouteKey, Template};

const OURS: &str = "https://shop.example.com";
const FOREIGN: &str = "https://evil.example.com";
const ORIGINS: [Option<&str>; 3] = [None, Some(OURS), Some(FOREIGN)];
/// Values of `Accept-Encoding`, and whether they ask for gzip.
const ENCODINGS: [(Option<&str>, bool); 5] = [
    (None, false),
    (Some("gzip, deflate, br"), true),
    (Some("gzip;q=0, *"), false),
    (Some("identity;q=0.5, *;q=0.9"), true),
    (Some("br;q=x, gzip;;"), false),
];
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
/// Public documents, with the seconds that they may be kept.
const PUBLIC: [(&str, u32); 6] = [
    ("/api/v1/queues/{queueId}", 1),
    ("/api/v1/concerts/{concertId}", 5),
    ("/api/v1/concerts/{concertId}/availability", 1),
    ("/api/v1/reservations/dates", 5),
    ("/.well-known/jwks.json", 300),
    ("/openapi.json", 300),
];
const VARY: &str = "Accept-Encoding, Origin";
const EXPOSED: &str =
    "Retry-After, x-request-id, Link, Location, ETag, Date, Allow, WWW-Authenticate, Idempotency-Replayed";

/// A deployment in which every GET of the template succeeds.
struct Walk {
    world: World,
    template: Template,
    ids: BTreeMap<&'static str, String>,
    admin: String,
    fan: String,
    rows: Vec<String>,
}

impl Walk {
    async fn begin() -> Result<Self, Box<dyn std::error::Error>> {
        let world = World::with(&[("ALLOWED_ORIGINS", OURS)]).await?;
        let admin = world.admin().await;
        let concert = world.concert(&admin).await;
        let fan = world.buyer("ann", 100_000).await;
        let reservation = held(&world, &fan, &concert, &[1, 2]).await;
        let settings = WebhookSettings { url: "https://hooks.example.com/".to_owned(), types: None, enabled: false };
        world.app.store.put_webhook(&"shop".parse()?, settings).await?;
        let ids = BTreeMap::from([
            ("concertId", concert),
            ("userId", fan.user_id.clone()),
            ("reservationId", reservation.clone()),
            ("paymentId", reservation),
            ("queueId", "main".to_owned()),
            ("webhookId", "shop".to_owned()),
        ]);
        let template = Template::load(&template::locate()?)?;
        Ok(Walk { world, template, ids, admin: admin.access, fan: fan.queue, rows: Vec::new() })
    }

    /// The paths of the template, and one that nothing answers.
    fn patterns(&self) -> BTreeSet<String> {
        let paths = self.template.routes.iter().filter_map(|route| match &route.key {
            RouteKey::Path { path, .. } => Some(path.clone()),
            RouteKey::Default => None,
        });
        paths.chain(["/api/v1/nowhere".to_owned()]).collect()
    }

    fn path(&self, pattern: &str) -> String {
        self.ids.iter().fold(pattern.to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id))
    }

    fn is_routed(&self, method: &'static str, path: &str) -> bool {
        route(&self.template, &Request::new(method, path)).1 != "reject_route"
    }

    /// Only reads carry a token: a request that writes must not get further than authentication here.
    fn request(&self, method: &'static str, pattern: &str) -> Request {
        let request = Request::new(method, self.path(pattern));
        let public = PUBLIC.iter().any(|(path, _)| *path == pattern);
        match method {
            "GET" | "HEAD" if !public => {
                request.token(if pattern.contains("/admin/") { &self.admin } else { &self.fan })
            }
            "OPTIONS" => request
                .header("access-control-request-method", "GET")
                .header("access-control-request-headers", "authorization"),
            _ => request,
        }
    }

    /// Sends every variation of one method at one path, and checks each answer.
    async fn visit(&mut self, method: &'static str, pattern: &str) {
        let path = self.path(pattern);
        let routed = self.is_routed(method, &path);
        let allow: BTreeSet<&str> = METHODS.into_iter().filter(|method| self.is_routed(method, &path)).collect();
        let known = !allow.is_empty();
        let allow =
            allow.into_iter().chain(["OPTIONS"]).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
        let plain = self.world.send(self.request("GET", pattern)).await;
        let tag = plain.headers.get("etag").cloned();
        let mut seen = BTreeMap::new();
        for origin in ORIGINS {
            for (encoding, wants_gzip) in ENCODINGS {
                for (copy, known_tag) in
                    [("none", None), ("stale", Some("W/\"stale\"")), ("fresh", Some(tag.as_deref().unwrap_or("*")))]
                {
                    let mut request = self.request(method, pattern);
                    for (name, value) in
                        [("origin", origin), ("accept-encoding", encoding), ("if-none-match", known_tag)]
                    {
                        request = value.into_iter().fold(request, |request, value| request.header(name, value));
                    }
                    let what = format!("{method} {pattern}, {origin:?}, {encoding:?}, copy {copy}");
                    let reply = self.world.send(request).await;
                    assert!(reply.status < 500, "{what}: {}", reply.outcome());
                    let outcome = match (method, known, routed) {
                        (_, false, _) => Some("404 not_found"),
                        ("OPTIONS", ..) => Some("204"),
                        (_, _, false) => Some("405 method_not_allowed"),
                        ("GET" | "HEAD", ..) if tag.is_some() && copy == "fresh" => Some("304"),
                        ("GET" | "HEAD", ..) => Some("200"),
                        _ => None,
                    };
                    if let Some(outcome) = outcome {
                        // The answer to HEAD has no body, and so no code.
                        let expected = if method == "HEAD" { &outcome[..3] } else { outcome };
                        assert_eq!(reply.outcome(), expected, "{what}");
                    }
                    let lists = known && (!routed || method == "OPTIONS");
                    assert_eq!(reply.headers.get("allow"), Some(&allow).filter(|_| lists), "{what}");
                    check_every_answer(&reply, &what);
                    check_origin(&reply, origin, method == "OPTIONS" && known, &allow, &what);
                    check_caching(&reply, pattern, routed, tag.as_ref(), &what);
                    check_body(&reply, &plain, method, wants_gzip, &what);
                    *seen.entry((copy, encoding.unwrap_or("-"), reply.outcome(), reply.sent_bytes)).or_insert(0) += 1;
                }
            }
        }
        self.row(method, pattern, &seen, known && !routed, &allow, &plain);
    }

    fn row(
        &mut self,
        method: &str,
        pattern: &str,
        seen: &BTreeMap<(&str, &str, String, usize), u32>,
        lists: bool,
        allow: &str,
        plain: &Reply,
    ) {
        let by = |wanted: &str| {
            let of_copy = seen.keys().filter(|(copy, ..)| *copy == wanted).map(|(_, _, outcome, _)| outcome.as_str());
            of_copy.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("/")
        };
        let sizes: BTreeSet<usize> =
            seen.keys().filter(|(copy, ..)| *copy == "none").map(|(.., bytes)| *bytes).collect();
        let sizes = sizes.into_iter().map(|bytes| bytes.to_string()).collect::<Vec<_>>().join("/");
        let caching =
            if ["GET", "HEAD"].contains(&method) { plain.headers["cache-control"].as_str() } else { "no-store" };
        let allow = if lists { allow } else { "" };
        self.rows.push(format!(
            "{method:8} {pattern:55} {:24} stale {:4} fresh {:4} bytes {sizes:12} {caching:22} {allow}",
            by("none"),
            by("stale").split(' ').next().unwrap_or_default(),
            by("fresh").split(' ').next().unwrap_or_default(),
        ));
    }
}

fn check_every_answer(reply: &Reply, what: &str) {
    assert_eq!(reply.headers.get("vary").map(String::as_str), Some(VARY), "{what}");
    assert!(reply.headers.contains_key("x-request-id"), "{what}");
}

/// Only the allowed origin is let in, on every answer; no header of CORS says anything to others.
fn check_origin(reply: &Reply, origin: Option<&str>, preflight: bool, allow: &str, what: &str) {
    let cors: BTreeMap<&str, &str> = (reply.headers.iter())
        .filter_map(|(name, value)| Some((name.strip_prefix("access-control-")?, value.as_str())))
        .collect();
    let mut expected = BTreeMap::new();
    if origin == Some(OURS) {
        expected.extend([("allow-origin", OURS), ("expose-headers", EXPOSED)]);
        if preflight {
            let headers = "authorization, content-type, idempotency-key, if-none-match";
            expected.extend([("allow-methods", allow), ("allow-headers", headers), ("max-age", "7200")]);
        }
    }
    assert_eq!(cors, expected, "{what}");
}

fn check_caching(reply: &Reply, pattern: &str, routed: bool, tag: Option<&String>, what: &str) {
    let public = PUBLIC.iter().find(|(path, _)| *path == pattern && routed && [200, 304].contains(&reply.status));
    let expected = public.map_or("no-store".to_owned(), |(_, seconds)| format!("public, max-age={seconds}"));
    assert_eq!(reply.headers.get("cache-control"), Some(&expected), "{what}");
    assert_eq!(reply.headers.get("etag"), tag.filter(|_| public.is_some()), "{what}");
}

/// The same document in every encoding; no body where HTTP has none.
fn check_body(reply: &Reply, plain: &Reply, method: &str, wants_gzip: bool, what: &str) {
    let coding = reply.headers.get("content-encoding").map(String::as_str);
    if reply.status == 304 || reply.status == 204 {
        assert_eq!((reply.sent_bytes, coding), (0, None), "{what}");
        assert!(!reply.headers.contains_key("content-type"), "{what}");
    } else if method == "HEAD" {
        assert_eq!(reply.sent_bytes, 0, "{what}");
        let length: usize = reply.headers["content-length"].parse().unwrap_or_default();
        assert!(coding.is_some() || reply.status != 200 || length == plain.sent_bytes, "{what}: {length}");
        assert_eq!(reply.status == 200 && wants_gzip && plain.sent_bytes > 1_024, coding.is_some(), "{what}");
    } else {
        assert!(reply.sent_bytes > 0 && !reply.headers.contains_key("content-length"), "{what}");
        if method == "GET" && reply.status == 200 {
            assert_eq!((&reply.body, reply.raw == plain.raw), (&plain.body, true), "{what}");
            assert_eq!(wants_gzip && plain.sent_bytes > 1_024, coding == Some("gzip"), "{what}");
            assert!(coding.is_none() || reply.sent_bytes < plain.sent_bytes, "{what}");
        }
    }
}

#[tokio::test]
async fn every_route_method_origin_encoding_and_copy_gets_what_the_contract_says() -> Outcome {
    let mut walk = Walk::begin().await?;
    let before = json!([walk.world.engine.items("Fans"), walk.world.engine.items("Concerts")]);
    for pattern in walk.patterns() {
        for method in METHODS {
            walk.visit(method, &pattern).await;
        }
    }
    let after = json!([walk.world.engine.items("Fans"), walk.world.engine.items("Concerts")]);
    assert!(before == after, "reading, asking and refusing change nothing");
    let variations = ORIGINS.len() * ENCODINGS.len() * 3;
    eprintln!("{}\n{} rows of {variations} requests", walk.rows.join("\n"), walk.rows.len());
    Ok(())
}
