//! A limit holds across all processes of a function.

use e2e::report_measurement;
use futures_util::future::join_all;
use serde_json::json;

use crate::{SHORT_TIMEOUTS, Stage};

/// `JOINS_PER_FAN` of the stack with short timeouts.
const LIMIT: usize = 20;

#[tokio::test]
async fn a_fan_beyond_the_limit_gets_429_and_others_do_not() {
    let stage = Stage::together(&SHORT_TIMEOUTS).await;
    let site = &stage.site;
    let queue = site.queue(&json!({ "capacity": 1 })).await;
    let (fan, mut other) = (site.fan().await, site.fan().await);
    let body = json!({ "queueId": queue });
    // Each request claims another address in `X-Forwarded-For`, which must not help.
    let joins = (0..4 * LIMIT).map(|number| {
        let forwarded = format!("192.0.2.{number}");
        site.client.post("/api/v1/tokens", &body).bearer(&fan.access).header("x-forwarded-for", forwarded).send()
    });
    let replies = join_all(joins).await;
    let (joined, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status < 300);
    report_measurement(format!("of {} joins at once {} were answered", 4 * LIMIT, joined.len()));
    // A new minute may have started in between, with a new count.
    assert!((LIMIT..=2 * LIMIT).contains(&joined.len()), "{}", joined.len());
    assert_eq!(joined.iter().filter(|reply| reply.status == 201).count(), 1);
    for reply in refused {
        let reply = reply.expect_problem(429, "too_many_requests");
        let seconds: u64 = reply.header("retry-after").parse().expect("whole seconds");
        assert!((1..=60).contains(&seconds), "{seconds}");
    }
    other.join(&queue).await.expect(201);
}
