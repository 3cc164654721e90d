//! Which hosts are called: never one with a private address, whatever its name pointed to before.

use super::{LOOPBACK, buy, deliver, deliveries, put, receiver::Receiver, with_webhooks};
use crate::{Outcome, support::purchases::sale};
use futures_util::future::BoxFuture;
use serde_json::json;
use shared::{
    app::App,
    webhooks::{Resolve, Sender},
};
use std::{
    collections::BTreeSet,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// Gives the addresses of each look-up in turn, and the last ones for ever.
struct Names(Mutex<Vec<Vec<&'static str>>>);

impl Resolve for Names {
    fn resolve(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        let found = answer.iter().map(|address| address.parse().expect("an address")).collect();
        Box::pin(async move { Ok(found) })
    }
}

fn names(app: &mut App, answers: &[&[&'static str]]) {
    let answers = answers.iter().map(|answer| answer.to_vec()).collect();
    app.webhooks = Sender::new(Arc::new(Names(Mutex::new(answers))), false);
}

#[tokio::test]
async fn a_name_with_a_private_address_is_refused_when_it_is_added() -> Outcome {
    let (mut world, admin, _) = sale(&[]).await?;
    let draft = json!({ "url": "https://hooks.example.com/" });
    for (addresses, expected) in [
        (vec!["93.184.216.34"], "200"),
        (vec![], "200"),
        (vec!["10.0.0.1"], "400 invalid_request"),
        (vec!["93.184.216.34", "169.254.169.254"], "400 invalid_request"),
        (vec!["::ffff:127.0.0.1"], "400 invalid_request"),
    ] {
        names(&mut world.app, &[&addresses]);
        let reply = put(&world, &admin, "shop", &draft).await;
        assert_eq!(reply.outcome(), expected, "{addresses:?}");
        assert!(reply.status == 200 || reply.body["errors"][0]["pointer"] == "/url", "{}", reply.body);
    }
    Ok(())
}

#[tokio::test]
async fn a_name_that_points_inside_later_is_not_called() -> Outcome {
    let (mut world, admin, concert) = sale(&[]).await?;
    // A public address while it is added, then private ones, each of which would answer or hang.
    names(&mut world.app, &[&["93.184.216.34"], &["127.0.0.1", "10.0.0.1"]]);
    assert_eq!(put(&world, &admin, "shop", &json!({ "url": "https://hooks.example.com/" })).await.outcome(), "200");
    buy(&world, &concert, "ann", 1).await?;
    assert!(deliver(&world).await? > 0);
    let listed = deliveries(&world, &admin, "shop").await;
    let errors: BTreeSet<&str> = listed.iter().filter_map(|delivery| delivery["error"].as_str()).collect();
    assert!(errors.contains("the host name has no public address"), "{errors:?}");
    assert!(listed.iter().all(|delivery| delivery["answer"].is_null()), "{listed:?}");
    Ok(())
}

#[tokio::test]
async fn a_url_that_was_stored_under_other_settings_is_not_called() -> Outcome {
    let receiver = Receiver::new();
    let (mut world, admin, concert) = with_webhooks(&[&receiver]).await?;
    world.start_cold(&[]).await?;
    buy(&world, &concert, "ann", 1).await?;
    assert!(deliver(&world).await? > 0);
    assert!(receiver.posts().is_empty());
    let listed = deliveries(&world, &admin, "hook-0").await;
    assert!(listed.iter().any(|delivery| delivery["error"] == "the URL is not allowed"), "{listed:?}");
    world.start_cold(&[LOOPBACK]).await?;
    Ok(())
}

#[tokio::test]
async fn a_redirect_is_not_followed() -> Outcome {
    let (receiver, other) = (Receiver::new(), Receiver::new());
    receiver.answer(&format!("302 Found\r\nlocation: {}", other.url()));
    let (world, admin, concert) = with_webhooks(&[&receiver]).await?;
    buy(&world, &concert, "ann", 1).await?;
    deliver(&world).await?;
    let first = &deliveries(&world, &admin, "hook-0").await[0];
    assert_eq!((&first["status"], &first["answer"]), (&json!("RETRYING"), &json!(302)));
    assert!(!receiver.posts().is_empty() && other.posts().is_empty());
    Ok(())
}
