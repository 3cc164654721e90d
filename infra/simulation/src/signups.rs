//! Sign-ups that want the same user name at the same moment.

use crate::{dice::Dice, functions::invoke, instances::Instance, world::World};
use futures_util::future::join_all;
use shared::domain::account::Username;
use std::sync::Arc;

/// How many sign-ups want the same name.
const RIVALS: u64 = 3;

/// Signs up rivals for some names, one name after the other; at most one rival may get it. Accounts are made without a
/// password, since its salt does not come from the seed.
pub async fn rush(world: Arc<World>) {
    let mut dice = Dice::of(world.plan.seed, "sign-ups", 0);
    for number in 0..dice.within(1..=3) {
        world.sleep(dice.within(100..=8_000)).await;
        let Ok(name) = Username::parse(&format!("wanted-{number}")) else { return };
        let pauses: Vec<u64> = (0..RIVALS).map(|_| dice.within(0..=40)).collect();
        let made = join_all(pauses.into_iter().map(|pause| sign_up(&world, &name, pause))).await;
        if made.iter().filter(|made| **made).count() > 1 {
            world.violated(format!("several people have one name: {}", name.as_str()));
        }
    }
}

/// Creates an account after a pause in milliseconds, and returns whether that succeeded.
async fn sign_up(world: &Arc<World>, name: &Username, pause: u64) -> bool {
    world.sleep(pause).await;
    let work = async |instance: Arc<Instance>| {
        instance.app.store.create_account(name, "no password matches this".to_owned()).await
    };
    matches!(invoke(world, "create_user", work).await, Ok(Ok(_)))
}
