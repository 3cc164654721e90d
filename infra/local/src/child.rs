//! Processes that end with the stack.

use std::{io, process::ExitStatus};

use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};
use tokio::process::{Child, Command};

/// A process in a group of its own. Ctrl-C in the terminal does not reach it; dropping this kills the whole group, so
/// that nothing it started is left over either.
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

    /// Waits for the end of the process.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        // The id may now be given to another process: it must not be signalled any more.
        self.id = None;
        Ok(status)
    }

    /// The process's own handle, for its pipes.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Kills the group. Harmless when it has ended.
    pub fn kill(&self) {
        if let Some(id) = self.id {
            // The group may have ended by itself in this moment: that is what is wanted.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        if self.id.is_some() {
            // A killed process ends at once. Not to wait for it would leave a zombie where nobody adopts orphans.
            let _ = waitpid(self.id, WaitOptions::empty());
        }
    }
}
