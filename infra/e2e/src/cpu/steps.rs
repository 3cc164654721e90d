//! The steps that are measured.

use std::time::Duration;

use client::{Concert, Fan};
use serde_json::json;
use template::Template;
use tools::workspace;

use super::{Build, Plan, Row, documents, meter::Meter};
use crate::{
    site::Site,
    stack::{Data, Stack},
};

/// Requests before a step is measured: the first ones of an environment take more.
const WARM_UP: usize = 20;
/// How long what a hold or a payment sets off may take: the stream, the counts, the messages.
const BEHIND: Duration = Duration::from_secs(5);
/// For steps that set nothing off.
pub const AT_ONCE: Duration = Duration::ZERO;
/// The balance of each fan: more than all purchases here cost.
const BALANCE: u64 = 1_000_000;

/// Starts a stack, measures the steps of a purchase one after the other, and stops it.
///
/// # Panics
/// When the stack does not start, or refuses a request.
pub async fn measure(plan: Plan) -> Vec<Row> {
    let data = Data::Ephemeral;
    let stack = match plan.build {
        Build::Dev => Stack::start(data, &[]),
        Build::Release => Stack::start_release(data, &[]),
    };
    let template = Template::load(&template::path_in(workspace::root())).expect("the template is valid");
    let functions = template.functions.into_iter().map(|function| function.name).collect();
    let site = Site::open(&stack).await;
    let mut fans = site.fans(WARM_UP + plan.requests).await;
    let meter = Meter::new(&stack, functions).await;

    let mut rows = vec![meter.start("issue_token"), empty(&meter, &site, plan.requests).await];
    let (_, concert) = sale(&site, fans.len()).await;
    rows.extend(documents::documents(&meter, &site, &concert, plan.requests).await);
    rows.extend(waiting(&meter, &site, &mut fans).await);
    rows.extend(inside(&meter, &site, &mut fans).await);
    rows.push(purchases(&meter, &site, &mut fans).await);
    rows
}

async fn empty(meter: &Meter<'_>, site: &Site, count: usize) -> Row {
    let requests = async |count| {
        for _ in 0..count {
            site.client.get("/nothing").send().await.expect(404);
        }
    };
    requests(WARM_UP).await;
    meter.measure("empty handler", "reject_route", count, AT_ONCE, requests(count)).await
}

/// Joins and polls of fans who wait.
async fn waiting(meter: &Meter<'_>, site: &Site, fans: &mut [Fan]) -> [Row; 2] {
    let queue = site.queue(&json!({ "capacity": 0 })).await;
    let (warm, fans) = fans.split_at_mut(WARM_UP);
    join(warm, &queue).await;
    let count = fans.len();
    let join = meter.measure("join, to wait", "issue_token", count, AT_ONCE, join(fans, &queue)).await;
    poll(warm).await;
    let poll = meter.measure("poll while waiting", "get_token", count, AT_ONCE, poll(fans)).await;
    [join, poll]
}

/// Joins of fans who walk in, and their recharge, hold and payment.
async fn inside(meter: &Meter<'_>, site: &Site, fans: &mut [Fan]) -> [Row; 4] {
    let (queue, concert) = sale(site, fans.len()).await;
    let (warm, fans) = fans.split_at_mut(WARM_UP);
    let count = fans.len();
    join(warm, &queue).await;
    let walk_in = meter.measure("join, walking in", "issue_token", count, AT_ONCE, join(fans, &queue)).await;
    recharge(warm).await;
    let recharge = meter.measure("recharge", "recharge_balance", count, AT_ONCE, recharge(fans)).await;
    let mut warm_holds = Vec::new();
    hold(warm, &concert, 1, &mut warm_holds).await;
    let mut holds = Vec::new();
    let seats = hold(fans, &concert, 1 + WARM_UP as u32, &mut holds);
    let hold = meter.measure("hold, with what comes behind", "create_reservation", count, BEHIND, seats).await;
    pay(warm, &concert, &warm_holds).await;
    let payments = pay(fans, &concert, &holds);
    let pay = meter.measure("pay, with what comes behind", "process_payment", count, BEHIND, payments).await;
    [walk_in, recharge, hold, pay]
}

/// Whole purchases of fans who are logged in: join, seat map, hold, recharge, pay.
async fn purchases(meter: &Meter<'_>, site: &Site, fans: &mut [Fan]) -> Row {
    let (queue, concert) = sale(site, fans.len()).await;
    let count = fans.len();
    let acts = async {
        for (fan, seat) in fans.iter_mut().zip(1..) {
            fan.join(&queue).await.expect(201);
            fan.seats(&concert).send().await.expect(200);
            let hold = fan.hold_seats(&concert, &[seat]).await;
            fan.recharge(concert.price, None).send().await.expect(200);
            fan.pay(&hold, concert.price, None).send().await.expect(200);
        }
    };
    meter.measure("a whole purchase, with what comes behind", "", count, BEHIND, acts).await
}

/// A queue that takes everybody in, and a concert with a seat for each of them.
async fn sale(site: &Site, fans: usize) -> (String, Concert) {
    let queue = site.queue(&json!({ "capacity": 2 * fans })).await;
    let concert = site.concert(&queue, u32::try_from(fans).expect("few fans")).await;
    (queue, concert)
}

async fn join(fans: &mut [Fan], queue: &str) {
    for fan in fans {
        fan.join(queue).await.expect(201);
    }
}

async fn poll(fans: &mut [Fan]) {
    for fan in fans {
        fan.poll().await.expect(200);
    }
}

async fn recharge(fans: &[Fan]) {
    for fan in fans {
        fan.recharge(BALANCE, None).send().await.expect(200);
    }
}

async fn hold(fans: &[Fan], concert: &Concert, first: u32, holds: &mut Vec<String>) {
    for (fan, seat) in fans.iter().zip(first..) {
        holds.push(fan.hold_seats(concert, &[seat]).await);
    }
}

async fn pay(fans: &[Fan], concert: &Concert, holds: &[String]) {
    for (fan, hold) in fans.iter().zip(holds) {
        fan.pay(hold, concert.price, None).send().await.expect(200);
    }
}
