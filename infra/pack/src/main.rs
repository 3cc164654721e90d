//! `cargo pack`: builds the program that the template deploys, with cargo-lambda and zig, which link it for the C library
//! of Lambda on any machine.

mod options;
mod sizes;

use std::{
    env,
    error::Error,
    fs,
    io::{Cursor, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Instant,
};

use options::{Architecture, Options};
use tools::{command_line, python::PythonEnvironment, workspace};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// The Python tools of the local stack, cargo-lambda and zig among them.
const PYTHON_TOOLS: &str = include_str!("../../local/requirements.txt");
/// What the archive should take at most, in bytes. A larger one takes longer to load at a cold start (ADR 21).
const ARCHIVE_GOAL: u64 = 3_000_000;

fn main() -> ExitCode {
    command_line::run("cargo pack", options::HELP, options::parse, pack)
}

fn pack(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    let architecture = options.architecture;
    let python = PythonEnvironment::new("local");
    python.install(PYTHON_TOOLS)?;
    run("rustup target add", Command::new("rustup").args(["target", "add", architecture.target()]))?;
    let started = Instant::now();
    run("cargo lambda build", &mut build(&python, architecture)?)?;
    report(&artifacts().join("bootstrap/bootstrap"), options, started)
}

/// Where the template's `CodeUri` looks, whatever cargo's target directory is.
fn artifacts() -> PathBuf {
    workspace::root().join("target/lambda")
}

fn build(python: &PythonEnvironment, architecture: Architecture) -> Result<Command, Box<dyn Error>> {
    let program = python.program("cargo-lambda");
    let tools = program.parent().ok_or("cargo-lambda has no directory")?;
    let path = env::join_paths(
        [tools.to_owned()].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    )?;
    let mut command = Command::new(&program);
    command.current_dir(workspace::root()).env("PATH", path);
    // The profile says all about optimisation. cargo-lambda would add that a panic ends the environment.
    command.args(["lambda", "build", "--release", "--disable-optimizations", "--locked", "--package", "bundle"]);
    command.args(["--target", architecture.target()]).arg("--lambda-dir").arg(artifacts());
    Ok(command)
}

fn run(what: &str, command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status = command.status().map_err(|error| format!("cannot run {what}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what}: {status}").into()) }
}

/// Prints the sizes, beside those of the last review, and the time.
#[expect(clippy::print_stdout, reason = "the answer to the command")]
fn report(binary: &Path, options: Options, started: Instant) -> Result<ExitCode, Box<dyn Error>> {
    let program = fs::read(binary).map_err(|error| format!("{}: {error}", binary.display()))?;
    let archive = archive(&program)? as u64;
    println!("program        {:>10} bytes  {}", program.len(), binary.display());
    println!("archive        {archive:>10} bytes  (goal {ARCHIVE_GOAL})");
    println!("built in       {:>10.0} s", started.elapsed().as_secs_f64());
    let (path, target) = (workspace::root().join("infra/pack/sizes.txt"), options.architecture.target());
    let known = fs::read_to_string(&path)?;
    if let Some(reviewed) = sizes::archive_of(&known, target) {
        println!("since review   {:>+9.1} %", 100.0 * (archive as f64 / reviewed as f64 - 1.0));
    }
    if options.record {
        fs::write(&path, sizes::with(&known, target, program.len() as u64, archive))?;
        println!("recorded in    infra/pack/sizes.txt");
    }
    Ok(ExitCode::SUCCESS)
}

/// The size of the archive that SAM makes of the program, in bytes.
fn archive(program: &[u8]) -> Result<usize, Box<dyn Error>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).compression_level(Some(9));
    zip.start_file("bootstrap", options)?;
    zip.write_all(program)?;
    Ok(zip.finish()?.into_inner().len())
}
