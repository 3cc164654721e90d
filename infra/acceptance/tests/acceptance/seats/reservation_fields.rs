//! What a reservation shows of its session, and why it was cancelled.

use crate::support::purchases::{Outcome, PRICE, cancel, held, items, post, reservation, sale};
use acceptance::{Fan, World};
use serde_json::{Value, json};

async fn fields(world: &World, fan: &Fan, id: &str) -> (Value, Value) {
    let read = reservation(world, fan, id).await;
    let path = format!("/api/v1/users/{}/reservations", fan.user_id);
    let listed = world.get(&path, &fan.access).await;
    let listed =
        listed.body["items"].as_array().into_iter().flatten().find(|item| item["reservationId"] == id).cloned();
    assert_eq!(listed.as_ref(), Some(&read), "the list shows the same");
    (read["cancelReason"].clone(), read["sessionEndsAt"].clone())
}

#[tokio::test]
async fn a_cancelled_reservation_shows_its_reason() -> Outcome {
    let (world, admin, concert) = sale(&[]).await?;
    let mut ann = world.buyer("ann", PRICE).await;
    let open = json!("2026-06-01T00:10:00.000Z");
    let given_back = held(&world, &ann, &concert, &[1]).await;
    assert_eq!(world.send(cancel(&ann, &given_back)).await.outcome(), "204");
    assert_eq!(fields(&world, &ann, &given_back).await, (json!("GIVEN_BACK"), open.clone()));
    let left = held(&world, &ann, &concert, &[2]).await;
    let token = format!("/api/v1/tokens/{}", ann.user_id);
    assert_eq!(world.delete(&token, &ann.queue).await.outcome(), "204");
    assert_eq!(fields(&world, &ann, &left).await, (json!("LEFT"), json!(null)));
    assert_eq!(fields(&world, &ann, &given_back).await, (json!("GIVEN_BACK"), json!(null)), "the session is over");
    world.join(&mut ann).await;
    let removed = held(&world, &ann, &concert, &[3]).await;
    let session = format!("/api/v1/admin/queues/main/sessions/{}", ann.user_id);
    assert_eq!(world.delete(&session, &admin.access).await.outcome(), "204");
    assert_eq!(fields(&world, &ann, &removed).await, (json!("REMOVED"), json!(null)));
    world.join(&mut ann).await;
    let paid = held(&world, &ann, &concert, &[4]).await;
    let payment = world.pay(&ann, &paid, PRICE, None).await;
    assert_eq!(fields(&world, &ann, &paid).await, (json!(null), json!(null)));
    let refund = post(&format!("/api/v1/payments/{}/cancel", payment.text("paymentId")), &ann.access, None, &json!({}));
    assert_eq!(world.send(refund).await.outcome(), "200");
    assert_eq!(fields(&world, &ann, &paid).await, (json!("REFUNDED"), json!(null)));
    world.join(&mut ann).await;
    let expired = held(&world, &ann, &concert, &[5]).await;
    world.wait(300);
    assert_eq!(fields(&world, &ann, &expired).await, (json!(null), open));
    Ok(())
}

#[tokio::test]
async fn the_answer_to_a_hold_shows_when_the_session_ends_with_this_hold() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let (ann, mut bob) = (world.buyer("ann", PRICE).await, world.fan("bob").await);
    world.set_capacity(1).await;
    assert_eq!(world.join(&mut bob).await.body["status"], "WAITING");
    let ends = async |fan: &Fan, seat: u32| {
        let held = world.hold(fan, &concert, &[seat], None).await;
        assert_eq!(held.outcome(), "201");
        assert_eq!(held.body, reservation(&world, fan, held.text("reservationId")).await);
        held.text("sessionEndsAt").to_owned()
    };
    assert_eq!(ends(&ann, 1).await, "2026-06-01T00:10:00.000Z");
    world.wait(599);
    assert_eq!(ends(&ann, 2).await, "2026-06-01T00:14:59.000Z", "the hold extends it");
    assert_eq!(world.delete(&format!("/api/v1/tokens/{}", ann.user_id), &ann.queue).await.outcome(), "204");
    assert_eq!(world.tick().await, 1);
    assert_eq!(ends(&bob, 3).await, "2026-06-01T00:19:59.000Z", "the token is from before the session");
    Ok(())
}

#[tokio::test]
async fn a_reservation_shows_the_current_end_of_its_session() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let ann = world.buyer("ann", PRICE).await;
    let first = held(&world, &ann, &concert, &[1]).await;
    assert_eq!(fields(&world, &ann, &first).await.1, "2026-06-01T00:10:00.000Z");
    world.wait(599);
    let second = held(&world, &ann, &concert, &[2]).await;
    for id in [&first, &second] {
        assert_eq!(fields(&world, &ann, id).await.1, "2026-06-01T00:14:59.000Z", "the second hold extended it");
    }
    world.clock.advance_ms(299_999);
    assert_eq!(fields(&world, &ann, &first).await.1, "2026-06-01T00:14:59.000Z");
    world.clock.advance_ms(1);
    for id in [&first, &second] {
        assert_eq!(fields(&world, &ann, id).await.1, json!(null));
    }
    Ok(())
}

#[tokio::test]
async fn a_list_reads_only_sessions_that_may_live_and_each_once() -> Outcome {
    let (world, _, concert) = sale(&[]).await?;
    let mut ann = world.buyer("ann", 2 * PRICE).await;
    for seat in 1..=2 {
        let id = held(&world, &ann, &concert, &[seat]).await;
        assert_eq!(world.pay(&ann, &id, PRICE, None).await.body["sessionOver"], true);
        world.join(&mut ann).await;
    }
    held(&world, &ann, &concert, &[3]).await;
    let id = held(&world, &ann, &concert, &[4]).await;
    let list = format!("/api/v1/users/{}/reservations", ann.user_id);
    let requests = async |path: &str, token: &str| {
        world.engine.reset_meter();
        assert_eq!(world.get(path, token).await.outcome(), "200", "{path}");
        world.engine.meter().requests
    };
    assert_eq!(requests(&list, &ann.access).await, 3, "the fan, the list, the only session that may live");
    assert_eq!(requests(&format!("/api/v1/reservations/{id}"), &ann.access).await, 2);
    // Longer than any session may last.
    world.wait(14_400 + 43_200);
    let user = ann.user_id.parse()?;
    let role = shared::domain::account::Role::Fan;
    ann.access = world.app.tokens.sign_access(user, role, 0, &world.app.context).map_err(|p| p.detail)?;
    assert_eq!(requests(&list, &ann.access).await, 2);
    assert_eq!(items(&world, "Fans", "RES#").len(), 4);
    Ok(())
}
