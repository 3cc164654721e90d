//! Forty fans in a queue with five slots.

use std::time::Duration;

use e2e::{Fan, Site, report_measurement};
use hyper::Method;
use serde_json::json;
use tokio::time::{self, Instant};

use crate::{SHORT_TIMEOUTS, Stage};

const FANS: usize = 40;
/// `QUEUE_CAPACITY` of the stack with short timeouts.
const CAPACITY: usize = 5;
/// `CLAIM_WINDOW_SECONDS` of the stack with short timeouts, plus the eighth that a place may gain from a shared bucket.
const CLAIM_WINDOW: Duration = Duration::from_millis(3_000 + 375);
/// How long a fan stays inside.
const STAY: Duration = Duration::from_millis(500);
/// A waiting fan is answered from a state of the queue that is at most this old.
const STATE_AGE: Duration = Duration::from_secs(1);
/// How long it may take until every fan has been inside.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a fan does with a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Waits, claims the place, stays, and leaves.
    Visit,
    /// Leaves while waiting.
    Leave,
    /// Never polls.
    NoShow,
}

/// A fan in the queue.
struct Guest {
    fan: Fan,
    plan: Plan,
    /// When an answer first said that the fan is active.
    entered: Option<Instant>,
    gone: bool,
}

impl Guest {
    fn is_inside(&self) -> bool {
        self.entered.is_some() && !self.gone
    }

    fn is_expected(&self) -> bool {
        self.plan == Plan::Visit && !self.gone
    }
}

fn plan(place: usize) -> Plan {
    match place % 8 {
        _ if place <= CAPACITY => Plan::Visit,
        3 | 4 => Plan::Leave,
        7 => Plan::NoShow,
        _ => Plan::Visit,
    }
}

#[tokio::test]
async fn five_fans_at_a_time_are_inside_in_order_of_places() {
    let stage = Stage::together(&SHORT_TIMEOUTS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({})).await;
    let mut guests = join_in_order(site, &queue).await;
    site.begin_minute().await;
    let started = Instant::now();
    let (mut most, mut served) = (0, 0);
    while guests.iter().any(Guest::is_expected) {
        assert!(started.elapsed() < PATIENCE, "{} fans still wait", guests.iter().filter(|g| g.is_expected()).count());
        poll_everybody(&mut guests).await;
        // As it is now: what everybody reads may be a second old, and two environments may differ.
        let path = format!("/api/v1/admin/queues/{queue}");
        let view = site.client.request(Method::GET, path).bearer(&site.admin).send().await.expect(200).body;
        let active = view["active"].as_u64().expect("a number");
        assert!(active <= CAPACITY as u64, "{view}");
        let before = std::mem::replace(&mut served, view["served"].as_u64().expect("a number"));
        assert!(served >= before, "served went back");
        most = most.max(guests.iter().filter(|guest| guest.is_inside()).count());
        leave_after_the_stay(&mut guests).await;
    }
    let took = started.elapsed();
    // Until then the last no-show could still claim the place; afterwards every such token is refused.
    time::sleep(CLAIM_WINDOW).await;
    for guest in guests.iter_mut().filter(|guest| guest.plan != Plan::Visit) {
        guest.fan.poll().await.expect_problem(410, "session_over");
    }
    report_measurement(format!(
        "{FANS} fans, {CAPACITY} slots, {} left the queue, {} no-shows: done in {:.1} s, at most {most} inside",
        guests.iter().filter(|guest| guest.plan == Plan::Leave).count(),
        guests.iter().filter(|guest| guest.plan == Plan::NoShow).count(),
        took.as_secs_f64(),
    ));
    assert_eq!(most, CAPACITY, "some slots were never used");
}

async fn join_in_order(site: &Site, queue: &str) -> Vec<Guest> {
    let mut guests = Vec::new();
    for (mut fan, place) in site.fans(FANS).await.into_iter().zip(1..) {
        let joined = fan.join(queue).await.expect(201);
        let walked_in = joined.text("status") == "ACTIVE";
        assert_eq!(walked_in, place <= CAPACITY, "place {place}: {}", joined.body);
        if !walked_in {
            let position = joined.body["queuePosition"].as_u64().expect("a number");
            assert!(position >= (place - CAPACITY) as u64, "{}", joined.body);
        }
        guests.push(Guest { fan, plan: plan(place), entered: walked_in.then(Instant::now), gone: false });
    }
    for guest in guests.iter_mut().filter(|guest| guest.plan == Plan::Leave) {
        guest.fan.leave().send().await.expect(204);
        guest.gone = true;
    }
    guests
}

/// Polls for all fans, from the last place to the first, and asserts that no fan waits while a later place is active.
async fn poll_everybody(guests: &mut [Guest]) {
    let mut overtaken_by: Option<(usize, Instant)> = None;
    for index in (0..guests.len()).rev() {
        let guest = &mut guests[index];
        if guest.is_expected() {
            let asked = Instant::now();
            let reply = guest.fan.poll().await.expect(200);
            match (reply.text("status"), guest.entered) {
                ("ACTIVE", None) => guest.entered = Some(Instant::now()),
                ("ACTIVE", Some(_)) => {}
                ("WAITING", None) => {
                    if let Some((other, at)) = overtaken_by {
                        let since = asked.saturating_duration_since(at);
                        assert!(since <= STATE_AGE, "place {} went in before {}", other + 1, index + 1);
                    }
                }
                (status, entered) => panic!("place {}: {status} after {entered:?}", index + 1),
            }
        }
        if let Some(entered) = guest.entered
            && overtaken_by.is_none_or(|(_, at)| entered < at)
        {
            overtaken_by = Some((index, entered));
        }
        let inside = guests.iter().filter(|guest| guest.is_inside()).count();
        assert!(inside <= CAPACITY, "{inside} fans inside");
    }
}

async fn leave_after_the_stay(guests: &mut [Guest]) {
    for guest in guests.iter_mut().filter(|guest| guest.is_inside()) {
        if guest.entered.is_some_and(|entered| entered.elapsed() >= STAY) {
            // The slot may go to the next fan as soon as the request is sent.
            guest.gone = true;
            guest.fan.leave().send().await.expect(204);
        }
    }
    time::sleep(Duration::from_millis(50)).await;
}
