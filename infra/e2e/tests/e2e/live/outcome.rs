//! The end of the sale: quiescence, the final state, and a summary.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use e2e::{
    Cut, Fan,
    history::{Account, Call, End, Op},
};
use fastrand::Rng;
use futures_util::future::join_all;
use hyper::Method;
use serde_json::Value;
use tokio::time::{self, Instant};

use super::{
    CAPACITY, CLAIM_WINDOW, SEATS, Sale,
    player::{Hold, Player},
};

/// The limit on the time to quiescence: sessions and holds end, and seats are recounted. A tick whose function was killed
/// comes again when it is 30 s overdue (`promote_tokens`).
const SETTLED: Duration = Duration::from_secs(60);
/// The limit on seats per session.
const AT_ONCE: usize = 4;

/// Waits for quiescence: no session and no hold is left, nobody waits, and the seat counts are right.
pub async fn settle(sale: &Sale<'_>) {
    let deadline = Instant::now() + SETTLED;
    loop {
        // The schedules repair what the faults broke. A run that fails is repeated.
        for function in ["promote_tokens", "sweep_holds"] {
            sale.site.run_schedule(function).await;
        }
        let (sales, queue, counted) = (sales(sale).await, queue(sale).await, availability(sale).await);
        let open = (&sales["held"], &queue["active"], &queue["waiting"]);
        let (free, counted) = (&sales["free"], &counted["free"]);
        if open == (&0.into(), &0.into(), &0.into()) && free == counted {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{SETTLED:?} after the sale {} seats are held, {} fans inside, {} wait; {free} seats are free and {counted} \
             are counted",
            open.0,
            open.1,
            open.2,
        );
        time::sleep(Duration::from_millis(200)).await;
    }
}

/// Sells every free seat to new fans, and returns them. A seat that cannot be sold was lost to a fault.
pub async fn sell_the_rest<'a>(sale: &'a Sale<'a>, dice: &mut Rng) -> Vec<Player<'a>> {
    let mut late = Vec::new();
    let mut free = Vec::new();
    loop {
        let mut player = Player::new(sale, sale.site.fan().await, dice.fork());
        player.come_late().await;
        if late.is_empty() {
            let map = player.insist(Op::SeatMap, None).await.expect(200);
            let seats = map.body.as_array().expect("a list");
            let available = seats.iter().filter(|seat| seat["status"] == "AVAILABLE");
            free = available.filter_map(|seat| seat["seatNumber"].as_u64()).collect();
        }
        let rest = free.split_off(free.len().min(AT_ONCE));
        let seats = std::mem::replace(&mut free, rest);
        if !seats.is_empty() {
            let Hold::Held(id) = player.hold(seats.clone()).await else { panic!("seats {seats:?} cannot be sold") };
            player.buy(&id).await;
        }
        player.insist(Op::Leave, None).await;
        late.push(player);
        if free.is_empty() {
            return late;
        }
    }
}

/// Reads the final state.
pub async fn read(sale: &Sale<'_>, players: &[Player<'_>]) -> End {
    let accounts = join_all(players.iter().map(|player| account(sale, &player.fan))).await;
    let accounts = players.iter().map(|player| player.fan.id.clone()).zip(accounts).collect();
    let mut witness = sale.site.fan().await;
    witness.join(&sale.concert.queue).await;
    witness.wait_until_active(Duration::from_secs(10)).await;
    let map = witness.seats(&sale.concert).send().await.expect(200);
    let status = |seat: &Value| (seat["seatNumber"].as_u64().unwrap_or(0), seat["status"].as_str().map(str::to_owned));
    let seats = map.body.as_array().expect("a list").iter().map(status);
    let seats: BTreeMap<u64, String> = seats.filter_map(|(number, status)| Some((number, status?))).collect();
    assert_eq!(seats.len() as u64, SEATS);
    let sales = sales(sale).await;
    let revenue = sales["revenue"].as_u64().expect("a number");
    let claim_window_ms = u64::try_from(CLAIM_WINDOW.as_millis()).expect("short");
    End { accounts, seats, revenue, price: sale.concert.price, capacity: CAPACITY, claim_window_ms }
}

async fn account(sale: &Sale<'_>, fan: &Fan) -> Account {
    let mut ledger = pages(sale, fan, &format!("/api/v1/payments/history/{}", fan.id)).await;
    ledger.reverse();
    let reservations = pages(sale, fan, &format!("/api/v1/users/{}/reservations", fan.id)).await;
    let balance = get(sale, &fan.access, &format!("/api/v1/payments/balance/{}", fan.id)).await;
    Account { ledger, balance: balance["currentBalance"].as_u64().expect("a number"), reservations }
}

/// The figures of the run in one line.
pub fn summary(
    calls: &[Call],
    killed: &BTreeMap<&'static str, u64>,
    cuts: &BTreeMap<Cut, u64>,
    took: Duration,
) -> String {
    let distinct = |wanted: fn(&Op) -> bool| {
        let granted = calls.iter().filter(|call| wanted(&call.op) && call.reply().is_some_and(|r| r.status < 300));
        granted.map(|call| &call.op).collect::<BTreeSet<_>>().len()
    };
    let answers = calls.iter().filter_map(Call::reply);
    let temporary = answers.clone().filter(|reply| reply.is_temporary()).count();
    let longest = answers.map(|reply| reply.took).max().unwrap_or_default();
    format!(
        "{} calls, {} purchases, {} refunds, {} cancelled holds in {:.1} s while {} processes of {} functions were killed \
         (-9) and connections cut {cuts:?}: {temporary} answers were temporary errors, {} calls got no answer, the \
         longest answer took {:.2} s",
        calls.len(),
        distinct(|op| matches!(op, Op::Pay(_))),
        distinct(|op| matches!(op, Op::Refund(_))),
        distinct(|op| matches!(op, Op::Cancel(_))),
        took.as_secs_f64(),
        killed.values().sum::<u64>(),
        killed.len(),
        calls.iter().filter(|call| call.reply().is_none()).count(),
        longest.as_secs_f64(),
    )
}

async fn get(sale: &Sale<'_>, token: &str, path: &str) -> Value {
    sale.site.client.request(Method::GET, path).bearer(token).send().await.expect(200).body
}

async fn sales(sale: &Sale<'_>) -> Value {
    get(sale, &sale.site.admin, &format!("/api/v1/admin/concerts/{}/sales", sale.concert.id)).await
}

async fn queue(sale: &Sale<'_>) -> Value {
    get(sale, &sale.site.admin, &format!("/api/v1/admin/queues/{}", sale.concert.queue)).await
}

async fn availability(sale: &Sale<'_>) -> Value {
    get(sale, &sale.site.admin, &format!("/api/v1/concerts/{}/availability", sale.concert.id)).await
}

/// Reads all pages of a list.
async fn pages(sale: &Sale<'_>, fan: &Fan, path: &str) -> Vec<Value> {
    let (mut items, mut query) = (Vec::new(), "?limit=100".to_owned());
    loop {
        let page = get(sale, &fan.access, &format!("{path}{query}")).await;
        items.extend(page["items"].as_array().expect("a list").iter().cloned());
        match page["nextCursor"].as_str() {
            Some(cursor) => query = format!("?limit=100&cursor={cursor}"),
            None => return items,
        }
    }
}
