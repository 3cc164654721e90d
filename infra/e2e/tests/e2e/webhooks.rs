//! A webhook whose receiver, `infra/webhooks/receiver.py` behind TLS, is down for a while. It checks signatures with a library
//! that is not ours.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use e2e::{Data, Site, Stack};
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::{self, Instant};
use tools::{python::PythonEnvironment, workspace};

use crate::{alone, tls};

/// What the receiver needs.
const REQUIREMENTS: &str = include_str!("../../../webhooks/requirements.txt");
/// How long to wait for what happens behind a purchase.
const PATIENCE: Duration = Duration::from_secs(90);
const HOOK: &str = "/api/v1/admin/webhooks/shop";

/// The Python program, killed when the value is dropped.
struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    fn start(port: u16, public_key: &str) -> Self {
        let python = PythonEnvironment::new("webhooks");
        python.install(REQUIREMENTS).expect("the packages of the receiver");
        let mut child = Command::new(python.program("python"))
            .arg(workspace::root().join("infra/webhooks/receiver.py"))
            .args([&port.to_string(), public_key])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Python runs");
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// The events that it printed since the last call.
    fn printed(&self) -> Vec<Value> {
        self.lines.try_iter().map(|line| serde_json::from_str(&line).expect("JSON")).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The deliveries of the webhook, once there are `least` and all have this status.
async fn deliveries(site: &Site, status: &str, least: usize) -> Vec<Value> {
    let started = Instant::now();
    loop {
        let path = format!("{HOOK}/deliveries");
        let reply = site.client.get(path).bearer(&site.admin).send().await.expect(200);
        let items = reply.body["items"].as_array().cloned().unwrap_or_default();
        if items.len() >= least && items.iter().all(|item| item["status"] == status) {
            return items;
        }
        assert!(started.elapsed() < PATIENCE, "not {least} deliveries that are {status}: {items:?}");
        time::sleep(Duration::from_millis(500)).await;
    }
}

/// Adds the webhook, and returns the public key.
async fn add_webhook(site: &Site, port: u16) -> String {
    let draft = json!({ "url": format!("https://localhost:{port}/hook") });
    let added = site.client.request(Method::PUT, HOOK).bearer(&site.admin).json(&draft).send().await.expect(200);
    added.text("publicKey").to_owned()
}

/// A fan buys a seat: six events.
async fn buy(site: &Site) {
    let queue = site.queue(&json!({ "capacity": 10 })).await;
    let concert = site.concert(&queue, 10).await;
    let fans = site.fans_inside(&queue, 1).await;
    fans[0].recharge(concert.price, None).send().await.expect(200);
    let reservation = fans[0].hold_seats(&concert, &[1]).await;
    fans[0].pay(&reservation, concert.price, None).send().await.expect(200);
}

#[tokio::test]
async fn a_receiver_that_was_down_prints_each_event_once() {
    let _machine = alone().await;
    let trusted = tls::certificate();
    let trusted = trusted.to_str().expect("UTF-8");
    let stack = Stack::start(Data::Ephemeral, &[("WEBHOOKS_TO_LOOPBACK", "true"), ("SSL_CERT_FILE", trusted)]);
    let site = Site::open(&stack).await;
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let (tls_port, server) = tls::in_front_of(port).await;
    let key = add_webhook(&site, tls_port).await;
    buy(&site).await;
    let waiting = deliveries(&site, "RETRYING", 6).await;

    let program = Program::start(port, &key);
    // The first pause of a retry.
    time::sleep(Duration::from_secs(6)).await;
    site.run_schedule("deliver_webhooks").await.expect(200);
    let delivered = deliveries(&site, "DELIVERED", waiting.len()).await;
    let wanted: BTreeSet<String> = delivered.iter().map(|item| item["eventId"].to_string()).collect();
    time::sleep(Duration::from_secs(1)).await;
    let events = program.printed();
    let printed: BTreeSet<String> = events.iter().map(|event| event["id"].to_string()).collect();
    assert_eq!((events.len(), &printed), (wanted.len(), &wanted), "each event once, verified");

    // The same message again: the receiver drops it by its id.
    let record = json!({ "messageId": "1", "body": events[0].to_string(), "eventSource": "aws:sqs" });
    let path = "/2015-03-31/functions/deliver_webhooks/invocations";
    let answer = site.client.post(path, &json!({ "Records": [record] })).send().await.expect(200);
    assert_eq!(answer.body["batchItemFailures"], json!([]));
    time::sleep(Duration::from_secs(1)).await;
    assert_eq!(program.printed(), Vec::<Value>::new());
    // A receiver with another key takes nothing.
    drop(program);
    let stranger = Program::start(port, "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    time::sleep(Duration::from_secs(1)).await;
    let forged = events[0].to_string().replace("/", "/x");
    let record = json!({ "messageId": "1", "body": forged, "eventSource": "aws:sqs" });
    site.client.post(path, &json!({ "Records": [record] })).send().await.expect(200);
    time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stranger.printed(), Vec::<Value>::new());
    server.abort();
}
