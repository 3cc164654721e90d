//! The trace of a run. Every line goes into one hash; lines are kept only if they will be printed.

use aws_lc_rs::digest::{Context, SHA256};
use std::fmt::{self, Write};

/// How much of the trace is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Keep {
    /// Only its hash.
    #[default]
    Hash,
    /// The story: what fans and admins did, and which faults were injected.
    Story,
    /// The story, and every request to a table or message queue.
    Network,
}

/// The trace.
pub struct Log {
    digest: Context,
    keep: Keep,
    lines: Vec<String>,
    names: Vec<(String, String)>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("keep", &self.keep).finish_non_exhaustive()
    }
}

impl Log {
    /// An empty trace.
    pub fn new(keep: Keep) -> Self {
        Log { digest: Context::new(&SHA256), keep, lines: Vec::new(), names: Vec::new() }
    }

    /// Adds a line at a time of the run in milliseconds. `kind` is the least detail that keeps it.
    pub fn line(&mut self, kind: Keep, at_ms: u64, text: fmt::Arguments<'_>) {
        let mut line = format!("{:>4}.{:03} ", at_ms / 1000, at_ms % 1000);
        let _ = line.write_fmt(text);
        self.digest.update(line.as_bytes());
        self.digest.update(b"\n");
        if kind <= self.keep {
            self.lines.push(line);
        }
    }

    /// Gives an id the name that the story shows instead; the first name stays.
    pub fn name(&mut self, id: &str, name: String) {
        if self.keep > Keep::Hash && !self.names.iter().any(|(known, _)| known == id) {
            self.names.push((id.to_owned(), name));
        }
    }

    /// The hash of all lines so far: the first 16 bytes of their SHA-256, in hexadecimal.
    pub fn hash(&self) -> String {
        let digest = self.digest.clone().finish();
        digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The lines that were kept, with names instead of ids.
    pub fn kept_lines(&self) -> Vec<String> {
        self.lines.iter().map(|line| self.named(line)).collect()
    }

    /// A text with names instead of ids.
    pub fn named(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (id, name)| text.replace(id, name))
    }
}
