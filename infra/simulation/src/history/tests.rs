//! The checker on trial: histories that no order of events explains, and some that one does.

use super::{Call, History, Op, Outcome, check};
use crate::{invariants::Oracle, network::Change, network::ItemKey};
use acceptance::Reply;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use lambda_http::{Body, Response};
use serde_json::{Value, json};
use shared::{config::Config, domain::time::Timestamp};

const NOW: u64 = 1_780_272_000_000;

/// Something asked and answered, in seconds after [`NOW`].
fn call(user: &str, op: Op, from: u64, to: u64, status: u16, body: Value) -> Call {
    let response = Response::builder().status(status).body(Body::Text(body.to_string()));
    let outcome = Outcome::Answer(Reply::of(response.unwrap()));
    Call {
        user_id: user.to_owned(),
        op,
        start_ms: NOW + from * 1_000,
        end_ms: NOW + to * 1_000,
        outcome,
        deliveries: 1,
    }
}

fn lost(user: &str, op: Op, from: u64) -> Call {
    let (start_ms, end_ms) = (NOW + from * 1_000, u64::MAX);
    Call { user_id: user.to_owned(), op, start_ms, end_ms, outcome: Outcome::Unknown, deliveries: 1 }
}

fn held(user: &str, id: &str, seat: u64, from: u64, to: u64) -> Call {
    let expires = Timestamp::from_millis(i64::try_from(NOW).unwrap() + 300_000).rfc3339();
    let body = json!({ "reservationId": id, "seatNumbers": [seat], "expiresAt": expires });
    call(user, Op::Hold(vec![seat], None), from, to, 201, body)
}

fn paid(user: &str, id: &str, from: u64, to: u64, balance: u64) -> Call {
    call(user, Op::Pay(id.to_owned(), None), from, to, 200, json!({ "newBalance": balance }))
}

/// The tables at the end: reservations as user, id, seat, status, and the ledger of `ann`.
fn tables(reservations: &[(&str, &str, u64, &str)], ledger: &[(&str, u64, u64, &str)]) -> Oracle {
    let config = Config::from_lookup(|name| match name {
        "TOKEN_SIGNING_SECRET" => Some("x".repeat(32)),
        name if name.ends_with("_TABLE") || name.ends_with("_URL") => Some(name.to_owned()),
        _ => None,
    });
    let mut oracle = Oracle::new(&config.unwrap());
    for (user, id, seat, status) in reservations {
        let item = json!({ "userId": user, "reservationId": id, "seatNumbers": [seat], "status": status });
        oracle.seats.reservations.insert((*id).to_owned(), item);
    }
    let entries = ledger.iter().zip(1..).map(|((kind, amount, after, id), sequence)| {
        json!({ "type": kind, "amount": amount, "balanceAfter": after, "reservationId": id, "sequence": sequence })
    });
    oracle.money.ledgers.insert("ann".to_owned(), entries.collect());
    oracle
}

fn judge(calls: Vec<Call>, end: &Oracle) -> String {
    check(&History { calls }, end, false).join("\n")
}

#[test]
fn a_seat_is_known_to_one_fan_at_a_time() {
    let end = tables(&[("ann", "r1", 7, "CANCELLED"), ("bob", "r2", 7, "PENDING")], &[]);
    let both = vec![held("ann", "r1", 7, 0, 1), held("bob", "r2", 7, 2, 3)];
    assert!(judge(both.clone(), &end).contains("seat 7 belonged to r1 and r2"));
    let mut cancelled = both;
    cancelled.push(call("ann", Op::Cancel("r1".to_owned()), 1, 2, 204, Value::Null));
    assert_eq!(judge(cancelled, &end), "");
}

#[test]
fn what_was_granted_is_there_and_stays() {
    let end = tables(&[], &[]);
    assert!(judge(vec![held("ann", "r1", 7, 0, 1)], &end).contains("r1 was granted to ann"));
    let end = tables(&[("ann", "r1", 7, "PENDING")], &[("PAYMENT", 5, 0, "r1")]);
    assert!(judge(vec![held("ann", "r1", 7, 0, 1), paid("ann", "r1", 1, 2, 0)], &end).contains("r1 is PENDING"));
    let end = tables(&[("ann", "r1", 7, "CONFIRMED")], &[("PAYMENT", 5, 0, "r1")]);
    let mut calls = vec![held("ann", "r1", 7, 0, 1), paid("ann", "r1", 1, 2, 0)];
    assert_eq!(judge(calls.clone(), &end), "");
    let again = |code| call("ann", Op::Pay("r1".to_owned(), None), 3, 4, 409, json!({ "code": code }));
    let then = |again| judge([calls.clone(), vec![again]].concat(), &end);
    assert_eq!(then(again("payment_already_processed")), "");
    assert!(then(again("session_over")).contains("again and is answered"));
    let mut over = tables(&[("ann", "r1", 7, "CONFIRMED")], &[("PAYMENT", 5, 0, "r1")]);
    let reservation = over.seats.reservations.get_mut("r1").unwrap();
    (reservation["paidAt"], reservation["expiresAt"]) = (json!(NOW + 2_000), json!(NOW + 300_000));
    let meanwhile = call("ann", Op::Pay("r1".to_owned(), None), 1, 3, 401, json!({ "code": "session_over" }));
    assert!(judge([calls.clone(), vec![meanwhile]].concat(), &over).contains("again and is answered"));
    let look = Op::Reservation("r1".to_owned());
    calls.push(call("ann", look, 3, 4, 200, json!({ "status": "PENDING" })));
    assert!(judge(calls, &end).contains("is shown PENDING"));
}

#[test]
fn a_seat_is_refused_only_where_a_rival_asked_for_it() {
    let refused = || {
        let body = json!({ "code": "seat_unavailable", "seatNumbers": [7] });
        call("ann", Op::Hold(vec![7], None), 5, 6, 409, body)
    };
    let end = tables(&[("bob", "r2", 7, "EXPIRED")], &[]);
    assert!(judge(vec![refused(), held("bob", "r2", 7, 7, 8)], &end).contains("seat 7 was refused to ann"));
    assert_eq!(judge(vec![refused(), lost("bob", Op::Hold(vec![7], None), 4)], &end), "");
}

#[test]
fn nobody_is_refused_a_seat_for_the_hold_that_the_request_itself_made() {
    let end = tables(&[("ann", "r1", 7, "EXPIRED")], &[]);
    let refused = |deliveries| {
        let body = json!({ "code": "seat_unavailable", "seatNumbers": [7], "reservationId": "r1" });
        Call { deliveries, ..call("ann", Op::Hold(vec![7], None), 5, 6, 409, body) }
    };
    assert!(judge(vec![refused(1)], &end).contains("ann holds seats [7] for the first time and has them already"));
    assert_eq!(judge(vec![refused(2)], &end), "");
    assert_eq!(judge(vec![lost("ann", Op::Hold(vec![6, 7], None), 1), refused(1)], &end), "");
}

#[test]
fn one_key_makes_one_reservation() {
    let end = tables(&[("ann", "r1", 7, "CANCELLED"), ("ann", "r2", 7, "CANCELLED")], &[]);
    let with_key = |mut call: Call| {
        call.op = Op::Hold(vec![7], Some("k".to_owned()));
        call
    };
    let calls = vec![with_key(held("ann", "r1", 7, 0, 1)), with_key(held("ann", "r2", 7, 400, 401))];
    assert!(judge(calls, &end).contains("key k made the reservations r1 and r2"));
}

#[test]
fn a_key_is_answered_what_it_was_answered_first() {
    let end = tables(&[("ann", "r1", 7, "CONFIRMED")], &[("PAYMENT", 5, 0, "r1")]);
    let pay = |key: Option<&str>| Op::Pay("r1".to_owned(), key.map(str::to_owned));
    let told = |key| call("ann", pay(key), 5, 6, 409, json!({ "code": "payment_already_processed" }));
    let with = |first: Call, told: Call| judge(vec![held("ann", "r1", 7, 0, 1), first, told], &end);
    assert!(with(lost("ann", pay(Some("k")), 1), told(Some("k"))).contains("nobody else did"));
    assert_eq!(with(lost("ann", pay(Some("other")), 1), told(Some("k"))), "");
    assert_eq!(with(lost("ann", pay(None), 1), told(None)), "");
    assert!(judge(vec![held("ann", "r1", 7, 0, 1), told(None)], &end).contains("nobody else did"));
    let twice = Call { deliveries: 2, ..told(None) };
    assert_eq!(judge(vec![held("ann", "r1", 7, 0, 1), twice], &end), "");
}

#[test]
fn a_turn_is_not_over_while_it_holds() {
    let end = tables(&[("ann", "r1", 7, "PENDING")], &[]);
    let over = |user, from| call(user, Op::Poll, from, from + 1, 410, json!({ "code": "session_over" }));
    let with = |over| judge(vec![held("ann", "r1", 7, 0, 1), over], &end);
    assert!(with(over("ann", 200)).contains("[7] held and is answered 410"));
    assert_eq!(with(over("ann", 299)), "", "by a faster clock");
    assert_eq!(with(over("bob", 200)), "");
    let by_an_old_turn = Call { op: Op::Hold(vec![8], None), ..over("ann", 200) };
    assert_eq!(with(by_an_old_turn), "");
    let left = vec![held("ann", "r1", 7, 0, 1), lost("ann", Op::Leave, 3), over("ann", 200)];
    assert_eq!(judge(left, &end), "");
}

#[test]
fn a_sold_seat_is_not_shown_free() {
    let end = tables(&[("ann", "r1", 7, "CONFIRMED")], &[("PAYMENT", 5, 0, "r1")]);
    let map = |from| {
        let body = json!([{ "seatNumber": 7, "status": "AVAILABLE", "available": true }]);
        call("bob", Op::SeatMap, from, from + 1, 200, body)
    };
    let calls = |from| vec![held("ann", "r1", 7, 0, 1), paid("ann", "r1", 1, 2, 0), map(from)];
    assert_eq!(judge(calls(3), &end), "", "a map may be a little old");
    assert!(judge(calls(10), &end).contains("which is sold"));
}

#[test]
fn money_comes_in_once_and_as_told() {
    let put_in = |from, body| call("ann", Op::Recharge(10, Some("k".to_owned())), from, from + 1, 200, body);
    let told = json!({ "currentBalance": 0, "newBalance": 10 });
    let once = tables(&[], &[("CHARGE", 10, 10, "")]);
    assert_eq!(judge(vec![put_in(0, told.clone()), put_in(2, told.clone())], &once), "");
    let twice = tables(&[], &[("CHARGE", 10, 10, ""), ("CHARGE", 10, 20, "")]);
    assert!(judge(vec![put_in(0, told.clone())], &twice).contains("2 charges for 1 keys"));
    let without = Call { op: Op::Recharge(10, None), ..put_in(0, told.clone()) };
    assert!(judge(vec![without.clone()], &twice).contains("2 charges for 0 keys"));
    assert_eq!(judge(vec![Call { deliveries: 2, ..without }], &twice), "");
    let never = tables(&[], &[]);
    assert!(judge(vec![put_in(0, told)], &never).contains("put in 10, told"));
    let odd = json!({ "currentBalance": 3, "newBalance": 10 });
    assert!(judge(vec![put_in(0, odd)], &once).contains("is told"));
    let other = json!({ "currentBalance": 10, "newBalance": 20 });
    let told = json!({ "currentBalance": 0, "newBalance": 10 });
    assert!(!judge(vec![put_in(0, told), put_in(2, other)], &twice).is_empty(), "a replay is the first answer");
}

#[test]
fn a_balance_that_is_shown_is_one_that_there_was() {
    let end = tables(&[], &[("CHARGE", 10, 10, ""), ("CHARGE", 5, 15, "")]);
    let put_in = |amount: u64, key: &str, from, after: u64| {
        let body = json!({ "currentBalance": after - amount, "newBalance": after });
        call("ann", Op::Recharge(amount, Some(key.to_owned())), from, from + 1, 200, body)
    };
    let look = |from, shown: u64| call("ann", Op::Balance, from, from + 1, 200, json!({ "currentBalance": shown }));
    let both = |look| vec![put_in(10, "a", 0, 10), put_in(5, "b", 10, 15), look];
    assert_eq!(judge(both(look(5, 10)), &end), "");
    assert_eq!(judge(both(look(10, 15)), &end), "");
    assert!(judge(both(look(5, 0)), &end).contains("balance of 0"), "forgot what was acknowledged");
    assert!(judge(both(look(5, 15)), &end).contains("balance of 15"), "knew what nobody had asked for");
    assert!(judge(both(look(20, 12)), &end).contains("balance of 12"), "never was");
}

#[test]
fn money_is_missing_only_where_it_is() {
    let ledger = [("CHARGE", 10, 10, ""), ("PAYMENT", 10, 0, "r1")];
    let mut end = tables(&[("ann", "r1", 7, "CONFIRMED")], &ledger);
    end.seats.reservations.get_mut("r1").unwrap()["amount"] = json!(10);
    let put_in = call("ann", Op::Recharge(10, None), 2, 3, 200, json!({ "currentBalance": 0, "newBalance": 10 }));
    let refused = |from, to| {
        call("ann", Op::Pay("r1".to_owned(), None), from, to, 409, json!({ "code": "insufficient_balance" }))
    };
    let with =
        |refused| judge(vec![held("ann", "r1", 7, 0, 1), put_in.clone(), paid("ann", "r1", 5, 8, 0), refused], &end);
    assert_eq!(with(refused(1, 2)), "");
    assert!(with(refused(5, 9)).contains("lacks no money"), "it was paid meanwhile");
}

#[test]
fn nobody_is_overtaken() {
    let token = |place: u64| {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(json!({ "place": place }).to_string());
        format!("header.{claims}.signature")
    };
    let told = |user: &str, place, from, status: &str| {
        call(user, Op::Poll, from, from + 1, 200, json!({ "status": status, "token": token(place) }))
    };
    let end = tables(&[], &[]);
    let fair = vec![told("ann", 2, 0, "WAITING"), told("bob", 1, 0, "ACTIVE"), told("ann", 2, 9, "ACTIVE")];
    assert_eq!(judge(fair, &end), "");
    let overtaken = vec![told("ann", 2, 0, "ACTIVE"), told("bob", 1, 10, "WAITING")];
    assert!(judge(overtaken, &end).contains("waits at place 1 while place 2 is in"));
    let thrown_back = vec![told("ann", 2, 0, "ACTIVE"), told("ann", 2, 10, "WAITING")];
    assert!(judge(thrown_back, &end).contains("waits again"));
    let unknown = |from| call("ann", Op::Poll, from, from + 1, 404, json!({ "code": "token_not_found" }));
    assert!(judge(vec![told("ann", 2, 0, "WAITING"), unknown(5)], &end).contains("has place 2 and is told of none"));
    assert_eq!(judge(vec![unknown(0), told("ann", 2, 5, "WAITING")], &end), "");
}

#[test]
fn a_write_that_breaks_an_invariant_is_seen_at_once() {
    let seat = |reservation: &str, status: &str| {
        json!({ "concertId": "c", "seatNumber": 7, "status": status, "reservationId": reservation, "price": 5,
                "heldUntil": NOW + 60_000 })
    };
    let change = |old: Value, new: Value| Change {
        key: ItemKey { table: "Concerts".to_owned(), pk: "CONCERT#c#0".to_owned(), sk: "SEAT#000007".to_owned() },
        raw_old: Value::Null,
        raw_new: Value::Null,
        old,
        new,
        at_ms: NOW,
    };
    let mut oracle = tables(&[("ann", "r1", 7, "CONFIRMED"), ("bob", "r2", 7, "PENDING")], &[]);
    let found = oracle.observe(&[change(seat("r1", "HELD"), seat("r2", "HELD"))], NOW).join("\n");
    assert!(found.contains("is held and goes to another"), "{found}");
    let found = oracle.observe(&[change(seat("r1", "SOLD"), seat("r2", "HELD"))], NOW).join("\n");
    assert!(found.contains("was sold and goes to another"), "{found}");
}
