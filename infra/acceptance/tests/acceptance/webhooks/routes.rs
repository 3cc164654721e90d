//! The routes of webhooks.

use super::{get, put};
use crate::Outcome;
use acceptance::{Request, World};
use serde_json::{Value, json};
use shared::domain::{account::Role, webhook::MAX_WEBHOOKS};

#[tokio::test]
async fn a_webhook_is_added_changed_listed_and_deleted() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let draft = json!({ "url": "https://hooks.example.com/a?key=1" });
    let added = put(&world, &admin, "shop", &draft).await;
    assert_eq!(added.outcome(), "200", "{}", added.body);
    let expected = json!({
        "webhookId": "shop", "url": "https://hooks.example.com/a?key=1", "types": null, "enabled": true,
        "disabledReason": null, "failingSince": null, "createdAt": "2026-06-01T00:00:00.000Z",
        "publicKey": added.body["publicKey"],
    });
    assert_eq!(added.body, expected);
    assert!(added.text("publicKey").starts_with("whpk_"), "{}", added.body);
    assert_eq!(get(&world, &admin, "shop").await, expected);

    world.wait(60);
    let types = json!(["stagedoor.ledger.refund", "stagedoor.ledger.charge", "stagedoor.ledger.charge"]);
    let draft = json!({ "url": "https://hooks.example.com/b", "types": types, "enabled": false });
    let changed = put(&world, &admin, "shop", &draft).await;
    let types = json!(["stagedoor.ledger.charge", "stagedoor.ledger.refund"]);
    assert_eq!((&changed.body["types"], &changed.body["enabled"]), (&types, &json!(false)));
    assert_eq!(changed.body["createdAt"], expected["createdAt"], "it was changed, not added again");

    put(&world, &admin, "books", &json!({ "url": "https://books.example.com/" })).await;
    let list = world.get("/api/v1/admin/webhooks", &admin.access).await;
    let ids: Vec<&Value> = list.body["items"].as_array().into_iter().flatten().map(|item| &item["webhookId"]).collect();
    assert_eq!((ids, &list.body["nextCursor"]), (vec![&json!("books"), &json!("shop")], &json!(null)));

    let path = "/api/v1/admin/webhooks/shop";
    assert_eq!(world.delete(path, &admin.access).await.outcome(), "204");
    assert_eq!(world.delete(path, &admin.access).await.outcome(), "404 not_found");
    for gone in [path.to_owned(), format!("{path}/deliveries")] {
        assert_eq!(world.get(&gone, &admin.access).await.outcome(), "404 not_found");
    }
    Ok(())
}

#[tokio::test]
async fn only_an_admin_sees_webhooks() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    put(&world, &admin, "shop", &json!({ "url": "https://hooks.example.com/" })).await;
    for (name, role) in [("opera", Role::Operator), ("door", Role::Door), ("fan", Role::Fan)] {
        let caller = world.staff(name, role).await;
        for path in ["", "/shop", "/shop/deliveries"] {
            let reply = world.get(&format!("/api/v1/admin/webhooks{path}"), &caller.access).await;
            assert_eq!(reply.outcome(), "403 forbidden", "{name}: {path}");
        }
        assert_eq!(put(&world, &caller, "shop", &json!({ "url": "?" })).await.outcome(), "403 forbidden");
        assert_eq!(world.delete("/api/v1/admin/webhooks/shop", &caller.access).await.outcome(), "403 forbidden");
    }
    assert_eq!(get(&world, &admin, "shop").await["url"], "https://hooks.example.com/", "nothing changed");
    Ok(())
}

#[tokio::test]
async fn a_draft_that_breaks_a_rule_is_refused_where_it_does() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let url = "https://hooks.example.com/";
    for (draft, pointer) in [
        (json!({}), "/url"),
        (json!({ "url": "http://hooks.example.com/" }), "/url"),
        (json!({ "url": "https://127.0.0.1/" }), "/url"),
        (json!({ "url": "https://10.1.2.3/hook" }), "/url"),
        (json!({ "url": "https://[fd00::1]/" }), "/url"),
        (json!({ "url": "https://localhost/" }), "/url"),
        (json!({ "url": "http://127.0.0.1:80/" }), "/url"),
        (json!({ "url": "https://user:secret@hooks.example.com/" }), "/url"),
        (json!({ "url": url, "types": [] }), "/types"),
        (json!({ "url": url, "types": ["stagedoor.everything"] }), "/types/0"),
        (json!({ "url": url, "enabled": "yes" }), "/enabled"),
        (json!({ "url": url, "secret": "mine" }), "/secret"),
    ] {
        let reply = put(&world, &admin, "shop", &draft).await;
        assert_eq!(reply.outcome(), "400 invalid_request", "{draft}");
        assert_eq!(reply.body["errors"][0]["pointer"], pointer, "{draft}: {}", reply.body);
    }
    let reply = put(&world, &admin, "Not-A-Slug", &json!({ "url": url })).await;
    assert_eq!(reply.outcome(), "400 invalid_request");
    assert_eq!(world.get("/api/v1/admin/webhooks", &admin.access).await.body["items"], json!([]), "nothing was stored");
    Ok(())
}

#[tokio::test]
async fn an_eleventh_webhook_is_refused_and_the_ten_can_be_changed() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let draft = json!({ "url": "https://hooks.example.com/" });
    for number in 0..MAX_WEBHOOKS {
        assert_eq!(put(&world, &admin, &format!("hook-{number}"), &draft).await.outcome(), "200");
    }
    let reply = put(&world, &admin, "one-more", &draft).await;
    assert_eq!(reply.outcome(), "400 invalid_request");
    assert_eq!(reply.body["errors"][0]["pointer"], "webhookId");
    assert_eq!(put(&world, &admin, "hook-3", &draft).await.outcome(), "200");
    let unbodied = Request::new("PUT", "/api/v1/admin/webhooks/hook-3").token(&admin.access);
    assert_eq!(world.send(unbodied).await.outcome(), "415 unsupported_media_type");
    Ok(())
}
