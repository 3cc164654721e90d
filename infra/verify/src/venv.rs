//! Python tools at pinned versions, in a virtual environment below the target directory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fmt, fs, io};

/// Packages to install, and where.
#[derive(Debug)]
pub struct Requirements {
    /// pip's requirements file.
    pub file: PathBuf,
    /// The virtual environment, created when it is missing.
    pub venv: PathBuf,
}

/// Why the tools cannot be installed.
#[derive(Debug)]
pub enum VenvError {
    /// A file could not be read or written.
    File(PathBuf, io::Error),
    /// A command could not be started.
    Start(String, io::Error),
    /// A command failed, after it printed why.
    Command(String),
}

impl fmt::Display for VenvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Start(command, error) => write!(f, "cannot run {command}: {error}"),
            Self::Command(command) => write!(f, "{command} failed"),
        }
    }
}

impl std::error::Error for VenvError {}

/// Cargo's target directory: `CARGO_TARGET_DIR`, else `target` in the workspace.
pub fn target_directory(root: &Path) -> PathBuf {
    // Joining an absolute path replaces the root.
    root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Installs the requirements, unless the environment was made from the same file.
pub fn prepare(requirements: &Requirements) -> Result<(), VenvError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |error| VenvError::File(path, error)
    };
    let wanted = fs::read_to_string(&requirements.file).map_err(file(&requirements.file))?;
    let stamp = requirements.venv.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&requirements.venv))?;
    run(Command::new(requirements.venv.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .arg("--requirement")
        .arg(&requirements.file))?;
    // Written last, so that an interrupted installation is repeated.
    fs::write(&stamp, wanted).map_err(file(&stamp))
}

fn run(command: &mut Command) -> Result<(), VenvError> {
    let shown = format!("{command:?}");
    let status = command.stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(VenvError::Command(shown)),
        Err(error) => Err(VenvError::Start(shown, error)),
    }
}
