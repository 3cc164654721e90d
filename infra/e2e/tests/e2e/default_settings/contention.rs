//! Contention: many requests at once for the same seat, payment, recharge, refund or place.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use e2e::{Fan, Reply, report_measurement};
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::Instant;

use crate::{DEFAULT_SETTINGS, Stage};

const FANS: usize = 60;
const SEATS: u32 = 10;
const PAYMENTS: usize = 40;
const RECHARGES: usize = 50;
const REFUNDS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_fans_compete_for_ten_seats() {
    let stage = Stage::alone(&DEFAULT_SETTINGS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({ "capacity": FANS })).await;
    let concert = site.concert(&queue, SEATS).await;
    let fans = site.fans_inside(&queue, FANS).await;

    // Every fan asks for every seat, in a different order.
    let attempts = (0..SEATS).flat_map(|round| (0_u32..).zip(&fans).map(move |(index, fan)| (round + index, fan)));
    let started = Instant::now();
    let attempts = attempts.map(|(seat, fan)| fan.hold(&concert, &[seat % SEATS + 1], None).send());
    let replies = join_all(attempts).await;
    let took = started.elapsed();

    assert_eq!(replies.len(), FANS * SEATS as usize);
    let outcomes = outcomes(&replies);
    report_measurement(format!(
        "{FANS} fans, {SEATS} seats, {} attempts at once: {outcomes:?} in {:.2} s ({})",
        replies.len(),
        took.as_secs_f64(),
        latencies(&replies),
    ));
    let won: Vec<_> = replies.iter().filter(|reply| reply.status == 201).collect();
    assert_eq!(won.len(), SEATS as usize, "{outcomes:?}");
    assert!(replies.iter().all(|reply| [201, 409].contains(&reply.status)), "{outcomes:?}");
    let seats: BTreeSet<_> = won.iter().map(|reply| reply.body["seatNumbers"][0].as_u64()).collect();
    assert_eq!(seats.len(), SEATS as usize, "a seat was held twice");
    let map = fans[0].seats(&concert).send().await.expect(200);
    assert!(map.body.as_array().expect("a list").iter().all(|seat| seat["status"] == "HELD"), "{}", map.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reservation_is_paid_once() {
    let stage = Stage::alone(&DEFAULT_SETTINGS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({ "capacity": 1 })).await;
    let concert = site.concert(&queue, 4).await;
    let fans = site.fans_inside(&queue, 1).await;
    let fan = &fans[0];
    fan.recharge(10 * concert.price, None).send().await.expect(200);
    let (without_key, with_key) = (fan.hold_seats(&concert, &[1]).await, fan.hold_seats(&concert, &[2]).await);

    let started = Instant::now();
    let replies = join_all((0..PAYMENTS).map(|_| fan.pay(&without_key, concert.price, None).send())).await;
    let took = started.elapsed();
    let refused = (409, "payment_already_processed".to_owned());
    let expected = BTreeMap::from([((200, String::new()), 1), (refused, PAYMENTS - 1)]);
    report_measurement(format!(
        "{PAYMENTS} payments at once without a key: {:?} in {:.2} s",
        outcomes(&replies),
        took.as_secs_f64()
    ));
    assert_eq!(outcomes(&replies), expected);

    let started = Instant::now();
    let replies = join_all((0..PAYMENTS).map(|_| fan.pay(&with_key, concert.price, Some("pay")).send())).await;
    let took = started.elapsed();
    report_measurement(format!(
        "{PAYMENTS} payments at once with one key: {:?} in {:.2} s",
        outcomes(&replies),
        took.as_secs_f64()
    ));
    assert_one_success_replayed(&replies);

    let ledger = fan.ledger().await;
    ledger.assert_adds_up();
    assert_eq!((ledger.count("PAYMENT"), ledger.count("CHARGE")), (2, 1));
    assert_eq!(ledger.balance, 8 * i64::try_from(concert.price).expect("small"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_recharge_moves_money_once() {
    let stage = Stage::alone(&DEFAULT_SETTINGS).await;
    let site = &stage.site;
    let fan = site.fan().await;
    let started = Instant::now();
    let replies = join_all((0..RECHARGES).map(|_| fan.recharge(30_000, Some("one")).send())).await;
    let took = started.elapsed();
    report_measurement(format!(
        "{RECHARGES} recharges at once with one key: {:?} in {:.2} s",
        outcomes(&replies),
        took.as_secs_f64()
    ));
    assert_one_success_replayed(&replies);
    fan.recharge(30_001, Some("one")).send().await.expect_problem(422, "idempotency_key_reused");

    // With different keys, every recharge counts. They conflict only for the ledger's next number.
    let keys: Vec<_> = (0..RECHARGES).map(|number| format!("key-{number}")).collect();
    let started = Instant::now();
    join_all(keys.iter().map(|key| recharge_until_done(&fan, key))).await;
    let took = started.elapsed();
    report_measurement(format!(
        "{RECHARGES} recharges at once with a key each: all done in {:.2} s",
        took.as_secs_f64()
    ));
    let ledger = fan.ledger().await;
    ledger.assert_adds_up();
    assert_eq!((ledger.count("CHARGE"), ledger.balance), (1 + RECHARGES, 30_000 + 50 * 1_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_payment_is_refunded_once_and_its_seat_stays_with_the_next_fan() {
    let stage = Stage::alone(&DEFAULT_SETTINGS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({ "capacity": 2 })).await;
    let concert = site.concert(&queue, 1).await;
    let fans = site.fans_inside(&queue, 2).await;
    let (fan, next) = (&fans[0], &fans[1]);
    fan.recharge(concert.price, None).send().await.expect(200);
    let reservation = fan.hold_seats(&concert, &[1]).await;
    let paid = fan.pay(&reservation, concert.price, None).send().await.expect(200);
    let path = format!("/api/v1/payments/{}/cancel", paid.text("paymentId"));

    let refund = || site.client.post(path.as_str(), &json!({})).bearer(&fan.access).send();
    // During the refunds, another fan asks for the seat.
    let taken = async {
        loop {
            let reply = next.hold(&concert, &[1], None).send().await;
            if reply.status == 201 {
                return reply.text("reservationId").to_owned();
            }
        }
    };
    let started = Instant::now();
    let (replies, taken) = tokio::join!(join_all((0..REFUNDS).map(|_| refund())), taken);
    let took = started.elapsed();
    report_measurement(format!("{REFUNDS} refunds at once: {:?} in {:.2} s", outcomes(&replies), took.as_secs_f64()));
    assert!(replies.iter().all(|reply| reply.status == 200), "{:?}", outcomes(&replies));
    refund().await.expect(200);

    assert_eq!(next.reservation(&taken).send().await.expect(200).text("status"), "PENDING");
    assert_eq!(next.seats(&concert).send().await.expect(200).body[0]["status"], "HELD");
    let ledger = fan.ledger().await;
    ledger.assert_adds_up();
    assert_eq!((ledger.count("REFUND"), ledger.balance), (1, i64::try_from(concert.price).expect("small")));
}

async fn recharge_until_done(fan: &Fan, key: &str) -> Reply {
    loop {
        let reply = fan.recharge(1_000, Some(key)).send().await;
        if !reply.is_temporary() {
            return reply.expect(200);
        }
    }
}

#[tokio::test]
async fn a_double_click_draws_one_place() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({ "capacity": 0 })).await;
    let mut fan = site.fan().await;
    let join = json!({ "queueId": queue });
    let joins = (0..10).map(|_| site.client.post("/api/v1/tokens", &join).bearer(&fan.access).send());
    let replies = join_all(joins).await;
    let places: BTreeSet<_> = replies.iter().map(|reply| reply.body["queuePosition"].as_u64()).collect();
    assert_eq!(places.len(), 1, "{replies:?}");
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1, "{:?}", outcomes(&replies));
    let again = fan.join(&queue).await.expect(200);
    assert!(places.contains(&again.body["queuePosition"].as_u64()));
}

/// Counts the replies by outcome.
fn outcomes(replies: &[Reply]) -> BTreeMap<(u16, String), usize> {
    let mut counts = BTreeMap::new();
    for reply in replies {
        let (status, code) = reply.outcome();
        *counts.entry((status, code.to_owned())).or_default() += 1;
    }
    counts
}

fn latencies(replies: &[Reply]) -> String {
    let mut times: Vec<Duration> = replies.iter().map(|reply| reply.took).collect();
    times.sort();
    let (median, last) = (times[times.len() / 2], times[times.len() - 1]);
    format!("answers took {:.2} s in the median and {:.2} s at most", median.as_secs_f64(), last.as_secs_f64())
}

/// Asserts that all replies are the same success, and that all but one say that they repeat it.
fn assert_one_success_replayed(replies: &[Reply]) {
    assert!(replies.iter().all(|reply| reply.status == 200), "{:?}", outcomes(replies));
    assert!(replies.iter().all(|reply| reply.body == replies[0].body), "{replies:?}");
    let fresh = replies.iter().filter(|reply| reply.header("idempotency-replayed") != "true").count();
    assert_eq!(fresh, 1);
}
