//! Recharges that race with recharges, and recharges whose answers are lost: the condition of the entry decides.

use crate::support::{
    invariants,
    purchases::{Outcome, balance, count, items, newest_entry, number, recharge, tamper, until_sent},
};
use acceptance::World;
use engine::Fault;
use futures_util::future::join_all;
use serde_json::json;
use std::{
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
};

/// The first put of a ledger entry is applied and its answer lost; `conflicts` more conflict with a transaction.
fn lose_then_refuse(world: &World, conflicts: usize) {
    let met = AtomicUsize::new(0);
    world.engine.set_faults(move |call| match call.operation {
        "PutItem" => match met.fetch_add(1, Ordering::Relaxed) {
            0 => Fault::LostAnswer,
            copy if copy <= conflicts => Fault::TransactionConflict { action: 0 },
            _ => Fault::None,
        },
        _ => Fault::None,
    });
}

#[tokio::test]
async fn twenty_simultaneous_recharges_with_one_key_credit_money_once() -> Outcome {
    let world = World::new().await?;
    let other = world.environment(&[]).await?;
    let fan = world.fan("ann").await;
    let tries = (0..20).map(|i| {
        let app = if i % 2 == 0 { &other } else { &world.app };
        world.send_to(app, recharge(&fan, 500, Some("once")))
    });
    let replies = join_all(tries).await;
    assert_eq!(count(&replies, "200"), 20);
    assert_eq!(replies.iter().filter(|r| !r.headers.contains_key("idempotency-replayed")).count(), 1);
    assert!(replies.iter().all(|reply| reply.body == json!({ "currentBalance": 0, "newBalance": 500 })));
    assert_eq!(balance(&world, &fan).await, 500);
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn fifty_simultaneous_recharges_leave_no_gap_and_lose_none() -> Outcome {
    let world = World::new().await?;
    let other = world.environment(&[]).await?;
    let fan = world.fan("ann").await;
    let tries = (0..50).map(|i| {
        let app = if i % 2 == 0 { &other } else { &world.app };
        world.send_to(app, recharge(&fan, 1, None))
    });
    let replies = join_all(tries).await;
    let done = count(&replies, "200");
    assert_eq!(done + count(&replies, "503 unavailable"), 50);
    assert!(done >= 8, "only {done} of 50 were served");
    assert_eq!(balance(&world, &fan).await, done as u64, "acknowledged recharges happened, refused ones did not");
    crate::support::invariants::check(&world);
    Ok(())
}

#[tokio::test]
async fn a_recharge_under_way_overwrites_no_entry() -> Outcome {
    for key in [None, Some("k")] {
        let world = World::new().await?;
        let fan = world.fan("ann").await;
        world.recharge(&fan, 10, None).await;
        let mut late = pin!(world.send(recharge(&fan, 5, key)));
        until_sent(&world, late.as_mut(), 2).await;
        // Of the same amount: nothing but its id tells the entry from that of the late recharge.
        assert_eq!(world.recharge(&fan, 5, None).await.body, json!({ "currentBalance": 10, "newBalance": 15 }));
        assert_eq!(late.await.body, json!({ "currentBalance": 15, "newBalance": 20 }), "{key:?}");
        assert_eq!((balance(&world, &fan).await, items(&world, "Fans", "LEDGER#").len()), (20, 3));
        invariants::check(&world);
    }
    Ok(())
}

#[tokio::test]
async fn a_recharge_recognises_its_own_entry_also_behind_later_ones() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    world.recharge(&fan, 10, None).await;
    lose_then_refuse(&world, 0);
    let mut late = pin!(world.send(recharge(&fan, 5, None)));
    // Its read, the put that is applied, and the next copy of it.
    until_sent(&world, late.as_mut(), 3).await;
    assert_eq!(world.recharge(&fan, 7, None).await.body, json!({ "currentBalance": 15, "newBalance": 22 }));
    assert_eq!(late.await.body, json!({ "currentBalance": 10, "newBalance": 15 }));
    assert_eq!((balance(&world, &fan).await, items(&world, "Fans", "LEDGER#").len()), (22, 3));
    invariants::check(&world);
    Ok(())
}

/// A conflict says nothing about an earlier copy of the put, which may have been applied.
#[tokio::test]
async fn a_recharge_is_not_planned_again_after_a_conflict() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    for (conflicts, sum) in [(1, 5), (6, 10)] {
        lose_then_refuse(&world, conflicts);
        let expected = json!({ "currentBalance": sum - 5, "newBalance": sum });
        assert_eq!(world.recharge(&fan, 5, None).await.body, expected, "{conflicts}");
        assert_eq!(balance(&world, &fan).await, sum, "money came in once, {conflicts}");
    }
    // Eight conflicts use up all sends; a put after them would pass.
    lose_then_refuse(&world, 8);
    assert_eq!(world.recharge(&fan, 5, None).await.outcome(), "503 unavailable");
    world.engine.clear_faults();
    assert_eq!(balance(&world, &fan).await, 15, "money came in once, although the answer is 503");
    invariants::check(&world);
    Ok(())
}

/// As after a restored backup: the newest entry has the number of an older one, so the number after it is taken.
#[tokio::test]
async fn a_number_that_stays_taken_is_503_and_nothing_is_written() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    for amount in [10, 20, 30] {
        assert_eq!(world.recharge(&fan, amount, None).await.outcome(), "200");
    }
    tamper(&world, "Fans", &newest_entry(&world, &fan), "sequence", number(1)).await;
    let before = items(&world, "Fans", "LEDGER#");
    for key in [None, Some("k")] {
        assert_eq!(world.send(recharge(&fan, 5, key)).await.outcome(), "503 unavailable", "{key:?}");
        assert_eq!(items(&world, "Fans", "LEDGER#"), before);
    }
    assert_eq!(balance(&world, &fan).await, 60);
    Ok(())
}
