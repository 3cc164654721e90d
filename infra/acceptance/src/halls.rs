//! Halls of the largest kind, in which fans hold seats.

use crate::World;
use serde_json::json;
use shared::domain::layout::{Layout, SEATS_PER_CHUNK};

/// Seats of one hold.
const SEATS_AT_ONCE: usize = 8;

/// The variables of a world in which [`held_everywhere`] and [`hold_all`] find room.
pub const ROOMY: [(&str, &str); 2] = [("SEATS_PER_SESSION", "8"), ("QUEUE_CAPACITY", "200")];

/// Creates a concert with as many seats as the contract allows, in ten blocks, and returns its id.
pub async fn largest(world: &World) -> String {
    let size = Layout::MAX_SEATS / 10;
    let block = |number: u32| {
        let section = format!("Section {number}");
        let (from, to) = (number * size + 1, (number + 1) * size);
        json!({ "section": section, "from": from, "to": to, "seatType": "STANDARD", "price": 90_000 })
    };
    let blocks: Vec<_> = (0..10).map(block).collect();
    world.concert_of(&world.admin().await, &json!({ "blocks": blocks })).await
}

/// Holds the first seat of every chunk of the largest concert.
///
/// # Panics
/// Where a seat cannot be held.
pub async fn held_everywhere(world: &World, concert: &str) {
    hold_all(world, concert, (1..=Layout::MAX_SEATS).step_by(SEATS_PER_CHUNK as usize)).await;
}

/// Holds seats, eight a fan.
///
/// # Panics
/// Where a seat cannot be held.
pub async fn hold_all(world: &World, concert: &str, seats: impl Iterator<Item = u32>) {
    for (number, seats) in seats.collect::<Vec<_>>().chunks(SEATS_AT_ONCE).enumerate() {
        let fan = world.buyer(&format!("fan-{number}"), 0).await;
        let held = world.hold(&fan, concert, seats, None).await;
        assert_eq!(held.outcome(), "201", "{}", held.body);
    }
}
