//! Tests of the checker: impossible histories, each beside a possible one.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hyper::{HeaderMap, header::HeaderValue};
use serde_json::{Value, json};
use std::time::Duration;

use super::{Account, Call, End, Op, Outcome, check};
use client::Reply;

const NOW: u64 = 1_780_272_000_000;
const PRICE: u64 = 10;

/// A call with its answer. Times are in seconds after [`NOW`].
fn call(fan: &str, op: Op, from: u64, to: u64, status: u16, body: Value) -> Call {
    let reply = Reply { status, headers: HeaderMap::new(), body, took: Duration::from_secs(to - from), attempts: 1 };
    let (start_ms, end_ms) = (NOW + from * 1_000, NOW + to * 1_000);
    Call { start_ms, end_ms, outcome: Outcome::Answer(reply), ..Call::new(fan, op) }
}

/// A call without an answer.
fn lost(fan: &str, op: Op, from: u64) -> Call {
    Call { start_ms: NOW + from * 1_000, ..Call::new(fan, op) }
}

fn refused(fan: &str, op: Op, from: u64, to: u64, code: &str) -> Call {
    call(fan, op, from, to, 409, json!({ "code": code, "seatNumbers": [7] }))
}

fn with_key(call: Call) -> Call {
    Call { key: Some("k".to_owned()), ..call }
}

fn at(second: u64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(i64::try_from(NOW + second * 1_000).expect("in range"));
    time.expect("in range").to_rfc3339()
}

/// A hold of seat 7 that was granted.
fn held(fan: &str, id: &str, from: u64, to: u64, expires: u64) -> Call {
    let body = json!({ "reservationId": id, "seatNumbers": [7], "expiresAt": at(expires) });
    call(fan, Op::Hold(vec![7]), from, to, 201, body)
}

fn paid(fan: &str, id: &str, from: u64, to: u64, balance: u64) -> Call {
    call(fan, Op::Pay(id.to_owned()), from, to, 200, json!({ "newBalance": balance }))
}

fn refund(fan: &str, id: &str, from: u64, to: u64, balance: u64) -> Call {
    call(fan, Op::Refund(id.to_owned()), from, to, 200, json!({ "newBalance": balance }))
}

fn charged(fan: &str, amount: u64, from: u64, to: u64, after: u64) -> Call {
    let body = json!({ "currentBalance": after - amount, "newBalance": after });
    call(fan, Op::Recharge(amount), from, to, 200, body)
}

fn balance(from: u64, to: u64, shown: u64) -> Call {
    call("ann", Op::Balance, from, to, 200, json!({ "currentBalance": shown }))
}

fn observed(fan: &str, place: u64, op: Op, from: u64, to: u64, status: &str, until: u64) -> Call {
    let claims = BASE64_URL_SAFE_NO_PAD.encode(json!({ "place": place }).to_string());
    let body = json!({ "status": status, "token": format!("header.{claims}.signature"), "expiresAt": at(until) });
    Call { place: Some(place), ..call(fan, op, from, to, 200, body) }
}

/// A fan, and type, amount and reservation of each entry.
type Ledger<'a> = (&'a str, &'a [(&'a str, u64, &'a str)]);

/// A final state with these reservations (fan, id, status; all of seat 7) and ledgers.
fn end(reservations: &[(&str, &str, &str)], ledgers: &[Ledger<'_>]) -> End {
    let mut end = End { price: PRICE, capacity: 2, claim_window_ms: 10_000, ..End::default() };
    for (fan, id, status) in reservations {
        let account = end.accounts.entry((*fan).to_owned()).or_default();
        let found =
            json!({ "userId": fan, "reservationId": id, "seatNumbers": [7], "status": status, "amount": PRICE });
        account.reservations.push(found);
        end.revenue += if *status == "CONFIRMED" { PRICE } else { 0 };
    }
    for (fan, entries) in ledgers {
        let account = end.accounts.entry((*fan).to_owned()).or_default();
        for ((kind, amount, id), sequence) in entries.iter().zip(1..) {
            account.balance = if *kind == "PAYMENT" { account.balance - amount } else { account.balance + amount };
            account.ledger.push(json!({
                "type": kind, "amount": amount, "balanceAfter": account.balance, "reservationId": id, "sequence": sequence,
            }));
        }
    }
    let sold = end.revenue > 0;
    end.seats.insert(7, if sold { "SOLD" } else { "AVAILABLE" }.to_owned());
    end
}

/// The violations, one per line. Leaves out undocumented forms, since the answers here are minimal.
fn judge(calls: &[Call], end: &End) -> String {
    let wrong = check(calls, end).into_iter().filter(|wrong| !wrong.starts_with("not documented"));
    wrong.collect::<Vec<_>>().join("\n")
}

/// Ann recharged, held seat 7 and paid it.
fn purchase() -> (Vec<Call>, End) {
    let calls = vec![charged("ann", 11, 0, 1, 11), held("ann", "r1", 1, 2, 60), paid("ann", "r1", 3, 4, 1)];
    let end = end(&[("ann", "r1", "CONFIRMED")], &[("ann", &[("CHARGE", 11, ""), ("PAYMENT", 10, "r1")])]);
    (calls, end)
}

/// Asserts that the checker finds a violation with these words.
#[track_caller]
fn assert_wrong(calls: &[Call], end: &End, words: &str) {
    let found = judge(calls, end);
    assert!(found.contains(words), "expected {words:?}, found {found:?}");
}

#[test]
fn a_correct_purchase_has_no_violation() {
    let (calls, end) = purchase();
    assert_eq!(judge(&calls, &end), "");
}

#[test]
fn acknowledged_writes_survive() {
    let (calls, _) = purchase();
    assert_wrong(&calls, &end(&[], &[]), "granted to fan ann");
    let unpaid = end(&[("ann", "r1", "EXPIRED")], &[("ann", &[("CHARGE", 11, "")])]);
    assert_wrong(&calls, &unpaid, "acknowledged, and in the end EXPIRED");
    assert_wrong(&calls, &unpaid, "acknowledged, and not in the ledger");
    let uncharged = end(&[("ann", "r1", "EXPIRED")], &[("ann", &[])]);
    assert_wrong(&calls[..2], &uncharged, "acknowledged, and not in the ledger");
    let (mut calls, sold) = purchase();
    calls[2] = refused("ann", Op::Pay("r1".to_owned()), 3, 4, "payment_already_processed");
    assert_eq!(judge(&calls, &sold), "", "paid by an earlier call");
    assert_wrong(&calls, &unpaid, "acknowledged, and not in the ledger");
}

#[test]
fn unanswered_calls_take_effect_at_most_once() {
    let (mut calls, sold) = purchase();
    calls[2] = lost("ann", Op::Pay("r1".to_owned()), 3);
    assert_eq!(judge(&calls, &sold), "");
    let unpaid = end(&[("ann", "r1", "EXPIRED")], &[("ann", &[("CHARGE", 11, "")])]);
    assert_eq!(judge(&calls, &unpaid), "");
    let twice = [("CHARGE", 11, ""), ("CHARGE", 11, "")];
    let doubled = end(&[], &[("ann", &twice)]);
    assert_wrong(&[lost("ann", Op::Recharge(11), 0)], &doubled, "is a duplicate");
    assert_wrong(&[], &doubled, "entry 1 was never requested");
    let holds = end(&[("ann", "r1", "EXPIRED"), ("ann", "r2", "EXPIRED")], &[]);
    assert_wrong(
        &[lost("ann", Op::Hold(vec![7]), 0)],
        &holds,
        "has 2 reservations of seats [7], of which 1 were requested",
    );
    assert_eq!(judge(&[lost("ann", Op::Hold(vec![7]), 0), lost("ann", Op::Hold(vec![7]), 5)], &holds), "");
}

#[test]
fn one_key_has_one_effect_and_one_answer() {
    let holds = end(&[("ann", "r1", "EXPIRED"), ("ann", "r2", "EXPIRED")], &[]);
    let two = [with_key(held("ann", "r1", 0, 1, 5)), with_key(held("ann", "r2", 6, 7, 11))];
    assert_wrong(&two, &holds, "the same key got another answer");
    assert_wrong(&two, &holds, "has 2 reservations of seats [7], of which 1 were requested");
    let charges = end(&[], &[("ann", &[("CHARGE", 11, ""), ("CHARGE", 5, "")])]);
    let calls = |after| [with_key(charged("ann", 11, 0, 1, 11)), charged("ann", 5, 2, 3, 16), after];
    assert_eq!(judge(&calls(with_key(charged("ann", 11, 4, 5, 11))), &charges), "");
    assert_wrong(&calls(with_key(charged("ann", 11, 4, 5, 16))), &charges, "the same key got another answer");
    assert_wrong(&calls(charged("ann", 11, 4, 5, 16)), &charges, "the balance differs from the ledger");
}

#[test]
fn a_seat_belongs_to_one_reservation_at_a_time() {
    let both = end(&[("ann", "r1", "CANCELLED"), ("bob", "r2", "EXPIRED")], &[]);
    let mut calls = vec![held("ann", "r1", 0, 1, 60), held("bob", "r2", 2, 3, 60)];
    let cancel = |from, to| call("ann", Op::Cancel("r1".to_owned()), from, to, 204, Value::Null);
    calls.push(cancel(4, 5));
    assert_wrong(
        &calls,
        &both,
        "seat 7 belonged to two reservations at once: fan ann, reservation r1, and fan bob, reservation r2",
    );
    calls[2] = cancel(1, 3);
    assert_eq!(judge(&calls, &both), "");
    calls[2] = lost("ann", Op::Leave, 1);
    assert_eq!(judge(&calls, &both), "", "leaving may have cancelled it");
    let expired = end(&[("ann", "r1", "EXPIRED"), ("bob", "r2", "EXPIRED")], &[]);
    assert_eq!(judge(&[held("ann", "r1", 0, 1, 2), held("bob", "r2", 2, 3, 60)], &expired), "");
    let (mut calls, mut sold) = purchase();
    calls.push(held("bob", "r2", 5, 6, 60));
    sold.accounts.insert("bob".to_owned(), end(&[("bob", "r2", "EXPIRED")], &[]).accounts.remove("bob").expect("bob"));
    assert_wrong(&calls, &sold, "seat 7 belonged to two reservations at once");
}

#[test]
fn at_quiescence_no_hold_is_open_and_no_seat_is_sold_twice() {
    let held_on = end(&[("ann", "r1", "PENDING")], &[]);
    assert_wrong(&[held("ann", "r1", 0, 1, 5)], &held_on, "is still held");
    let twice = end(&[("ann", "r1", "CONFIRMED"), ("bob", "r2", "CONFIRMED")], &[]);
    assert_wrong(&[], &twice, "seat 7 is sold twice");
    let (calls, mut sold) = purchase();
    sold.seats.insert(7, "AVAILABLE".to_owned());
    assert_wrong(&calls, &sold, "seat 7 is AVAILABLE, and its paid reservation is r1");
    let mut unsold = end(&[("ann", "r1", "EXPIRED")], &[]);
    for status in ["SOLD", "HELD"] {
        unsold.seats.insert(7, status.to_owned());
        assert_wrong(&[held("ann", "r1", 0, 1, 5)], &unsold, "its paid reservation is none");
    }
    let cancelled = end(&[("ann", "r1", "CANCELLED")], &[]);
    assert_wrong(&[held("ann", "r1", 0, 1, 5)], &cancelled, "nobody cancelled reservation r1");
}

#[test]
fn refusals_have_a_reason() {
    let early = refused("ann", Op::Hold(vec![7]), 0, 1, "seat_unavailable");
    let later = held("bob", "r2", 2, 3, 60);
    let bobs = end(&[("bob", "r2", "EXPIRED")], &[]);
    assert_wrong(&[early.clone(), later.clone()], &bobs, "seat 7 was refused although nobody had requested it");
    assert_eq!(judge(&[early, lost("bob", Op::Hold(vec![7]), 0), later], &bobs), "");
    let expired = |to| refused("bob", Op::Pay("r2".to_owned()), to - 1, to, "reservation_expired");
    assert_wrong(&[held("bob", "r2", 2, 3, 60), expired(5)], &bobs, "the hold ended before its time");
    assert_eq!(judge(&[held("bob", "r2", 2, 3, 60), expired(61)], &bobs), "");
    let poor = refused("ann", Op::Pay("r1".to_owned()), 2, 3, "insufficient_balance");
    let rich = end(&[("ann", "r1", "EXPIRED")], &[("ann", &[("CHARGE", 11, "")])]);
    let calls = |charge| [charge, held("ann", "r1", 0, 1, 60), poor.clone()];
    assert_wrong(&calls(charged("ann", 11, 0, 1, 11)), &rich, "refused although the balance covered 10");
    assert_eq!(judge(&calls(charged("ann", 11, 2, 4, 11)), &rich), "");
}

#[test]
fn refused_calls_have_no_effect() {
    let there = end(&[("ann", "r1", "EXPIRED")], &[]);
    let no = refused("ann", Op::Hold(vec![7]), 0, 1, "seat_unavailable");
    let bobs = lost("bob", Op::Hold(vec![7]), 0);
    assert_wrong(&[no.clone(), bobs.clone()], &there, "has 1 reservations of seats [7], of which 0 were requested");
    assert_wrong(&[with_key(no.clone()), bobs.clone()], &there, "of which 0 were requested and not refused");
    assert_eq!(judge(&[no, bobs, lost("ann", Op::Hold(vec![7]), 2)], &there), "");
    let (mut calls, sold) = purchase();
    calls[2] = refused("ann", Op::Pay("r1".to_owned()), 3, 4, "amount_mismatch");
    assert_wrong(&calls, &sold, "entry 2 was never requested, or its request was refused");
    for code in ["session_over", "reservation_expired"] {
        let (mut calls, sold) = purchase();
        calls[2] = call("ann", Op::Pay("r1".to_owned()), 3, 4, 503, json!({ "code": "unavailable" }));
        calls.push(refused("ann", Op::Pay("r1".to_owned()), 70, 71, code));
        assert_wrong(&calls, &sold, "had paid before, and the answer does not say so");
        calls[2] = lost("ann", Op::Pay("r1".to_owned()), 3);
        assert_eq!(judge(&calls, &sold), "", "it may have been paid afterwards");
    }
    let (mut calls, sold) = purchase();
    calls.push(refused("ann", Op::Refund("r1".to_owned()), 5, 6, "payment_not_found"));
    assert_wrong(&calls, &sold, "paid, and the refund was refused");
}

#[test]
fn reads_show_a_state_that_existed_during_the_call() {
    let twice = end(&[], &[("ann", &[("CHARGE", 10, ""), ("CHARGE", 5, "")])]);
    let calls = |look| [charged("ann", 10, 0, 1, 10), charged("ann", 5, 10, 11, 15), look];
    assert_eq!(judge(&calls(balance(5, 6, 10)), &twice), "");
    assert_eq!(judge(&calls(balance(10, 12, 10)), &twice), "");
    assert_eq!(judge(&calls(balance(12, 13, 15)), &twice), "");
    for (from, shown) in [(5, 0), (5, 15), (12, 10), (12, 12)] {
        assert_wrong(&calls(balance(from, from + 1, shown)), &twice, "a balance that did not exist during the call");
    }
    let entries = twice.accounts["ann"].ledger.clone();
    let page = |from, items: Vec<&Value>| call("ann", Op::Ledger, from, from + 1, 200, json!({ "items": items }));
    assert_eq!(judge(&calls(page(12, vec![&entries[1], &entries[0]])), &twice), "");
    assert_wrong(
        &calls(page(12, vec![&entries[0]])),
        &twice,
        "a ledger that did not exist during the call, up to entry 1",
    );
    let (mut bought, sold) = purchase();
    bought.push(call("ann", Op::Reservation("r1".to_owned()), 5, 6, 200, json!({ "status": "PENDING" })));
    assert_wrong(&bought, &sold, "does not show what was acknowledged before");
    let map = |from| call("bob", Op::SeatMap, from, from + 1, 200, json!([{ "seatNumber": 7, "status": "AVAILABLE" }]));
    bought[3] = map(5);
    assert_eq!(judge(&bought, &sold), "", "a seat map may be a second old");
    bought[3] = map(9);
    assert_wrong(&bought, &sold, "seat 7 is shown \"AVAILABLE\" and is sold");
}

#[test]
fn money_is_neither_made_nor_lost() {
    let (calls, _) = purchase();
    let broken = |change: fn(&mut End, &mut Account)| {
        let (_, mut end) = purchase();
        let mut account = end.accounts.remove("ann").expect("hers");
        change(&mut end, &mut account);
        end.accounts.insert("ann".to_owned(), account);
        end
    };
    assert_wrong(&calls, &broken(|_, ann| ann.balance = 2), "fan ann: balance 2, ledger 1");
    assert_wrong(
        &calls,
        &broken(|_, ann| ann.balance = 2),
        "11 was recharged; 2 is left on the balances and 10 was earned",
    );
    assert_wrong(
        &calls,
        &broken(|_, ann| ann.ledger[1]["sequence"] = json!(3)),
        "entry 2 does not follow from the entry before",
    );
    assert_wrong(&calls, &broken(|_, ann| ann.ledger[1]["balanceAfter"] = json!(2)), "does not follow");
    assert_wrong(&calls, &broken(|end, _| end.revenue = 20), "the sales report says 20, the reservations 10");
    let kept = end(&[("ann", "r1", "CANCELLED")], &[("ann", &[("CHARGE", 11, ""), ("PAYMENT", 10, "r1")])]);
    assert_wrong(&calls, &kept, "fan ann paid Some(10) in all, for reservations of 0");
}

#[test]
fn a_refund_comes_once_and_after_the_payment() {
    let entries = [("CHARGE", 11, ""), ("PAYMENT", 10, "r1"), ("REFUND", 10, "r1"), ("REFUND", 10, "r1")];
    let (mut calls, _) = purchase();
    calls.extend([refund("ann", "r1", 5, 6, 11), refund("ann", "r1", 7, 8, 11)]);
    let back = end(&[("ann", "r1", "CANCELLED")], &[("ann", &entries[..3])]);
    assert_eq!(judge(&calls, &back), "");
    let twice = end(&[("ann", "r1", "CANCELLED")], &[("ann", &entries)]);
    assert_wrong(&calls, &twice, "entry 4 is a duplicate");
    let first = [entries[0], entries[2], entries[1]];
    let swapped = end(&[("ann", "r1", "CANCELLED")], &[("ann", &first)]);
    assert_wrong(&calls, &swapped, "entry 2 refunds what was not paid");
    assert_wrong(&calls, &swapped, "entry 3 was acknowledged before entry 2 was requested");
}

#[test]
fn no_place_waits_while_a_later_one_is_admitted() {
    let nothing = end(&[], &[]);
    let (later, earlier) = (observed("ann", 2, Op::Poll, 0, 1, "ACTIVE", 60), |from| {
        observed("bob", 1, Op::Poll, from, from + 1, "WAITING", 60)
    });
    assert_eq!(judge(&[later.clone(), earlier(2)], &nothing), "", "the state may be a second old");
    assert_wrong(&[later.clone(), earlier(9)], &nothing, "place 1 waits although place 2 is admitted");
    let back = observed("ann", 2, Op::Poll, 9, 10, "WAITING", 60);
    assert_wrong(&[later.clone(), back], &nothing, "was admitted at place 2 and waits again");
    let rejoined =
        [observed("bob", 1, Op::Poll, 0, 1, "ACTIVE", 60), observed("bob", 3, Op::Join, 2, 3, "WAITING", 60)];
    let still_in = observed("bob", 1, Op::Poll, 4, 5, "ACTIVE", 60);
    assert_eq!(judge(&rejoined, &nothing), "");
    assert_wrong(
        &[&rejoined[..], &[still_in]].concat(),
        &nothing,
        "had joined at place 3 before, and the answer is about place 1",
    );
    assert_wrong(&[later, observed("bob", 2, Op::Poll, 0, 1, "ACTIVE", 60)], &nothing, "place 2 belongs to fan ann");
}

#[test]
fn sessions_never_exceed_the_capacity() {
    let nothing = end(&[], &[]);
    let inside = |fan, place, from, until| observed(fan, place, Op::Poll, from, from + 1, "ACTIVE", until);
    let three = |until| [inside("ann", 1, 0, until), inside("bob", 2, 0, 60), inside("eve", 3, 10, 60)];
    assert_wrong(&three(60), &nothing, "places [1, 2, 3] are inside, more than 2");
    assert_eq!(judge(&three(11), &nothing), "");
    let leave = Call { place: Some(1), ..lost("ann", Op::Leave, 8) };
    assert_eq!(judge(&[&three(60)[..], &[leave]].concat(), &nothing), "");
}

#[test]
fn a_place_does_not_end_before_its_time() {
    let nothing = end(&[], &[]);
    let over = |from| {
        let body = json!({ "code": "session_over" });
        Call { place: Some(1), ..call("ann", Op::Poll, from, from + 1, 410, body) }
    };
    let inside = observed("ann", 1, Op::Poll, 0, 1, "ACTIVE", 20);
    assert_wrong(&[inside.clone(), over(5)], &nothing, "the place ended before its time");
    assert_eq!(judge(&[inside.clone(), over(20)], &nothing), "");
    let leave = Call { place: Some(1), ..lost("ann", Op::Leave, 3) };
    assert_eq!(judge(&[inside, leave, over(5)], &nothing), "");
    let waiting = observed("ann", 1, Op::Poll, 10, 11, "WAITING", 600);
    assert_wrong(&[waiting.clone(), over(12)], &nothing, "the place ended before its time");
    assert_eq!(judge(&[waiting, over(18)], &nothing), "");
}

#[test]
fn answers_have_the_documented_form() {
    let nothing = end(&[], &[]);
    let problem = |status, code: &str, retry| {
        let mut call = call("ann", Op::Balance, 0, 1, status, json!({ "code": code, "instance": "i" }));
        if let Outcome::Answer(reply) = &mut call.outcome {
            reply.headers.insert("x-request-id", HeaderValue::from_static("i"));
            if retry {
                reply.headers.insert("retry-after", HeaderValue::from_static("1"));
            }
        }
        call
    };
    assert_eq!(judge(&[problem(503, "unavailable", true)], &nothing), "");
    assert_wrong(&[problem(503, "unavailable", false)], &nothing, "Retry-After is missing");
    assert_wrong(&[problem(500, "internal", true)], &nothing, "a server error other than 503 unavailable");
    let slow = call("ann", Op::Balance, 0, 10, 200, json!({ "currentBalance": 0 }));
    assert_wrong(&[slow], &nothing, "the answer took 10s");
    let mut none = lost("ann", Op::Balance, 0);
    none.outcome = Outcome::Failed("reset".to_owned());
    assert_wrong(&[none], &nothing, "no answer (reset)");
    let odd = call("ann", Op::Balance, 0, 1, 418, json!({}));
    assert!(check(&[odd], &nothing).concat().contains("418 is not documented"));
}
