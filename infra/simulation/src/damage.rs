//! Damages the tables by hand after a sale, once for each kind of difference: `reconcile` must find each.

use crate::{
    change::{number, text},
    log::Keep,
    plan::{Overrides, Plan},
    run::{run, run_phases},
    triggers,
    world::World,
};
use serde_json::{Value, json};
use shared::domain::reconcile::Difference;
use std::{collections::BTreeSet, sync::Arc};
use template::Template;

/// A concert that the sale does not have.
const ELSEWHERE: &str = "00000000-0000-7000-8000-000000000001";
/// A reservation, and a fan, whom the sale does not have.
const NOBODY: &str = "00000000-0000-7000-8000-000000000002";
/// Runs within which each second look is over.
const RUNS: usize = 15;

/// Runs a request of DynamoDB past the simulated network.
fn execute(world: &World, operation: &str, mut request: Value, table: &str) {
    request["TableName"] = json!(table);
    let answer = world.engine.execute(operation, request);
    assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
}

fn key(item: &Value) -> Value {
    json!({ "pk": { "S": item["pk"] }, "sk": { "S": item["sk"] } })
}

fn set(world: &World, table: &str, item: &Value, attribute: &str, value: &Value) {
    let update = json!({
        "Key": key(item), "UpdateExpression": "SET #a = :v", "ExpressionAttributeNames": { "#a": attribute },
        "ExpressionAttributeValues": { ":v": value },
    });
    execute(world, "UpdateItem", update, table);
}

fn delete(world: &World, table: &str, item: &Value) {
    execute(world, "DeleteItem", json!({ "Key": key(item) }), table);
}

/// Puts a seat of a concert that does not exist, of a reservation that does not exist.
fn put_seat(world: &World, seat: u64, status: &str) {
    let until = world.clock.now_ms() + 24 * 60 * 60_000;
    let item = json!({
        "pk": { "S": format!("CONCERT#{ELSEWHERE}#0") }, "sk": { "S": format!("SEAT#{seat:06}") },
        "concertId": { "S": ELSEWHERE }, "seatNumber": { "N": seat.to_string() }, "price": { "N": "1" },
        "userId": { "S": NOBODY }, "reservationId": { "S": NOBODY }, "status": { "S": status },
        "heldUntil": { "N": until.to_string() },
    });
    execute(world, "PutItem", json!({ "Item": item }), "Concerts");
}

/// Damages something for each kind. Each damage hits items of its own.
fn damage(world: &World) {
    put_seat(world, 1, "SOLD");
    put_seat(world, 2, "HELD");
    let fans = world.engine.items("Fans");
    let concerts = world.engine.items("Concerts");
    let with = |status: &'static str| fans.iter().filter(move |item| text(item, "status") == status);
    let seat_of = |reservation: &Value| {
        let id = text(reservation, "reservationId");
        let seat = concerts.iter().find(|item| text(item, "reservationId") == id);
        seat.unwrap_or_else(|| panic!("no seat of {reservation}")).clone()
    };
    let paid: Vec<&Value> = with("CONFIRMED").collect();
    delete(world, "Concerts", &seat_of(paid[0]));
    set(world, "Concerts", &seat_of(paid[1]), "price", &json!({ "N": "123456" }));
    set(world, "Fans", paid[2], "paymentEntry", &json!({ "N": "999" }));
    let refunded = fans.iter().find(|item| text(item, "cancelReason") == "REFUNDED").expect("a refund");
    set(world, "Fans", refunded, "refundEntry", &json!({ "N": "999" }));
    let entries: Vec<&Value> = fans.iter().filter(|item| text(item, "sk").starts_with("LEDGER#")).collect();
    let second = entries.iter().find(|entry| number(entry, "sequence") == 2).expect("a second entry");
    let first = entries.iter().find(|entry| entry["pk"] == second["pk"] && number(entry, "sequence") == 1);
    delete(world, "Fans", first.expect("a first entry"));
    let mut others = entries.iter().filter(|entry| entry["pk"] != second["pk"] && number(entry, "sequence") == 1);
    set(world, "Fans", others.next().expect("another fan"), "balanceAfter", &json!({ "N": "7" }));
    set(world, "Fans", others.next().expect("one more fan"), "amount", &json!({ "N": "-7" }));
    let count = concerts.iter().find(|item| text(item, "sk").starts_with("COUNT#")).expect("a count");
    set(world, "Concerts", count, "sold", &json!({ "N": "9999" }));
    let left = with("CANCELLED").chain(with("EXPIRED")).find(|item| *item != refunded).expect("a settled hold");
    set(world, "Fans", left, "expiresAt", &json!({ "N": "1" }));
    set(world, "Fans", left, "status", &json!({ "S": "PENDING" }));
}

/// A seed whose sale leaves enough to damage.
fn seed(template: &Arc<Template>) -> u64 {
    let fits = |seed: &u64| {
        let report = run(*seed, &Overrides::default(), template, Keep::Hash);
        report.purchases >= report.refunds + 4 && report.refunds > 0
    };
    (1..200).find(fits).expect("a sale with payments and refunds")
}

#[test]
fn each_kind_of_damage_is_found_and_nothing_else_was() {
    let template = Arc::new(Template::load(&template::locate().unwrap()).unwrap());
    let seed = seed(&template);
    let work = move || {
        fastrand::seed(seed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let plan = Plan { quarter: false, ..Plan::of(seed, &Overrides::default()) };
            let world = World::new(plan, template, Keep::Hash).unwrap();
            run_phases(&world).await.unwrap();
            assert_eq!(world.violations(), Vec::<String>::new());
            world.pause_schedules(true);
            damage(&world);
            let mut found = BTreeSet::new();
            for _ in 0..RUNS {
                world.sleep(60_000).await;
                let answer = triggers::run(&world, triggers::RECONCILE, json!({})).await.unwrap();
                let kinds = answer["found"].as_array().into_iter().flatten();
                found.extend(kinds.map(|found| text(found, "kind").to_owned()));
            }
            world.pools.clear();
            found
        })
    };
    let found = std::thread::spawn(work).join().unwrap();
    assert_eq!(found, Difference::ALL.map(|kind| kind.name().to_owned()).into());
}
