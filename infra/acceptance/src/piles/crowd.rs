//! A hundred accounts that only disturb, against twenty honest fans who want a seat each.

use crate::{Background, Fan, Request, World};
use serde_json::json;
use shared::domain::id::QueueId;
use std::{collections::BTreeMap, error::Error};

const OTHERS: usize = 100;
const HONEST: usize = 20;
const PRICE: u64 = 50_000;
/// Seconds between two polls of a waiting fan; the others do something every second.
const POLL: usize = 2;
/// Seconds for which the others are alone.
const HEAD_START: usize = 40;
/// Seconds after its admission in which an unclaimed place is lost for sure.
const LOST_AFTER: usize = 70;
/// Seconds within which every honest fan must have bought a seat.
const PATIENCE: usize = 3_600;

/// What the hundred accounts do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// They are not there.
    None,
    /// Join, and never claim the place; join again once it is lost.
    Miss,
    /// Join and leave, as often as they may.
    Leave,
    /// Hold a seat and cancel the hold, as often as they may.
    GiveBack,
}

/// Measures each manner and passes a line for each to `print`.
pub(super) async fn measure(print: impl Fn(String)) -> Result<(), Box<dyn Error>> {
    for (capacity, manner) in
        [(20, Manner::None), (20, Manner::Miss), (20, Manner::Leave), (120, Manner::None), (120, Manner::GiveBack)]
    {
        print(scene(capacity, manner).await?);
    }
    Ok(())
}

/// Gives the others a head start; then the honest fans join, and hold and pay as soon as they are admitted. Returns the
/// result as a line.
async fn scene(capacity: u64, manner: Manner) -> Result<String, Box<dyn Error>> {
    // Others who hold are inside at once; all others have joined before anybody is admitted.
    let first = if manner == Manner::GiveBack { capacity } else { 0 };
    let limits = [("QUEUE_CAPACITY", &*first.to_string()), ("JOINS_PER_FAN", "20"), ("PLACES_PER_FAN", "30")];
    let world = World::with(&limits).await?;
    let admin = world.admin().await;
    let blocks = json!([{ "section": "A", "from": 1, "to": 500, "seatType": "STANDARD", "price": PRICE }]);
    let concert = world.concert_of(&admin, &json!({ "blocks": blocks })).await;
    let mut others = Vec::new();
    for number in 0..if manner == Manner::None { 0 } else { OTHERS } {
        others.push(Other { fan: world.fan(&format!("other-{number}")).await, place: 0, admitted: None });
    }
    let mut background = Background::default();
    let mut scene = Scene { world: &world, concert, served: 0, tally: Tally::default() };
    for second in 0..HEAD_START {
        scene.disturb(&mut others, manner, second).await?;
        background.second(&world).await?;
    }
    let mut honest = Vec::new();
    for number in 0..HONEST {
        let mut fan = world.fan(&format!("honest-{number}")).await;
        world.recharge(&fan, PRICE, None).await;
        world.join(&mut fan).await;
        honest.push((number, fan));
    }
    world.set_capacity(capacity).await;
    for second in 0..PATIENCE {
        scene.disturb(&mut others, manner, HEAD_START + second).await?;
        let mut waiting = Vec::new();
        for (number, fan) in honest {
            if second % POLL != 0 || !scene.buy(&fan, number, second).await {
                waiting.push((number, fan));
            }
        }
        honest = waiting;
        if honest.is_empty() {
            return Ok(format!("capacity {capacity}, others: {manner:?}: {}", scene.tally.text()));
        }
        background.second(&world).await?;
    }
    Err(format!("{manner:?}: {} of the honest fans never bought", honest.len()).into())
}

/// One of the hundred accounts.
struct Other {
    fan: Fan,
    place: u64,
    /// The second in which the place was first seen admitted.
    admitted: Option<usize>,
}

struct Scene<'a> {
    world: &'a World,
    concert: String,
    served: u64,
    tally: Tally,
}

/// What was measured.
#[derive(Default)]
struct Tally {
    /// The second in which each honest fan had bought a seat, in ascending order.
    waited: Vec<usize>,
    /// Refusals to the honest fans, by outcome.
    refused: BTreeMap<String, usize>,
    /// Answers to the others, by outcome.
    others: BTreeMap<String, usize>,
}

impl Tally {
    fn text(&self) -> String {
        let (median, last) = (self.waited[self.waited.len() / 2], self.waited[self.waited.len() - 1]);
        let Tally { refused, others, .. } = self;
        format!("seats bought after {median} s in the median, {last} s at most; refused {refused:?}; others {others:?}")
    }
}

impl Scene<'_> {
    /// Holds and pays a seat if the fan is admitted; returns whether the seat is paid.
    async fn buy(&mut self, fan: &Fan, number: usize, second: usize) -> bool {
        let polled = self.world.get(&format!("/api/v1/tokens/{}", fan.user_id), &fan.queue).await;
        if polled.status != 200 || polled.text("status") != "ACTIVE" {
            if polled.status != 200 {
                *self.tally.refused.entry(polled.outcome()).or_default() += 1;
            }
            return false;
        }
        let seat = u32::try_from(number + 1).unwrap_or_default();
        let held = self.world.hold(fan, &self.concert, &[seat], None).await;
        let done =
            if held.status == 201 { self.world.pay(fan, held.text("reservationId"), PRICE, None).await } else { held };
        if done.status != 200 {
            *self.tally.refused.entry(done.outcome()).or_default() += 1;
            return false;
        }
        self.tally.waited.push(second);
        true
    }

    /// Lets the others act for one second.
    async fn disturb(&mut self, others: &mut [Other], manner: Manner, second: usize) -> Result<(), Box<dyn Error>> {
        self.served = self.world.app.store.queue_state(&QueueId::main(), 0).await?.served.get();
        for (number, other) in others.iter_mut().enumerate() {
            let outcomes = match manner {
                Manner::None => Vec::new(),
                Manner::Miss => self.miss(other, second).await?,
                Manner::Leave => {
                    let joined = self.world.join(&mut other.fan).await.outcome();
                    let path = format!("/api/v1/tokens/{}", other.fan.user_id);
                    vec![joined, format!("leaving {}", self.world.delete(&path, &other.fan.access).await.outcome())]
                }
                Manner::GiveBack => self.give_back(&mut other.fan, number).await,
            };
            for outcome in outcomes {
                *self.tally.others.entry(outcome).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Joins if the account has no place, and not again before the place is lost: an earlier request would claim it.
    async fn miss(&self, other: &mut Other, second: usize) -> Result<Vec<String>, Box<dyn Error>> {
        if other.place > 0 && other.place <= self.served {
            other.admitted.get_or_insert(second);
        }
        if other.place > 0 && other.admitted.is_none_or(|admitted| second < admitted + LOST_AFTER) {
            return Ok(Vec::new());
        }
        let joined = self.world.join(&mut other.fan).await.outcome();
        other.admitted = None;
        other.place = self.world.app.store.queue_snapshot(&QueueId::main()).await?.last_place.get();
        Ok(vec![joined])
    }

    async fn give_back(&self, fan: &mut Fan, number: usize) -> Vec<String> {
        if fan.queue.is_empty() {
            return vec![self.world.join(fan).await.outcome()];
        }
        let seat = u32::try_from(number + 101).unwrap_or_default();
        let held = self.world.hold(fan, &self.concert, &[seat], None).await;
        if held.status != 201 {
            return vec![format!("holding {}", held.outcome())];
        }
        let path = format!("/api/v1/reservations/{}", held.text("reservationId"));
        let given = self.world.send(Request::new("DELETE", path).token(&fan.access)).await;
        vec![format!("holding {}", held.outcome()), format!("giving back {}", given.outcome())]
    }
}
