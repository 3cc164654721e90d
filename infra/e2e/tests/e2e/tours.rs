//! The tours of the documents, word for word: what they print is what they say.

use std::{
    fs,
    io::Write,
    os::unix::fs::symlink,
    path::PathBuf,
    process::{Command, Stdio},
};

use e2e::{Data, Stack};
use tools::workspace;

use crate::{MACHINE, alone};

/// Installed where there is no jq: an implementation of it in Rust.
const JAQ_VERSION: &str = "=3.1.2";
/// The lines that are changed: the address, and in the long tour the password.
const ADDRESS: &str = "U=http://127.0.0.1:9000\n";
const PASSWORD: &str = "PASSWORD=the-password-that-cargo-local-printed\n";

/// The shell commands of a document: its first block of them after the line `heading`.
fn tour(document: &str, heading: &str) -> String {
    let text = fs::read_to_string(workspace::root().join(document)).expect("a document");
    let tour = text.split_once(&format!("{heading}\n")).expect("a tour").1;
    let (_, block) = tour.split_once("\n```sh\n").expect("a block of commands");
    block.split_once("\n```\n").expect("its end").0.to_owned() + "\n"
}

/// A directory with a `jq` to put in front of PATH; none where PATH has one.
fn jq() -> Option<PathBuf> {
    let found = Command::new("jq").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return None;
    }
    let bin = workspace::target_directory().join("jaq/bin");
    if !bin.join("jq").exists() {
        let installed = Command::new(workspace::cargo())
            .args(["install", "jaq", "--version", JAQ_VERSION, "--locked", "--quiet", "--debug"])
            .args(["--no-default-features", "--root"])
            .arg(bin.parent().expect("a parent"))
            .status();
        assert!(installed.is_ok_and(|status| status.success()), "jaq is not installed");
        symlink("jaq", bin.join("jq")).expect("a link");
    }
    Some(bin)
}

/// Runs a tour against a stack of its own, and compares what it prints with what it says.
fn take(tour: &str) {
    let promised: Vec<&str> = tour.lines().filter_map(|line| line.strip_prefix("# -> ")).collect();
    assert!(promised.len() >= 8 && tour.starts_with(ADDRESS), "{tour}");
    let stack = Stack::start(Data::Ephemeral, &[]);
    let script = tour.replacen(ADDRESS, &format!("U={}\n", stack.address()), 1);
    let script = script.replacen(PASSWORD, &format!("PASSWORD={}\n", stack.admin().1), 1);

    let path = std::env::var("PATH").unwrap_or_default();
    let path = jq().map_or(path.clone(), |jq| format!("{}:{path}", jq.display()));
    let mut bash = Command::new("bash")
        .args(["-euo", "pipefail"])
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash");
    bash.stdin.take().expect("piped").write_all(script.as_bytes()).expect("read by bash");
    let output = bash.wait_with_output().expect("an end");

    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed.lines().collect::<Vec<_>>(), promised);
    assert!(output.status.success(), "{}", output.status);
}

#[tokio::test]
async fn the_tour_of_the_readme_prints_what_it_says() {
    let _machine = alone().await;
    take(&tour("README.md", "## A tour"));
}

#[tokio::test]
async fn the_long_tour_prints_what_it_says() {
    let _machine = MACHINE.read().await;
    take(&tour("infra/docs/tour.md", "# The long tour"));
}
