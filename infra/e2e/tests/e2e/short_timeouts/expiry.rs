//! Holds that expire.

use std::time::Duration;

use e2e::report_measurement;
use serde_json::json;
use tokio::time::{self, Instant};

use crate::{SHORT_TIMEOUTS, Stage};

/// `HOLD_SECONDS` of the stack with short timeouts.
const HOLD: Duration = Duration::from_secs(4);
/// How long it may take until the seat counts show an expiry.
const CLEAN_UP: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_expired_seat_can_be_held_by_the_next_fan() {
    let stage = Stage::together(&SHORT_TIMEOUTS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({})).await;
    let concert = site.concert(&queue, 1).await;
    let fans = site.fans_inside(&queue, 2).await;
    let (late, next) = (&fans[0], &fans[1]);
    late.recharge(concert.price, None).send().await.expect(200);

    let asked = Instant::now();
    let held = late.hold(&concert, &[1], None).send().await.expect(201);
    let answered = Instant::now();
    let id = held.text("reservationId");
    next.hold(&concert, &[1], None).send().await.expect_problem(409, "seat_unavailable");
    // Waits first, since a fan may be refused only 20 times in 10 s.
    time::sleep(HOLD.saturating_sub(asked.elapsed() + Duration::from_millis(100))).await;
    let next_hold = loop {
        let reply = next.hold(&concert, &[1], None).send().await;
        if reply.status == 201 {
            break reply;
        }
        reply.expect_problem(409, "seat_unavailable");
        time::sleep(Duration::from_millis(60)).await;
    };
    assert!(asked.elapsed() >= HOLD, "the hold lasted {:?}", asked.elapsed());
    let after = answered.elapsed().saturating_sub(HOLD);
    report_measurement(format!("the seat went to the next fan {:.2} s after the hold's end", after.as_secs_f64()));
    assert!(after < Duration::from_secs(1), "{after:?}");

    late.pay(id, concert.price, None).send().await.expect_problem(410, "reservation_expired");
    let ledger = late.ledger().await;
    ledger.assert_adds_up();
    assert_eq!((ledger.entries.len(), ledger.balance), (1, 50_000), "the money is untouched");
    assert_eq!(late.reservation(id).send().await.expect(200).text("status"), "EXPIRED");
    late.cancel(id).send().await.expect_problem(410, "reservation_expired");
    let kept = next.reservation(next_hold.text("reservationId")).send().await.expect(200);
    assert_eq!(kept.text("status"), "PENDING");
}

#[tokio::test]
async fn an_expired_seat_that_nobody_takes_is_counted_as_free() {
    let stage = Stage::together(&SHORT_TIMEOUTS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({})).await;
    let concert = site.concert(&queue, 5).await;
    let fans = site.fans_inside(&queue, 1).await;
    let held = fans[0].hold(&concert, &[3, 4], None).send().await.expect(201);
    let end = Instant::now() + HOLD;
    let counted = async |free: u64| {
        let deadline = Instant::now() + CLEAN_UP;
        loop {
            let path = format!("/api/v1/concerts/{}/availability", concert.id);
            let seats = site.client.get(path).send().await.expect(200);
            if seats.body["free"] == free {
                return;
            }
            assert!(Instant::now() < deadline, "still {}", seats.body["free"]);
            time::sleep(Duration::from_millis(50)).await;
        }
    };
    counted(3).await;
    time::sleep_until(end).await;
    let map = fans[0].seats(&concert).send().await.expect(200);
    assert!(map.body.as_array().expect("a list").iter().all(|seat| seat["available"] == true), "{}", map.body);
    let reservation = fans[0].reservation(held.text("reservationId")).send().await.expect(200);
    assert_eq!(reservation.text("status"), "EXPIRED");
    counted(5).await;
    report_measurement(format!(
        "an expired hold was counted as free {:.2} s after its end",
        end.elapsed().as_secs_f64()
    ));
}
