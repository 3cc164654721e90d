//! Limits against abuse on sign-up, login and join.

use crate::{
    Outcome,
    support::purchases::{PRICE, held, inject_where, sale},
    support::{leave, poll},
};
use acceptance::{Fan, Reply, Request, SIGNING_SECRET, World};
use engine::{Call, Fault};
use futures_util::future::join_all;
use serde_json::{Value, json};

const REFUSED: &str = "429 too_many_requests";
const PASSWORD: &str = "correct horse";

fn sign_up(name: &str) -> Request {
    Request::new("POST", "/api/v1/users").json(&json!({ "username": name, "password": PASSWORD }))
}

fn log_in(name: &str, password: &str) -> Request {
    Request::new("POST", "/api/v1/users/login").json(&json!({ "username": name, "password": password }))
}

fn join(fan: &Fan) -> Request {
    Request::new("POST", "/api/v1/tokens").token(&fan.access).json(&json!({}))
}

async fn outcomes(world: &World, requests: impl IntoIterator<Item = Request>) -> Vec<String> {
    let mut outcomes = Vec::new();
    for request in requests {
        outcomes.push(world.send(request).await.outcome());
    }
    outcomes
}

async fn fans(world: &World, count: usize) -> Vec<Fan> {
    let mut fans = Vec::new();
    for number in 0..count {
        fans.push(world.fan(&format!("fan-{number}")).await);
    }
    fans
}

/// What each counter has counted, in ascending order.
fn counted(world: &World) -> Vec<u64> {
    let mut counted: Vec<u64> = counters(world).iter().filter_map(|item| item["counted"].as_u64()).collect();
    counted.sort_unstable();
    counted
}

fn counters(world: &World) -> Vec<Value> {
    world.engine.items("Limits")
}

fn the_rest(world: &World) -> Vec<Value> {
    ["Fans", "Concerts", "Queues"].iter().flat_map(|table| world.engine.items(table)).collect()
}

fn counts(call: &Call<'_>) -> bool {
    call.tables.iter().any(|table| table == "Limits")
}

fn retry_after(reply: &Reply) -> u64 {
    reply.headers["retry-after"].parse().expect("whole seconds")
}

#[tokio::test]
async fn what_exceeds_a_limit_is_429_until_the_minute_is_over_and_changes_nothing() -> Outcome {
    let world =
        World::with(&[("SIGN_UPS_PER_ADDRESS", "1"), ("LOGINS_PER_USERNAME", "1"), ("JOINS_PER_FAN", "1")]).await?;
    let ann = world.fan_with_password("ann", PASSWORD).await;
    for (number, request, allowed) in
        [(1, sign_up("bob"), "201"), (2, log_in("ann", PASSWORD), "200"), (3, join(&ann), "201")]
    {
        world.clock.set_ms(acceptance::START_MILLIS + number * 60_000 + 17_250);
        assert_eq!(world.send(request.clone()).await.outcome(), allowed);
        let before = the_rest(&world);
        let again = if number == 1 { sign_up("cat") } else { request };
        let refused = world.send(again.clone()).await;
        assert_eq!(refused.outcome(), REFUSED);
        assert_eq!(refused.headers["content-type"], "application/problem+json");
        assert_eq!(retry_after(&refused), 43, "42.75 s, rounded up");
        world.clock.advance_ms(42_749);
        let late = world.send(again.clone()).await;
        assert_eq!((late.outcome().as_str(), retry_after(&late)), (REFUSED, 1));
        assert_eq!(the_rest(&world), before, "a refusal changes nothing");
        world.clock.advance_ms(1);
        assert!(world.send(again).await.status < 300, "the first request of the next minute");
    }
    Ok(())
}

#[tokio::test]
async fn a_login_over_the_limit_is_refused_before_its_password_is_checked_for_known_and_unknown_names() -> Outcome {
    let world = World::with(&[("LOGINS_PER_USERNAME", "2")]).await?;
    world.fan_with_password("ann", PASSWORD).await;
    let mut refusals = Vec::new();
    for name in ["ann", "nobody", "not a name"] {
        let tries = outcomes(&world, (0..2).map(|_| log_in(name, "wrong password"))).await;
        assert_eq!(tries, ["401 bad_credentials"; 2], "{name}");
        let mut refused = world.send(log_in(name, PASSWORD)).await;
        refused.headers.remove("x-request-id");
        refused.body["instance"] = json!(null);
        refusals.push(refused);
    }
    assert_eq!(refusals[0].outcome(), REFUSED, "even with the right password");
    assert!(refusals.iter().all(|reply| *reply == refusals[0]), "{refusals:?}");
    assert_eq!(world.send(log_in("ANN", PASSWORD)).await.outcome(), REFUSED, "letter case does not make another name");
    let elsewhere = log_in("ann", PASSWORD).from_address(Some("192.0.2.1"));
    assert_eq!(world.send(elsewhere).await.outcome(), REFUSED, "nor does another address");
    assert_eq!(
        world.send(log_in("bob", PASSWORD)).await.outcome(),
        "401 bad_credentials",
        "other names are not limited"
    );
    Ok(())
}

#[tokio::test]
async fn each_address_is_counted_separately_and_for_all_its_fans_together() -> Outcome {
    let limits = [("SIGN_UPS_PER_ADDRESS", "2"), ("LOGINS_PER_ADDRESS", "2"), ("JOINS_PER_ADDRESS", "2")];
    let world = World::with(&limits).await?;
    let fans = fans(&world, 3).await;
    let names = ["ann", "bob", "cat"];
    let (here, there) = (Some("192.0.2.1"), Some("192.0.2.2"));
    let from = |address| move |request: Request| request.from_address(address);
    let ups = names.map(sign_up).map(from(here));
    assert_eq!(outcomes(&world, ups).await, ["201", "201", REFUSED]);
    let logins = names.map(|name| log_in(name, PASSWORD)).map(from(here));
    assert_eq!(outcomes(&world, logins).await, ["200", "200", REFUSED], "a limit of its own");
    let joins = [0, 1, 2].map(|fan| join(&fans[fan])).map(from(here));
    assert_eq!(outcomes(&world, joins).await, ["201", "201", REFUSED]);
    let others = [sign_up("cat"), log_in("cat", PASSWORD), join(&fans[2])].map(from(there));
    assert_eq!(outcomes(&world, others).await, ["201", "200", "201"]);
    Ok(())
}

#[tokio::test]
async fn a_fan_is_counted_from_all_addresses_and_apart_from_other_fans() -> Outcome {
    let world = World::with(&[("JOINS_PER_FAN", "3"), ("JOINS_PER_ADDRESS", "5")]).await?;
    let mut fans = fans(&world, 4).await;
    for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        let joined = world.send(join(&fans[0]).from_address(Some(address))).await;
        assert!(joined.status < 300);
        joined.text("token").clone_into(&mut fans[0].queue);
    }
    assert_eq!(world.send(join(&fans[0]).from_address(Some("192.0.2.4"))).await.outcome(), REFUSED);
    assert_eq!(poll(&world, &fans[0]).await.outcome(), "200", "the place is unchanged");
    let others = [1, 1, 1, 2, 3, 2].map(|fan| join(&fans[fan]).from_address(Some("192.0.2.9")));
    assert_eq!(
        outcomes(&world, others).await,
        ["201", "200", "200", "201", "201", REFUSED],
        "the address has reached its limit"
    );
    assert_eq!(world.send(join(&fans[2])).await.outcome(), "200", "the fan has not");
    Ok(())
}

#[tokio::test]
async fn a_join_by_an_admin_counts_for_the_fan_who_gets_the_place() -> Outcome {
    let world = World::with(&[("JOINS_PER_FAN", "1")]).await?;
    let (admin, fans) = (world.admin().await, fans(&world, 2).await);
    let for_fan =
        |fan: &Fan| Request::new("POST", "/api/v1/tokens").token(&admin.access).json(&json!({ "userId": fan.user_id }));
    let joins = [for_fan(&fans[0]), for_fan(&fans[1]), for_fan(&fans[1]), join(&fans[0])];
    assert_eq!(outcomes(&world, joins).await, ["201", "201", REFUSED, REFUSED]);
    Ok(())
}

#[tokio::test]
async fn concurrent_requests_to_many_environments_never_exceed_a_limit() -> Outcome {
    let variables = [("JOINS_PER_FAN", "7"), ("JOINS_PER_ADDRESS", "13"), ("SIGN_UPS_PER_ADDRESS", "3")];
    let world = World::with(&variables).await?;
    let mut apps = Vec::new();
    for _ in 0..8 {
        apps.push(world.environment(&variables).await?);
    }
    let fans = fans(&world, 5).await;
    let accepted = async |requests: Vec<Request>| {
        let sent = requests.into_iter().zip(apps.iter().cycle());
        let replies = join_all(sent.map(|(request, app)| world.send_to(app, request))).await;
        assert!(replies.iter().all(|reply| reply.status < 300 || reply.outcome() == REFUSED));
        replies.iter().filter(|reply| reply.status < 300).count()
    };
    assert_eq!(accepted((0..40).map(|_| join(&fans[0])).collect()).await, 7);
    world.wait(60);
    assert_eq!(accepted((0..50).map(|number| join(&fans[number % 5])).collect()).await, 13);
    assert_eq!(accepted((0..40).map(|number| sign_up(&format!("new-{number}"))).collect()).await, 3);
    assert!(counted(&world).iter().all(|counted| *counted <= 13), "{:?}", counted(&world));
    Ok(())
}

#[tokio::test]
async fn ipv6_addresses_are_counted_by_their_first_64_bits() -> Outcome {
    let world = World::with(&[("JOINS_PER_ADDRESS", "1")]).await?;
    let fans = fans(&world, 4).await;
    let addresses = ["2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:2::1", "::ffff:192.0.2.1"];
    let joins = [0, 1, 2, 3].map(|number| join(&fans[number]).from_address(Some(addresses[number])));
    assert_eq!(outcomes(&world, joins).await, ["201", REFUSED, "201", "201"]);
    assert_eq!(world.send(join(&fans[1]).from_address(Some("192.0.2.1"))).await.outcome(), REFUSED, "IPv4 in IPv6");
    Ok(())
}

#[tokio::test]
async fn a_forged_header_does_not_change_the_address_that_is_counted() -> Outcome {
    let world = World::with(&[("JOINS_PER_ADDRESS", "1")]).await?;
    let fans = fans(&world, 4).await;
    let forged = |number: usize| join(&fans[number]).header("x-forwarded-for", &format!("192.0.2.{number}, 127.0.0.1"));
    assert_eq!(
        outcomes(&world, (0..3).map(forged)).await,
        ["201", REFUSED, REFUSED],
        "without proxies the header is ignored"
    );
    let behind = World::with(&[("JOINS_PER_ADDRESS", "1"), ("PROXIES_IN_FRONT", "1")]).await?;
    let fans = self::fans(&behind, 4).await;
    let via = |number: usize, forwarded: &str| {
        let forwarded = format!("{forwarded}, 203.0.113.1");
        join(&fans[number]).from_address(Some("203.0.113.1")).header("x-forwarded-for", &forwarded)
    };
    let chains = [via(0, "192.0.2.1"), via(1, "192.0.2.2"), via(2, "192.0.2.9, 192.0.2.1"), via(3, "x, 192.0.2.2")];
    assert_eq!(
        outcomes(&behind, chains).await,
        ["201", "201", REFUSED, REFUSED],
        "the address that the proxy saw counts"
    );
    Ok(())
}

#[tokio::test]
async fn requests_without_an_address_count_together() -> Outcome {
    for (proxies, address) in [("0", None), ("0", Some("no address")), ("1", Some("203.0.113.1"))] {
        let world = World::with(&[("JOINS_PER_ADDRESS", "2"), ("PROXIES_IN_FRONT", proxies)]).await?;
        let fans = fans(&world, 3).await;
        let joins = fans.iter().map(|fan| join(fan).from_address(address));
        assert_eq!(outcomes(&world, joins).await, ["201", "201", REFUSED], "{proxies} {address:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_limit_of_0_means_no_limit_and_writes_nothing() -> Outcome {
    let world = World::with(&[("JOINS_PER_FAN", "0"), ("JOINS_PER_ADDRESS", "30")]).await?;
    let fan = world.fan("ann").await;
    assert!(outcomes(&world, (0..30).map(|_| join(&fan))).await.iter().all(|outcome| outcome.starts_with("20")));
    assert_eq!(counted(&world), [30], "only the address is counted");
    let free = World::new().await?;
    let fan = free.fan("ann").await;
    free.send(join(&fan)).await;
    free.send(log_in("bob", PASSWORD)).await;
    free.send(sign_up("bob")).await;
    assert!(counters(&free).is_empty());
    Ok(())
}

#[tokio::test]
async fn a_counter_ends_with_the_minute_in_its_key_and_ttl_deletes_it_later() -> Outcome {
    let world = World::with(&[("JOINS_PER_FAN", "1")]).await?;
    let fan = world.fan("ann").await;
    for minute in 0..3 {
        assert!(world.send(join(&fan)).await.status < 300, "{minute}");
        world.clock.advance_ms(59_999);
        world.engine.sweep_ttl();
        // Another environment has no counts in memory, only the table's.
        let elsewhere = world.environment(&[("JOINS_PER_FAN", "1")]).await?;
        assert_eq!(world.send_to(&elsewhere, join(&fan)).await.outcome(), REFUSED);
        world.clock.advance_ms(1);
    }
    assert_eq!(counted(&world), [1, 1, 1], "TTL deleted none of them yet");
    world.wait(24 * 3_600);
    world.engine.sweep_ttl();
    assert!(counters(&world).is_empty(), "TTL deletes all of them in the end");
    Ok(())
}

#[tokio::test]
async fn an_invalid_request_is_refused_before_the_limit_and_counts_nothing() -> Outcome {
    let limits = [("SIGN_UPS_PER_ADDRESS", "1"), ("LOGINS_PER_ADDRESS", "1"), ("JOINS_PER_ADDRESS", "1")];
    let world = World::with(&limits).await?;
    let fans = fans(&world, 2).await;
    let join_with = |token: &str, body: Value| Request::new("POST", "/api/v1/tokens").token(token).json(&body);
    let wrong = || {
        [
            (sign_up("x"), "400 invalid_request"),
            (Request::new("POST", "/api/v1/users").text("text/plain", "{}"), "415 unsupported_media_type"),
            (Request::new("POST", "/api/v1/users/login").json(&json!({ "username": "ann" })), "400 invalid_request"),
            (join_with("forged", json!({})), "401 unauthenticated"),
            (join_with(&fans[0].access, json!({ "queueId": "NOT A SLUG" })), "400 invalid_request"),
            (join_with(&fans[0].access, json!({ "userId": fans[1].user_id })), "403 forbidden"),
        ]
    };
    for (request, expected) in wrong() {
        assert_eq!(world.send(request).await.outcome(), expected);
    }
    assert!(counters(&world).is_empty());
    let nowhere = || join_with(&fans[0].access, json!({ "queueId": "nowhere" }));
    let filling = [sign_up("ann"), log_in("ann", "wrong password"), nowhere()];
    assert_eq!(outcomes(&world, filling).await, ["201", "401 bad_credentials", "404 queue_not_found"]);
    for (request, expected) in wrong() {
        assert_eq!(world.send(request).await.outcome(), expected, "the same when the limit is reached");
    }
    let state = [sign_up("ann"), log_in("ann", "wrong password"), nowhere()];
    assert_eq!(outcomes(&world, state).await, [REFUSED; 3], "the limit is checked before the state");
    Ok(())
}

#[tokio::test]
async fn a_limit_that_is_known_to_be_reached_costs_no_request() -> Outcome {
    let variables = [("SIGN_UPS_PER_ADDRESS", "1"), ("LOGINS_PER_USERNAME", "1"), ("JOINS_PER_FAN", "1")];
    let world = World::with(&variables).await?;
    let ann = world.fan("ann").await;
    for (name, request) in [("x", sign_up("x-1")), ("ann", log_in("ann", PASSWORD)), ("ann", join(&ann))] {
        world.send(request.clone()).await;
        let again = if name == "x" { sign_up("x-2") } else { request };
        assert_eq!(world.send(again.clone()).await.outcome(), REFUSED);
        world.engine.reset_meter();
        for _ in 0..20 {
            assert_eq!(world.send(again.clone()).await.outcome(), REFUSED);
        }
        assert_eq!(world.engine.meter().requests, 0, "{again:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_request_with_a_lost_answer_counts_at_most_twice_and_succeeds() -> Outcome {
    for fault in [Fault::LostAnswer, Fault::LostRequest, Fault::Throttled, Fault::InternalError] {
        let world = World::with(&[("JOINS_PER_FAN", "5"), ("LOGINS_PER_USERNAME", "5")]).await?;
        let ann = world.fan_with_password("ann", PASSWORD).await;
        inject_where(&world, fault, 1, counts);
        assert!(world.send(join(&ann)).await.status < 300, "{fault:?}");
        inject_where(&world, fault, 1, counts);
        assert_eq!(world.send(log_in("ann", PASSWORD)).await.outcome(), "200", "{fault:?}");
        let doubled = fault == Fault::LostAnswer;
        assert_eq!(counted(&world), if doubled { [2, 2] } else { [1, 1] }, "{fault:?}");
    }
    Ok(())
}

#[tokio::test]
async fn counters_that_do_not_answer_are_503_and_nothing_changes() -> Outcome {
    for fault in [Fault::Throttled, Fault::InternalError, Fault::LostRequest, Fault::LostAnswer] {
        let variables = [("SIGN_UPS_PER_ADDRESS", "9"), ("LOGINS_PER_ADDRESS", "9"), ("JOINS_PER_ADDRESS", "9")];
        let world = World::with(&variables).await?;
        let ann = world.fan_with_password("ann", PASSWORD).await;
        world.get("/api/v1/queues/main", "").await;
        let before = the_rest(&world);
        for request in [sign_up("bob"), log_in("ann", PASSWORD), join(&ann)] {
            inject_where(&world, fault, u64::MAX, counts);
            let refused = world.send(request.clone()).await;
            assert_eq!((refused.outcome().as_str(), retry_after(&refused)), ("503 unavailable", 1), "{fault:?}");
            assert_eq!(the_rest(&world), before, "{fault:?}");
            world.engine.clear_faults();
        }
    }
    Ok(())
}

#[tokio::test]
async fn counters_store_no_address_name_or_id() -> Outcome {
    let variables = ["SIGN_UPS_PER_ADDRESS", "LOGINS_PER_ADDRESS", "LOGINS_PER_USERNAME", "JOINS_PER_ADDRESS"];
    let world = World::with(&variables.map(|name| (name, "9"))).await?;
    let address = "198.51.100.77";
    let login = async |name| {
        world.send(sign_up(name).from_address(Some(address))).await;
        world.send(log_in(name, PASSWORD).from_address(Some(address))).await
    };
    let ann = login("conspicuous-name").await;
    let request = Request::new("POST", "/api/v1/tokens").token(ann.text("accessToken"));
    assert_eq!(world.send(request.json(&json!({})).from_address(Some(address))).await.outcome(), "201");
    assert_eq!(counted(&world), [1, 1, 1, 1]);
    let stored = json!(counters(&world)).to_string();
    for known in [address, "198", "conspicuous", ann.text("userId")] {
        assert!(!stored.contains(known), "{known}: {stored}");
    }
    // The hash depends on the signing secret: a plain hash of an address could be reversed by trying all addresses.
    for _ in 0..2 {
        world.engine.put_secret(SIGNING_SECRET, "another secret of thirty-two letters");
    }
    let elsewhere = world.environment(&variables.map(|name| (name, "9"))).await?;
    world.send_to(&elsewhere, log_in("conspicuous-name", PASSWORD).from_address(Some(address))).await;
    assert_eq!(counted(&world).len(), 6);
    Ok(())
}

#[tokio::test]
async fn holding_paying_polling_and_leaving_are_counted_nowhere() -> Outcome {
    let (world, _, concert) = sale(&[("JOINS_PER_FAN", "1"), ("JOINS_PER_ADDRESS", "1")]).await?;
    let fan = world.buyer("ann", 100_000).await;
    inject_where(&world, Fault::InternalError, u64::MAX, counts);
    let reservation = held(&world, &fan, &concert, &[1]).await;
    held(&world, &fan, &concert, &[2]).await;
    assert_eq!(world.pay(&fan, &reservation, PRICE, None).await.outcome(), "200");
    assert_eq!(poll(&world, &fan).await.outcome(), "200");
    assert_eq!(leave(&world, &fan).await.outcome(), "204");
    assert_eq!(counted(&world), [1, 1], "only the join");
    Ok(())
}
