//! Which grants of the functions' policies were used, and what was done without one: recorded by the acceptance tests,
//! judged by the test `grants`.

use engine::{Access, Engine};
use std::{
    collections::BTreeSet,
    env, fs,
    io::Write,
    path::PathBuf,
    sync::{Mutex, OnceLock, PoisonError},
};
use template::Template;

/// The program whose record counts: it runs all acceptance tests.
const PROGRAM: &str = "acceptance";

/// What the line of a request starts with that no grant covers.
pub const NOT_GRANTED: &str = "NOT GRANTED: ";

/// The lines of this program's record, each once.
struct Record(Mutex<(fs::File, BTreeSet<String>)>);

/// The file of the record, beside the test programs.
pub fn record_path() -> Option<PathBuf> {
    Some(env::current_exe().ok()?.parent()?.join("used-grants.txt"))
}

/// The line of a grant that a function used.
pub fn line(function: &str, grant: &impl std::fmt::Display) -> String {
    format!("{function} {grant}")
}

impl Record {
    /// The record of this program; `None` if it is not the program of all acceptance tests.
    fn of_this_program() -> Option<&'static Self> {
        static RECORD: OnceLock<Option<Record>> = OnceLock::new();
        let open = || {
            let program = env::current_exe().ok()?.file_stem()?.to_str()?.to_owned();
            program.starts_with(&format!("{PROGRAM}-")).then_some(())?;
            let file = fs::File::create(record_path()?).ok()?;
            Some(Record(Mutex::new((file, BTreeSet::new()))))
        };
        RECORD.get_or_init(open).as_ref()
    }

    fn note(&self, line: String) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, known) = &mut *guard;
        if !known.contains(&line) {
            writeln!(file, "{line}").expect("the record of grants can be written");
            known.insert(line);
        }
    }
}

/// Makes the engine refuse what the policies of the template do not grant.
pub(crate) fn enforce(engine: &Engine, template: &Template) {
    engine.enforce(Access::of(template), |function, outcome| {
        let line = match outcome {
            Ok(grant) => line(function, grant),
            Err(refusal) => format!("{NOT_GRANTED}{refusal}"),
        };
        Record::of_this_program().into_iter().for_each(|record| record.note(line.clone()));
    });
}
