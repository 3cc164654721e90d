//! `cargo crowd`, as an operator uses it.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use e2e::{PASSWORD, Site};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{task, time};
use tools::workspace;

use crate::{DATES_AGE, DEFAULT_SETTINGS, Stage};

/// A small crowd: twelve fans who come at once, for eight seats.
fn crowd(address: &str, admin: &str, password: &str) -> Command {
    let mut command = Command::new(workspace::cargo());
    command.args(["run", "--quiet", "--package", "crowd", "--", address, "--admin", admin]);
    command.args(["--fans", "12", "--at-once", "12", "--seats", "8", "--capacity", "4"]);
    command.current_dir(workspace::root()).env("STAGEDOOR_PASSWORD", password).stdin(Stdio::null());
    command
}

/// Asserts that the concert of a crowd, which its first line names, is off sale and on no list.
async fn assert_off_sale(site: &Site, printed: &[String]) {
    let concert = printed.iter().find_map(|line| line.split_once(", concert ")).expect("a concert").1;
    let (asked, path) = (Instant::now(), format!("/api/v1/concerts/{concert}"));
    while site.client.get(&path).send().await.expect(200).body["enabled"] != false {
        assert!(asked.elapsed() < DATES_AGE, "the concert is still enabled");
        time::sleep(Duration::from_millis(100)).await;
    }
    let dates = site.client.get("/api/v1/reservations/dates?limit=100").send().await.expect(200);
    assert!(dates.body.as_array().expect("a list").iter().all(|date| date["concertId"] != concert), "{}", dates.body);
}

#[tokio::test]
async fn a_crowd_finds_the_invariants_kept_and_writes_a_report() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let (name, password) = stage.stack.admin();
    let directory = tempfile::tempdir().expect("a directory");
    let report = directory.path().join("crowd.html");
    let mut command = crowd(&stage.stack.address(), name, password);
    command.arg("--report").arg(&report);
    let output = task::spawn_blocking(move || command.output().expect("cargo runs")).await.expect("no panic");
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    let (printed, progress) = (lines(&output.stdout), lines(&output.stderr));
    assert!(output.status.success(), "{printed:#?} {progress:#?}");
    assert_eq!(printed.iter().filter(|line| line.starts_with("holds  ")).count(), 4, "{printed:#?}");
    let page = fs::read_to_string(report).expect("a report");
    assert!(page.contains("12 fans came") && page.contains("<svg"), "{page}");
    assert_off_sale(&stage.site, &progress).await;
}

#[tokio::test]
async fn an_interrupted_crowd_takes_its_concert_off_sale() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let (name, password) = stage.stack.admin();
    let mut child = crowd(&stage.stack.address(), name, password).stderr(Stdio::piped()).spawn().expect("cargo runs");
    let stderr = BufReader::new(child.stderr.take().expect("piped"));
    // `cargo run` becomes the program, so this is its process id.
    let process = Pid::from_child(&child);
    let printed = task::spawn_blocking(move || {
        let mut printed = Vec::new();
        for line in stderr.lines().map_while(Result::ok) {
            if line.contains("12 of 12 accounts") {
                kill_process(process, Signal::INT).expect("it runs");
            }
            printed.push(line);
        }
        printed
    });
    let printed = printed.await.expect("no panic");
    assert_eq!(child.wait().expect("an end").code(), Some(1), "{printed:#?}");
    assert!(printed.iter().any(|line| line == "error: interrupted: no report"), "{printed:#?}");
    assert_off_sale(&stage.site, &printed).await;
}

#[tokio::test]
async fn an_account_that_is_no_administrators_gets_one_sentence() {
    let stage = Stage::together(&DEFAULT_SETTINGS).await;
    let fan = stage.site.fan().await;
    let mut command = crowd(&stage.stack.address(), &fan.name, PASSWORD);
    let output = task::spawn_blocking(move || command.output().expect("cargo runs")).await.expect("no panic");
    let sentence = format!("error: {0} is no administrator: `cargo admin grant {0}` makes one\n", fan.name);
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()), (Some(1), sentence));
}
