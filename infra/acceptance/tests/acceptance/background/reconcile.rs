//! `reconcile`: each kind of difference is found by its second look, a sale in flight is none, and a run is bounded.

use crate::support::purchases::{
    Outcome, PRICE, feed_stream, held, inject_where, items, newest_entry, number, post, remove, sale, tamper,
    until_sent,
};
use acceptance::{Fan, World, functions};
use aws_sdk_dynamodb::types::AttributeValue;
use engine::Fault;
use reconcile::Reconciled;
use serde_json::{Value, json};
use shared::{domain::reconcile::Difference, store::reconcile::MAX_UNITS};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Runs the function once.
async fn run(world: &World) -> Result<Reconciled, Box<dyn std::error::Error>> {
    Ok(functions::reconcile(&world.app, serde_json::from_value(json!({}))?).await.map_err(|e| e.to_string())?)
}

/// The kinds that a run reports.
async fn found(world: &World) -> Result<Vec<Difference>, Box<dyn std::error::Error>> {
    let kinds: BTreeSet<Difference> = run(world).await?.found.into_iter().map(|found| found.kind).collect();
    Ok(kinds.into_iter().collect())
}

/// A sale that was counted a while ago, with the fans who bought and held.
struct Sold {
    world: World,
    concert: String,
    /// Paid seats 1 and 2.
    ann: Fan,
    /// Holds seat 3.
    bob: Fan,
    /// Paid seat 300, in another chunk, and was refunded.
    carl: Fan,
}

async fn sold() -> Result<Sold, Box<dyn std::error::Error>> {
    let (world, admin, _) = sale(&[("HOLD_SECONDS", "3000"), ("ACTIVE_SECONDS", "3600")]).await?;
    let blocks = json!([{ "section": "A", "from": 1, "to": 400, "seatType": "STANDARD", "price": PRICE }]);
    let concert = world.concert_of(&admin, &json!({ "blocks": blocks })).await;
    let ann = world.buyer("ann", 3 * PRICE).await;
    let (bob, carl) = (world.buyer("bob", 0).await, world.buyer("carl", PRICE).await);
    let paid = held(&world, &ann, &concert, &[1, 2]).await;
    assert_eq!(world.pay(&ann, &paid, 2 * PRICE, None).await.outcome(), "200");
    held(&world, &bob, &concert, &[3]).await;
    refund(&world, &carl, &concert).await;
    feed_stream(&world, &world.app).await?;
    world.wait(61);
    Ok(Sold { world, concert, ann, bob, carl })
}

async fn refund(world: &World, fan: &Fan, concert: &str) {
    let refunded = held(world, fan, concert, &[300]).await;
    let payment = world.pay(fan, &refunded, PRICE, None).await.text("paymentId").to_owned();
    let path = format!("/api/v1/payments/{payment}/cancel");
    assert_eq!(world.send(post(&path, &fan.access, None, &json!({}))).await.status, 200);
}

impl Sold {
    fn item(&self, table: &str, prefix: &str, fan: Option<&Fan>) -> Value {
        let of = |item: &Value| fan.is_none_or(|fan| item.to_string().contains(&fan.user_id));
        items(&self.world, table, prefix).into_iter().find(of).expect("an item")
    }

    /// Runs until the second looks of everything but counts are due.
    async fn looked_twice(&self) -> Result<Vec<Difference>, Box<dyn std::error::Error>> {
        let first = run(&self.world).await?;
        assert!(first.found.is_empty() && first.round_over, "{first:?}");
        self.world.wait(59);
        assert_eq!(found(&self.world).await?, [], "a minute has not passed");
        self.world.wait(1);
        found(&self.world).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_sale_has_no_difference_before_and_after_its_holds_end() -> Outcome {
    let sold = sold().await?;
    let first = run(&sold.world).await?;
    let quiet = |compared| Reconciled { compared, found: Vec::new(), waiting: 0, round_over: true };
    assert!(first.compared > 10, "{first:?}");
    assert_eq!(first, quiet(first.compared));
    sold.world.wait(10_000);
    assert_eq!(run(&sold.world).await?.waiting, 1, "the hold that no timer ended was left behind");
    sold.world.wait(60);
    assert_eq!(found(&sold.world).await?, [Difference::LeftBehind]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_seat_that_does_not_fit_its_reservation_is_found() -> Outcome {
    use Difference::{AmountMismatch, EntryUnfounded, HeldWithoutReservation, SeatNotSold, SoldWithoutPayment};
    let it = sold().await?;
    remove(&it.world, "Fans", &it.item("Fans", "RES#", Some(&it.ann))).await;
    assert_eq!(it.looked_twice().await?, [SoldWithoutPayment, EntryUnfounded]);
    let it = sold().await?;
    remove(&it.world, "Fans", &it.item("Fans", "RES#", Some(&it.bob))).await;
    assert_eq!(it.looked_twice().await?, [HeldWithoutReservation]);
    let it = sold().await?;
    let seat = it.item("Concerts", "SEAT#", Some(&it.ann));
    remove(&it.world, "Concerts", &seat).await;
    assert_eq!(it.looked_twice().await?, [SeatNotSold]);
    let it = sold().await?;
    let seat = it.item("Concerts", "SEAT#", Some(&it.ann));
    tamper(&it.world, "Concerts", &seat, "price", number(PRICE + 1)).await;
    assert_eq!(it.looked_twice().await?, [AmountMismatch]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_does_not_fit_the_ledger_or_its_reservation_is_found() -> Outcome {
    use Difference::{EntryUnfounded, LedgerGap, PaymentMissing, RefundMissing, Unreadable, WrongBalance};
    let it = sold().await?;
    remove(&it.world, "Fans", &newest_entry(&it.world, &it.ann)).await;
    assert_eq!(it.looked_twice().await?, [PaymentMissing]);
    let it = sold().await?;
    remove(&it.world, "Fans", &newest_entry(&it.world, &it.carl)).await;
    assert_eq!(it.looked_twice().await?, [RefundMissing]);
    let it = sold().await?;
    tamper(&it.world, "Fans", &it.item("Fans", "RES#", Some(&it.carl)), "refundEntry", number(1)).await;
    assert_eq!(it.looked_twice().await?, [RefundMissing, EntryUnfounded]);
    let it = sold().await?;
    remove(&it.world, "Fans", &it.item("Fans", "LEDGER#0000000000000001", Some(&it.ann))).await;
    assert_eq!(it.looked_twice().await?, [LedgerGap]);
    let it = sold().await?;
    tamper(&it.world, "Fans", &newest_entry(&it.world, &it.ann), "balanceAfter", number(PRICE - 1)).await;
    assert_eq!(it.looked_twice().await?, [WrongBalance]);
    let it = sold().await?;
    tamper(&it.world, "Fans", &newest_entry(&it.world, &it.ann), "balanceAfter", number(-5)).await;
    assert_eq!(it.looked_twice().await?, [PaymentMissing, Unreadable], "a balance below zero");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_stale_count_is_found_once_the_sweep_would_have_counted_it() -> Outcome {
    for (prefix, attribute, value) in [
        ("COUNT#", "sold", number(1)),
        ("COUNT#", "seats", AttributeValue::B(vec![0; 64].into())),
        ("SUM", "held", number(7)),
        ("SUM", "version", number(1)),
    ] {
        let it = sold().await?;
        tamper(&it.world, "Concerts", &it.item("Concerts", prefix, None), attribute, value).await;
        assert_eq!(it.looked_twice().await?, [], "{prefix} {attribute}");
        it.world.wait(539);
        assert_eq!(found(&it.world).await?, []);
        it.world.wait(1);
        assert_eq!(found(&it.world).await?, [Difference::StaleCount], "{prefix} {attribute}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_count_that_is_late_is_no_difference() -> Outcome {
    let it = sold().await?;
    held(&it.world, &it.bob, &it.concert, &[4]).await;
    assert_eq!(run(&it.world).await?.waiting, 1, "the hold is not counted yet");
    it.world.wait(500);
    feed_stream(&it.world, &it.world.app).await?;
    // Behind again, but of another version.
    held(&it.world, &it.bob, &it.concert, &[5]).await;
    it.world.wait(100);
    assert_eq!(found(&it.world).await?, []);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_sale_in_flight_reports_nothing() -> Outcome {
    let it = sold().await?;
    it.world.recharge(&it.bob, PRICE, None).await;
    let held = held(&it.world, &it.bob, &it.concert, &[4]).await;
    let paid = it.world.pay(&it.bob, &held, PRICE, None).await;
    let refund = format!("/api/v1/payments/{}/cancel", paid.text("paymentId"));
    feed_stream(&it.world, &it.world.app).await?;
    it.world.wait(61);
    {
        let mut first = std::pin::pin!(run(&it.world));
        // The cursor and the fans are read, their seats are not.
        until_sent(&it.world, first.as_mut(), 3).await;
        assert_eq!(it.world.send(post(&refund, &it.bob.access, None, &json!({}))).await.status, 200);
        let first = first.await?;
        assert_eq!((first.found.len(), first.waiting), (0, 2), "a paid reservation without its seat, and a late count");
    }
    feed_stream(&it.world, &it.world.app).await?;
    for (seconds, waiting) in [(60, 1), (540, 0)] {
        it.world.wait(seconds);
        let second = run(&it.world).await?;
        assert_eq!((second.found.len(), second.waiting), (0, waiting));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_writer_during_the_second_look_leaves_it_to_the_next_run() -> Outcome {
    let it = sold().await?;
    let seat = it.item("Concerts", "SEAT#", Some(&it.ann));
    tamper(&it.world, "Concerts", &seat, "price", number(PRICE + 1)).await;
    assert_eq!(run(&it.world).await?.waiting, 1);
    it.world.wait(60);
    inject_where(&it.world, Fault::TransactionConflict { action: 0 }, 10, |call| call.operation == "TransactGetItems");
    let unclear = run(&it.world).await?;
    it.world.engine.clear_faults();
    assert_eq!((unclear.found.len(), unclear.waiting), (0, 1));
    assert_eq!(found(&it.world).await?, [Difference::AmountMismatch]);
    Ok(())
}

/// Puts sold seats that no reservation has.
fn sell_without_reservation(world: &World, concert: &str, seats: std::ops::Range<u32>) {
    for seat in seats {
        let chunk = (seat - 1) / 256;
        let item = json!({
            "pk": { "S": format!("CONCERT#{concert}#{chunk}") }, "sk": { "S": format!("SEAT#{seat:06}") },
            "concertId": { "S": concert }, "seatNumber": { "N": seat.to_string() }, "price": { "N": "1" },
            "status": { "S": "SOLD" }, "userId": { "S": Uuid::new_v4().to_string() },
            "reservationId": { "S": Uuid::new_v4().to_string() },
        });
        let answer = world.engine.execute("PutItem", json!({ "TableName": "Concerts", "Item": item }));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_meets_a_thousand_differences_stays_bounded_and_all_are_found() -> Outcome {
    let world = World::without_streams(&[]).await?;
    sell_without_reservation(&world, &Uuid::new_v4().to_string(), 1..1_001);
    let mut reported = BTreeSet::new();
    for runs in 0.. {
        assert!(runs <= 22, "{} found in {runs} runs", reported.len());
        world.engine.reset_meter();
        let run = run(&world).await?;
        let used = world.engine.meter();
        assert!(used.read_units <= MAX_UNITS, "{used:?}");
        assert!(run.waiting <= 50 && run.found.len() <= 50, "{run:?}");
        let new = run.found.into_iter().all(|found| reported.insert((found.pk, found.sk)));
        assert!(new, "once in a round");
        if reported.len() == 1_000 {
            break;
        }
        world.wait(60);
    }
    let cursor = world.engine.items("Queues").into_iter().find(|item| item["pk"] == "RECONCILE").expect("a cursor");
    assert!(cursor.to_string().len() < 16_000, "{}", cursor.to_string().len());
    Ok(())
}

/// Where the cursor stands.
fn position(world: &World) -> Value {
    let cursor = world.engine.items("Queues").into_iter().find(|item| item["pk"] == "RECONCILE");
    cursor.map_or(Value::Null, |cursor| cursor["after"].clone())
}

#[tokio::test(start_paused = true)]
async fn a_run_that_fails_or_is_killed_resumes_and_compares_every_item_once() -> Outcome {
    let world = World::without_streams(&[]).await?;
    for _ in 0..120 {
        let item = json!({
            "pk": { "S": format!("FAN#{}", Uuid::new_v4()) }, "sk": { "S": "LEDGER#0000000000000001" }, "sequence": { "N": "1" },
            "type": { "S": "CHARGE" }, "amount": { "N": "5" }, "balanceAfter": { "N": "5" }, "at": { "N": "1" },
        });
        world.engine.execute("PutItem", json!({ "TableName": "Fans", "Item": item }));
    }
    inject_where(&world, Fault::InternalError, 10, |call| {
        call.operation == "Scan" && !call.body["ExclusiveStartKey"].is_null()
    });
    assert!(run(&world).await.is_err(), "Lambda records the failure");
    world.engine.clear_faults();
    let first = position(&world);
    assert!(first.is_object(), "the first part is done: {first}");
    {
        let mut killed = std::pin::pin!(run(&world));
        until_sent(&world, killed.as_mut(), 3).await;
    }
    assert_eq!(position(&world), first, "a run that is killed has done nothing");
    let rest = run(&world).await?;
    assert_eq!((rest.compared, rest.round_over), (70, true));
    assert_eq!(run(&world).await?.compared, 120, "the next round begins again");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn of_two_runs_at_once_one_moves_the_cursor() -> Outcome {
    let world = World::without_streams(&[]).await?;
    sell_without_reservation(&world, &Uuid::new_v4().to_string(), 1..60);
    {
        let mut slow = std::pin::pin!(run(&world));
        until_sent(&world, slow.as_mut(), 2).await;
        assert_eq!(run(&world).await?.waiting, 50);
        world.wait(60);
        assert_eq!(run(&world).await?.found.len(), 50, "two runs, one after the other");
        let waiting = |world: &World| {
            let cursor = world.engine.items("Queues").into_iter().find(|item| item["pk"] == "RECONCILE");
            cursor.expect("a cursor")["suspects"].as_array().map(Vec::len)
        };
        let before = waiting(&world);
        slow.await?;
        assert_eq!(waiting(&world), before, "the cursor of the slow run is older");
    }
    Ok(())
}
