//! What an administrator sets up for a test: queues, concerts, fans.

use std::time::Duration;

use client::{Client, Concert, Fan, Reply};
use futures_util::{StreamExt, stream};
use hyper::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stack::Stack;

/// The password of every fan.
pub const PASSWORD: &str = "correct horse battery";
/// The number of concurrent sign-ups. Each costs the stack a password hash, so more would only wait.
const SIGN_UPS_AT_ONCE: usize = 8;

/// A stack as one test sees it. Tests that share a stack use queues, concerts and fans of their own.
pub struct Site {
    /// Sends requests to the stack.
    pub client: Client,
    /// The administrator's access token.
    pub admin: String,
}

/// Returns 20 hexadecimal digits that are unique: a name for anything.
pub fn unique() -> String {
    // The end of a version 7 UUID is random.
    Uuid::now_v7().simple().to_string().split_off(12)
}

impl Site {
    /// Opens the stack and logs its administrator in.
    pub async fn open(stack: &Stack) -> Self {
        let client = stack.client();
        let (name, password) = stack.admin();
        let login = client.log_in(name, password).send().await.expect(200);
        Self { admin: login.text("accessToken").to_owned(), client }
    }

    /// Creates a queue with settings such as `{"capacity": 5}` and returns its id.
    pub async fn queue(&self, settings: &Value) -> String {
        let queue = format!("q-{}", unique());
        self.configure(&queue, settings).await.expect(200);
        queue
    }

    /// Changes the settings of a queue.
    pub async fn configure(&self, queue: &str, settings: &Value) -> Reply {
        let path = format!("/api/v1/admin/queues/{queue}");
        self.client.request(Method::PUT, path).bearer(&self.admin).json(settings).send().await
    }

    /// Runs the one-minute schedule of the promotions now. Without this, a new queue may have no ticks for up to a
    /// minute.
    pub async fn begin_minute(&self) {
        self.run_schedule("promote_tokens").await.expect(200);
    }

    /// Runs the one-minute schedule of a function now.
    pub async fn run_schedule(&self, function: &str) -> Reply {
        let event = json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} });
        let path = format!("/2015-03-31/functions/{function}/invocations");
        self.client.post(path, &event).send().await
    }

    /// Puts a concert with `seats` seats on sale behind a queue.
    pub async fn concert(&self, queue: &str, seats: u32) -> Concert {
        let price = 50_000;
        let draft = json!({
            "concertName": format!("Concert {}", unique()), "queueId": queue,
            "startsAt": "2099-12-24T19:00:00Z", "endsAt": "2099-12-24T22:00:00Z",
            "blocks": [{ "section": "A", "from": 1, "to": seats, "seatType": "STANDARD", "price": price }],
        });
        let made = self.client.post("/api/v1/admin/concerts", &draft).bearer(&self.admin).send().await.expect(201);
        Concert { id: made.text("concertId").to_owned(), queue: queue.to_owned(), price }
    }

    /// Signs a fan up and logs him in.
    pub async fn fan(&self) -> Fan {
        let name = unique();
        self.client.sign_up(&name, PASSWORD).send().await.expect(201);
        let login = self.client.log_in(&name, PASSWORD).send().await.expect(200);
        Fan::new(&self.client, name, &login)
    }

    /// Signs up fans.
    pub async fn fans(&self, count: usize) -> Vec<Fan> {
        stream::iter(0..count).map(|_| self.fan()).buffered(SIGN_UPS_AT_ONCE).collect().await
    }

    /// Signs up fans, who join the queue one after the other, and waits until all are admitted.
    pub async fn fans_inside(&self, queue: &str, count: usize) -> Vec<Fan> {
        let mut fans = self.fans(count).await;
        for fan in &mut fans {
            fan.join(queue).await;
            fan.wait_until_active(Duration::from_secs(10)).await;
        }
        fans
    }
}
