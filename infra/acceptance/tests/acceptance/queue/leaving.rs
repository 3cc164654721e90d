//! Leaving the queue, while waiting and from inside.

use crate::{
    Outcome,
    support::{join_with, leave, line_of, poll, seats, sessions, status_and_position, statuses_and_positions},
};
use acceptance::World;
use engine::Fault;
use serde_json::json;

#[tokio::test]
async fn a_fan_who_leaves_while_waiting_is_passed() -> Outcome {
    let world = World::new().await?;
    world.set_capacity(1).await;
    let fans = line_of(&world, 4).await;
    assert_eq!(leave(&world, &fans[1]).await.outcome(), "204");
    assert_eq!(sessions(&world)[&2]["endReason"], "LEFT");
    let path = format!("/api/v1/tokens/{}", fans[1].user_id);
    assert_eq!(world.get(&path, &fans[1].access).await.outcome(), "410 session_over");
    leave(&world, &fans[0]).await;
    world.tick().await;
    world.tick().await;
    assert_eq!(poll(&world, &fans[1]).await.outcome(), "410 session_over", "an old token is never admitted");
    assert_eq!(statuses_and_positions(&world, &fans[2..]).await, ["ACTIVE 0", "WAITING 1"]);
    Ok(())
}

#[tokio::test]
async fn a_fan_who_leaves_from_inside_frees_a_slot() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    world.set_capacity(1).await;
    let fans = line_of(&world, 2).await;
    assert_eq!(leave(&world, &fans[0]).await.outcome(), "204");
    assert_eq!(poll(&world, &fans[0]).await.outcome(), "410 session_over");
    assert_eq!(seats(&world, &fans[0], &concert).await.outcome(), "401 session_over");
    assert_eq!(world.tick().await, 1);
    assert_eq!(status_and_position(&poll(&world, &fans[1]).await), "ACTIVE 0");
    let again = join_with(&world, &fans[0].access, &json!({})).await;
    assert_eq!((again.outcome().as_str(), status_and_position(&again).as_str()), ("201", "WAITING 1"));
    Ok(())
}

#[tokio::test]
async fn leaving_twice_is_204_and_harms_no_newer_place() -> Outcome {
    let world = World::new().await?;
    let fan = world.buyer("ann", 0).await;
    let path = format!("/api/v1/tokens/{}", fan.user_id);
    assert_eq!(leave(&world, &fan).await.outcome(), "204");
    assert_eq!(leave(&world, &fan).await.outcome(), "204");
    assert_eq!(world.delete(&path, &fan.access).await.outcome(), "204");
    let mut again = fan.clone();
    assert_eq!(world.join(&mut again).await.outcome(), "201");
    assert_eq!(leave(&world, &fan).await.outcome(), "204", "by the old token");
    assert_eq!(status_and_position(&poll(&world, &again).await), "ACTIVE 0", "the new place is not affected");
    assert_eq!(status_and_position(&world.get(&path, &fan.access).await), "ACTIVE 0");
    Ok(())
}

#[tokio::test]
async fn leaving_cancels_the_open_holds() -> Outcome {
    let world = World::new().await?;
    let admin = world.admin().await;
    let concert = world.concert(&admin).await;
    let (ann, bob) = (world.buyer("ann", 100_000).await, world.buyer("bob", 0).await);
    let first = world.hold(&ann, &concert, &[1, 2], None).await;
    let second = world.hold(&ann, &concert, &[3], None).await;
    let paid = world.pay(&ann, second.text("reservationId"), 50_000, None).await;
    assert_eq!(paid.outcome(), "200");
    assert_eq!(leave(&world, &ann).await.outcome(), "204");
    let status = |id: &str| format!("/api/v1/reservations/{id}");
    let cancelled = world.get(&status(first.text("reservationId")), &ann.access).await;
    assert_eq!(cancelled.text("status"), "CANCELLED");
    let kept = world.get(&status(second.text("reservationId")), &ann.access).await;
    assert_eq!(kept.text("status"), "CONFIRMED", "what is paid stays paid");
    assert_eq!(world.hold(&bob, &concert, &[1, 2], None).await.outcome(), "201", "free at once");
    assert_eq!(world.hold(&bob, &concert, &[3], None).await.outcome(), "409 seat_unavailable");
    assert_eq!(world.hold(&ann, &concert, &[4], None).await.outcome(), "401 session_over");
    Ok(())
}

#[tokio::test]
async fn an_interrupted_leave_can_be_repeated() -> Outcome {
    for broken in 0..4 {
        let world = World::new().await?;
        let admin = world.admin().await;
        let concert = world.concert(&admin).await;
        let (ann, bob) = (world.buyer("ann", 0).await, world.buyer("bob", 0).await);
        assert_eq!(world.hold(&ann, &concert, &[1], None).await.outcome(), "201");
        let mut writes = 0;
        world.engine.set_faults(move |call| {
            writes += u32::from(call.operation != "GetItem" && call.operation != "Query");
            if writes > broken { Fault::LostRequest } else { Fault::None }
        });
        let interrupted = leave(&world, &ann).await;
        world.engine.clear_faults();
        world.wait(30);
        let repeated = leave(&world, &ann).await;
        assert_eq!(repeated.outcome(), "204", "{broken}: {}", interrupted.outcome());
        assert_eq!(world.hold(&bob, &concert, &[1], None).await.outcome(), "201", "{broken}");
        let path = format!("/api/v1/tokens/{}", ann.user_id);
        assert_eq!(world.get(&path, &ann.access).await.outcome(), "410 session_over", "{broken}");
    }
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_on_any_request_of_leaving_changes_nothing_for_the_fan() -> Outcome {
    for lost in 0..6 {
        let world = World::new().await?;
        let admin = world.admin().await;
        let concert = world.concert(&admin).await;
        let ann = world.buyer("ann", 0).await;
        world.hold(&ann, &concert, &[1], None).await;
        let mut seen = 0;
        world.engine.set_faults(move |_| {
            seen += 1;
            if seen == lost + 1 { Fault::LostAnswer } else { Fault::None }
        });
        assert_eq!(leave(&world, &ann).await.outcome(), "204", "{lost}");
        world.engine.clear_faults();
        assert!(world.engine.items("Concerts").iter().all(|item| item["sk"] != "SEAT#000001"), "{lost}");
        assert_eq!(sessions(&world)[&1]["endReason"], "LEFT");
    }
    Ok(())
}
