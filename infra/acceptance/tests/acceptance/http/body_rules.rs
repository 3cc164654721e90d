//! The rules for bodies, one at a time: the pointer and the detail of each problem.

use crate::Outcome;
use acceptance::{Fan, Reply, Request, World};
use serde_json::{Value, json};

/// The outcome, with pointer and detail of the first error.
pub fn outcome_and_error(reply: &Reply) -> (String, &str, &str) {
    let error = &reply.body["errors"][0];
    (reply.outcome(), error["pointer"].as_str().unwrap_or("none"), error["detail"].as_str().unwrap_or("none"))
}

/// What [`outcome_and_error`] returns for an invalid request.
pub fn refused<'a>(pointer: &'a str, detail: &'a str) -> (String, &'a str, &'a str) {
    ("400 invalid_request".to_owned(), pointer, detail)
}

async fn post(world: &World, path: &str, token: &str, body: &str) -> Reply {
    world.send(Request::new("POST", path).token(token).text("application/json", body)).await
}

#[tokio::test]
async fn each_error_in_a_body_has_a_pointer_and_a_plain_detail() -> Outcome {
    let world = World::new().await?;
    let deep = format!("{{\"username\":\"ann\",\"x\":{}", "[".repeat(200));
    let seat_text = format!("{{\"username\":{}", "[".repeat(200));
    for (body, pointer, detail) in [
        (r#"{"username":"ann"}"#, "/password", "is missing"),
        (r#"{"username":"ann","username":"bob","password":"x"}"#, "/username", "appears twice"),
        (r#"{"username":"ann","password":"x","role":"admin"}"#, "/role", "is not a field of this request"),
        (r#"{"username":"ann","password":"x","a/b~c":1}"#, "/a~1b~0c", "is not a field of this request"),
        (r#"{"username":7,"password":"x"}"#, "/username", "must be a string"),
        (r#"{"username":null,"password":"x"}"#, "/username", "must be a string"),
        (r#"{"username":1e400,"password":"x"}"#, "/username", "is a number out of range"),
        (r#"["ann","correct horse"]"#, "", "must be an object"),
        ("null", "", "must be an object"),
        ("", "", "is not JSON: EOF while parsing a value at line 1 column 0"),
        (r#"{"username":"ann","password":"correct horse"}x"#, "", "there is something behind the JSON value"),
        ("{\"username\":\"ann\",\"password\":\"correct horse\"}\0", "", "there is something behind the JSON value"),
        ("\u{feff}{}", "", "is not JSON: expected value at line 1 column 1"),
        (&deep, "/x", "is not a field of this request"),
        (&seat_text, "/username", "must be a string"),
    ] {
        let reply = post(&world, "/api/v1/users", "", body).await;
        assert_eq!(outcome_and_error(&reply), refused(pointer, detail), "{body}");
    }
    let unpaired = post(&world, "/api/v1/users", "", r#"{"username":"\ud800","password":"x"}"#).await;
    assert_eq!((outcome_and_error(&unpaired).0.as_str(), outcome_and_error(&unpaired).1), ("400 invalid_request", ""));
    assert!(outcome_and_error(&unpaired).2.starts_with("is not JSON: "), "{}", unpaired.body);
    assert!(world.engine.items("Fans").is_empty());
    Ok(())
}

#[tokio::test]
async fn each_kind_of_value_has_its_own_detail() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let fan = world.buyer("ann", 0).await;
    let of_a_queue = "must be a whole number from 0 to 1000000";
    let of_a_seat = "must be a whole number from 1 to 4294967295";
    let amount = "must be a whole amount from 1 to 1000000000000";
    let put = |body: String| {
        world.send(Request::new("PUT", "/api/v1/admin/queues/main").token(&admin.access).text("application/json", body))
    };
    for value in ["-1", "-0", "1.0", "1e2", "18446744073709551616", "\"3\"", "true", "[]", "{}"] {
        let reply = put(format!("{{\"capacity\":{value}}}")).await;
        assert_eq!(outcome_and_error(&reply), refused("/capacity", of_a_queue), "{value}");
        let hold = format!("{{\"concertId\":\"{}\",\"seatNumbers\":[1,{value}]}}", fan.user_id);
        let reply = post(&world, "/api/v1/reservations", &fan.queue, &hold).await;
        assert_eq!(outcome_and_error(&reply), refused("/seatNumbers/1", of_a_seat), "{value}");
    }
    for value in [
        "-1",
        "0",
        "-0",
        "1.0",
        "1e2",
        "1000000000001",
        "18446744073709551616",
        "\"1.0\"",
        "\"+1\"",
        "\"\"",
        "\"\u{663}\"",
        "null",
        "[]",
    ] {
        let recharge = format!("{{\"userId\":\"{}\",\"amount\":{value}}}", fan.user_id);
        let reply = post(&world, "/api/v1/payments/recharge", &fan.access, &recharge).await;
        assert_eq!(outcome_and_error(&reply), refused("/amount", amount), "{value}");
    }
    for (body, pointer, detail) in [
        (r#"{"paused":"yes"}"#, "/paused", "must be true or false"),
        (r#"{"opensAt":"tomorrow"}"#, "/opensAt", "must be an RFC 3339 time of the years 1970 to 9999"),
        (r#"{"opensAt":"2026-07-01T00:00:01Z"}"#, "/opensAt", "must be at most 30 days ahead"),
        (r#"{"capacity":1000001}"#, "/capacity", of_a_queue),
        (r#"{"claimWindowSeconds":0}"#, "/claimWindowSeconds", "must be a whole number from 1 to 3600"),
        (r#"{"claimWindowSeconds":3601}"#, "/claimWindowSeconds", "must be a whole number from 1 to 3600"),
        (r#"{"activeSeconds":14401}"#, "/activeSeconds", "must be a whole number from 1 to 14400"),
        (r#"{"waitingSeconds":604801}"#, "/waitingSeconds", "must be a whole number from 1 to 604800"),
        (r#"{"waitingSeconds":1.0}"#, "/waitingSeconds", "must be a whole number from 1 to 604800"),
        (r#"{"opensAt":7}"#, "/opensAt", "must be a string"),
        (r#"{"capacity":1e400}"#, "/capacity", "is a number out of range"),
    ] {
        assert_eq!(outcome_and_error(&put(body.to_owned()).await), refused(pointer, detail), "{body}");
    }
    let join = |body: &'static str| post(&world, "/api/v1/tokens", &fan.access, body);
    assert_eq!(outcome_and_error(&join(r#"{"userId":"ann"}"#).await), refused("/userId", "must be a UUID"));
    assert_eq!(
        outcome_and_error(&join(r#"{"queueId":"A"}"#).await),
        refused("/queueId", "must be 1 to 32 of a-z, 0-9 and -")
    );
    Ok(())
}

#[tokio::test]
async fn each_error_in_seat_numbers_has_its_own_detail() -> Outcome {
    let world = World::new().await?;
    let fan = world.buyer("ann", 0).await;
    let of_a_seat = "must be a whole number from 1 to 4294967295";
    for (body, pointer, detail) in [
        (json!({ "seatNumber": 1, "seatNumbers": [2] }), "/seatNumbers", "must be left out beside seatNumber"),
        (json!({}), "", "must have either seatNumber or seatNumbers"),
        (json!({ "seatNumber": 0 }), "/seatNumber", of_a_seat),
        (json!({ "seatNumbers": 1 }), "/seatNumbers", "must be an array"),
        (json!({ "seatNumbers": [] }), "/seatNumbers", "must have 1 to 8 seats"),
        (json!({ "seatNumbers": [3, 3] }), "/seatNumbers/1", "is named twice"),
    ] {
        let mut body = body;
        body["concertId"] = json!(fan.user_id);
        let reply = post(&world, "/api/v1/reservations", &fan.queue, &body.to_string()).await;
        assert_eq!(outcome_and_error(&reply), refused(pointer, detail), "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn an_id_is_a_hyphenated_uuid_in_bodies_and_paths() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    let simple = fan.user_id.replace('-', "");
    for id in [
        simple.clone(),
        format!("{{{}}}", fan.user_id),
        format!("urn:uuid:{}", fan.user_id),
        format!(" {}", fan.user_id),
    ] {
        let joined = crate::support::join_with(&world, &fan.access, &json!({ "userId": id })).await;
        assert_eq!(outcome_and_error(&joined), refused("/userId", "must be a UUID"));
    }
    let balance = world.get(&format!("/api/v1/payments/balance/{simple}"), &fan.access).await;
    assert_eq!(outcome_and_error(&balance), refused("userId", "must be a UUID"));
    let upper = crate::support::join_with(&world, &fan.access, &json!({ "userId": fan.user_id.to_uppercase() })).await;
    assert_eq!(upper.outcome(), "201");
    Ok(())
}

#[tokio::test]
async fn a_problem_shortens_a_long_name_and_repeats_no_value() -> Outcome {
    let world = World::new().await?;
    let name = format!("{{\"{}\":1}}", "x".repeat(60_000));
    let reply = post(&world, "/api/v1/users", "", &name).await;
    assert_eq!(outcome_and_error(&reply), refused(&format!("/{}", "x".repeat(64)), "is not a field of this request"));
    let reply = post(&world, "/api/v1/users", "", r#"{"username":"ann","password":["correct horse"]}"#).await;
    assert_eq!(outcome_and_error(&reply), refused("/password", "must be a string"));
    Ok(())
}

async fn draft(world: &World, admin: &Fan, fields: Value) -> Reply {
    let mut draft = json!({
        "concertName": "Night", "startsAt": "2027-06-01T19:00:00Z", "endsAt": "2027-06-01T22:00:00Z",
        "blocks": [{ "section": "A", "from": 1, "to": 2, "seatType": "VIP", "price": 1 }],
    });
    for (pointer, value) in fields.as_object().into_iter().flatten() {
        match draft.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => draft[&pointer[1..]] = value.clone(),
        }
    }
    world.send(Request::new("POST", "/api/v1/admin/concerts").token(&admin.access).json(&draft)).await
}

#[tokio::test]
async fn texts_with_invisible_characters_are_refused() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let rule = "must be 1 to 32 characters, not only blanks, without control or invisible characters";
    for pointer in ["/category", "/blocks/0/section", "/blocks/0/seatType"] {
        for hidden in [
            "",
            " ",
            "A\0",
            "A\nB",
            "\u{202e}A",
            "A\u{200b}",
            "A\u{2069}",
            "\u{feff}A",
            "\u{3164}",
            "A\u{2800}",
            "A\u{ffff}",
            "A\u{e0061}",
            "\u{200d}",
            &"x".repeat(33),
        ] {
            assert_eq!(
                outcome_and_error(&draft(&world, &admin, json!({ pointer: hidden })).await),
                refused(pointer, rule),
                "{hidden:?}"
            );
        }
        assert_eq!(draft(&world, &admin, json!({ pointer: "\u{ac00}\u{1f3ab} A-1" })).await.outcome(), "201");
    }
    for name in ["\u{202e}thgiN", &"x".repeat(201), "\u{3000}"] {
        let reply = draft(&world, &admin, json!({ "/concertName": name })).await;
        assert_eq!(
            (outcome_and_error(&reply).0.as_str(), outcome_and_error(&reply).1),
            ("400 invalid_request", "/concertName"),
            "{name:?}"
        );
    }
    let fan = world.fan("ann").await;
    let path = format!("/api/v1/payments/{}/cancel", fan.user_id);
    for reason in ["\u{1b}[2J", "a\u{2028}b", &"x".repeat(501)] {
        let reply = world.send(Request::new("POST", &path).token(&fan.access).json(&json!({ "reason": reason }))).await;
        let rule = "must be 0 to 500 characters, not only blanks, without control or invisible characters (line breaks \
                    are allowed)";
        assert_eq!(outcome_and_error(&reply), refused("/reason", rule), "{reason:?}");
    }
    for reason in ["", "It rains.\r\nNobody comes.\n"] {
        let reply = world.send(Request::new("POST", &path).token(&fan.access).json(&json!({ "reason": reason }))).await;
        assert_eq!(reply.outcome(), "404 payment_not_found", "{reason:?}");
    }
    Ok(())
}

#[tokio::test]
async fn prices_seats_and_times_of_a_concert_have_bounds() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let amount = "must be a whole amount from 1 to 125000000000";
    let seat = "must be a whole number from 1 to 100000";
    for (pointer, value, detail) in [
        ("/blocks/0/price", json!(125_000_000_001u64), amount),
        ("/blocks/0/price", json!("125000000001"), amount),
        ("/blocks/0/price", json!(0), amount),
        ("/blocks/0/to", json!(100_001), seat),
        ("/blocks/0/from", json!(0), seat),
        ("/startsAt", json!("1969-12-31T23:59:59Z"), "must be an RFC 3339 time of the years 1970 to 9999"),
    ] {
        let reply = draft(&world, &admin, json!({ pointer: value })).await;
        assert_eq!(outcome_and_error(&reply), refused(pointer, detail), "{value}");
    }
    Ok(())
}

#[tokio::test]
async fn a_text_is_stored_and_compared_in_nfc() -> Outcome {
    let world = World::with(&[("QUEUE_CAPACITY", "9")]).await?;
    let admin = world.admin().await;
    let fields =
        json!({ "/category": "Cafe\u{301}", "/concertName": "Noe\u{308}l", "/blocks/0/section": "Cafe\u{301}" });
    let made = draft(&world, &admin, fields).await;
    assert_eq!((made.text("category"), made.text("concertName")), ("Caf\u{e9}", "No\u{eb}l"));
    let fan = world.buyer("ann", 0).await;
    let seats = format!("/api/v1/reservations/{}/seats", made.text("concertId"));
    for spelling in ["Caf%C3%A9", "Cafe%CC%81"] {
        let dates = world.get(&format!("/api/v1/reservations/dates?category={spelling}"), "").await;
        assert_eq!(dates.body.as_array().map(Vec::len), Some(1), "{spelling}");
        let map = world.get(&format!("{seats}?section={spelling}"), &fan.queue).await;
        assert_eq!((map.body.as_array().map(Vec::len), map.body[0]["section"].as_str()), (Some(2), Some("Caf\u{e9}")));
    }
    Ok(())
}

#[tokio::test]
async fn different_fans_in_body_and_query_are_400_and_a_fan_in_the_query_overrides_the_path() -> Outcome {
    let world = World::with(&[("QUEUE_CAPACITY", "9")]).await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let (ann, bob) = (world.buyer("ann", 7).await, world.buyer("bob", 8).await);
    let before = ["Fans", "Concerts", "Queues"].map(|table| world.engine.items(table));
    let hold = json!({ "userId": ann.user_id, "concertId": concert, "seatNumber": 1 });
    let pay = json!({ "userId": ann.user_id, "reservationId": concert, "amount": 1 });
    for (path, token, body) in [
        ("/api/v1/tokens", &admin.access, json!({ "userId": ann.user_id })),
        ("/api/v1/payments/recharge", &admin.access, json!({ "userId": ann.user_id, "amount": 1 })),
        ("/api/v1/reservations", &ann.queue, hold),
        ("/api/v1/payments/process", &ann.queue, pay),
    ] {
        let asked = async |user: &str| post(&world, &format!("{path}?userId={user}"), token, &body.to_string()).await;
        assert_eq!(
            outcome_and_error(&asked(&bob.user_id).await),
            refused("userId", "is not the userId of the body"),
            "{path}"
        );
        assert_eq!(outcome_and_error(&asked("7").await), refused("userId", "must be a UUID"), "{path}");
    }
    assert_eq!(before, ["Fans", "Concerts", "Queues"].map(|table| world.engine.items(table)));
    let alone = json!({ "concertId": concert, "seatNumber": 1 }).to_string();
    let for_bob = post(&world, &format!("/api/v1/reservations?userId={}", bob.user_id), &ann.queue, &alone).await;
    assert_eq!(for_bob.outcome(), "403 forbidden");
    let twice = format!("/api/v1/payments/recharge?userId={}", ann.user_id);
    let same = json!({ "userId": ann.user_id, "amount": 1 }).to_string();
    assert_eq!(post(&world, &twice, &admin.access, &same).await.outcome(), "200");
    let carl = world.fan("carl").await;
    let named = post(&world, &format!("/api/v1/tokens?userId={}", carl.user_id), &admin.access, "{}").await;
    assert_eq!(named.outcome(), "201");
    assert_eq!(named.headers["location"], format!("/api/v1/tokens/{}?queueId=main", carl.user_id));
    let status = format!("/api/v1/tokens/{}?userId={}", ann.user_id, carl.user_id);
    assert_eq!(world.get(&status, &admin.access).await.body["issuedAt"], named.body["issuedAt"]);
    assert_eq!(world.get(&status, &ann.access).await.outcome(), "403 forbidden");
    let balance = format!("/api/v1/payments/balance/{}?userId={}", ann.user_id, bob.user_id);
    assert_eq!(world.get(&balance, &admin.access).await.body["currentBalance"], 8);
    assert_eq!(world.delete(&status, &admin.access).await.outcome(), "204");
    let own = format!("/api/v1/tokens/{}", carl.user_id);
    assert_eq!(world.get(&own, &carl.access).await.outcome(), "410 session_over", "the query's fan left");
    assert_eq!(crate::support::poll(&world, &ann).await.outcome(), "200", "the path's fan did not");
    Ok(())
}

#[tokio::test]
async fn a_password_with_control_characters_is_400_at_sign_up_and_401_at_login() -> Outcome {
    let world = World::new().await?;
    let rule = "must be 8 to 128 characters, none of them a control character";
    for password in [
        "correct\0horse",
        "correct\thorse",
        "correct\u{7f}horse",
        "correct\u{85}horse",
        "1234567",
        &"\u{1f3ab}".repeat(129),
    ] {
        let body = json!({ "username": "ann", "password": password });
        let made = world.send(Request::new("POST", "/api/v1/users").json(&body)).await;
        assert_eq!(outcome_and_error(&made), refused("/password", rule), "{password:?}");
        let login = world.send(Request::new("POST", "/api/v1/users/login").json(&body)).await;
        assert_eq!(login.outcome(), "401 bad_credentials");
    }
    let body = json!({ "username": "ann", "password": "\u{1f3ab} \u{e9}\u{301} x" });
    assert_eq!(
        world.send(Request::new("POST", "/api/v1/users").json(&body)).await.outcome(),
        "400 invalid_request",
        "7 characters"
    );
    Ok(())
}

#[tokio::test]
async fn a_concert_of_extreme_size_or_time_is_created_or_refused() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let block = |from: u64, to: u64| json!({ "section": "A", "from": from, "to": to, "seatType": "VIP", "price": 1 });
    let blocks = |count: u64| Value::Array((1..=count).map(|n| block(n, n)).collect());
    let most = u64::from(u32::MAX);
    for (fields, pointer) in [
        (json!({ "/blocks": blocks(201) }), "/blocks"),
        (json!({ "/blocks": [] }), "/blocks"),
        (json!({ "/blocks": [block(1, most)] }), "/blocks/0/to"),
        (json!({ "/blocks": [block(most, most)] }), "/blocks/0/from"),
        (json!({ "/blocks": [block(most, 1)] }), "/blocks/0/from"),
        (json!({ "/blocks": [block(2, 1)] }), "/blocks/0"),
        (json!({ "/blocks": [block(1, most + 1)] }), "/blocks/0/to"),
        (json!({ "/blocks": [block(0, 1)] }), "/blocks/0/from"),
        (json!({ "/endsAt": "9999-12-31T23:59:60Z" }), "/endsAt"),
        (json!({ "/endsAt": "10000-01-01T00:00:00Z" }), "/endsAt"),
        (json!({ "/startsAt": "2027-02-29T00:00:00Z" }), "/startsAt"),
    ] {
        let reply = draft(&world, &admin, fields.clone()).await;
        assert_eq!(
            (outcome_and_error(&reply).0.as_str(), outcome_and_error(&reply).1),
            ("400 invalid_request", pointer),
            "{fields}"
        );
    }
    let ages = json!({ "/endsAt": "9999-12-31T23:59:59.999Z", "/startsAt": "9999-12-31T23:59:58Z", "/saleOpensAt": "1970-01-01T00:00:00Z" });
    let far = draft(&world, &admin, ages).await;
    assert_eq!(far.outcome(), "201", "{}", far.body);
    let fan = world.buyer("ann", 1).await;
    assert_eq!(world.hold(&fan, far.text("concertId"), &[1], None).await.outcome(), "201");
    let large = draft(&world, &admin, json!({ "/blocks": blocks(200), "/concertName": "\u{1f3ab}".repeat(200) })).await;
    assert_eq!(large.outcome(), "201", "{}", large.body);
    Ok(())
}

#[tokio::test]
async fn a_queue_with_the_longest_times_answers_in_rfc_3339() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let change = json!({ "opensAt": "2026-06-30T23:59:59Z", "waitingSeconds": 604_800, "claimWindowSeconds": 3_600, "activeSeconds": 14_400 });
    assert_eq!(crate::support::configure(&world, &admin, &change).await.outcome(), "200");
    let mut fan = world.fan("ann").await;
    let joined = world.join(&mut fan).await;
    assert_eq!(joined.outcome(), "201");
    for reply in [joined, crate::support::poll(&world, &fan).await] {
        let until = reply.text("expiresAt");
        assert!(until.len() == 24 && until.ends_with('Z'), "{until}");
    }
    Ok(())
}
