//! The signing key is rotated while fans buy.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use e2e::{Client, Concert, Data, Fan, Site, Stack, report_measurement};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time;

use crate::alone;

/// Fans who buy at the same time, one purchase after the other.
const FANS: u32 = 4;
/// The signing secret's name in the template.
const SECRET: &str = "SigningSecret";
const NEW: &str = "the-next-secret-of-these-tests-which-is-long-enough";

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
    fan.seats(concert).await.expect(200);
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

/// Writes the secret to the stack's directory, has the functions restarted, and waits until the key set has changed.
/// Returns the keys.
async fn deploy(stack: &Stack, data: &Path, secret: &str) -> Vec<Value> {
    let file = data.join("secrets.json");
    let mut secrets: Value = serde_json::from_str(&fs::read_to_string(&file).expect("secrets")).expect("JSON");
    let expected = secret.split(',').count();
    let client = Client::new(stack.address());
    let keys = async || {
        let reply = client.get("/.well-known/jwks.json").send().await.expect(200);
        reply.body["keys"].as_array().cloned().unwrap_or_default()
    };
    let before = keys().await;
    secrets[SECRET] = json!(secret);
    fs::write(&file, secrets.to_string()).expect("a file of ours");
    stack.process().hang_up();
    loop {
        let now = keys().await;
        if now.len() == expected && now != before {
            return now;
        }
        time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn rotating_the_key_in_the_middle_of_purchases_breaks_no_request() {
    let _machine = alone().await;
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let data = directory.path().join("data");
    let stack = Stack::start(Data::Directory(&data), &[]);
    let site = Site::open(&stack).await;
    let concert = site.concert("main", FANS).await;
    let secrets: Value =
        serde_json::from_str(&fs::read_to_string(data.join("secrets.json")).expect("secrets")).expect("JSON");
    let old = secrets[SECRET].as_str().expect("the signing secret").to_owned();
    let early = site.fan().await;

    let progress = Progress::default();
    let rotate = async {
        progress.move_on().await;
        let both = deploy(&stack, &data, &format!("{old},{NEW}")).await;
        progress.move_on().await;
        let swapped = deploy(&stack, &data, &format!("{NEW},{old}")).await;
        assert_eq!([&both[0], &both[1]], [&swapped[1], &swapped[0]], "not the same keys in the other order");
        site.client
            .get(format!("/api/v1/payments/balance/{}", early.id))
            .bearer(&early.access)
            .send()
            .await
            .expect(200);
        // Purchases that began with a token under the old key must be done before the key goes.
        progress.move_on().await;
        assert_eq!(deploy(&stack, &data, NEW).await, [both[1].clone()]);
        progress.move_on().await;
        progress.over.store(true, Ordering::SeqCst);
    };
    let buyers = (1..=FANS).map(|seat| buy_until_over(&site, &concert, seat, &progress));
    tokio::join!(rotate, join_all(buyers));

    let late = Fan::new(&site.client, early.name.clone(), &early.id, &early.access);
    let path = format!("/api/v1/payments/balance/{}", late.id);
    site.client.get(path).bearer(&late.access).send().await.expect_problem(401, "unauthenticated");
    let done: usize = progress.counts().iter().sum();
    report_measurement(format!(
        "the signing key was rotated in three steps during {done} purchases; each of them went through"
    ));
}
