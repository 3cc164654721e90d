//! Processes as `/proc` lists them. Tests look only at processes below a stack of theirs, and kill no other.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process};

/// A process that was running when it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The process id.
    pub id: u32,
    /// The file name of the program.
    pub name: String,
    /// The start time in the kernel's ticks. Distinguishes this process from a later one with the same id.
    started: u64,
}

impl Process {
    /// The children of a process.
    pub fn children_of(parent: u32) -> Vec<Self> {
        all().remove(&parent).unwrap_or_default()
    }

    /// All processes below a process: its children, their children, and so on.
    pub fn descendants_of(ancestor: u32) -> Vec<Self> {
        let mut families = all();
        let mut found = families.remove(&ancestor).unwrap_or_default();
        let mut next = 0;
        while let Some(parent) = found.get(next) {
            let children = families.remove(&parent.id).unwrap_or_default();
            found.extend(children);
            next += 1;
        }
        found
    }

    /// Whether the process still runs.
    pub fn is_running(&self) -> bool {
        read(self.id).is_some_and(|(process, _)| process.started == self.started)
    }

    /// The time that the threads of the process have run on a CPU; zero if it has ended.
    pub fn cpu_time(&self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.id)).into_iter().flatten().flatten();
        // The first field of `schedstat` is the time on the CPU in nanoseconds.
        let nanos = threads.filter_map(|thread| {
            fs::read_to_string(thread.path().join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanos.sum())
    }

    /// Kills the process (SIGKILL).
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Asks the process to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Asks the process to read its configuration again (SIGHUP).
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id).ok().and_then(Pid::from_raw);
        if let Some(id) = id.filter(|_| self.is_running()) {
            // An error means that the process has just ended by itself.
            let _ = kill_process(id, signal);
        }
    }
}

/// All processes, by the id of their parent.
fn all() -> BTreeMap<u32, Vec<Process>> {
    let mut families: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    let entries = fs::read_dir("/proc").expect("Linux has /proc");
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    for (process, parent) in ids.filter_map(read) {
        families.entry(parent).or_default().push(process);
    }
    families
}

/// Reads a process and the id of its parent; `None` if it has ended, also where it is still a zombie.
fn read(id: u32) -> Option<(Process, u32)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name is in parentheses and may contain any character, so the last `) ` ends it.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    if fields.first() == Some(&"Z") {
        return None;
    }
    let (parent, started) = (fields.get(1)?.parse().ok()?, fields.get(19)?.parse().ok()?);
    // The name in `stat` is cut off after 15 characters.
    let program = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let program = String::from_utf8_lossy(program.split(|byte| *byte == 0).next()?).into_owned();
    let name = Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    Some((Process { id, name, started }, parent))
}
