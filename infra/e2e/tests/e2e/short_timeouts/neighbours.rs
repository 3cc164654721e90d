//! Two stacks on one machine.

use std::process::Command;

use e2e::{PASSWORD, Site};
use serde_json::json;
use tools::workspace;

use crate::{DEFAULT_SETTINGS, SHORT_TIMEOUTS, Stage};

#[tokio::test]
async fn two_stacks_share_neither_accounts_nor_keys() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let other = SHORT_TIMEOUTS.lease();
    let (here, there) = (&stage.site, Site::open(&other).await);
    let fan = here.fan().await;
    let account = json!({ "username": fan.name, "password": PASSWORD });
    here.client.post("/api/v1/users/login", &account).send().await.expect(200);
    there.client.post("/api/v1/users/login", &account).send().await.expect_problem(401, "bad_credentials");
    let balance = format!("/api/v1/payments/balance/{}", fan.id);
    here.client.get(&balance).bearer(&fan.access).send().await.expect(200);
    there.client.get(&balance).bearer(&fan.access).send().await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_taken_port_is_a_clear_error() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let port = stage.stack.port();
    let second = Command::new(workspace::cargo())
        .args(["run", "--quiet", "--package", "local", "--", "--ephemeral", "--port", &port.to_string()])
        .current_dir(workspace::root())
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success());
    assert!(said.contains(&format!("127.0.0.1:{port}")) && said.contains("in use"), "{said}");
    assert!(second.stdout.is_empty());
    stage.site.client.get("/health").send().await.expect(200);
}
