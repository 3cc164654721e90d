//! What each role may do, and how it is given.

use crate::Outcome;
use acceptance::{Fan, Request, World};
use serde_json::{Value, json};
use shared::domain::account::{Role, Username};
use template::{RouteKey, Template};

const ROLES: [(Role, &str); 4] =
    [(Role::Fan, "fan"), (Role::Door, "door"), (Role::Operator, "operator"), (Role::Admin, "admin")];
const SOME_ID: &str = "01234567-89ab-7def-8123-456789abcdef";

/// Whether a role may use a route, by section 11 of the contract.
fn may(role: Role, method: &str, path: &str) -> bool {
    let Some(office) = path.strip_prefix("/api/v1/admin/") else { return true };
    let runs_queues = office.starts_with("queues/") && (method == "PUT" || office.ends_with("/sessions/{userId}"));
    match role {
        Role::Admin => true,
        Role::Operator => (matches!(method, "GET" | "HEAD") && !office.starts_with("webhooks")) || runs_queues,
        Role::Door | Role::Fan => false,
    }
}

/// The methods and paths of all routes but the default.
fn routes() -> Vec<(&'static str, String)> {
    let template = Template::load(&template::locate().expect("a template")).expect("a template");
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    let routes = template.routes.into_iter().filter_map(|route| match route.key {
        RouteKey::Path { method, path } => Some((*methods.iter().find(|known| **known == method)?, path)),
        RouteKey::Default => None,
    });
    routes.collect()
}

#[tokio::test]
async fn each_role_may_use_its_routes_and_no_others() -> Outcome {
    for (role, name) in ROLES {
        let world = World::new().await?;
        let concert = world.concert(&world.admin().await).await;
        let caller = world.staff(&format!("the-{name}"), role).await;
        for (method, path) in routes() {
            let filled = path.replace("{userId}", &caller.user_id).replace("{concertId}", &concert);
            let filled =
                filled.replace("{queueId}", "main").replace("{reservationId}", SOME_ID).replace("{webhookId}", "shop");
            let request = Request::new(method, filled.replace("{paymentId}", SOME_ID)).token(&caller.access);
            let bodied = matches!(method, "POST" | "PUT" | "PATCH");
            let reply = world.send(if bodied { request.json(&json!({})) } else { request }).await;
            // The answer to HEAD has no body with a code. The seat map is 403 for every access token.
            let refused = match method {
                "HEAD" => reply.status == 403 && !path.ends_with("/seats"),
                _ => reply.outcome() == "403 forbidden",
            };
            assert_eq!(!refused, may(role, method, &path), "{name}: {method} {path}: {}", reply.outcome());
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_role_is_given_and_taken_by_name_and_counts_from_the_next_login() -> Outcome {
    let world = World::new().await?;
    let store = &world.app.store;
    let ann = world.fan_with_password("Ann", "correct horse").await;
    let (name, nobody) = (Username::parse("ann")?, Username::parse("nobody")?);
    let log_in =
        || Request::new("POST", "/api/v1/users/login").json(&json!({ "username": "ann", "password": "correct horse" }));
    let create = |fan: &Fan| Request::new("DELETE", "/api/v1/admin/queues/main").token(&fan.access);
    let listed = async || -> Result<Vec<(String, Role)>, Box<dyn std::error::Error>> {
        Ok(store.staff().await?.into_iter().map(|member| (member.username, member.role)).collect())
    };
    assert_eq!(listed().await?, []);
    assert!(store.set_role(&nobody, Role::Admin).await.is_err());
    for role in [Role::Operator, Role::Admin, Role::Admin] {
        store.set_role(&name, role).await?;
        assert_eq!(listed().await?, [("Ann".to_owned(), role)]);
    }
    assert_eq!(world.send(create(&ann)).await.outcome(), "403 forbidden", "an old token has the old role");
    let access = world.send(log_in()).await.text("accessToken").to_owned();
    let now = Fan { access, ..ann.clone() };
    assert_eq!(world.send(create(&now)).await.outcome(), "409 queue_in_use", "an admin may, but main is kept");
    store.set_role(&name, Role::Fan).await?;
    assert_eq!(listed().await?, []);
    let access = world.send(log_in()).await.text("accessToken").to_owned();
    assert_eq!(world.send(create(&Fan { access, ..ann })).await.outcome(), "403 forbidden");
    Ok(())
}

#[tokio::test]
async fn concurrent_changes_of_a_role_leave_profile_and_list_alike() -> Outcome {
    for _ in 0..20 {
        let world = World::new().await?;
        let store = &world.app.store;
        let ann = world.fan("ann").await;
        let name = Username::parse("ann")?;
        let (granted, revoked) =
            futures_util::join!(store.set_role(&name, Role::Admin), store.set_role(&name, Role::Fan));
        granted?;
        revoked?;
        let role = store.account(ann.user_id.parse()?).await?.role;
        let listed: Vec<Role> = store.staff().await?.iter().map(|member| member.role).collect();
        assert_eq!(listed, if role == Role::Admin { vec![Role::Admin] } else { Vec::new() });
    }
    Ok(())
}

async fn recharge(world: &World, token: &str, body: &Value) -> String {
    world.send(Request::new("POST", "/api/v1/payments/recharge").token(token).json(body)).await.outcome()
}

#[tokio::test]
async fn where_admins_recharge_a_fan_may_not_and_money_comes_with_a_reference() -> Outcome {
    let world = World::with(&[("RECHARGE_BY", "admin")]).await?;
    let (mut ann, admin, operator) =
        (world.fan("ann").await, world.admin().await, world.staff("opera", Role::Operator).await);
    world.join(&mut ann).await;
    let body = json!({ "userId": ann.user_id, "amount": 70 });
    for token in [&ann.access, &ann.queue, &operator.access] {
        assert_eq!(recharge(&world, token, &body).await, "403 forbidden");
    }
    assert_eq!(recharge(&world, &ann.access, &json!({ "amount": "?" })).await, "403 forbidden", "before the body");
    let with_reference = |reference: &str| json!({ "userId": ann.user_id, "amount": 70, "reference": reference });
    for wrong in [String::new(), "x".repeat(65), "a\nb".to_owned()] {
        assert_eq!(recharge(&world, &admin.access, &with_reference(&wrong)).await, "400 invalid_request", "{wrong}");
    }
    assert_eq!(recharge(&world, &admin.access, &with_reference("transfer 7")).await, "200");
    assert_eq!(recharge(&world, &admin.access, &body).await, "200");
    let history = world.get(&format!("/api/v1/payments/history/{}", ann.user_id), &ann.access).await;
    let references: Vec<_> = (0..2).map(|index| history.body["items"][index]["reference"].clone()).collect();
    assert_eq!(references, [json!(null), json!("transfer 7")]);
    Ok(())
}

#[tokio::test]
async fn a_fan_gives_no_reference_and_a_key_belongs_to_one_reference() -> Outcome {
    let world = World::new().await?;
    let (ann, admin) = (world.fan("ann").await, world.admin().await);
    let with_reference = |reference: &str| json!({ "userId": ann.user_id, "amount": 70, "reference": reference });
    assert_eq!(recharge(&world, &ann.access, &with_reference("mine")).await, "403 forbidden");
    assert_eq!(
        recharge(&world, &ann.access, &json!({ "userId": ann.user_id, "amount": 70, "reference": null })).await,
        "200"
    );
    let keyed = async |reference: &str| {
        let request = Request::new("POST", "/api/v1/payments/recharge").token(&admin.access).key("k");
        world.send(request.json(&with_reference(reference))).await.outcome()
    };
    assert_eq!(keyed("one").await, "200");
    assert_eq!(keyed("two").await, "422 idempotency_key_reused");
    assert_eq!(keyed("one").await, "200");
    Ok(())
}
