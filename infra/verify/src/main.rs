//! `cargo verify`: runs every check that must pass before a change is merged, one after another.
//!
//! Each step is one command, printed before it runs, and its duration afterwards. The first failure ends the run with
//! that command's exit code. The end-to-end tests come last, and nothing is printed after them: a successful run ends
//! with the test runner's own summary.

#![expect(clippy::print_stdout, reason = "prints the progress and results of the steps")]

mod options;
mod steps;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use options::{Options, Request};
use steps::Step;
use verify::venv;

/// The exit code where a step could not be started, or was ended by a signal.
const CANNOT_RUN: u8 = 1;
/// The exit code for invalid arguments.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1");
    let options = match Request::parse(std::env::args().skip(1), in_ci) {
        Ok(Request::Run(options)) => options,
        Ok(Request::Help) => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(refusal) => {
            eprintln!("verify: {refusal}; see cargo verify --help");
            return ExitCode::from(USAGE);
        }
    };
    match run(&workspace(), options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => ExitCode::from(code),
    }
}

/// The root of the workspace: the working directory of every step.
fn workspace() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.ancestors().nth(2);
    root.expect("the crate lies two directories below the root").to_owned()
}

/// Runs the steps up to the first failure, and returns its exit code as the error.
fn run(root: &Path, options: Options) -> Result<(), u8> {
    let dependencies = options.with_deny || steps::has_cargo_deny(root);
    if !dependencies {
        println!("dependencies: not checked, cargo-deny is not installed");
    }
    let steps = steps::plan(root, options, dependencies);
    let last = steps.len() - 1;
    for (index, step) in steps.iter().enumerate() {
        let label = format!("[{}/{}] {}", index + 1, steps.len(), step.name);
        println!("{label}: {step}");
        let started = Instant::now();
        let outcome = execute(root, step);
        let seconds = started.elapsed().as_secs_f64();
        match outcome {
            Ok(()) if index == last => {}
            Ok(()) => println!("{label}: ok, {seconds:.1} s"),
            Err(code) => {
                println!("{label}: FAILED, exit code {code}, {seconds:.1} s");
                return Err(code);
            }
        }
    }
    Ok(())
}

/// Runs one step in the root of the workspace. A non-zero exit code is the error.
fn execute(root: &Path, step: &Step) -> Result<(), u8> {
    if let Some(requirements) = &step.requirements {
        venv::prepare(requirements).map_err(|error| {
            eprintln!("{error}");
            CANNOT_RUN
        })?;
    }
    let status =
        Command::new(&step.program).args(&step.arguments).current_dir(root).stdin(Stdio::null()).status().map_err(
            |error| {
                eprintln!("cannot run {}: {error}", step.program.display());
                CANNOT_RUN
            },
        )?;
    if status.success() {
        return Ok(());
    }
    // A command that a signal ended has no exit code.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Err(code.unwrap_or(CANNOT_RUN))
}
