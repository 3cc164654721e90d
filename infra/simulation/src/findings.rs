//! The tables of FINDINGS.md that commands write. Each is between two comments that name it; all other text in that file
//! is written by hand.

use std::{error::Error, fs, process::Command};

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// A table that a command writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// The figures of many seeds.
    LongRun,
    /// What killed each mutant.
    Mutants,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Table::LongRun => "long run",
            Table::Mutants => "mutants",
        }
    }
}

/// Replaces a table of FINDINGS.md by one that `command` made. Above it stands that command, and the commit it ran at.
///
/// # Errors
/// If FINDINGS.md cannot be read or written, or lacks the comments around the table.
pub fn write(table: Table, command: &str, markdown: &str) -> Result<(), Box<dyn Error>> {
    let path = format!("{CRATE}/FINDINGS.md");
    let text = format!("`{command}` at {}.\n\n{markdown}", commit());
    let document = replace(&fs::read_to_string(&path)?, table, &text)
        .ok_or_else(|| format!("{path} has no comments around the table of the {}", table.name()))?;
    Ok(fs::write(path, document)?)
}

/// A document with another text between the two comments of a table; `None` if it lacks them.
fn replace(document: &str, table: Table, text: &str) -> Option<String> {
    let name = table.name();
    let (begin, end) = (format!("<!-- {name}: written by a command -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n\n{end}{after}", text.trim_end()))
}

/// The commit of the source, in words; it may have uncommitted changes.
fn commit() -> String {
    let git = Command::new("git").args(["-C", CRATE, "describe", "--always", "--exclude=*", "--dirty=-dirty"]).output();
    let found = git.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let hash = found.map(|hash| String::from_utf8_lossy(&hash).trim().to_owned());
    hash.map_or_else(|| "an unknown commit".to_owned(), |hash| format!("commit {hash}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_replaced_and_the_text_around_it_stays() {
        let document = "before\n<!-- mutants: written by a command -->\nold\n<!-- end of mutants -->\nafter\n";
        let replaced = replace(document, Table::Mutants, "new\n").unwrap();
        let expected = "before\n<!-- mutants: written by a command -->\n\nnew\n\n<!-- end of mutants -->\nafter\n";
        assert_eq!(replaced, expected);
        assert_eq!(replace(&replaced, Table::Mutants, "new\n").as_deref(), Some(expected));
        assert_eq!(replace(document, Table::LongRun, "new\n"), None);
    }

    #[test]
    fn findings_has_the_comments_of_each_table() {
        let document = fs::read_to_string(format!("{CRATE}/FINDINGS.md")).unwrap();
        for table in [Table::LongRun, Table::Mutants] {
            assert!(replace(&document, table, "").is_some(), "{table:?}");
        }
    }
}
