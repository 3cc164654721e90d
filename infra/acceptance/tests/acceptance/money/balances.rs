//! Recharges, balances, the ledger and its pages.

use crate::support::purchases::{Outcome, balance, edits, items, newest_entry, number, post, tamper};
use acceptance::{Fan, Reply, World};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

async fn ask(world: &World, token: &str, body: &Value) -> Reply {
    world.send(post("/api/v1/payments/recharge", token, None, body)).await
}

async fn history(world: &World, fan: &Fan, query: &str) -> Reply {
    world.get(&format!("/api/v1/payments/history/{}{query}", fan.user_id), &fan.access).await
}

fn sequences(reply: &Reply) -> Vec<u64> {
    reply.body["items"].as_array().into_iter().flatten().filter_map(|item| item["sequence"].as_u64()).collect()
}

#[tokio::test]
async fn a_recharge_returns_the_balance_before_and_after() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    let first = ask(&world, &fan.access, &json!({ "userId": fan.user_id, "amount": "100" })).await;
    assert_eq!((first.outcome().as_str(), &first.body), ("200", &json!({ "currentBalance": 0, "newBalance": 100 })));
    let second = ask(&world, &fan.access, &json!({ "userId": fan.user_id, "amount": 11 })).await;
    assert_eq!(second.body, json!({ "currentBalance": 100, "newBalance": 111 }));
    let read = world.get(&format!("/api/v1/payments/balance/{}", fan.user_id), &fan.access).await;
    assert_eq!(read.body, json!({ "currentBalance": 111, "newBalance": 111 }));
    let expected = json!({ "items": [
        { "sequence": 2, "type": "CHARGE", "amount": 11, "balanceAfter": 111, "at": "2026-06-01T00:00:00.000Z",
          "paymentId": null, "reservationId": null, "reference": null },
        { "sequence": 1, "type": "CHARGE", "amount": 100, "balanceAfter": 100, "at": "2026-06-01T00:00:00.000Z",
          "paymentId": null, "reservationId": null, "reference": null },
    ], "nextCursor": null });
    assert_eq!(history(&world, &fan, "").await.body, expected);
    Ok(())
}

#[tokio::test]
async fn invalid_recharges_are_refused_and_change_nothing() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    let user = &fan.user_id;
    for body in [
        json!({ "userId": user, "amount": 0 }),
        json!({ "userId": user, "amount": -1 }),
        json!({ "userId": user, "amount": 1.5 }),
        json!({ "userId": user, "amount": "1.5" }),
        json!({ "userId": user, "amount": "one" }),
        json!({ "userId": user, "amount": 1_000_000_000_001u64 }),
        json!({ "userId": user, "amount": null }),
        json!({ "userId": user }),
        json!({ "amount": 1 }),
        json!({ "userId": "7", "amount": 1 }),
        json!({ "userId": user, "amount": 1, "note": "" }),
    ] {
        assert_eq!(ask(&world, &fan.access, &body).await.outcome(), "400 invalid_request", "{body}");
    }
    assert_eq!(items(&world, "Fans", "LEDGER#").len(), 0);
    assert_eq!(balance(&world, &fan).await, 0);
    Ok(())
}

#[tokio::test]
async fn only_the_fan_and_admins_recharge_and_read_a_balance() -> Outcome {
    let world = World::new().await?;
    let (ann, bob, admin) = (world.fan("ann").await, world.buyer("bob", 0).await, world.admin().await);
    let body = json!({ "userId": ann.user_id, "amount": 5 });
    assert_eq!(ask(&world, &bob.access, &body).await.outcome(), "403 forbidden");
    assert_eq!(ask(&world, &admin.access, &body).await.outcome(), "200");
    let own = json!({ "userId": bob.user_id, "amount": 5 });
    assert_eq!(ask(&world, &bob.queue, &own).await.outcome(), "200", "a queue token proves who the fan is");
    for path in ["balance", "history"] {
        let path = format!("/api/v1/payments/{path}/{}", ann.user_id);
        assert_eq!(world.get(&path, &bob.access).await.outcome(), "403 forbidden");
        assert_eq!(world.get(&path, &admin.access).await.outcome(), "200");
        assert_eq!(world.get(&path, "").await.outcome(), "401 unauthenticated");
    }
    Ok(())
}

#[tokio::test]
async fn admins_name_the_fan_in_the_path_or_in_the_query() -> Outcome {
    let world = World::new().await?;
    let (ann, bob, admin) = (world.buyer("ann", 5).await, world.fan("bob").await, world.admin().await);
    for (path, rest) in [("payments/balance/", ""), ("payments/history/", ""), ("users/", "/reservations")] {
        let of = |fan: &Fan, query: &str| format!("/api/v1/{path}{}{rest}{query}", fan.user_id);
        let for_ann = format!("?userId={}", ann.user_id);
        let expected = world.get(&of(&ann, ""), &ann.access).await;
        assert_eq!(expected.outcome(), "200");
        for target in [of(&ann, ""), of(&ann, &for_ann), of(&admin, &for_ann), of(&bob, &for_ann)] {
            assert_eq!(world.get(&target, &admin.access).await.body, expected.body, "{target}");
        }
        assert_eq!(world.get(&of(&ann, &for_ann), &ann.queue).await.outcome(), "200");
        assert_eq!(world.get(&of(&bob, &for_ann), &bob.access).await.outcome(), "403 forbidden");
        assert_eq!(world.get(&of(&ann, ""), &bob.access).await.outcome(), "403 forbidden");
        let for_bob = format!("?userId={}", bob.user_id);
        assert_eq!(world.get(&of(&ann, &for_bob), &bob.access).await.outcome(), "403 forbidden");
        assert_eq!(world.get(&of(&ann, "?userId=7"), &ann.access).await.outcome(), "400 invalid_request");
    }
    Ok(())
}

#[tokio::test]
async fn a_fan_without_an_account_has_neither_balance_nor_ledger() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let nobody = "0190a7c4-0000-7000-8000-000000000001";
    for path in ["balance", "history"] {
        let reply = world.get(&format!("/api/v1/payments/{path}/{nobody}"), &admin.access).await;
        assert_eq!(reply.outcome(), "404 user_not_found");
        let reply = world.get(&format!("/api/v1/payments/{path}/7"), &admin.access).await;
        assert_eq!(reply.outcome(), "400 invalid_request");
    }
    let body = json!({ "userId": nobody, "amount": 5 });
    for key in [None, Some("k")] {
        let refused = world.send(post("/api/v1/payments/recharge", &admin.access, key, &body)).await;
        assert_eq!(refused.outcome(), "404 user_not_found");
    }
    assert_eq!(items(&world, "Fans", "LEDGER#").len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_recharge_never_exceeds_the_largest_exact_json_number() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    let full = 9_007_199_254_740_991u64;
    world.recharge(&fan, 1, None).await;
    tamper(&world, "Fans", &newest_entry(&world, &fan), "balanceAfter", number(full - 1_000)).await;
    let refused = world.recharge(&fan, 1_001, None).await;
    assert_eq!(refused.outcome(), "400 invalid_request");
    assert_eq!(refused.body["errors"][0]["pointer"], "/amount");
    assert_eq!(world.recharge(&fan, 1_000, None).await.body["newBalance"], full);
    assert_eq!(world.recharge(&fan, 1, None).await.outcome(), "400 invalid_request");
    Ok(())
}

#[tokio::test]
async fn history_is_paged_newest_first() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    for _ in 0..12 {
        world.recharge(&fan, 1, None).await;
    }
    let (mut seen, mut query) = (Vec::new(), "?limit=5".to_owned());
    loop {
        let page = history(&world, &fan, &query).await;
        assert_eq!(page.outcome(), "200");
        seen.push(sequences(&page));
        // New entries do not move the pages that follow.
        world.recharge(&fan, 1, None).await;
        match page.body["nextCursor"].as_str() {
            Some(cursor) => query = format!("?limit=5&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, [vec![12, 11, 10, 9, 8], vec![7, 6, 5, 4, 3], vec![2, 1]]);
    assert_eq!(sequences(&history(&world, &fan, "").await).len(), 15);
    Ok(())
}

#[tokio::test]
async fn an_edited_cursor_of_the_history_is_400() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    for _ in 0..2 {
        world.recharge(&fan, 1, None).await;
    }
    let cursor = history(&world, &fan, "?limit=1").await.text("nextCursor").to_owned();
    assert_eq!(sequences(&history(&world, &fan, &format!("?cursor={cursor}")).await), [1]);
    let unsigned = BASE64_URL_SAFE_NO_PAD.encode("2");
    for odd in edits(&cursor).chain(["!!".to_owned(), unsigned]) {
        assert_eq!(history(&world, &fan, &format!("?cursor={odd}")).await.outcome(), "400 invalid_request", "{odd}");
    }
    for odd in ["0", "101", "x"] {
        assert_eq!(history(&world, &fan, &format!("?limit={odd}")).await.outcome(), "400 invalid_request");
    }
    Ok(())
}
