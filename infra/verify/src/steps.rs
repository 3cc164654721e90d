//! The steps, cheap ones first.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tools::{python::PythonEnvironment, workspace};

use crate::options::Options;

/// The number of simulated sales: about a minute and a half on two cores.
const SEEDS: &str = "30";
/// What goes to AWS.
const TEMPLATES: [&str; 4] = ["template.yaml", "infra/operations.yaml", "infra/edge.yaml", "infra/key.yaml"];
/// The template's linter and what it needs, at pinned versions.
const REQUIREMENTS: &str = include_str!("../requirements.txt");
/// The scanner of the template, in an environment of its own: it needs other versions of the same packages.
const CHECKOV: &str = include_str!("../checkov.txt");
/// The emulator of the deployment test, and what packages a template.
const DEPLOYMENT: &str = include_str!("../../deployment/requirements.txt");
/// The Python tools of the commands that the last steps run.
const LATER_REQUIREMENTS: [(&str, &str); 3] = [
    ("deployment", DEPLOYMENT),
    ("conformance", include_str!("../../conformance/requirements.txt")),
    ("local", include_str!("../../local/requirements.txt")),
];

/// One command that must succeed.
#[derive(Debug)]
pub struct Step {
    /// The subject of the check, in a word or two.
    pub name: &'static str,
    /// The program.
    pub program: PathBuf,
    /// The arguments of the program.
    pub arguments: Vec<OsString>,
    /// Where the program is installed with which requirements, if it is a Python tool.
    pub installed: Option<(PythonEnvironment, &'static str)>,
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
pub fn plan(options: Options, dependencies: bool) -> Vec<Step> {
    // Every step uses the same features and profile, or cargo would compile everything twice. The simulator, too: from
    // empty, its optimised profile takes longer to compile than it saves on so few seeds.
    let locked: &[&str] = if options.in_ci { &["--locked"] } else { &[] };
    let with = |arguments: &[&'static str]| [arguments, locked].concat();
    let mut steps = vec![cargo("format", &["fmt", "--all", "--check"])];
    if dependencies {
        steps.extend(deny(options.advisories));
    }
    let mut lints = with(&["clippy", "--workspace", "--all-targets"]);
    lints.extend(["--", "-D", "warnings"]);
    steps.extend([
        cargo("domain without AWS", &with(&["check", "--package", "shared", "--no-default-features"])),
        cfn_lint(),
        cargo("lints", &lints),
        // After the first long step: until then it is installed.
        checkov(),
        cargo("tests", &with(&["test", "--workspace", "--exclude", "e2e"])),
    ]);
    let mut simulation = with(&["run", "--quiet", "--package", "simulation"]);
    simulation.extend(["--", "--seeds", SEEDS]);
    steps.push(cargo("simulation", &simulation));
    if !options.fast {
        steps.push(deployment());
        steps.push(cargo("conformance", &with(&["run", "--quiet", "--package", "conformance"])));
        steps.push(cargo("end to end", &with(&["test", "--package", "e2e", "--tests"])));
    }
    steps
}

fn cargo(name: &'static str, arguments: &[&str]) -> Step {
    Step {
        name,
        program: workspace::cargo(),
        arguments: arguments.iter().map(OsString::from).collect(),
        installed: None,
    }
}

fn cfn_lint() -> Step {
    let python = PythonEnvironment::new("verify");
    Step {
        name: "template",
        program: python.program("cfn-lint"),
        arguments: TEMPLATES.map(OsString::from).to_vec(),
        installed: Some((python, REQUIREMENTS)),
    }
}

fn checkov() -> Step {
    let python = PythonEnvironment::new("checkov");
    Step {
        name: "scan",
        program: python.program("checkov"),
        arguments: [&["--file"], &TEMPLATES[..], &["--skip-download"]].concat().iter().map(OsString::from).collect(),
        installed: Some((python, CHECKOV)),
    }
}

fn deployment() -> Step {
    let python = PythonEnvironment::new("deployment");
    Step {
        name: "deployment",
        program: python.program("python"),
        arguments: vec!["infra/deployment/test.py".into()],
        installed: Some((python, DEPLOYMENT)),
    }
}

/// Installs the Python tools of the steps. A failure shows in the step that needs them: it tries again.
pub fn install_python_tools(options: Options) {
    let later: &[_] = if options.fast { &[] } else { &LATER_REQUIREMENTS };
    for (name, requirements) in [&[("verify", REQUIREMENTS), ("checkov", CHECKOV)], later].concat() {
        let _ = PythonEnvironment::new(name).install(requirements);
    }
}

/// Whether cargo-deny is installed.
pub fn has_cargo_deny() -> bool {
    let asked = Command::new(workspace::cargo())
        .args(["deny", "--version"])
        .current_dir(workspace::root())
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
        let steps = plan(options, options.with_deny);
        steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn cheap_checks_come_first_and_end_to_end_tests_last() {
        let with_deny = Options { with_deny: true, ..Options::default() };
        let checks =
            ["format", "dependencies", "domain without AWS", "template", "lints", "scan", "tests", "simulation"];
        assert_eq!(names(with_deny), [&checks[..], &["deployment", "conformance", "end to end"]].concat());
        let fast = Options { fast: true, ..with_deny };
        assert_eq!(names(fast), checks);
    }

    #[test]
    fn ci_requires_an_up_to_date_lock_file() {
        let options = Options { with_deny: true, in_ci: true, advisories: true, fast: true };
        let steps = plan(options, true);
        let commands: Vec<_> = steps.iter().map(ToString::to_string).collect();
        assert!(commands[2].ends_with("deny check advisories"), "{commands:?}");
        let lints = "clippy --workspace --all-targets --locked -- -D warnings";
        assert!(commands[5].ends_with(lints), "{commands:?}");
        assert!(commands[7].ends_with("--exclude e2e --locked"), "{commands:?}");
        assert!(commands[8].ends_with("--package simulation --locked -- --seeds 30"), "{commands:?}");
    }
}
