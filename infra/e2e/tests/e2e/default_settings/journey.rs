//! A fan's steps from signing up to a paid seat.

use std::time::Duration;

use e2e::{Fan, PASSWORD, Site, report_measurement};
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::{self, Instant};

use crate::{DATES_AGE, DEFAULT_SETTINGS, Stage};

#[tokio::test]
async fn from_an_account_to_a_paid_seat() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({ "capacity": 2 })).await;
    let concert = site.concert(&queue, 50).await;
    let mut fan = site.fan().await;

    let taken = json!({ "username": fan.name.to_uppercase(), "password": PASSWORD });
    site.client.post("/api/v1/users", &taken).send().await.expect_problem(409, "username_taken");
    let charged = fan.recharge(200_000, None).send().await.expect(200);
    assert_eq!(charged.body, json!({ "currentBalance": 0, "newBalance": 200_000 }));

    let before = site.client.get(format!("/api/v1/concerts/{}", concert.id)).send().await.expect(200);
    assert_eq!((&before.body["seatsTotal"], &before.body["seatsAvailable"]), (&json!(50), &json!(50)));
    let joined = fan.join(&queue).await.expect(201);
    assert_eq!((joined.text("status"), &joined.body["queuePosition"]), ("ACTIVE", &json!(0)));
    assert_eq!(fan.poll().await.expect(200).text("status"), "ACTIVE");
    let again = fan.join(&queue).await.expect(200);
    assert_eq!((again.text("status"), again.text("issuedAt")), ("ACTIVE", joined.text("issuedAt")));

    let seats = fan.seats(&concert).send().await.expect(200);
    assert_eq!(seats.body.as_array().map(Vec::len), Some(50));
    assert_eq!(seats.body[6]["status"], "AVAILABLE");
    let held = fan.hold(&concert, &[7, 8], None).send().await.expect(201);
    assert_eq!((held.text("status"), &held.body["amount"]), ("PENDING", &json!(2 * concert.price)));
    let id = held.text("reservationId");
    let refused = fan.hold(&concert, &[8, 9], None).send().await.expect_problem(409, "seat_unavailable");
    assert_eq!((&refused.body["seatNumbers"], refused.text("reservationId")), (&json!([8]), id));
    fan.pay(id, concert.price, None).send().await.expect_problem(409, "amount_mismatch");

    let paid = fan.pay(id, 2 * concert.price, None).send().await.expect(200);
    assert_eq!((paid.text("status"), &paid.body["newBalance"]), ("success", &json!(200_000 - 2 * concert.price)));
    let repeated = fan.pay(id, 2 * concert.price, None).send().await;
    let repeated = repeated.expect_problem(409, "payment_already_processed");
    assert_eq!(repeated.text("paymentId"), paid.text("paymentId"));
    let kept = fan.reservation(id).send().await.expect(200);
    assert_eq!((kept.text("status"), kept.text("paymentId")), ("CONFIRMED", paid.text("paymentId")));

    let ledger = fan.ledger().await;
    ledger.assert_adds_up();
    assert_eq!((ledger.entries.len(), ledger.count("PAYMENT")), (2, 1));
    // The session ends with its last open hold.
    fan.poll().await.expect_problem(410, "session_over");
    fan.seats(&concert).send().await.expect_problem(401, "session_over");
    fan.join(&queue).await.expect(201);
    fan.wait_until_active(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_cancelled_seat_is_free_at_once() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({ "capacity": 2 })).await;
    let concert = site.concert(&queue, 4).await;
    let [first, second] = &site.fans_inside(&queue, 2).await[..] else { panic!("two fans") };
    let id = first.hold_seats(&concert, &[1]).await;
    first.hold_seats(&concert, &[2]).await;
    second.hold(&concert, &[1], None).send().await.expect_problem(409, "seat_unavailable");
    second.reservation(&id).send().await.expect_problem(404, "reservation_not_found");
    first.cancel(&id).send().await.expect(204);
    assert_eq!(first.reservation(&id).send().await.expect(200).text("status"), "CANCELLED");
    second.hold_seats(&concert, &[1]).await;
    // Leaving cancels the remaining holds.
    second.hold(&concert, &[2], None).send().await.expect_problem(409, "seat_unavailable");
    first.leave().send().await.expect(204);
    second.hold_seats(&concert, &[2]).await;
}

#[tokio::test]
async fn the_list_of_dates_catches_up_with_a_purchase() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({ "capacity": 1 })).await;
    let concert = site.concert(&queue, 50).await;
    assert_eq!(available(site, &concert.id).await, 50);
    let fans = site.fans_inside(&queue, 1).await;
    let id = fans[0].hold_seats(&concert, &[10, 11, 12]).await;
    fans[0].recharge(3 * concert.price, None).send().await.expect(200);
    fans[0].pay(&id, 3 * concert.price, None).send().await.expect(200);
    let paid = Instant::now();
    while available(site, &concert.id).await != 47 {
        assert!(paid.elapsed() < DATES_AGE, "the list of dates is more than {DATES_AGE:?} old");
        time::sleep(Duration::from_millis(50)).await;
    }
    report_measurement(format!("the list of dates caught up {:.2} s after the payment", paid.elapsed().as_secs_f64()));
}

/// The free seats of a concert in the list of dates, searched page by page.
async fn available(site: &Site, concert: &str) -> u64 {
    let mut path = "/api/v1/reservations/dates?limit=3".to_owned();
    let mut last = String::new();
    loop {
        let page = site.client.get(path).send().await.expect(200);
        assert!(page.header("cache-control").contains("max-age"), "{:?}", page.headers);
        let dates = page.body.as_array().expect("an array").clone();
        for date in &dates {
            let starts_at = date["startsAt"].as_str().expect("a time").to_owned();
            assert!(last <= starts_at, "not ordered by startsAt");
            last = starts_at;
        }
        if let Some(date) = dates.iter().find(|date| date["concertId"] == concert) {
            return date["seatsAvailable"].as_u64().expect("a number");
        }
        let link = page.header("link").strip_suffix(r#">; rel="next""#).and_then(|link| link.strip_prefix('<'));
        path = link.expect("the concert is on one of the pages").to_owned();
    }
}

#[tokio::test]
async fn waiting_fans_get_a_retry_after_and_no_shows_are_passed() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({ "capacity": 1, "claimWindowSeconds": 1 })).await;
    let concert = site.concert(&queue, 4).await;
    let mut fans = site.fans(3).await;
    assert_eq!(fans[0].join(&queue).await.expect(201).text("status"), "ACTIVE");
    for (fan, position) in fans[1..].iter_mut().zip(1..) {
        let joined = fan.join(&queue).await.expect(201);
        assert_eq!(joined.text("status"), "WAITING");
        assert_eq!(joined.header("retry-after"), joined.body["pollAfterSeconds"].to_string());
        // The state that the position is computed from may be a second old.
        time::sleep(Duration::from_secs(1)).await;
        let poll = fan.poll().await.expect(200);
        assert_eq!((poll.text("status"), &poll.body["queuePosition"]), ("WAITING", &json!(position)));
        assert_eq!(poll.header("retry-after"), poll.body["pollAfterSeconds"].to_string());
        assert_eq!(poll.header("cache-control"), "no-store");
        let refused = fan.seats(&concert).send().await.expect_problem(403, "not_active");
        assert!(!refused.header("retry-after").is_empty(), "{:?}", refused.headers);
    }
    let view = site.client.get(format!("/api/v1/queues/{queue}")).send().await.expect(200);
    assert_eq!(view.header("cache-control"), "public, max-age=1");
    for (name, value) in [("served", 1), ("lastPlace", 3), ("waiting", 2), ("active", 1), ("capacity", 1)] {
        assert_eq!(view.body[name], value, "{name}: {}", view.body);
    }
    no_show(site, &queue, &mut fans).await;
}

/// The next fan is admitted, does not claim the place in time, and is passed as a no-show.
async fn no_show(site: &Site, queue: &str, fans: &mut [Fan]) {
    site.begin_minute().await;
    fans[0].leave().send().await.expect(204);
    let passed_by = fans[2].wait_until_active(Duration::from_secs(20)).await;
    report_measurement(format!(
        "a no-show with a claim window of 1 s delayed the queue by {:.1} s",
        passed_by.as_secs_f64()
    ));
    fans[1].poll().await.expect_problem(410, "session_over");
    let path = format!("/api/v1/admin/queues/{queue}");
    let view: Value = site.client.request(Method::GET, path).bearer(&site.admin).send().await.expect(200).body;
    assert_eq!((&view["served"], &view["active"], &view["waiting"]), (&json!(3), &json!(1), &json!(0)));
    assert_eq!(fans[1].join(queue).await.expect(201).body["queuePosition"], 1);
}
