//! Python tools at pinned versions, in virtual environments below the target directory.

use std::{
    error::Error,
    fmt,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use crate::workspace;

/// The file with the requirements that are installed. Written last, so that an interrupted installation is repeated.
const MARKER: &str = "installed-requirements.txt";

/// A virtual environment, `python/NAME` in the target directory.
#[derive(Debug, Clone)]
pub struct PythonEnvironment {
    /// The Python that makes the environment.
    python: PathBuf,
    directory: PathBuf,
}

impl PythonEnvironment {
    /// The environment with this name, installed or not.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { python: "python3".into(), directory: workspace::target_directory().join("python").join(name) }
    }

    /// The path of a program in the environment.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }

    /// Makes the environment with these packages, unless it was made with the same. Of several processes that install it
    /// at the same time, one does so and the others wait.
    ///
    /// `requirements` is the text of pip's requirements file. It must list every package, also those that others need:
    /// what is installed does not change by itself.
    ///
    /// # Errors
    /// When Python is missing, a package cannot be installed, or a file cannot be written.
    pub fn install(&self, requirements: &str) -> Result<(), InstallError> {
        if self.has(requirements) {
            return Ok(());
        }
        let lock_path = self.directory.with_extension("lock");
        let lock = self.lock(&lock_path).map_err(in_file(&lock_path))?;
        // Another process may have installed it before it released the lock.
        if self.has(requirements) { Ok(()) } else { self.make(requirements, &lock) }
    }

    fn has(&self, requirements: &str) -> bool {
        fs::read_to_string(self.directory.join(MARKER)).is_ok_and(|installed| installed == requirements)
    }

    /// Waits for the lock. It is released when the last copy of the file is closed.
    fn lock(&self, path: &Path) -> io::Result<File> {
        fs::create_dir_all(self.directory.parent().unwrap_or(&self.directory))?;
        // Readable, since it becomes the stdin of commands.
        let lock = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        lock.lock()?;
        Ok(lock)
    }

    fn make(&self, requirements: &str, lock: &File) -> Result<(), InstallError> {
        eprintln!("installing Python tools (once) into {}", self.directory.display());
        if self.directory.exists() {
            // The marker first, or an interrupted removal would look like an installation.
            let _ = fs::remove_file(self.directory.join(MARKER));
            fs::remove_dir_all(&self.directory).map_err(in_file(&self.directory))?;
        }
        run("python3 -m venv", Command::new(&self.python).args(["-m", "venv"]).arg(&self.directory), lock)?;
        let wanted = self.directory.join("requirements.txt");
        fs::write(&wanted, requirements).map_err(in_file(&wanted))?;
        let mut pip = Command::new(self.program("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        // Python compiles what it imports. To compile everything takes longer than the rest.
        pip.args(["--no-compile", "--requirement"]);
        run("pip install", pip.arg(&wanted), lock)?;
        fs::rename(&wanted, self.directory.join(MARKER)).map_err(in_file(&wanted))
    }
}

/// Runs a step of the installation. Its output goes to stderr. Its stdin is the lock: if this process is killed, the next
/// one waits until the step has ended, too.
fn run(step: &'static str, command: &mut Command, lock: &File) -> Result<(), InstallError> {
    let mut start = || command.stdin(lock.try_clone()?).stdout(io::stderr()).status();
    let status = start().map_err(|error| InstallError::Start(step, error))?;
    if status.success() { Ok(()) } else { Err(InstallError::Failed(step, status)) }
}

fn in_file(path: &Path) -> impl Fn(io::Error) -> InstallError {
    move |error| InstallError::File(path.to_owned(), error)
}

/// Why the tools are not installed.
#[derive(Debug)]
#[non_exhaustive]
pub enum InstallError {
    /// A file cannot be read or written.
    File(PathBuf, io::Error),
    /// A step of the installation cannot be started.
    Start(&'static str, io::Error),
    /// A step of the installation failed, after it printed why.
    Failed(&'static str, ExitStatus),
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Start(step, error) => write!(f, "cannot run {step}: {error}"),
            Self::Failed(step, status) => write!(f, "{step}: {status}"),
        }
    }
}

impl Error for InstallError {}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, thread};

    use super::*;

    /// Stands in for Python, which takes seconds: notes each environment that it makes, and refuses `no requirement`.
    const FAKE_PYTHON: &str = r#"#!/bin/sh
for last; do :; done
case "$2" in
venv) mkdir -p "$last/bin" && cp "$0" "$last/bin/python" && echo made >>"$0.log" ;;
pip) ! grep -q "no requirement" "$last" ;;
esac
"#;

    #[test]
    fn one_process_installs_others_wait_and_only_other_requirements_or_a_failure_install_again() {
        let parent = tempfile::tempdir().expect("a directory");
        let python = parent.path().join("python3");
        fs::write(&python, FAKE_PYTHON).expect("written");
        fs::set_permissions(&python, fs::Permissions::from_mode(0o700)).expect("executable");
        let made = || fs::read_to_string(python.with_extension("log")).unwrap_or_default().lines().count();
        let environment = PythonEnvironment { python: python.clone(), directory: parent.path().join("tools") };
        thread::scope(|threads| {
            let started = [(); 3].map(|()| threads.spawn(|| environment.install("# none\n")));
            for thread in started {
                thread.join().expect("no panic").expect("installed");
            }
        });
        assert_eq!((made(), environment.program("python").exists()), (1, true));
        let refused = environment.install("no requirement\n").expect_err("pip fails").to_string();
        assert_eq!((made(), refused.as_str()), (2, "pip install: exit status: 1"));
        // What was there is gone: the old requirements are installed again, and stay.
        for _ in 0..2 {
            environment.install("# none\n").expect("installed");
            assert_eq!(made(), 3);
        }
    }
}
