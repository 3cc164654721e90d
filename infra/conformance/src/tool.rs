//! Installs and runs schemathesis.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::{Value, json};
use tools::{
    python::{InstallError, PythonEnvironment},
    workspace,
};

use crate::{
    options::{Effort, Options},
    report::Report,
};

const CONFIGURATION: &str = include_str!("../schemathesis.toml");
/// The tool and what it needs, at pinned versions.
const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// The installed tool.
pub struct Tool {
    environment: PythonEnvironment,
    /// The parent of the directories of the runs.
    runs: PathBuf,
}

/// The input of one run.
pub struct Run<'a> {
    /// The name of the run's directory.
    pub name: &'a str,
    /// The system's address.
    pub address: String,
    /// The OpenAPI document that the system serves.
    pub document: String,
    /// The users to log in, the caller first; without users the tool sends no token.
    pub users: Vec<Value>,
    /// Ids and values that exist, by name.
    pub dictionaries: &'a [(&'static str, Value)],
}

impl Tool {
    /// Installs the tool, unless it is installed.
    ///
    /// # Errors
    /// When Python is missing or a package cannot be installed.
    pub fn install() -> Result<Self, InstallError> {
        let environment = PythonEnvironment::new("conformance");
        environment.install(REQUIREMENTS)?;
        Ok(Self { environment, runs: workspace::target_directory().join("conformance") })
    }

    /// Runs the tool, and returns its report and its output.
    ///
    /// # Errors
    /// When the tool cannot be started, writes no report, or fails although its report is good.
    pub fn run(&self, options: &Options, run: &Run<'_>) -> io::Result<(Report, String)> {
        let directory = self.runs.join(run.name);
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(&directory)?;
        let configuration = directory.join("schemathesis.toml");
        fs::write(&configuration, self::configuration(options, run, &directory)?)?;
        // A file, since the tool leaves out the operation that serves the document if it fetches the document itself.
        let document = directory.join("openapi.json");
        fs::write(&document, &run.document)?;
        let report = directory.join("report.json");
        let (effort, amount) = match options.effort {
            Effort::Examples(examples) => ("--max-examples", examples),
            Effort::Seconds(seconds) => ("--max-time", seconds),
        };
        let started = Instant::now();
        let output = Command::new(self.environment.program("schemathesis"))
            .arg("--config-file")
            .arg(&configuration)
            .arg("run")
            .arg(&document)
            .args(["--url", &run.address])
            .args(["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--mode", "all"])
            .args([effort, &amount.to_string()])
            .args(["--report", "json,ndjson", "--report-json-path"])
            .arg(&report)
            .arg("--report-ndjson-path")
            .arg(directory.join("requests.ndjson"))
            .arg("--no-color")
            .env("PYTHONHASHSEED", "0")
            .current_dir(&directory)
            .stdin(Stdio::null())
            .output()?;
        let took = started.elapsed();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        fs::write(directory.join("output.txt"), &said)?;
        let json = fs::read_to_string(&report).unwrap_or_default();
        let report = Report::read(&json, took).ok_or_else(|| io::Error::other(format!("no report:\n{said}")))?;
        if report.is_good() && !output.status.success() {
            return Err(io::Error::other(format!("{} without a failure:\n{said}", output.status)));
        }
        Ok((report, said))
    }
}

/// Returns the configuration of one run, and writes its users to a file in `directory`.
fn configuration(options: &Options, run: &Run<'_>, directory: &Path) -> io::Result<String> {
    let mut auth = String::new();
    if let Some(caller) = run.users.first() {
        let file = directory.join("users.json");
        fs::write(&file, json!({ "auth": run.users }).to_string())?;
        let peers: Vec<_> = run.users.iter().map(|user| user["name"].clone()).collect();
        let peers = if peers.len() > 1 { format!(", peers = {}", Value::from(peers)) } else { String::new() };
        auth = format!("wfc = {{ path = {:?}, user = {}{peers} }}", file.display().to_string(), caller["name"]);
    }
    let hooks = workspace::root().join("infra/conformance/hooks.py");
    let fixed = [("seed", options.seed.to_string()), ("hooks", hooks.display().to_string()), ("auth", auth)];
    let dictionaries = run.dictionaries.iter().map(|(name, values)| (*name, values.to_string()));
    let filled = fixed.into_iter().chain(dictionaries);
    Ok(filled.fold(CONFIGURATION.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), &value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled_in(users: Vec<Value>) -> String {
        let values = ["users", "concerts", "events", "reservations", "payments", "numbers", "price"];
        let dictionaries = values.map(|name| (name, json!(["a"])));
        let run =
            Run { name: "fan", address: String::new(), document: String::new(), users, dictionaries: &dictionaries };
        let options = Options { effort: Effort::Seconds(5), seed: 1, only: None };
        let directory = tempfile::tempdir().expect("a directory");
        configuration(&options, &run, directory.path()).expect("written")
    }

    #[test]
    fn every_placeholder_is_filled_in() {
        for users in [vec![], vec![json!({ "name": "a" })], vec![json!({ "name": "a" }), json!({ "name": "b" })]] {
            let peers = users.len() > 1;
            let text = filled_in(users);
            let settings = || text.lines().filter(|line| !line.starts_with('#'));
            assert!(settings().all(|line| !line.contains('@')), "{text}");
            assert_eq!(settings().any(|line| line.contains(r#"peers = ["a","b"]"#)), peers, "{text}");
        }
    }
}
