//! Every kind of item is deleted by something, or has a reason to stay, as infra/docs/DYNAMODB.md says.

use crate::{
    Outcome,
    support::purchases::{PRICE, cancel, expire, feed_stream, held, sale, take_timers},
    support::{configure, leave, sequence},
};
use acceptance::{Request, World, functions, sent_events};
use serde_json::{Value, json};
use shared::{
    domain::{
        account::{Role, Username},
        event::EventType,
    },
    store::{item_kind::ItemKind, webhooks::WebhookSettings},
};
use std::collections::BTreeMap;

const TABLES: [&str; 5] = ["Fans", "Concerts", "Queues", "Limits", "Joins"];

/// The section of the document that has the table.
const HEADING: &str = "Who deletes what";

/// Kinds of which the whole sale may leave no item.
const NOT_WRITTEN: [&str; 2] = ["sample", "alarm"];

/// A row of the table.
#[derive(Debug)]
struct Keeper<'a> {
    table: &'a str,
    ttl: &'a str,
}

/// The table of the document, by kind.
fn keepers() -> BTreeMap<&'static str, Keeper<'static>> {
    let section = include_str!("../../../../docs/DYNAMODB.md").split("\n## ").find(|text| text.starts_with(HEADING));
    let rows = section.unwrap_or_default().lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells.len() == 4 && !cells[3].is_empty(), "{row}");
        (cells[0], Keeper { table: cells[1], ttl: cells[2] })
    })
    .collect()
}

fn kind(item: &Value) -> &'static str {
    ItemKind::of(item["pk"].as_str().unwrap_or_default(), item["sk"].as_str().unwrap_or_default()).name()
}

/// Whether an item has a TTL where its row says so, and none where it does not.
fn is_kept(item: &Value, keeper: &Keeper<'_>) -> bool {
    let wanted = match keeper.ttl {
        "yes" => true,
        "no" => false,
        "until paid" => item["paidAt"].is_null(),
        "until sold" => item["status"] == "HELD",
        odd => panic!("no rule {odd}"),
    };
    item["ttl"].is_u64() == wanted
}

/// Runs a sale with one of everything: sign-up, login, joins, a fan who leaves, holds that are paid, cancelled, expired
/// by timer and by sweep, refunded and left open, keys, limits, a paused queue.
async fn whole_sale() -> Result<World, Box<dyn std::error::Error>> {
    let limits = [("SIGN_UPS_PER_ADDRESS", "100"), ("LOGINS_PER_ADDRESS", "100"), ("JOINS_PER_FAN", "100")];
    let (world, admin, concert) = sale(&limits).await?;
    let account = json!({ "username": "zoe", "password": "correct horse" });
    for path in ["/api/v1/users", "/api/v1/users/login"] {
        assert!(world.send(Request::new("POST", path).json(&account)).await.status < 300);
    }
    world.app.store.set_role(&Username::parse("zoe")?, Role::Door).await?;
    let (ann, bob, carl) =
        (world.buyer("ann", 2 * PRICE).await, world.buyer("bob", 0).await, world.buyer("carl", 0).await);
    leave(&world, &world.buyer("dan", 0).await).await;
    assert_eq!(world.recharge(&ann, PRICE, Some("key-1")).await.status, 200);
    let (paid, refunded) = (held(&world, &ann, &concert, &[1]).await, held(&world, &ann, &concert, &[2]).await);
    assert_eq!(world.pay(&ann, &paid, PRICE, Some("key-2")).await.status, 200);
    let payment = world.pay(&ann, &refunded, PRICE, None).await.text("paymentId").to_owned();
    let path = format!("/api/v1/payments/{payment}/cancel");
    assert_eq!(world.send(Request::new("POST", path).token(&ann.access).json(&json!({}))).await.status, 200);
    let given_back = held(&world, &bob, &concert, &[3]).await;
    assert_eq!(world.send(cancel(&bob, &given_back)).await.status, 204);
    held(&world, &bob, &concert, &[4]).await;
    let block = |seat: u32| json!({ "section": "A", "from": seat, "to": seat, "seatType": "STANDARD", "price": PRICE });
    let of_two_chunks = world.concert_of(&admin, &json!({ "blocks": [block(1), block(257)] })).await;
    held(&world, &carl, &of_two_chunks, &[257]).await;
    feed_stream(&world, &world.app).await?;
    world.wait(301);
    assert!(expire(&world.app, &take_timers(&world)).await?.is_empty());
    held(&world, &carl, &concert, &[5]).await;
    feed_stream(&world, &world.app).await?;
    take_timers(&world);
    world.wait(370);
    functions::sweep_holds(&world.app, serde_json::from_value(json!({}))?).await.map_err(|error| error.to_string())?;
    functions::reconcile(&world.app, serde_json::from_value(json!({}))?).await.map_err(|error| error.to_string())?;
    held(&world, &world.buyer("eve", 0).await, &concert, &[6]).await;
    feed_stream(&world, &world.app).await?;
    fail_a_delivery(&world).await?;
    configure(&world, &admin, &json!({ "paused": true, "message": "Five minutes." })).await;
    world.tick().await;
    assert_eq!(world.send(Request::new("GET", "/api/v1/admin/ops").token(&admin.access)).await.status, 200);
    // A fan who joins a wide queue, and leaves before the place is known.
    assert!(sequence(&world, 4_000).await);
    let mut fay = world.fan("fay").await;
    world.join(&mut fay).await;
    leave(&world, &fay).await;
    world.wait(1);
    assert!(sequence(&world, 0).await);
    Ok(world)
}

/// Lets an event fail at a webhook whose host has no address.
async fn fail_a_delivery(world: &World) -> Outcome {
    let settings = WebhookSettings { url: "https://hooks.example.com/".to_owned(), types: None, enabled: true };
    world.app.store.put_webhook(&"shop".parse()?, settings).await?;
    let body = sent_events::example(EventType::LedgerCharge).to_string();
    let event = serde_json::from_value(json!({ "Records": [{ "messageId": "1", "body": body }] }))?;
    functions::deliver_webhooks(&world.app, event).await.map_err(|error| error.to_string())?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn every_item_that_a_sale_leaves_has_a_row_and_the_ttl_that_the_row_states() -> Outcome {
    let (world, keepers) = (whole_sale().await?, keepers());
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for table in TABLES {
        for item in world.engine.items(table) {
            let kind = kind(&item);
            let keeper = keepers.get(kind).ok_or_else(|| format!("{kind} has no row: {item}"))?;
            assert_eq!(keeper.table, table, "{item}");
            assert!(is_kept(&item, keeper), "{kind}, TTL {}: {item}", keeper.ttl);
            *seen.entry(kind).or_default() += 1;
        }
    }
    let unseen: Vec<&&str> =
        keepers.keys().filter(|kind| !seen.contains_key(**kind) && !NOT_WRITTEN.contains(*kind)).collect();
    assert!(unseen.is_empty(), "the sale leaves none of {unseen:?}, so nothing shows that they are kept as stated");
    Ok(())
}

#[test]
fn an_item_of_an_unknown_kind_or_without_its_ttl_fails_the_check() {
    let keepers = keepers();
    assert!(!keepers.contains_key(kind(&json!({ "pk": "NOVELTY#1", "sk": "NOVELTY" }))));
    let unkept = json!({ "pk": "FAN#1", "sk": "RES#1", "status": "PENDING" });
    assert!(!is_kept(&unkept, &keepers[kind(&unkept)]));
    let kept = json!({ "pk": "FAN#1", "sk": "RES#1", "status": "CANCELLED", "paidAt": 1 });
    assert!(is_kept(&kept, &keepers[kind(&kept)]));
    for (pk, sk, expected) in
        [("SAMPLE#main", "1", "sample"), ("ALARM#0", "1#main#x", "alarm"), ("RETRY#x", "1", "retry")]
    {
        let kind = kind(&json!({ "pk": pk, "sk": sk }));
        assert!(kind == expected && keepers.contains_key(kind), "{kind}");
    }
}
