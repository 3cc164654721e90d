//! The signing secret changes while environments run, and some of its versions are broken.

use crate::Outcome;
use acceptance::{Fan, Request, SECRET, SIGNING_SECRET, World};
use shared::app::App;

const NEW: &str = "the next secret that these tests sign with";
const NEWEST: &str = "the secret after it is long enough as well";

/// An access token for the fan, as this environment signs it now.
fn sign(app: &App, fan: &Fan) -> Result<String, Box<dyn std::error::Error>> {
    let signed = app.tokens.sign_access(fan.user_id.parse()?, Default::default(), 0, &app.context);
    Ok(signed.map_err(|problem| problem.code)?)
}

/// How an environment answers a request with this token.
async fn outcome(world: &World, app: &App, fan: &Fan, token: &str) -> String {
    let path = format!("/api/v1/payments/balance/{}", fan.user_id);
    world.send_to(app, Request::new("GET", path).token(token)).await.outcome()
}

fn keys_of(app: &App) -> usize {
    app.secrets.keyring().map_or(0, |keyring| keyring.keys().len())
}

#[tokio::test]
async fn a_new_secret_takes_over_in_five_minutes_and_no_environment_refuses_a_good_token() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    let mut environments = vec![world.environment(&[]).await?, world.environment(&[]).await?];
    let old = sign(&environments[0], &fan)?;
    let mut token = old.clone();
    world.wait(60);
    world.engine.put_secret(SIGNING_SECRET, NEW);
    for step in 0..70 {
        if step % 7 == 0 {
            // It starts cold, and knows the new secret at once.
            environments.push(world.environment(&[]).await?);
        }
        let signs = &environments[step % environments.len()];
        // A request first, as every token is signed in answer to one.
        assert_eq!(outcome(&world, signs, &fan, &token).await, "200", "step {step}");
        token = sign(signs, &fan)?;
        for reads in &environments {
            assert_eq!(outcome(&world, reads, &fan, &token).await, "200", "step {step}");
            assert_eq!(outcome(&world, reads, &fan, &old).await, "200", "step {step}: the old token");
        }
        world.wait(11);
    }
    let ring = environments[0].secrets.keyring().ok_or("keys")?;
    assert_eq!(ring.signer(world.app.now()).id, ring.keys()[0].id, "the new one signs");
    Ok(())
}

#[tokio::test]
async fn an_unknown_key_makes_an_environment_read_again_but_not_more_than_once_in_ten_seconds() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    let reads = world.environment(&[]).await?;
    world.wait(60);
    // Stored twice, as after a theft: the old secret is gone, and the new one signs at once.
    for _ in 0..2 {
        world.engine.put_secret(SIGNING_SECRET, NEW);
    }
    let signs = world.environment(&[]).await?;
    assert_eq!(outcome(&world, &reads, &fan, &sign(&signs, &fan)?).await, "200", "it reads the secret again");
    let stolen = sign(&world.app, &fan)?;
    assert_eq!(outcome(&world, &reads, &fan, &stolen).await, "401 unauthenticated");
    for _ in 0..2 {
        world.engine.put_secret(SIGNING_SECRET, NEWEST);
    }
    let next = sign(&world.environment(&[]).await?, &fan)?;
    world.wait(9);
    assert_eq!(outcome(&world, &reads, &fan, &next).await, "401 unauthenticated", "it has read within ten seconds");
    world.wait(1);
    assert_eq!(outcome(&world, &reads, &fan, &next).await, "200");
    Ok(())
}

#[tokio::test]
async fn a_broken_secret_is_reported_and_the_last_good_one_stays_in_use() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    let health = async || world.send(Request::new("GET", "/health")).await.outcome();
    assert_eq!(health().await, "200");
    for broken in ["", "short", &format!("{NEW},"), &format!("{NEW},{NEW}")] {
        world.engine.put_secret(SIGNING_SECRET, broken);
        world.wait(300);
        assert_eq!(outcome(&world, &world.app, &fan, &sign(&world.app, &fan)?).await, "200", "{broken:?}");
        assert_eq!(health().await, "503 unavailable", "{broken:?}");
    }
    world.engine.put_secret(SIGNING_SECRET, SECRET);
    world.wait(10);
    // Ten seconds after a failure, a request reads the secret again, although its token is under a known key.
    assert_eq!(outcome(&world, &world.app, &fan, &sign(&world.app, &fan)?).await, "200");
    world.engine.put_secret(SIGNING_SECRET, "short");
    assert_eq!(world.app.secrets.check().await, Ok(()), "it was read just now, and was good");
    world.wait(10);
    assert_eq!(health().await, "503 unavailable");
    world.engine.put_secret(SIGNING_SECRET, SECRET);
    world.wait(10);
    assert_eq!(health().await, "200");
    Ok(())
}

#[tokio::test]
async fn without_a_secret_an_environment_answers_503_until_there_is_one() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    let app = world.environment(&[("SIGNING_SECRET", "missing")]).await?;
    assert_eq!(keys_of(&app), 0);
    for path in ["/health", "/api/v1/reservations/dates", "/.well-known/jwks.json"] {
        assert_eq!(world.send_to(&app, Request::new("GET", path)).await.outcome(), "503 unavailable", "{path}");
    }
    assert_eq!(outcome(&world, &app, &fan, &fan.access).await, "503 unavailable");
    world.engine.put_secret("missing", SECRET);
    assert_eq!(outcome(&world, &app, &fan, &fan.access).await, "503 unavailable", "it has just read");
    world.wait(10);
    assert_eq!(outcome(&world, &app, &fan, &fan.access).await, "200");
    Ok(())
}

#[tokio::test]
async fn a_list_of_secrets_signs_with_its_first_and_lists_all_keys() -> Outcome {
    let world = World::new().await?;
    let fan = world.fan("ann").await;
    world.engine.put_secret(SIGNING_SECRET, &format!("{NEW},{SECRET}"));
    world.wait(300);
    let app = world.environment(&[]).await?;
    assert_eq!(outcome(&world, &app, &fan, &sign(&app, &fan)?).await, "200");
    let listed = world.send_to(&app, Request::new("GET", "/.well-known/jwks.json")).await;
    assert_eq!(listed.body["keys"].as_array().map(Vec::len), Some(2));
    let ring = app.secrets.keyring().ok_or("keys")?;
    assert_eq!(listed.body["keys"][0]["kid"], ring.signer(app.now()).id.as_str());
    Ok(())
}
