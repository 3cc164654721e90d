//! The signing secret is changed while fans buy.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use e2e::{Concert, Data, Site, Stack, report_measurement, unique};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time;

use crate::alone;

/// Fans who buy at the same time, one purchase after the other.
const FANS: u32 = 4;
/// The signing secret's name in the template.
const SECRET: &str = "SigningSecret";
const NEW: &str = "the-next-secret-of-these-tests-which-is-long-enough";
const NEWEST: &str = "the-secret-after-it-in-these-tests-is-long-enough-too";
/// A token with the `kid` of no key: `{"alg":"EdDSA","kid":"forged"}`, `{}`.
const FORGED: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6ImZvcmdlZCJ9.e30.AAAA";

/// The number of purchases so far, of each fan.
#[derive(Default)]
struct Progress {
    done: [AtomicUsize; FANS as usize],
    over: AtomicBool,
}

impl Progress {
    /// Waits until each fan has finished the current purchase and a whole one after it.
    async fn move_on(&self) {
        let before = self.counts();
        while self.counts().iter().zip(&before).any(|(now, before)| now < &(before + 2)) {
            time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn counts(&self) -> Vec<usize> {
        self.done.iter().map(|done| done.load(Ordering::SeqCst)).collect()
    }
}

/// One purchase, from signing up to the refund. Every request must succeed.
async fn journey(site: &Site, concert: &Concert, seat: u32) {
    let mut fan = site.fan().await;
    fan.join("main").await.expect(201);
    fan.poll().await.expect(200);
    fan.recharge(concert.price, None).send().await.expect(200);
    fan.seats(concert).send().await.expect(200);
    let reservation = fan.hold_seats(concert, &[seat]).await;
    let paid = fan.pay(&reservation, concert.price, None).send().await.expect(200);
    let path = format!("/api/v1/payments/{}/cancel", paid.text("paymentId"));
    site.client.post(path, &json!({})).bearer(&fan.access).send().await.expect(200);
}

async fn buy_until_over(site: &Site, concert: &Concert, seat: u32, progress: &Progress) {
    while !progress.over.load(Ordering::SeqCst) {
        journey(site, concert, seat).await;
        progress.done[seat as usize - 1].fetch_add(1, Ordering::SeqCst);
    }
}

/// Stores a new secret in the stack's directory and in Secrets Manager, makes every function that answers a route read it,
/// and waits until the key set has changed. Returns its keys, newest first.
async fn change(stack: &Stack, data: &Path, secret: &str) -> Vec<Value> {
    let file = data.join("secrets.json");
    let mut secrets: Value = serde_json::from_str(&fs::read_to_string(&file).expect("secrets")).expect("JSON");
    secrets[SECRET] = json!(secret);
    fs::write(&file, secrets.to_string()).expect("a file of ours");
    let client = stack.client();
    let keys = async || {
        // Its key is unknown, so the function reads the secret again, unless it did within ten seconds.
        let reply = client.get("/.well-known/jwks.json").bearer(FORGED).send().await.expect(200);
        reply.body["keys"].as_array().cloned().unwrap_or_default()
    };
    let before = keys().await;
    stack.process().hang_up();
    loop {
        let now = keys().await;
        if now != before {
            return now;
        }
        time::sleep(Duration::from_millis(100)).await;
    }
}

/// Makes a function read the secret again, which it does for a token under an unknown key, once in ten seconds.
async fn refresh_balances(site: &Site) {
    site.client.get(format!("/api/v1/payments/balance/{}", unique())).bearer(FORGED).send().await;
}

#[tokio::test]
async fn changing_the_secret_in_the_middle_of_purchases_breaks_no_request() {
    let _machine = alone().await;
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let data = directory.path().join("data");
    let stack = Stack::start(Data::Directory(&data), &[]);
    let site = Site::open(&stack).await;
    // A slot is free again only after a tick: nobody shall wait.
    site.configure("main", &json!({ "capacity": 10_000 })).await.expect(200);
    let concert = site.concert("main", FANS).await;
    let early = site.fan().await;
    let balance = async || {
        let path = format!("/api/v1/payments/balance/{}", early.id);
        site.client.get(path).bearer(&early.access).send().await
    };

    let progress = Progress::default();
    let rotate = async {
        progress.move_on().await;
        let both = change(&stack, &data, NEW).await;
        assert_eq!(both.len(), 2, "the new key, and the one before it");
        refresh_balances(&site).await;
        progress.move_on().await;
        balance().await.expect(200);
        progress.over.store(true, Ordering::SeqCst);
    };
    let buyers = (1..=FANS).map(|seat| buy_until_over(&site, &concert, seat, &progress));
    tokio::join!(rotate, join_all(buyers));

    // Once more, and the first key is gone.
    let next = change(&stack, &data, NEWEST).await;
    assert_eq!(next.len(), 2);
    let refused = async {
        loop {
            refresh_balances(&site).await;
            let reply = balance().await;
            if reply.status != 200 {
                return reply;
            }
            time::sleep(Duration::from_millis(500)).await;
        }
    };
    let refused = time::timeout(Duration::from_secs(30), refused).await.expect("a function reads again in ten seconds");
    refused.expect_problem(401, "unauthenticated");
    let done: usize = progress.counts().iter().sum();
    report_measurement(format!("the signing secret was changed during {done} purchases; each of them went through"));
}
