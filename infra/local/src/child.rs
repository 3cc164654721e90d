//! Processes that end with the stack.

use std::{io, process::ExitStatus};

use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};
use tokio::process::{Child, Command};

/// A process in its own process group, so that Ctrl-C in the terminal does not reach it. Dropping the value kills the
/// whole group, including everything that the process started.
pub struct Group {
    child: Child,
    id: Option<Pid>,
}

impl Group {
    /// Starts `command`.
    ///
    /// # Errors
    /// When the program cannot be run.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, id })
    }

    /// Waits until the process ends.
    ///
    /// # Errors
    /// When the operating system does not report its status.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        // The system may reuse the id from now on: a signal could hit another process.
        self.id = None;
        Ok(status)
    }

    /// The handle of the process, for its pipes.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Kills the group. Does nothing after [`Group::wait`] returned the status.
    pub fn kill(&self) {
        if let Some(id) = self.id {
            // An error means that the group has just ended by itself.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        if self.id.is_some() {
            // A killed process ends at once. Without this wait it would stay a zombie where no init process adopts
            // orphans, as in a container.
            let _ = waitpid(self.id, WaitOptions::empty());
        }
    }
}
