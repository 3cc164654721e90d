//! Invariants 1, 2 and 3 of infra/docs/ARCHITECTURE.md, checked in the tables.

use acceptance::World;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn units(item: &Value, name: &str) -> u64 {
    item[name].as_u64().unwrap_or_else(|| panic!("{name} of {item}"))
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name].as_str().unwrap_or_else(|| panic!("{name} of {item}"))
}

fn is(item: &Value, prefix: &str) -> bool {
    text(item, "sk").starts_with(prefix)
}

type SeatKey = (String, u64);

fn seats_of(reservation: &Value) -> Vec<SeatKey> {
    let concert = text(reservation, "concertId").to_owned();
    let numbers = reservation["seatNumbers"].as_array().expect("seats");
    numbers.iter().map(|n| (concert.clone(), n.as_u64().expect("a seat"))).collect()
}

/// Asserts the invariants at the world's present time.
pub fn check(world: &World) {
    let now = engine::Clock::now_ms(&world.clock);
    let (fans, concerts) = (world.engine.items("Fans"), world.engine.items("Concerts"));
    let reservations: Vec<&Value> = fans.iter().filter(|item| is(item, "RES#")).collect();
    let seats: BTreeMap<SeatKey, &Value> = concerts
        .iter()
        .filter(|item| is(item, "SEAT#"))
        .map(|item| ((text(item, "concertId").to_owned(), units(item, "seatNumber")), item))
        .collect();
    let ledger = check_ledgers(&fans);
    check_holds(&reservations, &seats, now);
    let confirmed: u64 =
        reservations.iter().filter(|r| text(r, "status") == "CONFIRMED").map(|r| units(r, "amount")).sum();
    let sold: u64 = seats.values().filter(|s| text(s, "status") == "SOLD").map(|s| units(s, "price")).sum();
    assert_eq!((ledger, ledger), (confirmed, sold), "invariant 3: payments = confirmed reservations = sold seats");
    check_sessions(world, &reservations);
}

/// Invariant 1: each seat of a confirmed or unexpired reservation belongs to this reservation and to no other.
fn check_holds(reservations: &[&Value], seats: &BTreeMap<SeatKey, &Value>, now: u64) {
    let mut owned = BTreeSet::new();
    for reservation in reservations {
        let wanted = match text(reservation, "status") {
            "CONFIRMED" => "SOLD",
            "PENDING" if now < units(reservation, "expiresAt") => "HELD",
            _ => continue,
        };
        for key in seats_of(reservation) {
            let seat = seats.get(&key).unwrap_or_else(|| panic!("invariant 1: {key:?} of {reservation} is free"));
            assert_eq!(text(seat, "status"), wanted, "invariant 1: {seat} of {reservation}");
            assert_eq!(text(seat, "reservationId"), text(reservation, "reservationId"), "invariant 1: {seat}");
            assert_eq!(seat.get("ttl").is_some(), wanted == "HELD", "TTL is for held seats: {seat}");
            assert!(owned.insert(key), "invariant 1: {seat} belongs to two reservations");
        }
    }
    let taken = |seat: &&Value| match text(seat, "status") {
        "SOLD" => true,
        _ => now < units(seat, "heldUntil"),
    };
    assert_eq!(
        seats.values().filter(|seat| taken(seat)).count(),
        owned.len(),
        "invariant 1: a taken seat without a reservation"
    );
}

/// Invariant 2; returns payments less refunds.
fn check_ledgers(fans: &[Value]) -> u64 {
    let mut ledgers: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for entry in fans.iter().filter(|item| is(item, "LEDGER#")) {
        ledgers.entry(text(entry, "pk")).or_default().push(entry);
    }
    let accounts: BTreeSet<&str> =
        fans.iter().filter(|item| is(item, "PROFILE")).map(|item| text(item, "pk")).collect();
    let mut paid = 0;
    for (owner, mut entries) in ledgers {
        assert!(accounts.contains(owner), "a ledger without an account");
        entries.sort_by_key(|entry| text(entry, "sk").to_owned());
        let mut sum = 0u64;
        for (entry, expected) in entries.iter().zip(1..) {
            assert_eq!(units(entry, "sequence"), expected, "invariant 2: a gap before {entry}");
            let amount = units(entry, "amount");
            if text(entry, "type") == "PAYMENT" {
                sum = sum.checked_sub(amount).unwrap_or_else(|| panic!("invariant 2: below zero at {entry}"));
                paid += amount;
            } else {
                sum += amount;
                paid -= if text(entry, "type") == "REFUND" { amount } else { 0 };
            }
            assert_eq!(units(entry, "balanceAfter"), sum, "invariant 2: {entry}");
        }
    }
    paid
}

/// A session's `seatsTaken` counts the seats of its listed holds and of what was paid in it, and is within the limit.
fn check_sessions(world: &World, reservations: &[&Value]) {
    let limit = u64::from(world.app.config.seats_per_session);
    for session in world.engine.items("Queues").iter().filter(|item| text(item, "pk").starts_with("SESSION#")) {
        let listed: u64 =
            session["holds"].as_object().into_iter().flat_map(|holds| holds.values()).map(|h| units(h, "seats")).sum();
        let paid_here = |r: &&&Value| {
            r.get("paidAt").is_some() && (&r["queueId"], &r["place"]) == (&session["queueId"], &session["place"])
        };
        let bought: usize = reservations.iter().filter(paid_here).map(|r| seats_of(r).len()).sum();
        assert_eq!(units(session, "seatsTaken"), listed + bought as u64, "{session}");
        assert!(units(session, "seatsTaken") <= limit, "{session}");
    }
}
