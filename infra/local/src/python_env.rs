//! The pinned helpers, in a virtual environment under the build directory.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use crate::{
    child::Group,
    failure::{Context, Failure},
    state::Workspace,
};

/// What is installed, and in which version.
const PINS: &str = include_str!("../requirements.txt");
/// Holds the pins that the environment was made from; written last.
const MARKER: &str = "installed-requirements.txt";

/// The virtual environment of the helpers.
pub struct Helpers {
    directory: PathBuf,
}

impl Helpers {
    /// Makes the environment unless it is there with the present pins. Stacks that start at once wait for one another.
    ///
    /// # Errors
    /// When Python or a helper cannot be had.
    pub async fn install(workspace: &Workspace) -> Result<Self, Failure> {
        let helpers = Self { directory: workspace.target.join("helpers") };
        if helpers.current() {
            return Ok(helpers);
        }
        fs::create_dir_all(&workspace.target).context(workspace.target.display())?;
        let lock_path = workspace.target.join("helpers.lock");
        let lock = File::create(&lock_path).context(lock_path.display())?;
        // The lock goes with the file, at the end of this function.
        let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await.context("helpers.lock")?;
        let _lock = lock.context(lock_path.display())?;
        if !helpers.current() {
            helpers.make().await?;
        }
        Ok(helpers)
    }

    /// A program of the environment.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }

    fn current(&self) -> bool {
        fs::read_to_string(self.directory.join(MARKER)).is_ok_and(|installed| installed == PINS)
    }

    async fn make(&self) -> Result<(), Failure> {
        eprintln!("installing the helpers (once) into {}", self.directory.display());
        if self.directory.exists() {
            fs::remove_dir_all(&self.directory).context(self.directory.display())?;
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&self.directory), "python3 -m venv").await?;
        let pins = self.directory.join("requirements.txt");
        fs::write(&pins, PINS).context(pins.display())?;
        let mut install = Command::new(self.program("python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
        run(install.arg(&pins), "pip install").await?;
        rename(&pins, &self.directory.join(MARKER))
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::rename(from, to).context(to.display())
}

/// Runs a step of the installation; what it prints goes to stderr.
async fn run(command: &mut Command, step: &str) -> Result<(), Failure> {
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    let status = Group::start(command).context(step)?.wait().await.context(step)?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{step}: {status}"))) }
}
