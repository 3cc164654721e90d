//! The steps, cheap ones first.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::options::Options;
use verify::venv::{self, Requirements};

/// The number of simulated sales: two minutes on two cores, ten on a slow machine.
const SEEDS: &str = "120";

/// One command that must succeed.
#[derive(Debug)]
pub struct Step {
    /// The subject of the check, in a word or two.
    pub name: &'static str,
    /// The program.
    pub program: PathBuf,
    /// The arguments of the program.
    pub arguments: Vec<OsString>,
    /// The Python packages that contain the program, if it is a Python tool.
    pub requirements: Option<Requirements>,
}

impl fmt::Display for Step {
    /// Writes the command as one would type it, without directories.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.program.file_name().unwrap_or(self.program.as_os_str());
        write!(f, "{}", name.display())?;
        for argument in &self.arguments {
            write!(f, " {}", argument.display())?;
        }
        Ok(())
    }
}

/// Returns the steps for the options, in order; never empty. `dependencies` says whether to run cargo-deny.
pub fn plan(root: &Path, options: Options, dependencies: bool) -> Vec<Step> {
    // Every step uses the same features and profile, or cargo would compile everything twice. The simulator is the
    // exception: it runs long enough for its optimised profile to pay.
    let locked: &[&str] = if options.in_ci { &["--locked"] } else { &[] };
    let with = |arguments: &[&'static str]| [arguments, locked].concat();
    let mut steps = vec![cargo("format", &["fmt", "--all", "--check"]), cfn_lint(root)];
    if dependencies {
        steps.extend(deny(options.advisories));
    }
    let mut lints = with(&["clippy", "--workspace", "--all-targets"]);
    lints.extend(["--", "-D", "warnings"]);
    steps.extend([
        cargo("domain without AWS", &with(&["check", "--package", "shared", "--no-default-features"])),
        cargo("lints", &lints),
        cargo("tests", &with(&["test", "--workspace", "--exclude", "e2e"])),
    ]);
    let mut simulation = with(&["run", "--quiet", "--profile", "simulation", "--package", "simulation"]);
    simulation.extend(["--", "--seeds", SEEDS]);
    steps.push(cargo("simulation", &simulation));
    if !options.fast {
        steps.push(cargo("conformance", &with(&["run", "--quiet", "--package", "conformance"])));
        steps.push(cargo("end to end", &with(&["test", "--package", "e2e", "--tests"])));
    }
    steps
}

fn cargo(name: &'static str, arguments: &[&str]) -> Step {
    Step {
        name,
        program: cargo_program(),
        arguments: arguments.iter().map(OsString::from).collect(),
        requirements: None,
    }
}

/// The cargo that runs this program, else the one in `PATH`. All steps use the same toolchain.
fn cargo_program() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

fn cfn_lint(root: &Path) -> Step {
    let requirements = Requirements {
        file: root.join("infra/verify/requirements.txt"),
        venv: venv::target_directory(root).join("venv-verify"),
    };
    Step {
        name: "template",
        program: requirements.venv.join("bin/cfn-lint"),
        arguments: vec!["template.yaml".into()],
        requirements: Some(requirements),
    }
}

/// Whether cargo-deny is installed.
pub fn has_cargo_deny(root: &Path) -> bool {
    let asked = Command::new(cargo_program())
        .args(["deny", "--version"])
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// The steps of cargo-deny. Advisories are a separate step: only they need the network beyond the registry.
fn deny(advisories: bool) -> Vec<Step> {
    let check = ["deny", "check"];
    let mut steps = vec![cargo("dependencies", &[&check[..], &["bans", "licenses", "sources"]].concat())];
    if advisories {
        steps.push(cargo("advisories", &[&check[..], &["advisories"]].concat()));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(options: Options) -> Vec<&'static str> {
        let steps = plan(Path::new("."), options, options.with_deny);
        steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn cheap_checks_come_first_and_end_to_end_tests_last() {
        let with_deny = Options { with_deny: true, ..Options::default() };
        let checks = ["format", "template", "dependencies", "domain without AWS", "lints", "tests", "simulation"];
        assert_eq!(names(with_deny), [&checks[..], &["conformance", "end to end"]].concat());
        let fast = Options { fast: true, ..with_deny };
        assert_eq!(names(fast), checks);
    }

    #[test]
    fn ci_requires_an_up_to_date_lock_file() {
        let options = Options { with_deny: true, in_ci: true, advisories: true, fast: true };
        let steps = plan(Path::new("."), options, true);
        let commands: Vec<_> = steps.iter().map(ToString::to_string).collect();
        assert!(commands[3].ends_with("deny check advisories"), "{commands:?}");
        let lints = "clippy --workspace --all-targets --locked -- -D warnings";
        assert!(commands[5].ends_with(lints), "{commands:?}");
        assert!(commands[6].ends_with("--exclude e2e --locked"), "{commands:?}");
        assert!(commands[7].ends_with("--package simulation --locked -- --seeds 120"), "{commands:?}");
    }
}
