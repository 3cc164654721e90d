//! Wide queues: places that are known once an interval is sealed, contiguous, each once, and in order of intervals.

use crate::{
    Outcome,
    support::{configure, items, join_with, leave, poll, queue, sequence, sessions, status_and_position},
};
use acceptance::{Background, Fan, Reply, World, piles::Pile};
use engine::Fault;
use serde_json::{Value, json};

/// Lets some seconds pass as in a deployment.
async fn seconds(world: &World, background: &mut Background, seconds: u64) -> Outcome {
    for _ in 0..seconds {
        background.second(world).await?;
    }
    Ok(())
}

/// A new fan who joins; the reply, and the fan with the queue token.
async fn join(world: &World, name: &str) -> (Reply, Fan) {
    let mut fan = world.fan(name).await;
    let reply = world.join(&mut fan).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    (reply, fan)
}

/// Polls, and keeps the newest token; the answer.
async fn poll_on(world: &World, fan: &mut Fan) -> Value {
    let reply = poll(world, fan).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.text("token").clone_into(&mut fan.queue);
    reply.body
}

fn ticket(body: &Value) -> (u64, u64, u64) {
    let part = |name: &str| body["ticket"][name].as_u64().unwrap_or_default();
    (part("interval"), part("shard"), part("number"))
}

/// A world whose main queue admits nobody and has some shards.
async fn wide(joins: u64) -> Result<World, Box<dyn std::error::Error>> {
    let world = World::new().await?;
    world.set_capacity(0).await;
    assert!(sequence(&world, joins).await);
    Ok(world)
}

#[tokio::test]
async fn an_operators_word_makes_a_queue_wide_and_it_becomes_calm_by_itself() -> Outcome {
    let (world, mut background) = (World::new().await?, Background::default());
    let admin = world.admin().await;
    configure(&world, &admin, &json!({ "capacity": 0, "expectedJoinsPerSecond": 2_000 })).await;
    seconds(&world, &mut background, 2).await?;
    assert_eq!(items(&world, "JOIN#main").len(), 8, "four times what the partitions take");
    let mut fans = Vec::new();
    for number in 0..60 {
        let (reply, fan) = join(&world, &format!("fan-{number}")).await;
        assert_eq!((&reply.body["place"], &reply.body["positionFinal"]), (&Value::Null, &json!(false)));
        assert!(reply.body["queuePosition"].as_u64().is_some_and(|position| position > 0));
        assert_eq!(reply.body["pollAfterSeconds"], 2);
        fans.push((ticket(&reply.body), fan));
        if number % 7 == 0 {
            background.second(&world).await?;
        }
    }
    seconds(&world, &mut background, 2).await?;
    let mut places = Vec::new();
    for (ticket, fan) in &mut fans {
        let body = poll_on(&world, fan).await;
        assert_eq!((&body["positionFinal"], &body["ticket"]), (&json!(true), &Value::Null));
        assert_eq!(body["queuePosition"], body["place"]);
        assert_eq!(poll_on(&world, fan).await["place"], body["place"], "a final place never changes");
        places.push((*ticket, body["place"].as_u64().unwrap_or_default()));
    }
    assert!(places.windows(2).all(|two| two[0].0.0 == two[1].0.0 || two[0].1 < two[1].1), "order across intervals");
    let mut sorted: Vec<u64> = places.iter().map(|(_, place)| *place).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=60).collect::<Vec<u64>>());
    assert_eq!(
        (queue(&world).await["lastPlace"].clone(), queue(&world).await["joined"].clone()),
        (json!(60), json!(0))
    );
    seconds(&world, &mut background, 100).await?;
    let (reply, _) = join(&world, "late").await;
    assert_eq!((&reply.body["place"], &reply.body["positionFinal"]), (&json!(61), &json!(true)), "calm again");
    Ok(())
}

#[tokio::test]
async fn a_calm_queue_is_widened_when_fans_join_too_fast() -> Outcome {
    let (world, mut background) = (World::new().await?, Background::default());
    world.set_capacity(0).await;
    join(&world, "first").await;
    background.second(&world).await?;
    world.pile_up(400, Pile::Drawn);
    join(&world, "fast").await;
    seconds(&world, &mut background, 2).await?;
    assert_eq!(items(&world, "JOIN#main").len(), 2, "401 joins a second");
    let (reply, mut fan) = join(&world, "behind").await;
    assert_eq!(reply.body["positionFinal"], false);
    seconds(&world, &mut background, 2).await?;
    assert_eq!(poll_on(&world, &mut fan).await["place"], 403);
    Ok(())
}

#[tokio::test]
async fn joins_that_dynamodb_throttles_make_a_queue_wide_and_go_to_other_shards() -> Outcome {
    let (world, mut background) = (World::new().await?, Background::default());
    world.set_capacity(0).await;
    world.engine.set_faults(|call| {
        let draws = call.body["UpdateExpression"].as_str().is_some_and(|update| update.starts_with("ADD #last"));
        let hot = draws && call.body["Key"]["pk"]["S"] == "JOIN#main#0";
        if hot { Fault::Throttled } else { Fault::None }
    });
    let fan = world.fan("ann").await;
    assert_eq!(join_with(&world, &fan.access, &json!({})).await.outcome(), "503 unavailable");
    seconds(&world, &mut background, 2).await?;
    assert_eq!(items(&world, "JOIN#main").len(), 16);
    for number in 0..20 {
        let (reply, _) = join(&world, &format!("fan-{number}")).await;
        assert_ne!(reply.body["ticket"]["shard"], 0);
    }
    Ok(())
}

#[tokio::test]
async fn a_fan_who_left_before_the_place_was_known_is_never_admitted() -> Outcome {
    let world = wide(4_000).await?;
    let (_, ann) = join(&world, "ann").await;
    let (_, mut bob) = join(&world, "bob").await;
    assert_eq!(leave(&world, &ann).await.status, 204);
    assert_eq!(leave(&world, &ann).await.status, 204, "again");
    assert_eq!(items(&world, "VOID#main#1").len(), 1);
    world.wait(1);
    assert!(sequence(&world, 0).await);
    world.wait(1);
    let tombstones = sessions(&world);
    assert_eq!(tombstones.values().map(|session| session["endReason"].clone()).collect::<Vec<_>>(), ["LEFT"]);
    assert_eq!(poll(&world, &ann).await.body["reason"], "LEFT");
    world.set_capacity(5).await;
    world.tick().await;
    assert_eq!(poll_on(&world, &mut bob).await["status"], "ACTIVE");
    assert_eq!(poll(&world, &ann).await.outcome(), "410 session_over");
    let again = join_with(&world, &ann.access, &json!({})).await;
    assert_eq!((again.status, &again.body["positionFinal"]), (201, &json!(false)), "behind, in the open interval");
    Ok(())
}

#[tokio::test]
async fn a_fan_who_left_while_the_interval_was_sealed_has_a_tombstone_all_the_same() -> Outcome {
    let world = wide(4_000).await?;
    let (_, ann) = join(&world, "ann").await;
    world.wait(1);
    // The sequencer dies after the record, before the line says so.
    world.engine.set_faults(|call| match call.body["UpdateExpression"].as_str() {
        Some("SET places = :places") => Fault::LostRequest,
        _ => Fault::None,
    });
    assert!(!sequence(&world, 0).await);
    world.engine.set_faults(|_| Fault::None);
    assert_eq!(items(&world, "INTERVAL#main#1").len(), 1);
    assert_eq!(leave(&world, &ann).await.status, 204);
    assert_eq!(sessions(&world).len(), 1, "the leaver saw the record");
    Ok(())
}

/// A token with the place may exist by then: the fan polled elsewhere.
#[tokio::test]
async fn a_fan_whose_leaving_was_cut_off_and_who_joins_again_has_one_live_place() -> Outcome {
    let world = wide(4_000).await?;
    let (_, ann) = join(&world, "ann").await;
    world.engine.set_faults(|call| {
        let void = call.body["Item"]["pk"]["S"].as_str().is_some_and(|key| key.starts_with("VOID#"));
        if void { Fault::LostRequest } else { Fault::None }
    });
    assert_eq!(leave(&world, &ann).await.status, 503);
    world.engine.set_faults(|_| Fault::None);
    world.wait(1);
    assert!(sequence(&world, 0).await);
    assert_eq!(sessions(&world).len(), 0, "the place of a fan who left is live");
    assert_eq!(join_with(&world, &ann.access, &json!({})).await.status, 201);
    assert_eq!(sessions(&world).len(), 1, "until the fan has another one");
    Ok(())
}

#[tokio::test]
async fn a_double_click_in_a_wide_queue_gives_one_place() -> Outcome {
    let world = wide(4_000).await?;
    let fan = world.fan("ann").await;
    let other = world.environment(&[]).await?;
    let request = || acceptance::Request::new("POST", "/api/v1/tokens").token(&fan.access).json(&json!({}));
    let (one, two) = futures_util::join!(world.send(request()), world.send_to(&other, request()));
    assert_eq!([one.status, two.status].iter().filter(|status| **status == 201).count(), 1);
    assert_eq!(one.body["ticket"], two.body["ticket"]);
    world.wait(1);
    assert!(sequence(&world, 0).await);
    world.wait(1);
    assert_eq!(sessions(&world).len(), 1, "the number that lost has a tombstone");
    let same = join_with(&world, &fan.access, &json!({})).await;
    assert_eq!((same.status, &same.body["positionFinal"]), (200, &json!(true)));
    assert!(!sessions(&world).contains_key(&same.body["place"].as_u64().unwrap_or_default()));
    Ok(())
}

#[tokio::test]
async fn an_access_token_and_an_admin_see_the_place_of_a_number() -> Outcome {
    let world = wide(4_000).await?;
    let (_, ann) = join(&world, "ann").await;
    let path = format!("/api/v1/tokens/{}", ann.user_id);
    assert_eq!(world.get(&path, &ann.access).await.body["positionFinal"], false);
    let concert = world.concert(&world.admin().await).await;
    let seats = world.get(&format!("/api/v1/reservations/{concert}/seats"), &ann.queue).await;
    assert_eq!((seats.outcome().as_str(), seats.headers["retry-after"].as_str()), ("403 not_active", "2"));
    world.wait(1);
    assert!(sequence(&world, 0).await);
    world.wait(1);
    assert_eq!(world.get(&path, &ann.access).await.body["place"], 1);
    let admin = world.staff("other", shared::domain::account::Role::Admin).await;
    assert_eq!(world.get(&path, &admin.access).await.body["place"], 1);
    let removed = format!("/api/v1/admin/queues/main/sessions/{}", ann.user_id);
    assert_eq!(world.delete(&removed, &admin.access).await.status, 204);
    assert_eq!(poll(&world, &ann).await.body["reason"], "REMOVED");
    Ok(())
}

#[tokio::test]
async fn promotion_passes_no_place_that_is_not_known() -> Outcome {
    let world = wide(4_000).await?;
    for name in ["ann", "bob", "cat"] {
        join(&world, name).await;
    }
    world.set_capacity(9).await;
    assert_eq!(world.tick().await, 0);
    world.wait(1);
    assert!(sequence(&world, 0).await);
    assert_eq!(world.tick().await, 3);
    Ok(())
}

#[tokio::test]
async fn a_wide_queue_does_not_sleep_and_is_not_deleted() -> Outcome {
    let (world, mut background) = (World::new().await?, Background::default());
    let admin = world.admin().await;
    let put = acceptance::Request::new("PUT", "/api/v1/admin/queues/wide").token(&admin.access);
    world.send(put.json(&json!({ "expectedJoinsPerSecond": 1_000 }))).await;
    seconds(&world, &mut background, 5).await?;
    let delete = || world.delete("/api/v1/admin/queues/wide", &admin.access);
    assert_eq!(delete().await.outcome(), "409 queue_in_use");
    let fan = world.fan("ann").await;
    assert_eq!(join_with(&world, &fan.access, &json!({ "queueId": "wide" })).await.status, 201);
    seconds(&world, &mut background, 12).await?;
    let mut ann = fan.clone();
    let path = format!("/api/v1/tokens/{}?queueId=wide", fan.user_id);
    assert_eq!(world.get(&path, &ann.access).await.body["status"], "ACTIVE", "a tick came by itself");
    world.get(&path, &ann.access).await.text("token").clone_into(&mut ann.queue);
    assert_eq!(leave(&world, &ann).await.status, 204);
    seconds(&world, &mut background, 200).await?;
    assert!(background.is_idle() && items(&world, "ALARM#").is_empty(), "calm, and at rest");
    assert_eq!(delete().await.status, 204);
    Ok(())
}

// On a paused clock: a busy machine may take longer for 400 shards than the sequencer has.
#[tokio::test(start_paused = true)]
async fn counts_have_32_bits_and_widths_go_to_400_and_back() -> Outcome {
    let world = World::without_streams(&[]).await?;
    world.set_capacity(0).await;
    world.pile_up(70_000, Pile::Drawn);
    assert!(sequence(&world, 100_000).await, "an interval of width 1 with 70,000 joins");
    assert_eq!(items(&world, "JOIN#main").len(), 400);
    let mut fans = Vec::new();
    for (number, joins) in [0, 0, 0, 0].into_iter().enumerate() {
        fans.push(join(&world, &format!("fan-{number}")).await.1);
        world.wait(if number < 3 { 1 } else { 40 });
        assert!(sequence(&world, joins).await);
    }
    world.wait(40);
    assert!(sequence(&world, 0).await);
    let (reply, _) = join(&world, "calm").await;
    assert_eq!(reply.body["place"], 70_005);
    for (fan, place) in fans.iter_mut().zip(70_001..) {
        assert_eq!(poll_on(&world, fan).await["place"], place);
    }
    Ok(())
}

#[tokio::test]
async fn admissions_by_the_minute_limit_ticks_and_walk_ins() -> Outcome {
    let (world, mut background) = (World::new().await?, Background::default());
    let admin = world.admin().await;
    configure(&world, &admin, &json!({ "capacity": 100, "paused": true, "admitPerMinute": 60 })).await;
    for number in 0..40 {
        join(&world, &format!("fan-{number}")).await;
    }
    seconds(&world, &mut background, 60).await?;
    configure(&world, &admin, &json!({ "paused": false })).await;
    let mut served = Vec::new();
    for _ in 0..20 {
        background.second(&world).await?;
        served.push(queue(&world).await["served"].as_u64().unwrap_or_default());
    }
    assert!(served[0] <= 11 && served[19] <= 31 && served[19] >= 25, "{served:?}");
    assert!(served.windows(2).all(|two| two[1] - two[0] <= 11), "smooth: {served:?}");
    seconds(&world, &mut background, 30).await?;
    assert_eq!(queue(&world).await["served"], 40, "nobody waits");
    let mut walked_in = 0;
    for number in 0..40 {
        let (reply, _) = join(&world, &format!("late-{number}")).await;
        walked_in += u64::from(status_and_position(&reply) == "ACTIVE 0");
    }
    assert!((1..=11).contains(&walked_in), "{walked_in} walked in at once");
    Ok(())
}

#[tokio::test]
async fn places_are_right_whatever_the_sequencers_do_and_fail_at() -> Outcome {
    for seed in 0..12 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let world = World::without_streams(&[]).await?;
        world.set_capacity(0).await;
        let (mut fans, mut gone) = (Vec::new(), 0);
        for number in 0..60 {
            let mut chance = dice.fork();
            world.engine.set_faults(move |call| {
                let by_sequencer = !call.body.to_string().contains("TICKET#");
                match chance.u32(0..40) {
                    0 if by_sequencer => Fault::LostRequest,
                    1 if by_sequencer => Fault::LostAnswer,
                    2 => Fault::Throttled,
                    _ => Fault::None,
                }
            });
            match dice.u32(0..10) {
                0..=4 => {
                    let mut fan = world.fan(&format!("fan-{number}")).await;
                    let reply = world
                        .send(acceptance::Request::new("POST", "/api/v1/tokens").token(&fan.access).json(&json!({})))
                        .await;
                    if reply.status == 201 {
                        reply.text("token").clone_into(&mut fan.queue);
                        fans.push((ticket(&reply.body), reply.body["place"].as_u64(), fan));
                    }
                }
                5..=7 => {
                    let joins = dice.u64(0..6_000);
                    let _ = futures_util::join!(sequence(&world, joins), sequence(&world, 0));
                }
                8 if !fans.is_empty() => {
                    let (_, _, fan) = fans.swap_remove(dice.usize(0..fans.len()));
                    while leave(&world, &fan).await.status != 204 {}
                    gone += 1;
                }
                _ => world.wait(dice.u64(0..40)),
            }
        }
        world.engine.set_faults(|_| Fault::None);
        for _ in 0..4 {
            world.wait(35);
            assert!(sequence(&world, 0).await, "seed {seed}");
        }
        world.wait(1);
        let last = queue(&world).await["lastPlace"].as_u64().unwrap_or_default();
        let mut places = Vec::new();
        for (ticket, known, fan) in &mut fans {
            let place = poll_on(&world, fan).await["place"].as_u64().unwrap_or_default();
            assert!(known.is_none_or(|known| known == place), "seed {seed}: a known place moved");
            places.push((ticket.0, place));
        }
        let mut sorted: Vec<u64> = places.iter().map(|(_, place)| *place).collect();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), fans.len(), "seed {seed}: each place once");
        assert!(sorted.iter().all(|place| (1..=last).contains(place)), "seed {seed}: {sorted:?} up to {last}");
        let left = sessions(&world).values().filter(|session| session["endReason"] == "LEFT").count();
        assert_eq!(left, gone, "seed {seed}: each fan who left has a tombstone");
        assert!(sorted.iter().all(|place| !sessions(&world).contains_key(place)), "seed {seed}: nobody lost a place");
    }
    Ok(())
}
