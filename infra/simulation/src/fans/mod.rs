//! The fans of a run, each with a profile of habits.

mod attack;
mod devices;
mod life;
mod requests;

use crate::{dice::Dice, door::Client, instances::Instance, lock::lock, plan::Crowd, world::World};
use shared::domain::{
    account::{Role, Username},
    id::UserId,
};
use std::{error::Error, sync::Arc};

/// An access token is renewed after this many milliseconds: it lasts an hour.
const ACCESS_MS: u64 = 50 * 60 * 1_000;

/// The habits of a fan. Rates are in 10,000.
#[derive(Debug, Clone)]
pub struct FanProfile {
    /// Sends an idempotency key with each request for money or seats, and repeats the request until it is answered.
    pub careful: bool,
    /// Sends a request twice at once.
    pub double_clicks: u32,
    /// Goes away in the middle of a purchase.
    pub abandons: u32,
    /// Holds more seats than are paid, and cancels some.
    pub hoards: u32,
    /// Asks for a refund after a purchase.
    pub refunds: u32,
    /// Changes to another device, without the queue token.
    pub devices: u32,
    /// Sends requests that must be refused.
    pub attacks: u32,
    /// Pays without a recharge first.
    pub short: u32,
    /// Asks for a seat that another fan holds until it is free.
    pub snatches: u32,
    /// Waits until the last moment of a hold or session.
    pub dawdles: u32,
    /// Asks for seats after the session is over.
    pub overstays: u32,
    /// Holds the same seats again when their hold ends.
    pub renews: u32,
    /// Purchases until the fan has enough.
    pub wants: u64,
    /// Waits or sessions without a purchase until the fan gives up.
    pub patience: u32,
    /// How many times shorter than usual the fan's pauses are.
    pub haste: u64,
}

impl FanProfile {
    /// A fan who just buys.
    fn plain() -> Self {
        FanProfile {
            careful: false,
            double_clicks: 0,
            abandons: 0,
            hoards: 0,
            refunds: 0,
            devices: 0,
            attacks: 0,
            short: 0,
            snatches: 0,
            dawdles: 0,
            overstays: 0,
            renews: 0,
            wants: 1,
            patience: 8,
            haste: 1,
        }
    }

    /// A fan through whom seats change hands quickly.
    fn restless(self) -> Self {
        FanProfile {
            refunds: 9_000,
            snatches: 9_000,
            dawdles: self.dawdles.max(6_000),
            abandons: self.abandons.max(1_500),
            devices: self.devices.max(4_000),
            wants: 6,
            patience: 30,
            haste: 8,
            ..self
        }
    }

    /// A fan who stays after the session is over.
    fn lingering(self) -> Self {
        FanProfile { overstays: 9_000, wants: 6, patience: 30, haste: 4, ..self }
    }

    /// A fan who holds the same seats again and again.
    fn renewing(self) -> Self {
        FanProfile { renews: 9_000, hoards: 0, abandons: 0, wants: 20, patience: 30, haste: 4, ..self }
    }

    fn draw(dice: &mut Dice) -> Self {
        let mut often = |rate: u32, most: u64| {
            if dice.happens(rate) { u32::try_from(dice.within(500..=most)).unwrap_or(0) } else { 0 }
        };
        let (double_clicks, abandons, hoards) = (often(3_000, 9_000), often(3_000, 4_000), often(3_000, 9_000));
        let (refunds, devices, attacks) = (often(4_000, 9_000), often(2_000, 6_000), often(2_000, 6_000));
        let (short, snatches, dawdles) = (often(3_000, 8_000), often(7_000, 9_500), often(6_000, 9_000));
        FanProfile {
            careful: dice.happens(6_000),
            double_clicks,
            abandons,
            hoards,
            refunds,
            devices,
            attacks,
            short,
            snatches,
            dawdles,
            overstays: dawdles / 2,
            renews: dawdles / 4,
            wants: dice.within(1..=3),
            patience: 8,
            haste: 1,
        }
    }
}

/// A fan, with habits, tokens and keys.
pub struct Fan {
    world: Arc<World>,
    client: Client,
    desk: Arc<Instance>,
    user: UserId,
    role: Role,
    dice: Dice,
    profile: FanProfile,
    concert: String,
    others: Arc<std::sync::Mutex<LeakedIds>>,
    access: (u64, String),
    queue_token: String,
    session_ends_ms: u64,
    old_queue_tokens: Vec<String>,
    keys: u64,
}

/// The ids of other fans that attackers know.
#[derive(Debug, Default)]
pub struct LeakedIds {
    /// User ids.
    pub users: Vec<String>,
    /// Reservation ids, each with the user id of its fan.
    pub reservations: Vec<(String, String)>,
}

impl std::fmt::Debug for Fan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.client.name)
    }
}

/// Makes accounts and access tokens for fans without a password, whose hash takes as long as a hundred purchases.
pub struct Desk {
    /// The instance that makes accounts and signs tokens.
    pub instance: Arc<Instance>,
    /// The ids that attackers know.
    pub leaked_ids: Arc<std::sync::Mutex<LeakedIds>>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Desk")
    }
}

impl Desk {
    /// Makes an account, and the fan who owns it.
    ///
    /// # Errors
    /// If the name is not a user name, or the account cannot be stored.
    pub async fn fan(
        &self,
        world: &Arc<World>,
        name: &str,
        role: Role,
        concert: &str,
    ) -> Result<Fan, Box<dyn Error + Send + Sync>> {
        let username = Username::parse(name.replace(' ', "-").as_str())?;
        let app = &self.instance.app;
        let account = app.store.create_account(&username, "no password matches this".to_owned()).await?;
        let mut dice = Dice::of(world.plan.seed, "fan", account.user_id.0.as_u128() as u64);
        let profile = FanProfile::draw(&mut dice);
        let user_id = account.user_id.to_string();
        world.log().name(&user_id, name.to_owned());
        let address = format!("10.{}.{}.{}", dice.below(256), dice.below(256), dice.below(256));
        lock(&self.leaked_ids).users.push(user_id.clone());
        Ok(Fan {
            world: Arc::clone(world),
            client: Client { name: name.to_owned(), user_id, address },
            desk: Arc::clone(&self.instance),
            user: account.user_id,
            role,
            profile: match world.plan.crowd {
                Crowd::Restless => profile.restless(),
                Crowd::Lingering => profile.lingering(),
                Crowd::Renewing => profile.renewing(),
                Crowd::Usual | Crowd::Stampede => profile,
            },
            dice,
            concert: concert.to_owned(),
            others: Arc::clone(&self.leaked_ids),
            access: (0, String::new()),
            queue_token: String::new(),
            session_ends_ms: 0,
            old_queue_tokens: Vec::new(),
            keys: 0,
        })
    }
}

impl Fan {
    /// The fan as a sender of requests.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The fan's access token, renewed in time.
    pub fn access(&mut self) -> String {
        let now = self.world.clock.now_ms();
        if self.access.1.is_empty() || self.access.0 + ACCESS_MS < now {
            let app = &self.desk.app;
            let token = app.tokens.sign_access(self.user, self.role, 0, &app.context);
            self.access = (now, token.unwrap_or_else(|_| String::new()));
        }
        self.access.1.clone()
    }

    /// A new idempotency key, if the fan sends keys.
    fn key(&mut self) -> Option<String> {
        self.keys += 1;
        self.profile.careful.then(|| format!("{}-{}", self.client.name.replace(' ', "-"), self.keys))
    }

    /// Waits between `least` and `most` milliseconds.
    async fn think(&mut self, least: u64, most: u64) {
        let pause = self.dice.within(least..=most);
        self.world.sleep(pause).await;
    }

    fn chance(&mut self, rate: u32) -> bool {
        self.dice.happens(rate)
    }
}
