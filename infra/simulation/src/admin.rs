//! The admins of a run: they make the concert and the queue, and change the settings of both during the sale.

use crate::{dice::Dice, door, door::Client, history::Op, world::World};
use acceptance::{Reply, Request};
use serde_json::{Value, json};
use shared::domain::time::Timestamp;
use std::sync::Arc;

/// An admin, with an access token.
#[derive(Debug, Clone)]
pub struct Admin {
    /// The account.
    pub client: Client,
    /// The access token.
    pub access: String,
}

impl Admin {
    /// Sends a request until its answer is definite; `None`, and a violation, after 60 attempts.
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
        world.violated(format!("liveness: an admin {what} and gets no definite answer"));
        None
    }

    /// Changes settings of the queue.
    pub async fn queue(&self, world: &Arc<World>, settings: &Value) -> Option<Reply> {
        let what = format!("sets the queue to {settings}");
        self.insist(world, &what, "PUT", "/api/v1/admin/queues/main", settings).await
    }

    /// Changes whether and when the concert is on sale.
    pub async fn sale(&self, world: &Arc<World>, concert: &str, change: &Value) -> Option<Reply> {
        let what = format!("sets the sale to {change}");
        let path = format!("/api/v1/admin/concerts/{concert}");
        self.insist(world, &what, "PATCH", &path, change).await
    }

    /// Changes the queue, or one setting of the sale, again and again until the sale closes; `with` says which. Several
    /// admins do so at once.
    pub async fn change_settings(self, world: Arc<World>, concert: String, with: u64) {
        let mut dice = Dice::of(world.plan.seed, "admin", with);
        while !world.closing() {
            let elapsed_ms = world.clock.elapsed_ms();
            let pause = match with {
                QUEUE if elapsed_ms < RUSH_MS => dice.within(10..=300),
                // Now and then all admins act at the same moment.
                _ if dice.happens(4_000) => 5_000 - elapsed_ms % 5_000,
                _ => dice.within(300..=5_000),
            };
            world.sleep(pause).await;
            match with {
                QUEUE if elapsed_ms < RUSH_MS => self.shut_for_a_moment(&world, &mut dice).await,
                QUEUE => self.meddle_with_queue(&world, &mut dice).await,
                1 => drop(self.sale(&world, &concert, &json!({ "enabled": dice.happens(7_000) })).await),
                2 => drop(self.sale(&world, &concert, &json!({ "saleOpensAt": earlier(&world, &mut dice) })).await),
                _ => {
                    let closes = format!("2027-01-{:02}T00:00:00Z", dice.within(1..=28));
                    drop(self.sale(&world, &concert, &json!({ "saleClosesAt": closes })).await);
                }
            }
        }
    }

    /// Shuts the queue for so short a time that some functions see it shut, and others have an older state cached.
    async fn shut_for_a_moment(&self, world: &Arc<World>, dice: &mut Dice) {
        let shut = match dice.below(4) {
            0 => json!({ "capacity": dice.within(0..=2) }),
            1 => json!({ "opensAt": rfc3339(world.clock.now_ms() + dice.within(2_000..=60_000)) }),
            _ => json!({ "paused": true }),
        };
        self.queue(world, &shut).await;
        world.sleep(dice.within(10..=300)).await;
        self.open(world).await;
    }

    async fn meddle_with_queue(&self, world: &Arc<World>, dice: &mut Dice) {
        let most = world.plan.fans as u64 + 2;
        let settings = match dice.below(8) {
            0 | 1 => json!({ "capacity": dice.within(0..=most) }),
            2..=4 => json!({ "paused": dice.happens(5_000) }),
            5 | 6 => json!({ "opensAt": rfc3339(world.clock.now_ms() + dice.within(0..=10_000)) }),
            _ => json!({ "claimWindowSeconds": dice.within(3..=30), "activeSeconds": dice.within(10..=120) }),
        };
        self.queue(world, &settings).await;
    }

    async fn open(&self, world: &Arc<World>) {
        let settings = json!({ "capacity": world.plan.capacity, "paused": false, "opensAt": null });
        self.queue(world, &settings).await;
    }

    /// Restores the settings of the plan.
    pub async fn restore(&self, world: &Arc<World>, concert: &str) {
        self.sale(world, concert, &json!({ "enabled": true })).await;
        self.open(world).await;
    }
}

/// How many admins change settings at the same time.
pub const ADMINS: u64 = 4;
/// The admin who changes the queue.
const QUEUE: u64 = 0;
/// How long fans arrive, in milliseconds. The queue is shut for moments in this time, since walk-ins must respect it.
const RUSH_MS: u64 = 8_000;

fn earlier(world: &World, dice: &mut Dice) -> String {
    rfc3339(world.clock.now_ms() - dice.within(1..=3_600_000))
}

fn rfc3339(millis: u64) -> String {
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)).rfc3339()
}
