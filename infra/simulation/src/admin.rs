//! What admins do: concerts, capacity, pauses; and somebody who meddles with it all.

use crate::{
    dice::Dice,
    door,
    door::Client,
    history::{Op, Outcome},
    world::World,
};
use acceptance::{Reply, Request};
use serde_json::{Value, json};
use std::sync::Arc;

/// An admin, with an access token.
#[derive(Debug, Clone)]
pub struct Admin {
    /// The account.
    pub client: Client,
    /// The token.
    pub access: String,
}

impl Admin {
    /// Sends a request until it is answered definitely; `None` after a long time.
    pub async fn insist(
        &self,
        world: &Arc<World>,
        what: &str,
        method: &'static str,
        path: &str,
        body: &Value,
    ) -> Option<Reply> {
        for _ in 0..60 {
            let request = Request::new(method, path).token(&self.access).json(body);
            let outcome = door::send(world, &self.client, Op::Other(what.to_owned()), request).await;
            if outcome.definite() {
                return outcome.reply().cloned();
            }
            world.sleep(500).await;
        }
        world.violated(format!("liveness: an admin {what} and never learns what came of it"));
        None
    }

    /// Sets what a queue may.
    pub async fn queue(&self, world: &Arc<World>, settings: &Value) -> Option<Reply> {
        let what = format!("sets the queue to {settings}");
        self.insist(world, &what, "PUT", "/api/v1/admin/queues/main", settings).await
    }

    /// Opens or closes the sale.
    pub async fn sale(&self, world: &Arc<World>, concert: &str, enabled: bool) -> Option<Reply> {
        let what = if enabled { "opens the sale" } else { "closes the sale" };
        let path = format!("/api/v1/admin/concerts/{concert}");
        self.insist(world, what, "PATCH", &path, &json!({ "enabled": enabled })).await
    }

    /// Meddles until the sale is over.
    pub async fn meddle(self, world: Arc<World>, concert: String) {
        let mut dice = Dice::of(world.plan.seed, "admin", 0);
        while !world.closing() {
            world.sleep(dice.within(2_000..=15_000)).await;
            let most = world.plan.fans as u64 + 2;
            match dice.below(6) {
                0 | 1 => drop(self.queue(&world, &json!({ "capacity": dice.within(0..=most) })).await),
                2 => drop(self.queue(&world, &json!({ "paused": dice.happens(5_000) })).await),
                3 => {
                    let opens = world.clock.now_ms() + dice.within(0..=10_000);
                    let opens = i64::try_from(opens).unwrap_or(i64::MAX);
                    let opens = shared::domain::time::Timestamp::from_millis(opens).rfc3339();
                    drop(self.queue(&world, &json!({ "opensAt": opens })).await);
                }
                4 => drop(self.sale(&world, &concert, dice.happens(6_000)).await),
                _ => {
                    let (claim, active) = (dice.within(3..=30), dice.within(10..=120));
                    let times = json!({ "claimWindowSeconds": claim, "activeSeconds": active });
                    drop(self.queue(&world, &times).await);
                }
            }
        }
        self.restore(&world, &concert).await;
    }

    /// Everything as it was planned.
    pub async fn restore(&self, world: &Arc<World>, concert: &str) {
        self.sale(world, concert, true).await;
        let settings = json!({ "capacity": world.plan.capacity, "paused": false, "opensAt": null });
        self.queue(world, &settings).await;
    }

    /// A look at something that needs no more than a token.
    pub async fn look(&self, world: &Arc<World>, what: &str, path: &str) -> Outcome {
        let request = Request::new("GET", path).token(&self.access);
        door::send(world, &self.client, Op::Other(what.to_owned()), request).await
    }
}
