//! `cargo verify`: runs every check that must pass before a change is merged, one after another.
//!
//! Each step is one command, printed before it runs, and its duration afterwards. The first failure ends the run with
//! that command's exit code. Python tools are installed while the first steps run. The end-to-end tests come last, and
//! nothing is printed after them: a successful run ends with the test runner's own summary.

#![expect(clippy::print_stdout, reason = "prints the progress and results of the steps")]

mod options;
mod steps;

use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Instant;

use tools::{command_line, workspace};

use options::Options;
use steps::Step;

/// The exit code where a step could not be started, or was ended by a signal.
const CANNOT_RUN: u8 = 1;

fn main() -> ExitCode {
    let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1");
    let parse = |parser| options::parse(parser, in_ci);
    command_line::run("cargo verify", options::HELP, parse, |options| {
        Ok(run(options).map_or_else(ExitCode::from, |()| ExitCode::SUCCESS))
    })
}

/// Runs the steps up to the first failure, and returns its exit code as the error.
fn run(options: Options) -> Result<(), u8> {
    let dependencies = options.with_deny || steps::has_cargo_deny();
    if !dependencies {
        println!("dependencies: not checked, cargo-deny is not installed");
    }
    // The thread is not awaited: an installation that is cut off is repeated by the next one.
    thread::spawn(move || steps::install_python_tools(options));
    let steps = steps::plan(options, dependencies);
    let last = steps.len() - 1;
    for (index, step) in steps.iter().enumerate() {
        let label = format!("[{}/{}] {}", index + 1, steps.len(), step.name);
        println!("{label}: {step}");
        let started = Instant::now();
        let outcome = execute(step);
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
fn execute(step: &Step) -> Result<(), u8> {
    if let Some((python, requirements)) = &step.installed {
        python.install(requirements).map_err(|error| {
            eprintln!("{error}");
            CANNOT_RUN
        })?;
    }
    let mut command = Command::new(&step.program);
    command.args(&step.arguments).current_dir(workspace::root()).stdin(Stdio::null());
    let status = command.status().map_err(|error| {
        eprintln!("cannot run {}: {error}", step.program.display());
        CANNOT_RUN
    })?;
    if status.success() {
        return Ok(());
    }
    // A command that a signal ended has no exit code.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Err(code.unwrap_or(CANNOT_RUN))
}
