//! `cargo admin`, as an operator uses it.

use std::process::{Command, Output, Stdio};

use e2e::PASSWORD;
use serde_json::json;
use tools::workspace;

use crate::{DEFAULT_SETTINGS, Stage};

fn admin(arguments: &[&str]) -> Output {
    let mut command = Command::new(workspace::cargo());
    command.args(["run", "--quiet", "--package", "admin", "--"]).args(arguments).current_dir(workspace::root());
    // Nobody's AWS, whatever this machine has.
    command.envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")]);
    command.envs([("AWS_EC2_METADATA_DISABLED", "true")]).env_remove("AWS_REGION").env_remove("AWS_ACCESS_KEY_ID");
    command.stdin(Stdio::null()).output().expect("cargo runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8").trim()
}

#[tokio::test]
async fn a_role_is_granted_listed_and_revoked_from_the_command_line() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let fan = stage.site.fan().await;
    let (port, name) = (stage.stack.port().to_string(), fan.name.as_str());
    let inspect = async || {
        let account = json!({ "username": name, "password": PASSWORD });
        let login = stage.site.client.post("/api/v1/users/login", &account).send().await.expect(200);
        stage.site.client.get("/api/v1/admin/queues/main").bearer(login.text("accessToken")).send().await.status
    };
    let listed = || {
        let list = admin(&["list", "--port", &port]);
        text(&list.stdout).lines().filter(|line| line.contains(name)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!((inspect().await, listed().len()), (403, 0));
    let granted = admin(&["grant", name, "--role", "operator", "--port", &port]);
    assert_eq!(text(&granted.stdout), format!("{name} has the role operator, from the next login on"));
    assert!(granted.status.success() && listed()[0].contains("operator"), "{:?}", listed());
    assert_eq!(inspect().await, 200);
    assert!(admin(&["revoke", name, "--port", &port]).status.success());
    assert_eq!((inspect().await, listed().len()), (403, 0));
}

#[tokio::test]
async fn cargo_admin_says_plainly_what_is_missing() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let port = stage.stack.port().to_string();
    for (arguments, message) in [
        (&["grant", "nobody-here", "--port", &port][..], "error: no account has the name nobody-here"),
        (&["list", "--port", "1"], "error: no `cargo local` runs at port 1; --stack names a deployment"),
        (&["list", "--stack", "sale"], "error: this shell names no AWS region: set AWS_REGION"),
    ] {
        let output = admin(arguments);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), message));
    }
}
