//! Builds the functions.

use std::{collections::BTreeMap, path::PathBuf, process::Stdio};

use serde::Deserialize;
use template::Template;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};
use tools::workspace;

use crate::{
    child::Group,
    failure::{Context, Failure},
};

/// A JSON message of cargo: the fields that say where a binary is.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// The profile of optimised functions. It is the release profile without link-time optimisation, which takes a minute a
/// binary.
const MEASURE_PROFILE: &str = "measure";

/// Builds every function of the template with one call of cargo, whose progress goes to stderr. Returns the path of
/// each binary by name, that of this program among them.
///
/// Names this package, too: cargo unifies the features of the packages of one build. The functions then use the
/// dependencies that were compiled for this package (and so does `cargo test --workspace`), instead of compiling the
/// AWS SDK a second time. With `release`, all are optimised.
///
/// # Errors
/// When the build fails or leaves out a function.
pub async fn functions(template: &Template, release: bool) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let mut command = Command::new(workspace::cargo());
    command.current_dir(workspace::root()).args(["build", "--message-format=json-render-diagnostics"]);
    command.args(["--package", env!("CARGO_PKG_NAME")]);
    if release {
        command.args(["--profile", MEASURE_PROFILE]);
    }
    for function in &template.functions {
        command.args(["--package", &function.name]);
    }
    let mut cargo = Group::start(command.stdin(Stdio::null()).stdout(Stdio::piped())).context("cannot run cargo")?;
    let output = cargo.process().stdout.take().ok_or_else(|| Failure::new("cargo has no output"))?;
    let mut lines = BufReader::new(output).lines();
    let mut binaries = BTreeMap::new();
    while let Some(line) = lines.next_line().await.context("cannot read cargo's messages")? {
        let Ok(Message { target: Some(target), executable: Some(path) }) = serde_json::from_str(&line) else {
            continue;
        };
        binaries.insert(target.name, path);
    }
    if !cargo.wait().await.context("cannot wait for cargo")?.success() {
        return Err(Failure::new("the functions do not build"));
    }
    match template.functions.iter().find(|function| !binaries.contains_key(&function.name)) {
        Some(function) => Err(Failure::new(format!("package {0} has no binary {0}", function.name))),
        None => Ok(binaries),
    }
}
