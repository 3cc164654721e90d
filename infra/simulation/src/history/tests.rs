//! Tests of the history checker, with histories that it must refuse and histories that it must accept.

use super::{Call, History, Op, Outcome, check::unexplained_answers};
use crate::{
    change::{Change, ItemKey},
    invariants::Oracle,
};
use acceptance::Reply;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use lambda_http::{Body, Response};
use serde_json::{Value, json};
use shared::{config::Config, domain::time::Timestamp};

const NOW: u64 = 1_780_272_000_000;

/// A request and its answer; times are in seconds after [`NOW`].
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

/// The tables at the end: reservations as user, id, seat and status, and the ledger of `ann` as type, amount, balance
/// after it and reservation.
fn tables(reservations: &[(&str, &str, u64, &str)], ledger: &[(&str, u64, u64, &str)]) -> Oracle {
    let config = Config::from_lookup(|name| match name {
        "SIGNING_SECRET" => Some("secret".to_owned()),
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
    unexplained_answers(&History { calls }, end, false).join("\n")
}

#[test]
fn a_seat_belongs_to_one_fan_at_a_time() {
    let end = tables(&[("ann", "r1", 7, "CANCELLED"), ("bob", "r2", 7, "PENDING")], &[]);
    let both = vec![held("ann", "r1", 7, 0, 1), held("bob", "r2", 7, 2, 3)];
    assert!(judge(both.clone(), &end).contains("seat 7 belonged to r1 and r2"));
    let mut cancelled = both;
    cancelled.push(call("ann", Op::Cancel("r1".to_owned()), 1, 2, 204, Value::Null));
    assert_eq!(judge(cancelled, &end), "");
}

#[test]
fn a_granted_hold_or_payment_exists_and_lasts() {
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
fn a_seat_is_refused_only_if_a_rival_asked_for_it() {
    let refused = || {
        let body = json!({ "code": "seat_unavailable", "seatNumbers": [7] });
        call("ann", Op::Hold(vec![7], None), 5, 6, 409, body)
    };
    let end = tables(&[("bob", "r2", 7, "EXPIRED")], &[]);
    assert!(judge(vec![refused(), held("bob", "r2", 7, 7, 8)], &end).contains("seat 7 was refused to ann"));
    assert_eq!(judge(vec![refused(), lost("bob", Op::Hold(vec![7], None), 4)], &end), "");
}

#[test]
fn a_request_is_not_refused_for_its_own_hold() {
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
fn a_repeated_key_gets_its_first_answer() {
    let end = tables(&[("ann", "r1", 7, "CONFIRMED")], &[("PAYMENT", 5, 0, "r1")]);
    let pay = |key: Option<&str>| Op::Pay("r1".to_owned(), key.map(str::to_owned));
    let already = |key| call("ann", pay(key), 5, 6, 409, json!({ "code": "payment_already_processed" }));
    let with = |first: Call, then: Call| judge(vec![held("ann", "r1", 7, 0, 1), first, then], &end);
    assert!(with(lost("ann", pay(Some("k")), 1), already(Some("k"))).contains("nobody else did"));
    assert_eq!(with(lost("ann", pay(Some("other")), 1), already(Some("k"))), "");
    assert_eq!(with(lost("ann", pay(None), 1), already(None)), "");
    assert!(judge(vec![held("ann", "r1", 7, 0, 1), already(None)], &end).contains("nobody else did"));
    let twice = Call { deliveries: 2, ..already(None) };
    assert_eq!(judge(vec![held("ann", "r1", 7, 0, 1), twice], &end), "");
}

#[test]
fn a_session_is_not_over_while_it_holds_seats() {
    let end = tables(&[("ann", "r1", 7, "PENDING")], &[]);
    let over = |user, from| call(user, Op::Poll, from, from + 1, 410, json!({ "code": "session_over" }));
    let with = |over| judge(vec![held("ann", "r1", 7, 0, 1), over], &end);
    assert!(with(over("ann", 200)).contains("[7] held and is answered 410"));
    assert_eq!(with(over("ann", 299)), "", "a fast clock may see the hold as over");
    assert_eq!(with(over("bob", 200)), "");
    let with_an_old_token = Call { op: Op::Hold(vec![8], None), ..over("ann", 200) };
    assert_eq!(with(with_an_old_token), "");
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
    assert_eq!(judge(calls(3), &end), "", "a seat map may be stale");
    assert!(judge(calls(10), &end).contains("which is sold"));
}

#[test]
fn a_recharge_adds_money_once_and_as_answered() {
    let put_in = |from, body| call("ann", Op::Recharge(10, Some("k".to_owned())), from, from + 1, 200, body);
    let answer = json!({ "currentBalance": 0, "newBalance": 10 });
    let once = tables(&[], &[("CHARGE", 10, 10, "")]);
    assert_eq!(judge(vec![put_in(0, answer.clone()), put_in(2, answer.clone())], &once), "");
    let twice = tables(&[], &[("CHARGE", 10, 10, ""), ("CHARGE", 10, 20, "")]);
    assert!(judge(vec![put_in(0, answer.clone())], &twice).contains("2 charges for 1 keys"));
    let without = Call { op: Op::Recharge(10, None), ..put_in(0, answer.clone()) };
    assert!(judge(vec![without.clone()], &twice).contains("2 charges for 0 keys"));
    assert_eq!(judge(vec![Call { deliveries: 2, ..without }], &twice), "");
    let never = tables(&[], &[]);
    assert!(judge(vec![put_in(0, answer)], &never).contains("recharged 10, answered"));
    let odd = json!({ "currentBalance": 3, "newBalance": 10 });
    assert!(judge(vec![put_in(0, odd)], &once).contains("is answered"));
    let other = json!({ "currentBalance": 10, "newBalance": 20 });
    let answer = json!({ "currentBalance": 0, "newBalance": 10 });
    assert!(!judge(vec![put_in(0, answer), put_in(2, other)], &twice).is_empty(), "a replay has the first answer");
}

#[test]
fn each_recharge_without_a_key_has_an_entry_of_its_own() {
    let put_in = |key: Option<&str>, from, before: u64| {
        let body = json!({ "currentBalance": before, "newBalance": before + 10 });
        call("ann", Op::Recharge(10, key.map(str::to_owned)), from, from + 1, 200, body)
    };
    let twice = tables(&[], &[("CHARGE", 10, 10, ""), ("CHARGE", 10, 20, "")]);
    assert_eq!(judge(vec![put_in(None, 0, 0), put_in(None, 0, 10)], &twice), "");
    for key in [None, Some("k")] {
        let found = judge(vec![put_in(None, 0, 0), put_in(key, 0, 0)], &twice);
        assert!(found.contains("was granted 2 recharges of 10 up to 10"), "{found}");
    }
}

#[test]
fn a_shown_balance_existed_during_the_request() {
    let end = tables(&[], &[("CHARGE", 10, 10, ""), ("CHARGE", 5, 15, "")]);
    let put_in = |amount: u64, key: &str, from, after: u64| {
        let body = json!({ "currentBalance": after - amount, "newBalance": after });
        call("ann", Op::Recharge(amount, Some(key.to_owned())), from, from + 1, 200, body)
    };
    let look = |from, shown: u64| call("ann", Op::Balance, from, from + 1, 200, json!({ "currentBalance": shown }));
    let both = |look| vec![put_in(10, "a", 0, 10), put_in(5, "b", 10, 15), look];
    assert_eq!(judge(both(look(5, 10)), &end), "");
    assert_eq!(judge(both(look(10, 15)), &end), "");
    assert!(judge(both(look(5, 0)), &end).contains("balance of 0"), "an acknowledged recharge is missing");
    assert!(judge(both(look(5, 15)), &end).contains("balance of 15"), "a recharge counts before its request");
    assert!(judge(both(look(20, 12)), &end).contains("balance of 12"), "never existed");
}

#[test]
fn insufficient_balance_needs_a_balance_that_is_too_low() {
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
    assert!(with(refused(5, 9)).contains("lacks no money"), "the reservation was paid meanwhile");
}

#[test]
fn no_fan_is_overtaken_or_loses_a_place() {
    let token = |place: u64| {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(json!({ "place": place }).to_string());
        format!("header.{claims}.signature")
    };
    let polled = |user: &str, place, from, status: &str| {
        call(user, Op::Poll, from, from + 1, 200, json!({ "status": status, "token": token(place) }))
    };
    let end = tables(&[], &[]);
    let fair = vec![polled("ann", 2, 0, "WAITING"), polled("bob", 1, 0, "ACTIVE"), polled("ann", 2, 9, "ACTIVE")];
    assert_eq!(judge(fair, &end), "");
    let overtaken = vec![polled("ann", 2, 0, "ACTIVE"), polled("bob", 1, 10, "WAITING")];
    assert!(judge(overtaken, &end).contains("waits at place 1 while place 2 is admitted"));
    let stale = vec![polled("ann", 2, 0, "ACTIVE"), polled("bob", 1, 4, "WAITING")];
    assert_eq!(judge(stale, &end), "", "three seconds after the answer a stale state may still be shown");
    let waits_again = vec![polled("ann", 2, 0, "ACTIVE"), polled("ann", 2, 10, "WAITING")];
    assert!(judge(waits_again, &end).contains("waits again"));
    let unknown = |from| call("ann", Op::Poll, from, from + 1, 404, json!({ "code": "token_not_found" }));
    assert!(judge(vec![polled("ann", 2, 0, "WAITING"), unknown(5)], &end).contains("place 2 and is answered token"));
    assert_eq!(judge(vec![unknown(0), polled("ann", 2, 5, "WAITING")], &end), "");
}

#[test]
fn a_write_that_breaks_an_invariant_is_reported_at_once() {
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
