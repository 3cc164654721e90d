//! Signing up and logging in.

use crate::Outcome;
use acceptance::{Reply, Request, World};
use serde_json::{Value, json};

async fn sign_up(world: &World, body: &Value) -> Reply {
    world.send(Request::new("POST", "/api/v1/users").json(body)).await
}

async fn log_in(world: &World, username: &str, password: &str) -> Reply {
    let body = json!({ "username": username, "password": password });
    world.send(Request::new("POST", "/api/v1/users/login").json(&body)).await
}

#[tokio::test]
async fn a_new_fan_signs_up_logs_in_and_joins() -> Outcome {
    let world = World::new().await?;
    let made = sign_up(&world, &json!({ "username": "Ann_1", "password": "correct horse" })).await;
    assert_eq!(made.outcome(), "201", "{}", made.body);
    assert_eq!(made.text("username"), "Ann_1");
    assert_eq!(made.text("createdAt"), "2026-06-01T00:00:00.000Z");
    assert_eq!(made.body.as_object().map(|o| o.len()), Some(3), "no other field: {}", made.body);
    let login = log_in(&world, "ann_1", "correct horse").await;
    assert_eq!(login.outcome(), "200");
    assert_eq!(login.body["userId"], made.body["userId"]);
    assert_eq!((login.text("tokenType"), &login.body["expiresIn"]), ("Bearer", &json!(3600)));
    let joined = crate::support::join_with(&world, login.text("accessToken"), &json!({})).await;
    assert_eq!(joined.outcome(), "201");
    let balance =
        world.get(&format!("/api/v1/payments/balance/{}", made.text("userId")), login.text("accessToken")).await;
    assert_eq!(balance.body["currentBalance"], 0);
    Ok(())
}

#[tokio::test]
async fn a_name_is_taken_in_any_letter_case() -> Outcome {
    let world = World::new().await?;
    let body = |name: &str| json!({ "username": name, "password": "correct horse" });
    assert_eq!(sign_up(&world, &body("Ann")).await.outcome(), "201");
    for name in ["Ann", "ann", "ANN"] {
        assert_eq!(sign_up(&world, &body(name)).await.outcome(), "409 username_taken");
    }
    let profiles = world.engine.items("Fans").into_iter().filter(|item| item["sk"] == "PROFILE").count();
    assert_eq!(profiles, 1, "a refused sign-up writes nothing");
    Ok(())
}

#[tokio::test]
async fn two_concurrent_sign_ups_with_one_name_create_one_account() -> Outcome {
    let world = World::new().await?;
    let name = |text| shared::domain::account::Username::parse(text);
    let (ann, also_ann) = (name("ann")?, name("ANN")?);
    let made = futures_util::join!(
        world.app.store.create_account(&ann, "hash".to_owned()),
        world.app.store.create_account(&also_ann, "hash".to_owned()),
    );
    assert!(made.0.is_ok() != made.1.is_ok(), "{made:?}");
    Ok(())
}

#[tokio::test]
async fn usernames_and_passwords_outside_the_rules_are_refused() -> Outcome {
    let world = World::new().await?;
    let long = "x".repeat(33);
    for (username, password, pointer) in [
        ("ab", "correct horse", "/username"),
        (long.as_str(), "correct horse", "/username"),
        ("a b", "correct horse", "/username"),
        ("ann#", "correct horse", "/username"),
        ("\u{430}nn", "correct horse", "/username"),
        ("ann", "1234567", "/password"),
        ("ann", &"x".repeat(129), "/password"),
    ] {
        let body = json!({ "username": username, "password": password });
        let refused = sign_up(&world, &body).await;
        assert_eq!(refused.outcome(), "400 invalid_request", "{body}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer);
        assert!(!refused.body.to_string().contains(password), "the password is not repeated");
        let no_login = log_in(&world, username, password).await;
        assert_eq!(no_login.outcome(), "401 bad_credentials", "a login does not show the rules: {body}");
    }
    assert!(world.engine.items("Fans").is_empty(), "nothing was written");
    Ok(())
}

#[tokio::test]
async fn a_body_of_another_shape_is_400() -> Outcome {
    let world = World::new().await?;
    for body in [
        json!({}),
        json!([]),
        json!("ann"),
        json!({ "username": "ann" }),
        json!({ "username": 7, "password": "correct horse" }),
        json!({ "username": null, "password": "correct horse" }),
        json!({ "username": "ann", "password": "correct horse", "role": "admin" }),
    ] {
        assert_eq!(sign_up(&world, &body).await.outcome(), "400 invalid_request", "{body}");
    }
    for text in ["", "{", "nonsense", r#"{"username":"ann","username":"bob","password":"correct horse"}"#, "{} {}"] {
        let request = Request::new("POST", "/api/v1/users").text("application/json", text);
        assert_eq!(world.send(request).await.outcome(), "400 invalid_request", "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_get_the_same_answer() -> Outcome {
    let world = World::new().await?;
    world.fan_with_password("ann", "correct horse").await;
    let mut unknown = log_in(&world, "bob", "correct horse").await;
    let mut wrong = log_in(&world, "ann", "correct horsf").await;
    assert_eq!(unknown.outcome(), "401 bad_credentials");
    assert!(unknown.headers.contains_key("www-authenticate"));
    for reply in [&mut unknown, &mut wrong] {
        reply.headers.remove("x-request-id");
        reply.body["instance"] = json!(null);
    }
    assert_eq!(unknown, wrong);
    Ok(())
}

/// Timing must not reveal which names exist: the hash takes equal time, and so must the requests before it.
#[tokio::test]
async fn an_unknown_user_costs_the_same_requests_as_a_wrong_password() -> Outcome {
    let world = World::new().await?;
    world.fan_with_password("ann", "correct horse").await;
    let mut costs = Vec::new();
    for name in ["bob", "ann"] {
        let before = world.engine.meter();
        assert_eq!(log_in(&world, name, "correct horsf").await.outcome(), "401 bad_credentials");
        let after = world.engine.meter();
        costs.push((after.requests - before.requests, after.round_trips - before.round_trips));
    }
    assert_eq!(costs[0], costs[1]);
    Ok(())
}

#[tokio::test]
async fn the_password_is_stored_only_as_an_argon2id_hash() -> Outcome {
    let world = World::new().await?;
    sign_up(&world, &json!({ "username": "ann", "password": "correct horse" })).await;
    let stored = json!(world.engine.items("Fans")).to_string();
    assert!(stored.contains("$argon2id$v=19$m=19456,t=2,p=1$") && !stored.contains("correct horse"));
    Ok(())
}

#[tokio::test]
async fn nobody_signs_up_as_admin() -> Outcome {
    let world = World::new().await?;
    sign_up(&world, &json!({ "username": "admin", "password": "correct horse" })).await;
    let login = log_in(&world, "admin", "correct horse").await;
    let request = Request::new("PUT", "/api/v1/admin/queues/main").token(login.text("accessToken"));
    assert_eq!(world.send(request.json(&json!({}))).await.outcome(), "403 forbidden");
    Ok(())
}
