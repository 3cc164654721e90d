//! `cargo smoke`, as an operator uses it.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use e2e::{PASSWORD, Site, unique};
use hyper::Method;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{task, time};
use tools::workspace;

use crate::{DATES_AGE, DEFAULT_SETTINGS, Stage, tls};

fn smoke(arguments: &[&str], password: &str) -> Command {
    let mut command = Command::new(workspace::cargo());
    command.args(["run", "--quiet", "--package", "smoke", "--"]).args(arguments).current_dir(workspace::root());
    command.env("STAGEDOOR_PASSWORD", password).env_remove("SSL_CERT_FILE").stdin(Stdio::null());
    command
}

/// Runs it while this test's runtime goes on.
async fn run(mut command: Command) -> Output {
    task::spawn_blocking(move || command.output().expect("cargo runs")).await.expect("no panic")
}

fn lines(bytes: &[u8]) -> Vec<&str> {
    std::str::from_utf8(bytes).expect("UTF-8").lines().collect()
}

/// Asserts that the queue and the concert of a run are gone, as far as anybody but an administrator sees.
async fn assert_nothing_is_left(site: &Site, printed: &[&str]) {
    let after = |start: &str| printed.iter().find_map(|line| line.split_once(start).map(|(_, rest)| rest));
    let queue = after("  queue: ").and_then(|rest| rest.split(',').next()).expect("a queue");
    let concert = after("  concert: ").and_then(|rest| rest.split(',').next()).expect("a concert");
    site.client.get(format!("/api/v1/queues/{queue}")).send().await.expect_problem(404, "queue_not_found");
    let (asked, path) = (Instant::now(), format!("/api/v1/concerts/{concert}"));
    while site.client.get(&path).send().await.expect(200).body["enabled"] != false {
        assert!(asked.elapsed() < DATES_AGE, "the concert is still enabled");
        time::sleep(Duration::from_millis(100)).await;
    }
    let dates = site.client.get("/api/v1/reservations/dates?limit=100").send().await.expect(200);
    assert!(dates.body.as_array().expect("a list").iter().all(|date| date["concertId"] != concert), "{}", dates.body);
    let sales = format!("/api/v1/admin/concerts/{concert}/sales");
    let sales = site.client.request(Method::GET, sales).bearer(&site.admin).send().await.expect(200);
    assert_eq!((&sales.body["sold"], &sales.body["held"]), (&0.into(), &0.into()));
}

#[tokio::test]
async fn a_smoke_test_passes_and_leaves_nothing_that_fans_see() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let (name, password) = stage.stack.admin();
    let output = run(smoke(&[&stage.stack.address(), "--admin", name], password)).await;
    let printed = lines(&output.stdout);
    assert!(output.status.success(), "{printed:#?}");
    assert!(printed.last().is_some_and(|line| line.starts_with("PASSED: ")), "{printed:#?}");
    assert!(!printed.concat().contains(password), "{printed:#?}");
    assert_nothing_is_left(&stage.site, &printed).await;
}

#[tokio::test]
async fn an_interrupted_smoke_test_cleans_up() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let (name, password) = stage.stack.admin();
    let mut command = smoke(&[&stage.stack.address(), "--admin", name], password);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("cargo runs");
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    // `cargo run` becomes the program, so this is its process id.
    let process = Pid::from_child(&child);
    let printed = task::spawn_blocking(move || {
        let mut printed = Vec::new();
        for line in stdout.lines().map_while(Result::ok) {
            if line.contains("  payment: ") {
                kill_process(process, Signal::INT).expect("it runs");
            }
            printed.push(line);
        }
        printed
    });
    let printed = printed.await.expect("no panic");
    let printed: Vec<&str> = printed.iter().map(String::as_str).collect();
    assert_eq!(child.wait().expect("an end").code(), Some(1), "{printed:#?}");
    assert!(printed.iter().any(|line| line.starts_with("interrupted: cleaning up")), "{printed:#?}");
    assert!(printed.iter().any(|line| line.contains("payments refunded: 1")), "{printed:#?}");
    assert!(!printed.iter().any(|line| line.starts_with("FAILED")), "{printed:#?}");
    assert_nothing_is_left(&stage.site, &printed).await;
}

#[tokio::test]
async fn an_account_that_is_no_administrators_creates_nothing() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let address = stage.stack.address();
    let fan = stage.site.fan().await;
    let nobody = unique();
    let no_admin = format!("error: {0} is no administrator: `cargo admin grant {0}` makes one", fan.name);
    let unknown = format!("error: no account has the name {nobody} and this password");
    for (name, password, sentence) in
        [(&fan.name, PASSWORD, &no_admin), (&fan.name, "wrong horse", &unknown), (&nobody, PASSWORD, &unknown)]
    {
        let output = run(smoke(&[&address, "--admin", name], password)).await;
        let sentence = sentence.replace(&nobody, name);
        assert_eq!((output.status.code(), lines(&output.stderr)), (Some(1), vec![sentence.as_str()]));
        assert!(!lines(&output.stdout).iter().any(|line| line.contains("queue")), "{output:?}");
    }
    let output = run(smoke(&["http://127.0.0.1:1", "--admin", "mina"], PASSWORD)).await;
    let refused = lines(&output.stderr).concat();
    assert!(refused.starts_with("error: no connection to 127.0.0.1:1: Connection refused"), "{refused}");
}

#[tokio::test]
async fn over_https_only_a_certificate_that_is_trusted_is_accepted() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let (name, password) = stage.stack.admin();
    let (port, server) = tls::in_front_of(stage.stack.port()).await;
    let url = format!("https://localhost:{port}");
    let output = run(smoke(&[&url, "--admin", name], password)).await;
    let refused = lines(&output.stderr).concat();
    let sentence = format!("error: the certificate of localhost:{port} is not accepted: invalid peer certificate");
    assert!(refused.starts_with(&sentence) && refused.ends_with("(GET /health)"), "{refused}");
    assert_eq!(lines(&output.stdout), [format!("smoke test of {url}")]);

    let mut trusting = smoke(&[&url, "--admin", name], password);
    trusting.env("SSL_CERT_FILE", tls::certificate());
    let output = run(trusting).await;
    assert!(output.status.success(), "{output:?}");
    server.abort();
}
