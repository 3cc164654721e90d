//! The Python tools of the stack at pinned versions, in a virtual environment below the target directory.

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

/// The packages and their versions.
const PINS: &str = include_str!("../requirements.txt");
/// The file with the pins that were installed. Written last, so that an interrupted installation is repeated.
const MARKER: &str = "installed-requirements.txt";

/// The virtual environment.
pub struct Helpers {
    directory: PathBuf,
}

impl Helpers {
    /// Creates the environment unless it exists with the current pins. Of several stacks that start at the same time,
    /// one installs and the others wait.
    ///
    /// # Errors
    /// When Python is missing or a package cannot be installed.
    pub async fn install(workspace: &Workspace) -> Result<Self, Failure> {
        let helpers = Self { directory: workspace.target.join("helpers") };
        if helpers.current() {
            return Ok(helpers);
        }
        fs::create_dir_all(&workspace.target).context(workspace.target.display())?;
        let lock_path = workspace.target.join("helpers.lock");
        let lock = File::create(&lock_path).context(lock_path.display())?;
        // Closing the file, at the end of this function, releases the lock.
        let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await.context("helpers.lock")?;
        let _lock = lock.context(lock_path.display())?;
        if !helpers.current() {
            helpers.make().await?;
        }
        Ok(helpers)
    }

    /// The path of a program in the environment.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }

    fn current(&self) -> bool {
        fs::read_to_string(self.directory.join(MARKER)).is_ok_and(|installed| installed == PINS)
    }

    async fn make(&self) -> Result<(), Failure> {
        eprintln!("installing Python tools (once) into {}", self.directory.display());
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

/// Runs a step of the installation. Its output goes to stderr.
async fn run(command: &mut Command, step: &str) -> Result<(), Failure> {
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    let status = Group::start(command).context(step)?.wait().await.context(step)?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{step}: {status}"))) }
}
