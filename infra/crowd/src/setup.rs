//! Sets up what a crowd needs, and takes the concert off sale afterwards.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use client::{Client, Concert, Fan, Method, Reply, Request};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::options::Options;

/// Accounts that are made at the same time: each costs a hash of a password.
const AT_ONCE: usize = 8;
/// How long one request of the preparation may be refused for the moment: limits by address count by the minute.
const PATIENCE: Duration = Duration::from_secs(180);
const PRICE: u64 = 10_000;
/// Twice the seats that a fan buys at most.
const MONEY: u64 = 4 * PRICE;

/// How long ago the concert starts: the list of dates that fans see goes back 24 h.
const STARTED_AGO: TimeDelta = TimeDelta::hours(26);
/// How long the concert is on sale at most, if nothing ends the sale: longer than a rehearsal.
const SALE: TimeDelta = TimeDelta::hours(24);

/// The stage of a crowd.
pub struct Stage {
    /// The client, which sends each request once.
    pub client: Client,
    /// The concert, and the queue in front of it.
    pub concert: Concert,
    /// The accounts.
    pub fans: Vec<Fan>,
    /// The administrator's access token.
    admin: String,
    /// As `client`, but patient.
    patient: Client,
}

/// Logs the administrator in, and makes queue and concert.
///
/// # Errors
/// An account that is no administrator's, or the first request that is refused, in words. What can be refused for good is
/// before the concert, so nothing stays on sale.
pub async fn set_up(options: &Options, password: &str) -> Result<Stage, String> {
    let client = Client::new(options.url.clone()).map_err(|failure| failure.to_string())?;
    let patient = client.with_patience(PATIENCE);
    let login = sent(patient.log_in(&options.admin, password), 200).await?;
    let admin = login.text("accessToken").to_owned();
    let run = format!("crowd-{:08x}", fastrand::u32(..));
    let queue = patient.request(Method::PUT, format!("/api/v1/admin/queues/{run}")).bearer(&admin);
    let queue = queue.json(&json!({ "capacity": options.capacity }));
    let (name, reply) = (queue.name(), queue.try_send().await.map_err(|failure| failure.to_string())?);
    if reply.status == 403 {
        return Err(format!("{0} is no administrator: `cargo admin grant {0}` makes one", options.admin));
    }
    expect(&name, reply, 200)?;
    let (now, rfc3339) = (Utc::now(), |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true));
    let draft = json!({
        "concertName": format!("{run}, not for fans"), "category": "CROWD", "queueId": run,
        "startsAt": rfc3339(now - STARTED_AGO), "endsAt": rfc3339(now + SALE), "saleClosesAt": rfc3339(now + SALE),
        "blocks": [{ "from": 1, "to": options.seats, "section": "A", "seatType": "STANDARD", "price": PRICE }],
    });
    let concert = sent(patient.post("/api/v1/admin/concerts", &draft).bearer(&admin).key(Some(&run)), 201).await?;
    let concert = Concert { id: concert.text("concertId").to_owned(), queue: run, price: PRICE };
    eprintln!("crowd: queue {}, concert {}", concert.queue, concert.id);
    Ok(Stage { client, concert, fans: Vec::new(), admin, patient })
}

/// Prints how far the accounts are.
fn progress(all: usize) -> impl FnMut(&Fan) {
    let mut made = 0;
    move |_| {
        made += 1;
        if made % 50 == 0 || made == all {
            eprintln!("crowd: {made} of {all} accounts");
        }
    }
}

/// A fan with an account and money.
async fn account(patient: &Client, client: &Client, admin: &str, run: &str, number: usize) -> Result<Fan, String> {
    let (name, password) = (format!("{run}-{number}"), format!("{:016x}", fastrand::u64(..)));
    sent(patient.sign_up(&name, &password), 201).await?;
    let login = sent(patient.log_in(&name, &password), 200).await?;
    let fan = Fan::new(client, name, &login);
    let credit = json!({ "userId": fan.id, "amount": MONEY, "reference": run });
    let key = format!("{run}-{number}");
    sent(patient.post("/api/v1/payments/recharge", &credit).bearer(admin).key(Some(&key)), 200).await?;
    Ok(fan)
}

impl Stage {
    /// Makes as many accounts as fans come, each with money.
    ///
    /// # Errors
    /// The first request that is refused, in words.
    pub async fn fill(&mut self, fans: usize) -> Result<(), String> {
        let run = &self.concert.queue;
        let accounts = (0..fans).map(|number| account(&self.patient, &self.client, &self.admin, run, number));
        self.fans = stream::iter(accounts).buffered(AT_ONCE).inspect_ok(progress(fans)).try_collect().await?;
        Ok(())
    }

    /// What each fan had at the beginning.
    pub fn money(&self) -> u64 {
        MONEY
    }

    /// What is sold of the concert, as the administrator sees it.
    ///
    /// # Errors
    /// When the request is refused.
    pub async fn sales(&self) -> Result<Reply, String> {
        let path = format!("/api/v1/admin/concerts/{}/sales", self.concert.id);
        sent(self.patient.get(path).bearer(&self.admin), 200).await
    }

    /// Balance and ledger of a fan.
    ///
    /// # Errors
    /// When a request is refused, or the ledger is malformed.
    pub async fn ledger(&self, number: usize) -> Result<client::Ledger, String> {
        let known = &self.fans[number];
        let fan = Fan::known(&self.patient, known.name.clone(), &known.id, &known.access);
        client::Ledger::new(&sent(fan.history(), 200).await?, &sent(fan.balance(), 200).await?)
    }

    /// Takes the concert off sale. Queue, concert and accounts stay: what was paid stays paid.
    ///
    /// # Errors
    /// When the request is refused.
    pub async fn close(&self) -> Result<(), String> {
        let path = format!("/api/v1/admin/concerts/{}", self.concert.id);
        let change = self.patient.request(Method::PATCH, path).bearer(&self.admin).json(&json!({ "enabled": false }));
        sent(change, 200).await.map(|_| ())
    }
}

/// Sends a request that must be answered with `status`.
async fn sent(request: Request, status: u16) -> Result<Reply, String> {
    let name = request.name();
    let reply = request.try_send().await.map_err(|failure| format!("{name}: {failure}"))?;
    expect(&name, reply, status)
}

fn expect(name: &str, reply: Reply, status: u16) -> Result<Reply, String> {
    if reply.status == status {
        return Ok(reply);
    }
    Err(format!("{name}: {} {} {}", reply.status, reply.code(), reply.text("detail")))
}
