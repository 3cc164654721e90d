//! Builds the functions.

use std::{collections::BTreeMap, env, path::PathBuf, process::Stdio};

use serde::Deserialize;
use template::Template;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::{
    child::Group,
    failure::{Context, Failure},
    state::Workspace,
};

/// One of cargo's messages, as far as binaries are concerned.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds every function of the template in one call of cargo, whose progress goes to stderr, and says where each
/// binary is, by name.
///
/// This package is named along with them: cargo unites the features of what is built together, so the functions take
/// the dependencies that were compiled for this package a moment ago (and `cargo test --workspace` takes them, too),
/// instead of compiling the AWS SDK a second time.
///
/// # Errors
/// When the build fails or leaves out a function.
pub async fn functions(workspace: &Workspace, template: &Template) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let mut command = Command::new(cargo());
    command.current_dir(&workspace.root).args(["build", "--message-format=json-render-diagnostics"]);
    command.args(["--package", env!("CARGO_PKG_NAME")]);
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

/// The cargo that runs us, else the one in the path.
pub fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
